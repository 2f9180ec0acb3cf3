"""The circuit breaker: a table of stories, each a list of moments with what happens and what is seen then."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.routing.circuit import FEWEST, JITTER, PROBE_WAIT, SLOT, SLOTS, Breaker, Circuit, Window

FAILURES = 3
SPAN, LONGEST = 5.0, 15.0


class Story:
    """A circuit that opens after three failures, for 5 seconds, then 10, then 15; and its attempts by name."""

    def __init__(self, failures: int = FAILURES, chance: Callable[[], float] = lambda: 0.5) -> None:
        self.breaker = Breaker(failures, SPAN, LONGEST, chance)
        self.circuit = Circuit(self.breaker)
        self.began: dict[str, float] = {}
        self.probes: dict[str, int] = {}

    def begins(self, name: str, now: float) -> None:
        """An attempt begins, a probe where the circuit is half-open."""
        self.began[name] = now
        if self.circuit.opened and self.circuit.wait(now) == 0.0:
            self.probes[name] = self.breaker.probe()
            self.circuit.let(now, self.probes[name])

    def fails(self, name: str, now: float) -> None:
        """It fails; one that never began is no probe and began just now."""
        self.circuit.failed(now, self.probes.get(name, 0), self.began.get(name, now))

    def answers(self, name: str, now: float) -> None:
        """It gets an answer."""
        self.circuit.answered(now, self.probes.get(name, 0))

    def leaves(self, name: str, now: float) -> None:
        """It is over, and told nothing."""
        del now
        self.circuit.free(self.probes.get(name, 0))

    def waits(self, seconds: str, now: float) -> None:
        """The circuit lets nobody pass for so many seconds."""
        assert self.circuit.wait(now) == pytest.approx(float(seconds)), now


# "12 fails a": at second 12 the attempt a fails. "12 waits 3": at second 12 the wait is 3 seconds.
OPEN = ("10 fails", "10 fails", "10 fails", "10 waits 5")
STORIES: dict[str, tuple[str, ...]] = {
    "failures in a row open": ("1 fails", "2 fails", "2 waits 0", "3 fails", "3 waits 5", "7 waits 1", "8 waits 0"),
    "a success in between": (
        "1 fails",
        "2 fails",
        "3 answers",
        "4 fails",
        "5 fails",
        "5 waits 0",
        "6 fails",
        "6 waits 5",
    ),
    "one probe, others wait": (*OPEN, "15 begins p", "15 waits 1", "19 begins q", "19 waits 1"),
    "a probe that hangs": (*OPEN, "15 begins p", "19 waits 1", "20 waits 0", "20 begins q", "20 waits 1", "24 waits 1"),
    "the outcome of the next one counts": (*OPEN, "15 begins p", "20 begins q", "21 answers q", "21 waits 0"),
    "a probe that hung and fails at last": (
        *OPEN,
        "15 begins p",
        "20 begins q",
        "22 fails p",
        "22 waits 10",
        "23 fails q",
        "23 waits 9",
    ),
    "a probe that hung and goes well at last": (*OPEN, "15 begins p", "20 begins q", "22 answers p", "22 waits 0"),
    "a probe that hung and tells nothing": (
        *OPEN,
        "15 begins p",
        "20 begins q",
        "21 leaves p",
        "21 waits 1",
        "22 leaves q",
        "22 waits 0",
    ),
    "a probe that goes well closes": (
        *OPEN,
        "15 begins p",
        "16 answers p",
        "16 waits 0",
        "16 fails",
        "16 fails",
        "16 waits 0",
    ),
    "a probe that fails opens for twice as long": (*OPEN, "15 begins p", "16 fails p", "16 waits 10"),
    "up to the longest time": (
        *OPEN,
        "15 begins p",
        "15 fails p",
        "25 begins q",
        "25 fails q",
        "25 waits 15",
        "40 begins r",
        "40 fails r",
        "40 waits 15",
    ),
    "closing forgets how long": (
        *OPEN,
        "15 begins p",
        "15 fails p",
        "25 begins q",
        "26 answers q",
        *("30 fails", "30 fails", "30 fails", "30 waits 5"),
    ),
    "a probe that was cancelled frees its place": (
        *OPEN,
        "15 begins p",
        "16 leaves p",
        "16 waits 0",
        "17 begins q",
        "17 waits 1",
    ),
    "a cancelled probe that was told already": (
        *OPEN,
        "15 begins p",
        "16 fails p",
        "26 begins q",
        "27 leaves p",
        "27 waits 1",
    ),
    "late failures while open": (
        "9 begins a",
        "9 begins b",
        *OPEN,
        "12 fails a",
        "12 waits 3",
        "14 fails b",
        "14 waits 1",
    ),
    "failures while open": (*OPEN, "12 fails", "13 fails", "13 waits 2"),
    "late failures while probing": (
        "9 begins a",
        *OPEN,
        "15 begins p",
        "16 fails a",
        "16 waits 1",
        "17 answers p",
        "17 waits 0",
    ),
    "late failures after closing": (
        *("8 begins a", "8 begins b", "8 begins c"),
        *OPEN,
        *("15 begins p", "16 answers p", "68 fails a", "68 fails b", "68 fails c", "68 waits 0"),
    ),
    "a late answer is a sign of life": ("9 begins a", *OPEN, "12 answers a", "12 waits 0", "12 fails", "12 waits 0"),
    "a late answer while probing": (
        "9 begins a",
        *OPEN,
        "15 begins p",
        "16 answers a",
        "16 waits 0",
        "17 fails p",
        "17 waits 0",
    ),
    "a probe that breaks after it was told": (*OPEN, "15 begins p", "16 answers p", "20 fails p", "20 waits 0"),
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_stories(story: tuple[str, ...]) -> None:
    """At each moment of its story the circuit lets those pass that it should."""
    told = Story()
    for line in story:
        now, what, *name = line.split()
        getattr(told, what)(*name or ("somebody",), now=float(now))


def test_half_of_many() -> None:
    """Failures that never come three in a row open the circuit when they are half of twenty."""
    told = Story()
    for number in range(FEWEST):
        assert told.circuit.wait(number) == 0.0
        (told.fails if number % 2 else told.answers)("a", number)
    assert told.circuit.wait(FEWEST - 1) == SPAN


def test_less_than_half() -> None:
    """An upstream of which two of three attempts go well is asked."""
    told = Story()
    for number in range(300):
        (told.answers if number % 3 else told.fails)("a", number / 10)
    assert told.circuit.wait(30) == 0.0


def test_half_of_long_ago() -> None:
    """What was half a minute ago does not count."""
    told = Story(failures=100)
    for _ in range(50):
        told.fails("a", 0.0)
        told.answers("a", 0.0)
    told.circuit.close()
    for _ in range(FEWEST - 1):
        told.fails("a", 1.0)
    told.fails("a", 1.0 + SLOT * SLOTS)
    assert told.circuit.wait(100) == 0.0


def test_half_of_many_and_a_late_answer() -> None:
    """Where half of all went well, one more that does is no news: the circuit stays open."""
    told = Story()
    told.begins("late", 0)
    for number in range(FEWEST):
        (told.fails if number % 2 else told.answers)("a", number)
    told.answers("late", FEWEST)
    assert told.circuit.wait(FEWEST) > 0.0


def test_switched_off() -> None:
    """A circuit that opens after no failures never does."""
    told = Story(failures=0)
    for number in range(100):
        told.fails("a", number)
        assert told.circuit.wait(number) == 0.0


@given(st.floats(0.0, 1.0))
def test_jitter(chance: float) -> None:
    """Circuits that open together are probed within a fifth of the time, not at once."""
    told = Story(chance=lambda: chance)
    for _ in range(FAILURES):
        told.fails("a", 0.0)
    assert SPAN * (1 - JITTER) - 1e-9 <= told.circuit.wait(0.0) <= SPAN * (1 + JITTER) + 1e-9


def test_shorter_than_the_first_time() -> None:
    """The longest time bounds the first one, too."""
    circuit = Circuit(Breaker(1, 30.0, 10.0, lambda: 0.5))
    circuit.failed(0.0, 0, inf)
    assert circuit.wait(0.0) == 10.0


def test_other_rules() -> None:
    """New rules hold for what comes; a circuit that is open keeps its time."""
    told = Story()
    for _ in range(FAILURES):
        told.fails("a", 0.0)
    told.breaker.adopt(1, 2.0, 4.0)
    assert told.circuit.wait(0.0) == SPAN
    told.begins("p", 6.0)
    told.fails("p", 6.0)
    assert told.circuit.wait(6.0) == 4.0


def test_somebody_waits_about_a_second() -> None:
    """Who meets a probe under way comes again soon: its outcome is near."""
    assert PROBE_WAIT == 1.0


@given(st.lists(st.tuples(st.floats(0.0, 20.0), st.booleans()), max_size=60))
def test_window(steps: list[tuple[float, bool]]) -> None:
    """It is failing when half of at least twenty outcomes of the last 25 to 30 seconds are."""
    window, now = Window(), 1000.0
    seen: list[tuple[float, bool]] = []
    for passed, failed in steps:
        now += passed
        window.add(now, failed)
        seen.append((now, failed))
        slot = int(now / SLOT)
        recent = [bad for when, bad in seen if int(when / SLOT) > slot - SLOTS]
        assert window.failing() == (len(recent) >= FEWEST and 2 * sum(recent) >= len(recent))
