"""The faults of the kit: all of them the sandbox's, named and explained."""

from __future__ import annotations

import pytest

from aigw.conformance.faults import BY_NAME, CONTROL, FAULTS, MODES, SLOW, STREAM, TOOLS, WHOLE, Fault
from aigw.sandbox.faults import parse


def test_there_are_more_than_twenty() -> None:
    """Each has a name of its own, and one is no fault at all."""
    assert len(BY_NAME) == len(FAULTS) > 20
    assert BY_NAME[CONTROL].lists == ("",)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_the_sandbox_can_play_it(fault: Fault) -> None:
    """Its lists are ones that the sandbox reads, in each mode; and it says what it is."""
    assert fault.about
    played = [fault.played(mode) for mode in MODES]
    assert any(played)
    for text in (text for lists in played for text in lists or ()):
        parse(text)


@pytest.mark.parametrize(
    ("fault", "mode", "lists"),
    [
        ("cut", STREAM, ("cut=2c",)),
        ("cut", SLOW, ("cut=2c,delay=3",)),
        ("cut", TOOLS, ("cut=2c",)),
        ("once-500", SLOW, ("status=500,delay=3", ",delay=3")),
        ("bytes", STREAM, ("chunk=1,foreign",)),
        ("bytes", SLOW, None),
        ("streamed", STREAM, None),
        ("streamed", SLOW, None),
        ("streamed", WHOLE, ("streamed",)),
    ],
)
def test_what_is_played(fault: str, mode: str, lists: tuple[str, ...] | None) -> None:
    """A slow stream goes event by event, but for one that goes byte by byte; what makes no sense is not played."""
    assert BY_NAME[fault].played(mode) == lists


def test_what_another_candidate_mends() -> None:
    """These fail once, before anything was said."""
    mended = [fault for fault in FAULTS if fault.mends]
    assert mended
    assert all(fault.lists[1:] == ("",) for fault in mended)
