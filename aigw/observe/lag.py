"""How late is the event loop? A timer that looks how long after its due time it was called."""

from __future__ import annotations

from asyncio import AbstractEventLoop, TimerHandle
from collections import deque

# Often enough to meet a block of a second, rare enough to cost nothing (some 10 µs per second).
PERIOD_SECONDS = 0.5
# The worst of the last 15 s is told: a usual scrape interval, so that no block falls between two scrapes.
REMEMBERED = 30


class LoopLag:
    """Measures from `start` to `stop`; `worst` tells."""

    def __init__(self, loop: AbstractEventLoop) -> None:
        self._loop = loop
        self._late: deque[float] = deque(maxlen=REMEMBERED)
        self._due = 0.0
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
        self._late.append(max(self._loop.time() - self._due, 0.0))
        self.start()
