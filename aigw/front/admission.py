"""Which requests may begin now: so many at a time, a few more wait in a queue, the others are told to come back.

A gateway that takes on more than it can do serves nobody in time. One that says no early costs its callers a
retry, which the SDKs make by themselves.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop, TimerHandle
from typing import Protocol

from aigw.errors import Overloaded, Refusal

# What SDKs are told to wait, in seconds: long enough for a place to come free, the shortest they can be told.
RETRY_AFTER = 1


def overloaded(why: str) -> Overloaded:
    """Too much is going on: come back in a second. The SDKs do so by themselves."""
    return Overloaded(why, retry_after=RETRY_AFTER, headers=(("x-should-retry", "true"),))


class Waiting(Protocol):
    """A request that waits for a place."""

    def admitted(self) -> None:
        """There is one."""

    def turned_away(self, refusal: Refusal) -> None:
        """There was none in time."""


class Admission:
    """Places for `most` requests and a queue for `queue` more, each of which waits `patience` seconds at most.

    First come, first served: nobody passes those who wait.
    """

    def __init__(self, loop: AbstractEventLoop, most: int, queue: int, patience: float) -> None:
        self._loop = loop
        self._most = most
        self._queue = queue
        self._patience = patience
        self._held: set[object] = set()
        self._waiting: dict[object, tuple[Waiting, TimerHandle]] = {}

    def enter(self, request: Waiting) -> None:
        """Give a request a place, or one in the queue. Raises Overloaded."""
        if len(self._held) < self._most and not self._waiting:
            self._held.add(request)
        elif len(self._waiting) < self._queue:
            self._waiting[request] = request, self._loop.call_later(self._patience, self._overdue, request)
        else:
            raise overloaded(f"The gateway serves no more than {self._most} requests at a time (server.max_requests).")

    def holds(self, request: object) -> bool:
        """Whether a request has a place."""
        return request in self._held

    def left(self, request: object) -> None:
        """A request is over, however far it came; its place goes to the first in the queue."""
        self._held.discard(request)
        known = self._waiting.pop(request, None)
        if known is not None:
            known[1].cancel()
        while self._waiting and len(self._held) < self._most:
            first, timer = self._waiting.pop(next(iter(self._waiting)))
            timer.cancel()
            self._held.add(first)
            # In a turn of its own: the one that left is still in the middle of leaving.
            self._loop.call_soon(first.admitted)

    def _overdue(self, request: Waiting) -> None:
        most, seconds = self._most, self._patience
        why = f"None of {most} requests under way ended within {seconds:g} s (server.max_requests, queue_timeout)."
        request.turned_away(overloaded(why))
