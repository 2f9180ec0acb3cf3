"""Places for requests, and the queue for them; the loop is the test's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from aigw.errors import Overloaded, Refusal
from aigw.front.admission import Admission, overloaded


class Loop:
    """The part of an event loop that is used; the test calls what is due."""

    def __init__(self) -> None:
        self.soon: list[Callable[[], None]] = []
        self.timers: list[Timer] = []

    def call_soon(self, call: Callable[[], None]) -> None:
        """Keep a call."""
        self.soon.append(call)

    def call_later(self, delay: float, call: Callable[..., None], *args: Any) -> Timer:
        """Keep a timer."""
        self.timers.append(Timer(delay, lambda: call(*args)))
        return self.timers[-1]

    def turn(self) -> None:
        """One turn of the loop."""
        soon, self.soon = self.soon, []
        for call in soon:
            call()


class Timer:
    """A timer that has been set."""

    def __init__(self, delay: float, call: Callable[[], None]) -> None:
        self.delay = delay
        self.call = call
        self.cancelled = False

    def cancel(self) -> None:
        """As asyncio's."""
        self.cancelled = True


class Asking:
    """A request; what it was told."""

    def __init__(self, admission: Admission) -> None:
        self.told: list[str] = []
        self.why = ""
        self._admission = admission

    def enter(self) -> str:
        """Where it is after asking for a place."""
        try:
            self._admission.enter(self)
        except Overloaded as refusal:
            self.why = refusal.message
            self.leave()
            return "refused"
        return "in" if self._admission.holds(self) else "waiting"

    def leave(self) -> None:
        """It is over."""
        self._admission.left(self)

    def admitted(self) -> None:
        """A place came free."""
        self.told.append("admitted")

    def turned_away(self, refusal: Refusal) -> None:
        """None did."""
        self.told.append("turned away")
        self.why = refusal.message
        self.leave()


def made(most: int, queue: int) -> tuple[Loop, Callable[[], Asking]]:
    """A loop, and what makes requests for an admission on it."""
    loop = Loop()
    admission = Admission(loop, most, queue, 2.5)  # type: ignore[arg-type]
    return loop, lambda: Asking(admission)


def test_so_many_at_a_time() -> None:
    """Places are given until none is left; then it is no, at once, and says when to come back."""
    _, ask = made(2, 0)
    requests = [ask() for _ in range(3)]
    assert [each.enter() for each in requests] == ["in", "in", "refused"]
    assert "no more than 2 requests at a time (server.max_requests)" in requests[2].why
    requests[0].leave()
    assert ask().enter() == "in"


def test_first_come_first_served() -> None:
    """Who waits is served in order, and nobody who comes later passes."""
    loop, ask = made(1, 2)
    first, second, third, fourth = (ask() for _ in range(4))
    assert [each.enter() for each in (first, second, third, fourth)] == ["in", "waiting", "waiting", "refused"]
    first.leave()
    assert second.told == []
    loop.turn()
    assert (second.told, third.told) == (["admitted"], [])
    second.leave()
    loop.turn()
    assert third.told == ["admitted"]
    assert all(timer.cancelled for timer in loop.timers)


def test_who_waits_too_long_is_told() -> None:
    """A place that comes free later goes to the next."""
    loop, ask = made(1, 2)
    first, second, third = (ask() for _ in range(3))
    for each in (first, second, third):
        each.enter()
    assert [timer.delay for timer in loop.timers] == [2.5, 2.5]
    loop.timers[0].call()
    assert second.told == ["turned away"]
    assert "within 2.5 s (server.max_requests, queue_timeout)" in second.why
    first.leave()
    loop.turn()
    assert (second.told, third.told) == (["turned away"], ["admitted"])


def test_who_leaves_the_queue_is_not_called() -> None:
    """A caller that went away while it waited takes no place."""
    loop, ask = made(1, 2)
    first, second, third = (ask() for _ in range(3))
    for each in (first, second, third):
        each.enter()
    second.leave()
    second.leave()
    first.leave()
    loop.turn()
    assert (second.told, third.told) == ([], ["admitted"])


def test_a_refusal_says_when_to_come_back() -> None:
    """The SDKs wait as long as they are told and then try again."""
    refusal = overloaded("Too much.")
    assert (refusal.http_status, refusal.error_code, refusal.retry_after) == (503, "overloaded", 1)
    assert refusal.headers == (("x-should-retry", "true"),)


@given(st.integers(1, 3), st.integers(0, 3), st.lists(st.integers(0, 12), max_size=60))
def test_places_are_never_lost_nor_made(most: int, queue: int, steps: list[int]) -> None:
    """However requests come, leave and are turned away: never more than allowed are in, nobody waits beside a place."""
    loop, ask = made(most, queue)
    inside: list[Asking] = []
    waiting: list[Asking] = []
    for step in steps:
        if step < 6:
            request = ask()
            where = request.enter()
            if where != "refused":
                (inside if where == "in" else waiting).append(request)
        elif step < 10 and inside:
            inside.pop(step % len(inside)).leave()
        elif waiting:
            waiting.pop(0).turned_away(overloaded(""))
        loop.turn()
        inside += [each for each in waiting if each.told == ["admitted"]]
        waiting = [each for each in waiting if not each.told]
        assert len(inside) <= most
        assert len(waiting) <= queue
        assert not waiting or len(inside) == most
    for each in inside + waiting:
        each.leave()
    assert [ask().enter() for _ in range(most)] == ["in"] * most
