"""How long an address waits that keeps sending wrong keys."""

from __future__ import annotations

import pytest

from aigw.control import backoff as backing
from aigw.control.backoff import FORGET_SECONDS, FREE, LONGEST_SECONDS, SPARED_A_SECOND, Backoff, network

HERE = "192.0.2.1"


def test_the_first_ones_are_free() -> None:
    """Who tries a few wrong keys waits for nothing; each one after that doubles the wait, up to a bound."""
    backoff = Backoff()
    waits = []
    for _ in range(FREE + 10):
        waits.append(backoff.wait(HERE, 0.0))
        backoff.failed(HERE, 0.0)
    assert waits[: FREE + 4] == [0.0] * FREE + [1.0, 2.0, 4.0, 8.0]
    assert waits[-1] == LONGEST_SECONDS
    assert backoff.wait(HERE, LONGEST_SECONDS) == 0.0
    assert backoff.wait("192.0.2.2", 0.0) == 0.0


def test_what_ends_it() -> None:
    """A right key ends the wait, and so does being quiet."""
    backoff = Backoff()
    for _ in range(FREE):
        backoff.failed(HERE, 0.0)
    backoff.served(HERE)
    assert backoff.wait(HERE, 0.0) == 0.0
    for at in (0.0, FORGET_SECONDS + 1):
        for _ in range(FREE - 1):
            backoff.failed(HERE, at)
        assert backoff.wait(HERE, at) == 0.0


def test_some_are_spared_each_second() -> None:
    """Of the keys from addresses that wait, so many are looked at in one second, and as many in the next."""
    backoff = Backoff()
    for second in (7.0, 8.0):
        spared = [backoff.spares(second + 0.5) for _ in range(SPARED_A_SECOND + 1)]
        assert spared == [True] * SPARED_A_SECOND + [False]


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A crowd of addresses pushes the oldest one out."""
    monkeypatch.setattr(backing, "MOST_ADDRESSES", 3)
    backoff = Backoff()
    for number in range(5):
        for _ in range(FREE):
            backoff.failed(f"192.0.2.{number}", 0.0)
    assert [backoff.wait(f"192.0.2.{number}", 0.0) > 0 for number in range(5)] == [False, False, True, True, True]


@pytest.mark.parametrize(
    ("peer", "name"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_addresses_that_are_one(peer: str, name: str) -> None:
    """Who has a network of IPv6 addresses is one caller."""
    assert network(peer) == name
