"""Some keys of one provider with their health, and the order in which a strategy asks them."""

from __future__ import annotations

from collections.abc import Sequence

from aigw.routing.health import Fault, Health, Target
from aigw.routing.strategies import Entry, Turns, ordered, seed, take_turn
from aigw.snapshot import Failover

MODEL = "m"
PREFIX = b"prefix" + bytes(10)


class Keyring:
    """Keys by their number; `now` is the time in seconds, `turns` what the group remembers."""

    def __init__(self, count: int, *, weights: Sequence[int] = (), latencies: Sequence[float] = ()) -> None:
        self.now = 1000.0
        self.turns = Turns()
        health = Health(Failover())
        self._targets = [health.target("maker", f"key-{number}") for number in range(count)]
        self._weights = [*weights, *[1] * (count - len(weights))]
        for target, latency in zip(self._targets, latencies, strict=False):
            if latency:
                target.served(self.now, latency)

    def __getitem__(self, number: int) -> Target:
        return self._targets[number]

    def begin(self, number: int, attempts: int = 1) -> None:
        """Attempts with this key are under way."""
        for _ in range(attempts):
            self._targets[number].begin(self.now)

    def limit(self, number: int) -> None:
        """A key was asked too much: it may not be asked for the next 30 s."""
        self._targets[number].failed(self.now, Fault.BUSY, 30.0, model=MODEL)

    def order(self, strategy: str, prefix: bytes = PREFIX) -> list[int]:
        """The numbers of the keys in the order of one request."""
        entries = [
            Entry(number, target.key, target, MODEL, self._weights[number], seed("maker", MODEL, target.key))
            for number, target in enumerate(self._targets)
        ]
        chosen = ordered(entries, strategy, self.turns, lambda: prefix, self.now)
        take_turn(chosen, strategy, self.turns)
        return [each.place for each in chosen]

    def firsts(self, strategy: str, requests: int) -> list[int]:
        """Which key is first, in so many requests."""
        return [self.order(strategy)[0] for _ in range(requests)]
