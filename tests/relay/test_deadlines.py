"""One timer for many limits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Any

import pytest

from aigw.relay import deadlines
from aigw.relay.deadlines import TICK, Deadlines

from .raw import until


class Item:
    """Something with a limit."""

    def __init__(self, due: float, then: Callable[[Item, float], None] | None = None) -> None:
        self.due = due
        self.expirations: list[float] = []
        self._then = then

    def expired(self, now: float) -> None:
        self.expirations.append(now)
        if self._then is not None:
            self._then(self, now)


class Clock:
    """The part of a loop that sets timers; a test fires them."""

    def __init__(self) -> None:
        self.timers: list[Callable[[], None]] = []

    def call_later(self, delay: float, call: Callable[[], None]) -> Any:
        """Set a timer."""
        assert delay == TICK
        self.timers.append(call)
        return self

    def cancel(self) -> None:
        """Unset the timer."""
        self.timers.clear()

    def tick(self) -> None:
        """Fire the timer that is set."""
        (call,), self.timers = self.timers, []
        call()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def watched(clock: Clock) -> Deadlines:
    return Deadlines(clock)  # type: ignore[arg-type]


PAST, FUTURE = 0.0, float("inf")


def test_expired(clock: Clock, watched: Deadlines) -> None:
    """What is past its limit is told at every tick until it is forgotten or its limit is moved; the rest is not."""
    late, early = Item(PAST), Item(FUTURE)
    watched.watch(late)
    watched.watch(early)
    before = monotonic()
    clock.tick()
    assert before <= late.expirations[0] <= monotonic()
    clock.tick()
    assert len(late.expirations) == 2
    late.due = FUTURE
    clock.tick()
    assert len(late.expirations) == 2
    assert early.expirations == []


def test_the_timer_runs_only_when_needed(clock: Clock, watched: Deadlines) -> None:
    """There is one timer however many limits there are, and none when there are none."""
    items = [Item(FUTURE) for _ in range(3)]
    assert clock.timers == []
    for item in items:
        watched.watch(item)
    assert len(clock.timers) == 1
    for item in items:
        watched.forget(item)
        watched.forget(item)
    assert len(watched) == 0
    clock.tick()
    assert clock.timers == []
    watched.watch(items[0])
    assert len(clock.timers) == 1


def test_changes_while_it_ticks(clock: Clock, watched: Deadlines) -> None:
    """What one limit's end ends too is not told any more, and what it begins is watched; the timer stays one."""
    begun = Item(FUTURE)

    def then(item: Item, now: float) -> None:
        for each in both:
            watched.forget(each)
        watched.watch(begun)

    both = [Item(PAST, then), Item(PAST, then)]
    for item in both:
        watched.watch(item)
    clock.tick()
    assert sorted(len(item.expirations) for item in both) == [0, 1]
    assert (len(watched), len(clock.timers)) == (1, 1)


def test_a_fault_of_one(clock: Clock, watched: Deadlines) -> None:
    """An item that raises does not stop the clock of the others."""

    def then(item: Item, now: float) -> None:
        watched.forget(item)
        raise ZeroDivisionError

    faulty = [Item(PAST, then) for _ in range(2)]
    sound = Item(PAST)
    for item in (*faulty, sound):
        watched.watch(item)
    for _ in faulty:
        with pytest.raises(ZeroDivisionError):
            clock.tick()
    clock.tick()
    assert sound.expirations
    assert len(watched) == 1


def test_closed(clock: Clock, watched: Deadlines) -> None:
    """Closed, nothing is watched and no timer left."""
    watched.close()
    watched.watch(Item(PAST))
    watched.close()
    assert (len(watched), clock.timers) == (0, [])


async def test_on_a_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a real loop limits end by themselves."""
    monkeypatch.setattr(deadlines, "TICK", 0.001)
    watched = Deadlines(asyncio.get_running_loop())
    item = Item(monotonic() + 0.01)
    watched.watch(item)
    await until(lambda: item.expirations)
    assert item.expirations[0] >= item.due
    watched.close()
