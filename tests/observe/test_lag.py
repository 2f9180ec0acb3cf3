"""How late the loop is."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.observe.lag import PERIOD_SECONDS, REMEMBERED, LoopLag


def test_worst_of_the_last_seconds(fake_loop: Any) -> None:
    """The worst lateness is told as long as it is recent, and forgotten afterwards."""
    lag = LoopLag(fake_loop)
    assert lag.worst() == 0.0
    lag.start()
    for late in (0.0, 0.25, 0.125):
        fake_loop.now += PERIOD_SECONDS + late
        fake_loop.fire()
    assert lag.worst() == pytest.approx(0.25)
    for _ in range(REMEMBERED):
        fake_loop.now += PERIOD_SECONDS
        fake_loop.fire()
    assert lag.worst() == pytest.approx(0.0)


def test_a_block_counts_while_it_lasts(fake_loop: Any) -> None:
    """A timer that is overdue already counts, before it has been called."""
    lag = LoopLag(fake_loop)
    lag.start()
    fake_loop.now += PERIOD_SECONDS + 2.0
    assert lag.worst() == 2.0


def test_stop(fake_loop: Any) -> None:
    """After stop no timer is left."""
    lag = LoopLag(fake_loop)
    lag.start()
    lag.stop()
    lag.stop()
    assert all(timer.cancelled for timer in fake_loop.timers)
    fake_loop.now += 100.0
    assert lag.worst() == 0.0


@pytest.mark.parametrize(
    ("late", "told"),
    [
        # One block, however long, is over when it is noticed.
        ([0.0, 30.0, 0.0, 0.0], []),
        ([30.0, 0.0, 30.0, 0.0, 30.0, 0.0], []),
        # Late at every look, but not for a second yet.
        ([0.6, 0.6, 0.0, 0.6, 0.6, 0.0], []),
        ([0.6, 0.6, 0.6], [True]),
        ([2.0, 2.0], [True]),
        ([0.6] * 20, [True]),
        # One look that was not late ends it, and it takes a second again.
        ([0.6, 0.6, 0.6, 0.5, 0.6, 0.6, 0.5], [True, False]),
        ([0.6, 0.6, 0.6, 0.0, 0.6, 0.6, 0.6, 0.0], [True, False, True, False]),
        ([0.4] * 100, []),
    ],
)
def test_overload_is_lateness_that_stays(fake_loop: Any, late: list[float], told: list[bool]) -> None:
    """Overload begins when every look of a whole second was too late, and ends with the first that was not."""
    heard: list[bool] = []
    lag = LoopLag(fake_loop, 0.5, heard.append)
    lag.start()
    for seconds in late:
        fake_loop.now += PERIOD_SECONDS + seconds
        fake_loop.fire()
    assert heard == told


def test_without_a_limit_nothing_is_overload(fake_loop: Any) -> None:
    """0 turns it off."""
    heard: list[bool] = []
    lag = LoopLag(fake_loop, 0.0, heard.append)
    lag.start()
    for _ in range(10):
        fake_loop.now += 60.0
        fake_loop.fire()
    assert heard == []
