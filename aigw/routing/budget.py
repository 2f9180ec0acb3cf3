"""How often may a request be tried again? As often as successes pay for, so that an outage is not made a storm.

The retry budget of the SRE book (chapter 22, "Handling Overload") as Finagle and Envoy have it: a share of what goes
well may be spent on trying again, and a small burst from the start on.
"""

from __future__ import annotations

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
    """

    def __init__(self, share: float, burst: float) -> None:
        self.left = float(burst)
        self.credits = 0
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

    def refund(self) -> None:
        """A later attempt succeeded: it was worth what it cost."""
        self.left = min(self.left + 1.0, self._most)

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
