"""How late the loop is."""

from __future__ import annotations

from typing import Any

from aigw.observe.lag import PERIOD_SECONDS, REMEMBERED, LoopLag


def test_worst_of_the_last_seconds(fake_loop: Any) -> None:
    """The worst lateness is told as long as it is recent, and forgotten afterwards."""
    lag = LoopLag(fake_loop)
    assert lag.worst() == 0.0
    lag.start()
    for late in (0.0, 0.25, 0.125):
        fake_loop.now += PERIOD_SECONDS + late
        fake_loop.fire()
    assert lag.worst() == 0.25
    for _ in range(REMEMBERED):
        fake_loop.now += PERIOD_SECONDS
        fake_loop.fire()
    assert lag.worst() == 0.0


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
