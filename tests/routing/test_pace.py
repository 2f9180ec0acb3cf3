"""The pace of a model: its p95 within a tenth, old paces forgotten; and the share of hedged requests."""

from __future__ import annotations

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.routing.pace import FEWEST, FINEST, HALVED_EVERY, MOST_HEDGES, Hedges, Pace

seconds = st.floats(0.001, 1000.0) | st.sampled_from([0.001, 0.25, 0.5, 1.0, 2.0, 1000.0])


def paced(*samples: float) -> Pace:
    """A pace of these samples."""
    pace = Pace()
    for sample in samples:
        pace.add(sample)
    return pace


@given(st.lists(seconds, min_size=FEWEST, max_size=HALVED_EVERY - 1))
def test_p95(samples: list[float]) -> None:
    """It is the exact quantile (nearest rank), at most a tenth off."""
    exact = sorted(samples)[ceil(0.95 * len(samples) - 1e-9) - 1]
    assert paced(*samples).p95() == pytest.approx(exact, rel=0.1)


def test_few_samples_say_nothing() -> None:
    """The slowest twentieth of less than twenty is nobody."""
    assert paced(*[0.1] * (FEWEST - 1)).p95() is None
    assert paced(*[0.1] * FEWEST).p95() is not None


@pytest.mark.parametrize("odd", [0.0, -1.0, 1e-9, 1e9])
def test_odd_samples(odd: float) -> None:
    """What is outside all buckets counts in the nearest one."""
    p95 = paced(*[odd] * FEWEST).p95()
    assert p95 is not None
    assert FINEST < p95 < 1100


@pytest.mark.parametrize(("before", "after"), [(0.1, 2.0), (2.0, 0.1)])
def test_old_paces_are_forgotten(before: float, after: float) -> None:
    """A model that has become slower or faster is seen as it is now, however long it was otherwise."""
    pace = paced(*[before] * 20 * HALVED_EVERY)
    for _ in range(5 * HALVED_EVERY):
        pace.add(after)
    assert pace.p95() == pytest.approx(after, rel=0.1)


def test_memory_is_bounded() -> None:
    """Counts do not grow with the number of samples."""
    pace = paced(*[0.1] * 50 * HALVED_EVERY)
    assert sum(pace._counts) <= 2 * HALVED_EVERY
    assert pace._total == pytest.approx(sum(pace._counts))


@given(st.lists(st.booleans(), max_size=2000), st.sampled_from([0.0, 0.01, 0.05, 0.1, 1.0]))
def test_hedges_are_a_share(wanted: list[bool], share: float) -> None:
    """Whichever requests are slow, at most the share of all is asked twice, at every moment."""
    hedges = Hedges(share)
    spent = 0
    for asked, slow in enumerate(wanted, 1):
        hedges.asked()
        if slow and hedges.allowed():
            hedges.spend()
            spent += 1
        assert spent <= share * asked + 1e-6


def test_a_twentieth_is_used() -> None:
    """Where every request is slow the share is used up, not less."""
    hedges = Hedges(0.05)
    spent = 0
    for _ in range(1000):
        hedges.asked()
        if hedges.allowed():
            hedges.spend()
            spent += 1
    assert spent == 50


def test_saved_hedges_are_bounded() -> None:
    """A quiet day does not make a storm of second attempts."""
    hedges = Hedges(0.5)
    for _ in range(10_000):
        hedges.asked()
    spent = 0
    while hedges.allowed():
        hedges.spend()
        spent += 1
    assert spent == MOST_HEDGES
