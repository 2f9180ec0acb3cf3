"""How are the upstreams? What attempts tell of each provider key and each provider, and who may be asked because of it.

One health per process, written by the attempts as they end and read before the next one begins; no clock of its own:
`now` is always the monotonic clock's seconds. Two things keep a target from being asked. It cools down: an upstream
said to wait, or refused for now (429), which is said of one model. Or a circuit is open: the key's own, for failures
of whatever kind, or the provider's, for failures that are not a key's. A key that is refused or rate limited says
nothing of its provider.
"""

from __future__ import annotations

import enum
import random
from collections import defaultdict
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from heapq import nsmallest
from math import inf

from aigw.routing.budget import Budget
from aigw.routing.circuit import Breaker, Circuit
from aigw.routing.cooling import LONGEST
from aigw.routing.pace import Hedges, Pace
from aigw.snapshot import Failover

# A key that is refused for now without a word of how long: the next time in one second, twice as long each time.
BACKOFF = 1.0
LONGEST_BACKOFF = 60.0
# What the newest first byte counts in the average: about the last eight answers matter.
NEWEST = 0.25
# Keys and models come and go with configurations, and callers invent models of providers that pass them through.
MOST_TARGETS = 10_000
MOST_PACES = 1_000
# Models of one key that cool at the same time.
MOST_RESTS = 64


class Fault(enum.Enum):
    """Whose fault a failed attempt was."""

    # 401, 402, 403: the key is wrong, used up or not allowed.
    KEY = "key"
    # 429: the key is asked too much, as a rule for one model.
    BUSY = "busy"
    # 5xx, 408, 409, 425, no connection, no name, no TLS, a timeout, no HTTP, cut short.
    UPSTREAM = "upstream"
    # The request's own: the upstream is alive.
    REQUEST = "request"


class Shared:
    """What the keys of one provider share."""

    def __init__(self, policy: Failover, breaker: Breaker) -> None:
        self.circuit = Circuit(breaker)
        self.budget = Budget(policy.retry_budget, policy.retry_burst)
        self.hedges = Hedges(policy.hedge_share)


class Rest:
    """One model's rest with one key: until when, since what, and how many times in a row it was refused for now."""

    __slots__ = ("by", "times", "until")

    def __init__(self) -> None:
        self.until = 0.0
        self.by = Fault.BUSY
        self.times = 0


class Target:
    """One provider key at its provider; `key` is its id, empty where the provider needs none. Rate limits are each
    model's own, so a key cools for one model and may be asked for another; circuits are for all of them.

    `in_flight` counts the attempts under way. `latency` is the moving average of the time to the first byte in
    seconds, 0.0 while unknown, and `heard` when that was measured last. An attempt calls `begin`, then at most once
    each `served` and `failed`, then `left`; it hands them the number that `begin` gave it.
    """

    def __init__(self, provider: str, key: str, shared: Shared, breaker: Breaker) -> None:
        self.provider = provider
        self.key = key
        self.in_flight = 0
        self.latency = 0.0
        self.heard = 0.0
        self.began = 0.0
        self.budget = shared.budget
        self.circuit = Circuit(breaker)
        self.shared = shared.circuit
        self._breaker = breaker
        self._opened_by = Fault.UPSTREAM
        self._cool_until = 0.0
        self._rests: dict[str, Rest] = {}

    def wait(self, now: float, model: str = "") -> float:
        """Seconds until it may be asked for this model, 0.0: now."""
        cool = self._cooling(model) - now if self._rests else 0.0
        if not (self.circuit.opened or self.shared.opened):
            return cool if cool > 0.0 else 0.0
        return max(cool, self.circuit.wait(now), self.shared.wait(now))

    def why(self, now: float, model: str = "") -> Fault:
        """Why a waiting one waits: by what it waits for longest. BUSY for a rate limit."""
        cool, own, shared = self._cooling(model) - now, self.circuit.wait(now), self.shared.wait(now)
        if cool > 0.0 and cool >= max(own, shared):
            return self._rests[model].by
        return self._opened_by if own >= shared else Fault.UPSTREAM

    def cools(self, now: float) -> bool:
        """Whether its upstream said to wait, or refused it for now, for whatever model."""
        return self._cool_until > now

    def _cooling(self, model: str) -> float:
        rest = self._rests.get(model)
        return 0.0 if rest is None else rest.until

    def probes(self, now: float) -> bool:
        """Whether an attempt that begins now is a half-open circuit's probe."""
        if not (self.circuit.opened or self.shared.opened):
            return False
        return max(self.circuit.wait(now), self.shared.wait(now)) <= 0.0

    def begin(self, now: float) -> int:
        """An attempt starts. The number of the probe that it is, 0 when it is none."""
        self.in_flight += 1
        self.began = now
        if not self.probes(now):
            return 0
        probe = self._breaker.probe()
        if self.circuit.opened:
            self.circuit.let(now, probe)
        if self.shared.opened:
            self.shared.let(now, probe)
        return probe

    def served(self, now: float, first_byte: float, probe: int = 0, model: str = "") -> None:
        """An answer began well, `first_byte` seconds after its attempt."""
        self.heard = now
        latency = self.latency
        self.latency = latency + NEWEST * (first_byte - latency) if latency else first_byte
        rest = self._rests.get(model) if self._rests else None
        if rest is not None and now - first_byte >= rest.until:
            del self._rests[model]
        self._answered(now, probe)

    def failed(
        self, now: float, fault: Fault, cool: float | None, probe: int = 0, began: float = inf, model: str = ""
    ) -> None:
        """An attempt that began at `began` failed; its upstream said to wait for `cool` seconds, if anything."""
        if fault is Fault.REQUEST:
            self._answered(now, probe)
            return
        if fault is Fault.BUSY or cool:
            self._cool(now, fault, cool or 0.0, began, model)
        if fault is not Fault.BUSY and self.circuit.failed(now, probe, began):
            self._opened_by = fault
        if fault is Fault.UPSTREAM:
            self.shared.failed(now, probe, began)

    def left(self, probe: int = 0) -> None:
        """An attempt is over. A probe that told nothing gives its place to another one."""
        if self.in_flight:
            self.in_flight -= 1
        if probe:
            self.circuit.free(probe)
            self.shared.free(probe)

    def _answered(self, now: float, probe: int) -> None:
        self.circuit.answered(now, probe)
        self.shared.answered(now, probe)

    def _cool(self, now: float, fault: Fault, told: float, began: float, model: str) -> None:
        """Wait for as long as told, else longer each time. Attempts of the same rush are one time."""
        rest = self._rests.get(model)
        if rest is None:
            if len(self._rests) >= MOST_RESTS:
                soonest = min(self._rests, key=lambda each: self._rests[each].until)
                del self._rests[soonest]
            rest = self._rests[model] = Rest()
        if fault is Fault.BUSY and min(began, now) >= rest.until:
            rest.times += 1
        own = min(BACKOFF * 2.0 ** min(max(rest.times - 1, 0), 16), LONGEST_BACKOFF)
        until = now + (min(told, LONGEST) if told > 0.0 else own)
        if until > rest.until:
            rest.until = until
            rest.by = fault
            self._cool_until = max(self._cool_until, until)


class Health:
    """The health of all upstreams. `refused_retries` counts by provider what the retry budget did not allow, `hedged`
    what became of second attempts, by provider and `won`, `lost` or `failed`. `chance` gives numbers from 0 to 1.
    """

    def __init__(self, policy: Failover, chance: Callable[[], float] = random.random) -> None:
        self.refused_retries: dict[str, int] = defaultdict(int)
        self.hedged: dict[tuple[str, str], int] = defaultdict(int)
        self._policy = policy
        self._breaker = Breaker(policy.breaker_failures, policy.breaker_open, policy.breaker_max_open, chance)
        self._shared: dict[str, Shared] = {}
        self._targets: dict[tuple[str, str], Target] = {}
        self._paces: dict[tuple[str, str], Pace] = {}

    def adopt(self, policy: Failover) -> None:
        """Go on under another policy."""
        self._policy = policy
        self._breaker.adopt(policy.breaker_failures, policy.breaker_open, policy.breaker_max_open)
        for shared in self._shared.values():
            shared.budget.adopt(policy.retry_budget, policy.retry_burst)
            shared.hedges.share = policy.hedge_share
        if not policy.breaker_failures:
            for _, circuit in self._circuits():
                circuit.close()

    def forget(self, targets: Iterable[tuple[str, str]]) -> None:
        """Begin anew with these (provider, key): whatever was held against them was another secret's."""
        for name in targets:
            self._targets.pop(name, None)

    def retain(self, targets: Container[tuple[str, str]]) -> None:
        """Forget the keys that are not among these (provider, key) any more, but for those in use.

        A provider without a key is named by nobody: it stays, and goes when there are too many.
        """
        kept = {name: each for name, each in self._targets.items() if each.in_flight or not name[1] or name in targets}
        self._targets = kept
        providers = {provider for provider, _ in kept}
        self._shared = {name: each for name, each in self._shared.items() if name in providers}

    def target(self, provider: str, key: str) -> Target:
        """One key of a provider; the same one each time."""
        name = (provider, key)
        target = self._targets.get(name)
        if target is None:
            if len(self._targets) >= MOST_TARGETS:
                self._make_room()
            target = self._targets[name] = Target(provider, key, self._of(provider), self._breaker)
        return target

    def pace(self, provider: str, model: str) -> Pace:
        """How long this model takes to begin."""
        name = (provider, model)
        pace = self._paces.get(name)
        if pace is None:
            if len(self._paces) >= MOST_PACES:
                # Those that are asked most stay: names that callers invent come once.
                busiest = sorted(self._paces, key=lambda each: self._paces[each].samples)[MOST_PACES // 2 :]
                self._paces = {each: self._paces[each] for each in busiest}
            pace = self._paces[name] = Pace()
        return pace

    def hedges(self, provider: str) -> Hedges:
        """How many of this provider's requests may be asked twice."""
        return self._of(provider).hedges

    def open_circuits(self, now: float) -> Mapping[str, int]:
        """How many circuits of each provider are not closed: its own and those of its keys."""
        del now  # one that may be probed stays open until a probe goes well
        counts = dict.fromkeys(self._shared, 0)
        for provider, circuit in self._circuits():
            counts[provider] += circuit.opened
        return counts

    def in_flight(self) -> Mapping[str, int]:
        """How many attempts at each provider are under way."""
        counts = dict.fromkeys(self._shared, 0)
        for target in self._targets.values():
            counts[target.provider] += target.in_flight
        return counts

    def cooling(self, now: float) -> Mapping[str, int]:
        """How many keys of each provider wait, for one model at least, because their upstream said so or refused."""
        counts = dict.fromkeys(self._shared, 0)
        for target in self._targets.values():
            counts[target.provider] += target.cools(now)
        return counts

    def _of(self, provider: str) -> Shared:
        shared = self._shared.get(provider)
        if shared is None:
            shared = self._shared[provider] = Shared(self._policy, self._breaker)
        return shared

    def _circuits(self) -> Iterator[tuple[str, Circuit]]:
        for provider, shared in self._shared.items():
            yield provider, shared.circuit
        for target in self._targets.values():
            yield target.provider, target.circuit

    def _make_room(self) -> None:
        """Forget a tenth: those that were not asked for longest."""
        idle = [name for name, each in self._targets.items() if not each.in_flight]
        for name in nsmallest(MOST_TARGETS // 10, idle, key=lambda name: self._targets[name].began):
            del self._targets[name]
