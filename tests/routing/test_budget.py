"""The retry budget: what a request may cost more than one attempt."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.routing.budget import CREDIT_LASTS, MOST_SAVED, Budget


def retries(budget: Budget, wanted: int) -> int:
    """How many of so many wanted retries the budget pays for."""
    made = 0
    for _ in range(wanted):
        if budget.allows():
            budget.spend()
            made += 1
    return made


def test_the_burst() -> None:
    """A provider that nothing is known of may be asked again so many times, then no more."""
    assert retries(Budget(0.1, 10), 100) == 10


def test_a_share_of_what_goes_well() -> None:
    """Ten successes pay for one more attempt, also where tenths are binary fractions."""
    budget = Budget(0.1, 3)
    assert retries(budget, 9) == 3
    for _ in range(10):
        assert not budget.allows()
        budget.deposit()
    assert retries(budget, 9) == 1


def test_savings_are_bounded() -> None:
    """A good day does not pay for a storm."""
    budget = Budget(0.5, 4)
    for _ in range(1000):
        budget.deposit()
    assert retries(budget, 1000) == 4 * MOST_SAVED


def test_a_retry_that_helped_costs_nothing() -> None:
    """What a retry costs comes back when it succeeds."""
    budget = Budget(0.1, 1)
    for _ in range(50):
        assert budget.allows()
        budget.spend()
        budget.refund()


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_no_burst_is_no_retries(share: float) -> None:
    """A burst of nothing switches trying again off."""
    budget = Budget(share, 0)
    budget.deposit()
    budget.deposit()
    assert not budget.allows()


def test_other_rules() -> None:
    """A new configuration bounds what is left, and pays by its own share."""
    budget = Budget(0.1, 10)
    budget.adopt(1.0, 0.2)
    assert retries(budget, 10) == 2
    budget.deposit()
    assert budget.allows()


@given(
    steps=st.lists(st.sampled_from(["first", "retry", "retry", "retry that helped"]), max_size=400),
    share=st.sampled_from([0.0, 0.1, 0.2, 1 / 3, 1.0]),
    burst=st.integers(0, 20),
)
def test_amplification(steps: list[str], share: float, burst: int) -> None:
    """In whichever order, retries that did not help are at most the burst and the share of first attempts that did."""
    budget = Budget(share, burst)
    firsts = made = 0
    for step in steps:
        if step == "first":
            budget.deposit()
            firsts += 1
        elif budget.allows():
            budget.spend()
            if step == "retry":
                made += 1
            else:
                budget.refund()
        assert made <= burst + share * firsts + 1e-6


def credits_taken(budget: Budget, now: float) -> int:
    """How many callers come back at no cost."""
    taken = 0
    while budget.owes(now):
        budget.take_credit()
        taken += 1
    return taken


def test_credits() -> None:
    """What was refused may be asked once when its caller comes back; bounded as savings are."""
    budget = Budget(0.1, 2)
    assert credits_taken(budget, 10.0) == 0
    for _ in range(100):
        budget.credit(10.0)
    assert credits_taken(budget, 11.0) == 2 * MOST_SAVED


def test_credits_expire() -> None:
    """Who has not come back by now does not come back: the next outage is another one."""
    budget = Budget(0.1, 2)
    for _ in range(5):
        budget.credit(10.0)
    assert credits_taken(budget, 10.1 + CREDIT_LASTS) == 0
    budget.credit(200.0)
    assert credits_taken(budget, 200.0 + CREDIT_LASTS) == 1


def test_no_burst_is_no_credit() -> None:
    """Nor is there one where nothing is ever tried again."""
    budget = Budget(0.1, 2)
    budget.credit(10.0)
    budget.adopt(0.1, 0)
    budget.credit(10.0)
    assert credits_taken(budget, 10.0) == 0


class Line:
    """Requests that wait for a budget, and those of them that were called."""

    def __init__(self, budget: Budget, size: int) -> None:
        self.called: list[int] = []
        for number in range(size):
            budget.wait(number, lambda number=number: self.called.append(number))  # type: ignore[misc]


def test_a_line_moves_with_successes() -> None:
    """One that went well lets two of those go that wait, in their order; a failure none while others may yet tell."""
    budget = Budget(0.1, 2)
    budget.begin()
    budget.begin()
    line = Line(budget, 5)
    budget.refund()
    budget.end()
    assert line.called == [0, 1]
    budget.end()
    assert line.called == [0, 1]


def test_a_line_without_hope_is_sent_home() -> None:
    """When all that was paid for has failed, nobody waits any longer; and nothing is there to be spent."""
    budget = Budget(0.1, 2)
    budget.begin()
    budget.begin()
    line = Line(budget, 3)
    budget.end()
    assert line.called == []
    budget.end()
    assert line.called == [0, 1, 2]
    assert not budget.allows()


def test_a_place_that_is_not_taken_is_the_next_ones() -> None:
    """Who was called and has gone, or does not ask, must not keep those behind it waiting."""
    budget = Budget(0.1, 1)
    budget.begin()
    line = Line(budget, 4)
    budget.forget(1)
    budget.refund()
    budget.end()
    assert line.called == [0, 2]
    budget.forget(0)
    assert line.called == [0, 2, 3]


def test_first_attempts_move_a_line_too() -> None:
    """Ten that go well pay for one that waits."""
    budget = Budget(0.1, 1)
    budget.begin()
    line = Line(budget, 2)
    for _ in range(9):
        budget.deposit()
    assert line.called == []
    budget.deposit()
    assert line.called == [0]


@given(st.lists(st.booleans(), max_size=200))
def test_nobody_is_left_in_line(outcomes: list[bool]) -> None:
    """However attempts end, everybody who waits is called in the end, and no more begin than the budget allows."""
    budget = Budget(0.1, 3)
    ends = iter(outcomes)
    ready: list[int] = []
    begun = well = answered = 0
    for number in range(30):
        budget.wait(number, lambda number=number: ready.append(number))  # type: ignore[misc]
    under_way = 0
    while budget.allows():
        budget.begin()
        under_way += 1
    while under_way or ready:
        while ready:
            who = ready.pop(0)
            answered += 1
            budget.come(who)
            if budget.allows():
                budget.begin()
                under_way += 1
                begun += 1
            budget.leave(who)
        if under_way:
            under_way -= 1
            if next(ends, False):
                budget.refund()
                well += 1
            budget.end()
    assert answered == 30
    assert begun <= 2 * well
