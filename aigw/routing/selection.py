"""Which key first? Orders the candidates of a plan by the strategy of their step, by the provider's policy, or by the
strategy that a request names.

A group is a run of candidates that differ in nothing but the key: those of one step for one model. Its step's strategy
orders it, or else the policy of its provider; the groups stay where they are, for they are the caller's own order of
models and the account's of steps. A request that names a strategy says that all its models are as good to it: then
these are ordered by that strategy too, each by its first key, with its steps in their order.

Each worker process counts its own turns; affinity needs no memory, so that all workers agree.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from aigw.records import ORDERED
from aigw.routing.health import Health
from aigw.routing.plan import Candidate
from aigw.routing.strategies import Entry, Turns, ordered, seed, take_turn
from aigw.snapshot import Account

# What a group remembers is small, but callers may invent models of providers that pass them through.
MAX_GROUPS = 4096
MAX_SEEDS = 65_536
_AFFINITY = "cache_affinity"


class _Asked:
    """What a request brings: its account, the time, and the digest of its prefix, computed when it is asked for."""

    def __init__(self, account: Account, prefix: Callable[[], bytes], now: float) -> None:
        self.account = account
        self.now = now
        self._prefix = prefix
        self._digest = b""

    def digest(self) -> bytes:
        """The digest."""
        if not self._digest:
            self._digest = self._prefix()
        return self._digest


class _Group:
    """Candidates that differ in nothing but the key: `entries` are their keys in order."""

    def __init__(self, run: list[Candidate], turns: Turns, entries: list[Entry]) -> None:
        self.entries = entries
        self._run = run
        self._turns = turns

    @property
    def name(self) -> str:
        """The provider and the model that the keys are for."""
        return f"{self._run[0].provider.id}:{self._run[0].model}"

    @property
    def group(self) -> str:
        """The step that the keys are of."""
        return self._run[0].group

    def order(self, strategy: str, asked: _Asked) -> None:
        """Put the keys in order."""
        self.entries = ordered(self.entries, strategy, self._turns, asked.digest, asked.now)

    def take_turn(self, strategy: str) -> None:
        """The first key is the one that is asked."""
        take_turn(self.entries, strategy, self._turns)

    def candidates(self) -> list[Candidate]:
        """The candidates in the keys' order."""
        run = self._run
        return [run[each.place] for each in self.entries]


class Chooser:
    """Orders candidates; one per process."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._turns: dict[tuple[str, str, str], Turns] = {}
        self._seeds: dict[tuple[str, str, str], int] = {}

    def arranged(
        self,
        candidates: Sequence[Candidate],
        account: Account,
        *,
        strategy: str | None,
        prefix: Callable[[], bytes],
        now: float,
    ) -> Sequence[Candidate]:
        """The candidates in the order to ask them; the same object where nothing is to be chosen.

        `strategy` is the request's own. `prefix` gives the digest of its cacheable prefix; it is called at most once,
        and only where affinity has more than one to choose from.
        """
        if len(candidates) < 2 or strategy == ORDERED or (strategy is None and not account.chooses):
            return candidates
        asked = _Asked(account, prefix, now)
        runs = _runs(candidates)
        if strategy is None:
            return self._by_policy(candidates, runs, asked)
        models: list[list[_Group]] = []
        for run in runs:
            group = self._group(run, account)
            group.order(strategy, asked)
            if models and models[-1][0].name == group.name:
                models[-1].append(group)
            else:
                models.append([group])
        if len(models) > 1:
            models = self._between(models, strategy, asked)
        # The others may be asked after it, or not at all: then it is still their first key's turn.
        models[0][0].take_turn(strategy)
        return [candidate for groups in models for group in groups for candidate in group.candidates()]

    def reads_body(self, candidates: Sequence[Candidate], account: Account, strategy: str | None) -> bool:
        """Whether the order hangs on what the request says, so that the beginning of its body has to be there."""
        if len(candidates) < 2 or (strategy is None and not account.chooses):
            return False
        if strategy is not None:
            return strategy == _AFFINITY
        return any(len(run) > 1 and _strategy(run[0], account) == _AFFINITY for run in _runs(candidates))

    def _by_policy(
        self, candidates: Sequence[Candidate], runs: list[list[Candidate]], asked: _Asked
    ) -> Sequence[Candidate]:
        changed = False
        for place, run in enumerate(runs):
            if len(run) > 1:
                strategy = _strategy(run[0], asked.account)
                if strategy != ORDERED:
                    group = self._group(run, asked.account)
                    group.order(strategy, asked)
                    group.take_turn(strategy)
                    runs[place] = group.candidates()
                    changed = True
        if not changed:
            return candidates
        return runs[0] if len(runs) == 1 else [candidate for run in runs for candidate in run]

    def _between(self, models: list[list[_Group]], strategy: str, asked: _Asked) -> list[list[_Group]]:
        """The models themselves, each by its first key; a model weighs as much as the keys of its first step."""
        # The same models in the same order share their turns.
        names = [groups[0].name for groups in models]
        turns = self._remembered(models[0][0].group, "", "\0".join(names), asked.account)
        heads: list[Entry] = []
        for place, groups in enumerate(models):
            head = groups[0].entries[0]
            weight = sum([each.weight for each in groups[0].entries])
            heads.append(Entry(place, names[place], head.target, head.model, weight, head.seed))
        heads = ordered(heads, strategy, turns, asked.digest, asked.now)
        take_turn(heads, strategy, turns)
        return [models[each.place] for each in heads]

    def _group(self, run: list[Candidate], account: Account) -> _Group:
        first = run[0]
        turns = self._remembered(first.group, first.provider.id, first.model, account)
        return _Group(run, turns, [self._entry(place, each, turns) for place, each in enumerate(run)])

    def _entry(self, place: int, candidate: Candidate, turns: Turns) -> Entry:
        provider, key = candidate.provider.home, _key(candidate)
        model = candidate.model
        name = (provider, model, key)
        hashed = self._seeds.get(name)
        if hashed is None:
            if len(self._seeds) >= MAX_SEEDS:
                self._seeds.clear()
            hashed = self._seeds[name] = seed(provider, model, key)
        return Entry(place, key, self._health.target(provider, key), model, turns.weights.get(key, 1), hashed)

    def _remembered(self, group: str, provider: str, model: str, account: Account) -> Turns:
        name = (group or account.id, provider, model)
        turns = self._turns.get(name)
        if turns is None:
            if len(self._turns) >= MAX_GROUPS:
                self._turns.clear()
            turns = self._turns[name] = Turns()
        if turns.epoch != account.epoch:
            turns.adopt(account.epoch, account.policy_for(provider).weights)
        return turns


def _key(candidate: Candidate) -> str:
    key = candidate.key
    return "" if key is None else key.id


def _strategy(candidate: Candidate, account: Account) -> str:
    """How the keys of this candidate's group are ordered."""
    return candidate.strategy or account.policy_for(candidate.provider.id).strategy


def _runs(candidates: Sequence[Candidate]) -> list[list[Candidate]]:
    """The runs of candidates that differ in nothing but the key."""
    runs: list[list[Candidate]] = []
    provider, model, group = "", "", ""
    for candidate in candidates:
        if runs and candidate.model == model and candidate.provider.id == provider and candidate.group == group:
            runs[-1].append(candidate)
        else:
            provider, model, group = candidate.provider.id, candidate.model, candidate.group
            runs.append([candidate])
    return runs
