"""Ids grow with time."""

from __future__ import annotations

import re
import threading
import time

import pytest

from aigw.store import ids


def test_ids_grow_within_a_process() -> None:
    """Each id is greater than the one before, from any thread, and none comes twice."""
    minter = ids.Minter()
    made: list[list[str]] = [[] for _ in range(4)]

    def work(into: list[str]) -> None:
        into += [minter.mint("x_") for _ in range(2000)]

    threads = [threading.Thread(target=work, args=(each,)) for each in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(each == sorted(each) for each in made)
    assert len({id for each in made for id in each}) == 8000


def test_ids_grow_when_the_clock_goes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock that is set back does not put new things before old ones."""
    minter = ids.Minter()
    first = minter.mint("x_")
    now = time.time_ns()
    monkeypatch.setattr("aigw.store.ids.time.time_ns", lambda: now - 3_600 * 10**9)
    assert minter.mint("x_") > first


def test_ids_tell_their_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids of different processes sort by the millisecond they were made in; they are 26 characters after the prefix."""
    made = []
    for milliseconds in (1, 31, 32, 10**12, 10**12 + 1):
        monkeypatch.setattr("aigw.store.ids.time.time_ns", lambda at=milliseconds: at * 10**6)
        made.append(ids.Minter().mint(ids.ACCESS_KEY))
    assert made == sorted(made)
    assert all(re.fullmatch(r"aigk_[0-9a-hjkmnp-tv-z]{26}", each) for each in made)
