"""A hundred thousand access keys: what one more of them costs, counted in calls and bytes, not in seconds."""

from __future__ import annotations

import sys
import tracemalloc
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any

from aigw.compose import snapshot_of
from aigw.settings import Settings
from aigw.snapshot import Snapshot
from aigw.store.records import Whole

from .support.holding import DEFAULT, Holding

# What a snapshot keeps of a key: the key itself, its id, its name, its digest, its place in the table.
BYTES_A_KEY = 400
# What the making of a key calls, of Python and of C: an iteration, two look-ups, the limits, the key.
CALLS_A_KEY = 8


def token(number: int) -> str:
    """The token of a key, as long as those that are made."""
    return f"aigw-{number:040d}"


def keys(count: int) -> Whole:
    """A store of so many access keys of twenty configurations."""
    holding = Holding()
    configurations = [holding.configuration(DEFAULT) for _ in range(20)]
    for number in range(count):
        holding.access_key(DEFAULT, token(number), configurations[number % 20])
    return holding.whole()


def calls(work: Callable[[], object]) -> int:
    """How many functions are called, of Python and of C."""
    seen = 0

    def count(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal seen
        seen += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(before)
    return seen


def made(count: int) -> Snapshot:
    """The snapshot of so many."""
    return snapshot_of(Settings(), whole=keys(count))


def test_a_look_up_is_as_long_with_many_keys() -> None:
    """One digest and one look-up, whether the key is there or not, among ten as among ten thousand."""
    few, many = made(10), made(10_000)
    for number, there in ((3, True), (-3, False)):
        sent = token(number).encode()
        assert (few.access_key(sent) is not None, many.access_key(sent) is not None) == (there, there)
        assert calls(partial(few.access_key, sent)) == calls(partial(many.access_key, sent)) <= 7


def test_making_a_snapshot_grows_with_its_keys_alone() -> None:
    """The same few calls for every key, however many there are."""
    one, two, four = (calls(partial(snapshot_of, Settings(), whole=whole)) for whole in map(keys, (1000, 2000, 4000)))
    assert two - one <= 1000 * CALLS_A_KEY
    assert four - two <= 2000 * CALLS_A_KEY + 10


def test_what_a_key_weighs() -> None:
    """Configurations, scopes and limits are shared; the store's own records are not kept."""
    snapshot_of(Settings())
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        snapshot = made(5000)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (after - before) / len(snapshot.access_keys) < BYTES_A_KEY
