"""How late is the event loop? A timer that looks how long after its due time it was called."""

from __future__ import annotations

from asyncio import AbstractEventLoop, TimerHandle
from collections import deque
from collections.abc import Callable

# Often enough to tell one long block from a loop that is late all the time, rare enough to cost nothing (some 10 µs
# each).
PERIOD_SECONDS = 0.1
# The worst of the last 15 s is told: a usual scrape interval, so that no block falls between two scrapes.
REMEMBERED = 150
# For how long the loop has to be late without a pause before that is called overload: a single block is over when it
# is noticed, only a queue that does not get shorter is worth refusing work for (CoDel, RFC 8289, section 3.2).
STANDING_SECONDS = 1.0


class LoopLag:
    """Measures from `start` to `stop`; `worst` tells.

    `tell` is called with True when the loop has been later than `most` seconds for a whole second, at every look, and
    with False as soon as it is not; never where `most` is 0.
    """

    def __init__(self, loop: AbstractEventLoop, most: float = 0.0, tell: Callable[[bool], None] | None = None) -> None:
        self._loop = loop
        self._most = most
        self._tell = tell
        self._late: deque[float] = deque(maxlen=REMEMBERED)
        self._due = 0.0
        self._since: float | None = None  # later than `most` at every look from then on
        self._overloaded = False
        self._timer: TimerHandle | None = None

    def start(self) -> None:
        """Begin to measure."""
        self._due = self._loop.time() + PERIOD_SECONDS
        self._timer = self._loop.call_at(self._due, self._tick)

    def stop(self) -> None:
        """Measure no more; what was measured is kept."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def worst(self) -> float:
        """The longest the loop kept a due timer waiting in the last 15 s, in seconds."""
        overdue = self._loop.time() - self._due if self._timer is not None else 0.0
        return max(overdue, 0.0, *self._late)

    def _tick(self) -> None:
        now = self._loop.time()
        late = max(now - self._due, 0.0)
        self._late.append(late)
        if self._most and self._tell is not None:
            self._look(now, late, self._tell)
        self.start()

    def _look(self, now: float, late: float, tell: Callable[[bool], None]) -> None:
        if late <= self._most:
            self._since = None
        elif self._since is None:
            self._since = now
        overloaded = self._since is not None and now - self._since >= STANDING_SECONDS
        if overloaded is not self._overloaded:
            self._overloaded = overloaded
            tell(overloaded)
