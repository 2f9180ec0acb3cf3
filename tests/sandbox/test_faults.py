"""The grammar of faults."""

from pathlib import Path

import pytest

from aigw.sandbox.errors import Refused
from aigw.sandbox.faults import CALM, NAMES, Faults, Place, parse, split

_GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "sandbox.md"


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", CALM),
        (" , ", CALM),
        ("status=503, retry-after=1", Faults(status=503, retry_after="1")),
        ("first-byte-delay=250", Faults(first_byte_delay=0.25)),
        ("cut", Faults(cut_events=Place(1, content=True))),
        ("cut=3", Faults(cut_events=Place(3))),
        ("cut-events=0c", Faults(cut_events=Place(0, content=True))),
        ("reset=0", Faults(reset=Place(0))),
        ("close", Faults(nolen=True)),
        ("br", Faults(encoding="br")),
        ("headers=big", Faults(headers=(20, 1000))),
        ("headers=9000", Faults(headers=(1, 9000))),
    ],
)
def test_lists_are_read(text: str, faults: Faults) -> None:
    """Names, values, places and the short names mean what the guide says."""
    assert parse(text) == faults


@pytest.mark.parametrize(
    "text",
    [
        "status",
        "status=99",
        "status=x",
        "stall-head=3",
        "typo",
        "gzip=1",
        "cut=-1",
        "chunk",
        "empty=",
        "retry-after=1\r\nx: y",
    ],
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    """A typing error in a fault must not look like a good answer."""
    with pytest.raises(Refused):
        parse(text)


def test_a_models_faults_stand_after_an_exclamation_mark() -> None:
    """The model keeps its name without them."""
    assert split("sandbox-small!cut=2,delay=5") == ("sandbox-small", "cut=2,delay=5")
    assert split("sandbox-small") == ("sandbox-small", "")


@pytest.mark.parametrize(
    ("place", "at", "reached"),
    [
        (Place(0), (0, 0, False), True),
        (Place(2), (1, 1, True), False),
        (Place(2), (2, 0, False), True),
        (Place(0, content=True), (3, 0, False), False),
        (Place(0, content=True), (3, 0, True), True),
        (Place(2, content=True), (5, 1, True), False),
        (Place(2, content=True), (5, 2, False), True),
    ],
)
def test_places_in_a_stream(place: Place, at: tuple[int, int, bool], reached: bool) -> None:
    """A place counts all events or content events; `0c` waits for the first content to come next."""
    assert place.reached(*at) is reached


@pytest.mark.parametrize("name", NAMES)
def test_every_fault_is_in_the_guide(name: str) -> None:
    """Whoever reads the guide knows every fault there is."""
    assert f"`{name}" in _GUIDE.read_text()
