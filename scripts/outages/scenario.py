"""One outage: who is asked, what fails and how; and what came of it."""

from __future__ import annotations

import enum
from collections.abc import Sequence

import attrs
from trials.sdk import Try

from .upstream import TOLD_SECONDS, Way

# What the contract promises: at most so many attempts per request, and the burst of each provider's retry budget.
MOST_PER_REQUEST = 1.1
BURST = 10


class Shape(enum.Enum):
    """What stands behind a request: how many providers and keys, and how many of the providers fail."""

    SINGLE = ("one key", 1, 1, 1)
    KEYS = ("two keys", 1, 2, 1)
    PROVIDERS = ("two providers", 2, 1, 2)
    ONE_OF_TWO = ("one of two providers", 2, 1, 1)

    def __init__(self, words: str, providers: int, keys: int, failing: int) -> None:
        self.words = words
        self.providers = providers
        self.keys = keys
        self.failing = failing


@attrs.frozen
class Scenario:
    """An outage to try. `breaker`: circuits are on, as they usually are; else the retry budget has to do alone."""

    number: int
    shape: Shape
    way: Way
    breaker: bool

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids of its providers."""
        return tuple(f"p{self.number}-{each}" for each in range(self.shape.providers))

    @property
    def words(self) -> str:
        """Its name in the table."""
        return f"{self.shape.words}, {self.way.value}" + ("" if self.breaker else ", no breaker")


@attrs.frozen
class Call:
    """What an app asked, and every try that its SDK made of it."""

    began: float
    tries: Sequence[Try]

    @property
    def served(self) -> bool:
        """Whether the app got its answer."""
        return self.tries[-1].status == 200


@attrs.define
class Outcome:
    """What came of a scenario.

    `failing` and `healed` are moments of the monotonic clock; `attempts` is how many there were between them, `earlier`
    how many before.
    """

    scenario: Scenario
    calls: list[Call] = attrs.field(factory=list)
    failing: float = 0.0
    healed: float = 0.0
    attempts: int = 0
    earlier: int = 0

    @property
    def during(self) -> list[Call]:
        """Calls that began while the upstream failed."""
        return [call for call in self.calls if self.failing <= call.began < self.healed]

    @property
    def requests(self) -> int:
        """HTTP requests that began while the upstream failed."""
        return sum(self.failing <= each.began < self.healed for call in self.calls for each in call.tries)

    def failed(self, *, after: float, before: float) -> float:
        """The share of calls that failed, of those that began in this time."""
        calls = [call for call in self.calls if after <= call.began < before]
        return sum(not call.served for call in calls) / len(calls) if calls else 0.0

    @property
    def recovered(self) -> float | None:
        """When the first request after the outage was served; None when none was."""
        ends = [each.ended for call in self.calls for each in call.tries if each.status == 200]
        return min((end for end in ends if end >= self.healed), default=None)

    def refused_after(self, *, again: bool) -> int:
        """Requests that failed though another one had been served since the outage: first tries, or later ones.

        An upstream that said how long to wait is left alone for so long, even if it answers one that was on its way.
        """
        since = self.recovered
        if since is not None and self.scenario.way is Way.BUSY_TOLD:
            since += TOLD_SECONDS
        tries = (each for call in self.calls for each in (call.tries[1:] if again else call.tries[:1]))
        return 0 if since is None else sum(each.status != 200 and each.began > since for each in tries)

    @property
    def most_attempts(self) -> float:
        """The most attempts that there may be until the upstream is well again, those before the outage included.

        The contract is about total outages. Where a provider is well, fallbacks that it serves are what it is for.
        """
        calls = sum(call.began < self.healed for call in self.calls)
        rescued = sum(call.served for call in self.during) if self.scenario.shape is Shape.ONE_OF_TWO else 0
        return MOST_PER_REQUEST * calls + rescued + BURST * self.scenario.shape.providers

    def wrong(self) -> list[str]:
        """What does not hold."""
        found = []
        made, most = self.earlier + self.attempts, self.most_attempts
        if made > most:
            found.append(f"{made} attempts until its end, more than {most:.0f}")
        if any(each.status != 200 and each.ended < self.failing for call in self.calls for each in call.tries):
            found.append("requests failed before the outage")
        if self.scenario.shape is Shape.ONE_OF_TWO and self.failed(after=0.0, before=float("inf")):
            found.append("requests failed though one provider was well")
        if self.recovered is None:
            found.append("no recovery")
        if refused := self.refused_after(again=False):
            found.append(f"{refused} requests failed after the recovery: it took more than one probe")
        return [f"{self.scenario.words}: {each}" for each in found]
