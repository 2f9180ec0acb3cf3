"""The traffic over the keys, each request where the product's own code sends it."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence

import attrs

from aigw import adapter
from aigw.adapter import Provider
from aigw.catalog import Catalog
from aigw.records import ProviderKey
from aigw.routing.health import Health, Target
from aigw.routing.plan import Candidate
from aigw.routing.selection import Chooser
from aigw.secret import Secret
from aigw.snapshot import Failover, Policy, Snapshot
from aigw.wire.prefix import prefix

from .cache import PromptCache
from .traffic import Ask, Traffic, asks, tokens

PROVIDER = Provider(
    id="maker", name="Maker", base_url="https://maker.example/v1", surfaces=frozenset({adapter.CHAT_COMPLETIONS})
)
# Requests under way at any time, and the seconds between two.
UNDER_WAY = 16
BETWEEN = 0.05
# A first byte takes so many seconds, and so many more for each token that is not cached.
FASTEST = 0.2
PER_TOKEN = 1e-4
# A key's own cache: as many prefixes as some forty conversations have; a prefix is kept for some thousand requests.
CACHE_SIZE = 400
CACHE_LIFETIME = 2000


@attrs.define
class Outcome:
    """What became of a traffic over so many keys: shares of one, and requests by the key's name."""

    keys: int
    requests: int = 0
    further: int = 0
    warm: int = 0
    tokens: int = 0
    cached: int = 0
    load: Counter[int] = attrs.field(factory=Counter)

    @property
    def warm_turns(self) -> float:
        """The share of further turns that found all of the turn before in the cache."""
        return self.warm / self.further

    @property
    def cached_tokens(self) -> float:
        """The share of tokens that came from a cache."""
        return self.cached / self.tokens

    @property
    def unevenness(self) -> float:
        """The requests of the busiest key, over the mean."""
        return max(self.load.values()) * self.keys / self.requests


class Keys:
    """A provider with so many keys (by their names) under one strategy."""

    def __init__(self, names: Sequence[int], strategy: str) -> None:
        keys = tuple(ProviderKey(f"key-{name}", PROVIDER.id, Secret(f"sk-{name:032}")) for name in names)
        self.snapshot = Snapshot(
            epoch=1,
            catalog=Catalog("", (), ()),
            providers={PROVIDER.id: PROVIDER},
            provider_keys={PROVIDER.id: keys},
            access_keys={},
            pepper=b"pepper" * 5,
            policies={PROVIDER.id: Policy(strategy)},
        )
        self.health = Health(Failover())
        self._numbers = {key.id: name for key, name in zip(keys, names, strict=True)}
        self._candidates = tuple(Candidate(PROVIDER, "m", key, True) for key in keys)
        self._chooser = Chooser(self.health)

    def __len__(self) -> int:
        return len(self._candidates)

    def first(self, body: bytes, now: float) -> tuple[int, Target]:
        """The key that is asked, by its name, and its health."""
        order = self._chooser.arranged(
            self._candidates, self.snapshot, strategy=None, prefix=lambda: prefix(body), now=now
        )
        key = order[0].key
        assert key is not None
        return self._numbers[key.id], self.health.target(PROVIDER.id, key.id)

    def spread(self, bodies: Sequence[bytes]) -> list[int]:
        """Which key each of these would be asked with, in peace."""
        return [self.first(body, 0.0)[0] for body in bodies]


@attrs.frozen
class _Running:
    target: Target
    latency: float


def simulate(traffic: Traffic, keys: Keys, *, unbounded: bool = False) -> Outcome:
    """One run of the traffic over these keys; `unbounded` caches forget nothing."""
    outcome = Outcome(len(keys))
    size, lifetime = (10**9, 10**9) if unbounded else (CACHE_SIZE, CACHE_LIFETIME)
    caches: dict[int, PromptCache] = {}
    running: deque[_Running] = deque()
    for number, ask in enumerate(asks(traffic)):
        now = number * BETWEEN
        if len(running) >= UNDER_WAY:
            _end(running.popleft(), now)
        name, target = keys.first(ask.body, now)
        target.begin(now)
        cache = caches.setdefault(name, PromptCache(size, lifetime))
        known = cache.known(ask.parts, number)
        cache.keep(ask.parts, number)
        _count(outcome, ask, name, known)
        running.append(_Running(target, FASTEST + PER_TOKEN * (ask.tokens - tokens(known))))
    return outcome


def _end(running: _Running, now: float) -> None:
    running.target.served(now, running.latency)
    running.target.left()


def _count(outcome: Outcome, ask: Ask, name: int, known: int) -> None:
    outcome.requests += 1
    outcome.load[name] += 1
    outcome.tokens += ask.tokens
    outcome.cached += tokens(known)
    if ask.turn > 1:
        outcome.further += 1
        outcome.warm += known >= len(ask.parts) - 1


def ideal(traffic: Traffic) -> Outcome:
    """One key, and a cache that forgets nothing: no strategy can do better."""
    return simulate(traffic, Keys((1,), "ordered"), unbounded=True)
