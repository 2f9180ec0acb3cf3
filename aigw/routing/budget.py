"""How often may a request be tried again? As often as successes pay for, so that an outage is not made a storm.

The retry budget of the SRE book (chapter 22, "Handling Overload") as Finagle and Envoy have it: a share of what goes
well may be spent on trying again, and a small burst from the start on.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

# Savings are bounded: what a good hour has saved must not become a storm in the next minute.
MOST_SAVED = 10
# SDKs come back within this many seconds, if ever: credits of an outage must not swell the next one.
CREDIT_LASTS = 120.0
# Ten tenths are a whole one, also where binary fractions are a hair short of it.
_HAIR = 1e-9


class Budget:
    """One provider's retries, counted in attempts: `burst` to begin with, and `share` for each success.

    With a burst of 0 nothing is ever tried again. `credits` are attempts that were not made: a request that was refused
    without asking anybody, as all were resting, leaves one for when its caller comes back as it was told.

    When many requests fail at once, the budget is soon out though the provider that they turn to may be well. What is
    `under_way` will tell: until then the others wait in line. Each success lets two of them go, so a rush gets through
    in a few rounds; when all that was under way has failed, the rest is refused: the budget is kept in any case.
    """

    def __init__(self, share: float, burst: float) -> None:
        self.left = float(burst)
        self.credits = 0
        self.under_way = 0
        self._line: dict[object, Callable[[], None]] = {}
        # Those who were called and have not come yet: a place each is theirs.
        self._called: set[object] = set()
        self._credited = 0.0
        self._share = 0.0
        self._most = 0.0
        self.adopt(share, burst)

    def adopt(self, share: float, burst: float) -> None:
        """Go on under other rules, with what is left."""
        self._share = float(share)
        self._most = float(burst) * MOST_SAVED
        self.left = min(self.left, self._most)
        self.credits = min(self.credits, int(self._most))

    def allows(self) -> bool:
        """Whether there is enough for one more attempt."""
        return self.left >= 1.0 - _HAIR

    def spend(self) -> None:
        """An attempt that is not the request's first one begins."""
        self.left -= 1.0

    def deposit(self) -> None:
        """A request's first attempt succeeded."""
        self.left = min(self.left + self._share, self._most)
        if self._line:
            self._call()

    def refund(self) -> None:
        """A later attempt succeeded: it was worth what it cost; twice that while others wait to know."""
        self.left = min(self.left + (2.0 if self._line else 1.0), self._most)

    def begin(self) -> None:
        """An attempt that is paid for begins."""
        self.spend()
        self.under_way += 1

    def end(self) -> None:
        """It is known what became of it."""
        self.under_way -= 1
        if self._line:
            self._call()

    def wait(self, who: object, call: Callable[[], None]) -> None:
        """Stand in line, to be called once: when there is something left, or nothing under way that could bring it."""
        self._line[who] = call

    def come(self, who: object) -> None:
        """Having been called, ask now, or `wait` again; `leave` follows in any case."""
        self._called.discard(who)

    def leave(self, who: object) -> None:
        """Wait no longer, unless in line once more; the others must not wait for one who is gone."""
        self._called.discard(who)
        if self._line:
            self._call()

    def forget(self, who: object) -> None:
        """This one will not come."""
        self._line.pop(who, None)
        self.leave(who)

    def _call(self) -> None:
        """First come, first served; all of them where waiting is of no use."""
        hopeless = not self.under_way and not self.allows()
        places = len(self._line) if hopeless else int(self.left + _HAIR) - len(self._called)
        for who in list(islice(self._line, max(places, 0))):
            self._called.add(who)
            self._line.pop(who)()

    def credit(self, now: float) -> None:
        """A request was refused, and nobody was asked."""
        self.owes(now)
        self.credits = min(self.credits + 1, int(self._most))
        self._credited = now

    def owes(self, now: float) -> bool:
        """Whether there is a credit for a caller that comes back."""
        if self.credits and now - self._credited > CREDIT_LASTS:
            self.credits = 0
        return self.credits > 0

    def take_credit(self) -> None:
        """One comes back."""
        self.credits -= 1
