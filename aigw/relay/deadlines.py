"""One timer for all time limits: a timer per request would cost as much as reading its headers."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Protocol

# How late a limit may be noticed, in seconds. Limits are seconds to minutes; 50 ms are nothing to them.
TICK = 0.05


class Watched(Protocol):
    """Something with a limit: `due` on the loop's clock, `expired` when it has passed."""

    due: float

    def expired(self, now: float) -> None: ...


class Deadlines:
    """The limits under watch. The timer runs only while there are any."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._watched: set[Watched] = set()
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, item: Watched) -> None:
        """Watch until `forget`; `due` may change meanwhile."""
        self._watched.add(item)
        if self._timer is None:
            self._go_on()

    def forget(self, item: Watched) -> None:
        """Watch no longer; harmless if it was not watched."""
        self._watched.discard(item)

    def __len__(self) -> int:
        return len(self._watched)

    def _tick(self) -> None:
        self._timer = None
        now = monotonic()
        try:
            for item in [item for item in self._watched if item.due <= now]:
                if item in self._watched:
                    item.expired(now)
        finally:
            # One item's fault must not stop the clock of the others.
            self._go_on()

    def _go_on(self) -> None:
        """Look again, unless an item that has expired has seen to that by watching another one."""
        if self._watched and self._timer is None:
            self._timer = self._loop.call_later(TICK, self._tick)

    def close(self) -> None:
        """Stop the timer."""
        self._watched.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
