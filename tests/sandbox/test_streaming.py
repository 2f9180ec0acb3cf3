"""The events of a stream under faults of what is said, before any framing."""

from __future__ import annotations

import pytest

from aigw.sandbox.faults import parse
from aigw.sandbox.reply import Event, Kind, Reply
from aigw.sandbox.said import Said
from aigw.sandbox.streaming import Ending, paced

OPEN, ONE, TWO = b"event: open\ndata: o\n\n", "data: grün\n\n".encode(), b"data: two\n\n"
END, DONE, NOTE = b"data: end\n\n", b"data: [DONE]\n\n", b"data: note\n\n"
EVENTS = (Event(OPEN, Kind.OPEN), Event(ONE), Event(TWO), Event(END, Kind.END), Event(DONE, Kind.DONE))
BROKEN = b"event: error\ndata: broken\n\n"


def streamed(faults: str) -> list[bytes | Ending]:
    """What goes out."""
    reply = Reply(broken=lambda problem, sent: BROKEN, note=NOTE)
    return list(paced(iter(EVENTS), reply, parse(faults), Said()))


@pytest.mark.parametrize(
    ("faults", "pieces"),
    [
        ("no-done", [OPEN, ONE, TWO, END]),
        ("no-finish", [OPEN, ONE, TWO, DONE]),
        ("no-terminal", [OPEN, ONE, TWO]),
        ("half", [OPEN, ONE, TWO[:7]]),
        ("half=0c", [OPEN, ONE[:8]]),
        ("half-letter", [OPEN, b"data: gr\xc3"]),
        ("double-start", [OPEN, ONE, OPEN, TWO, END, DONE]),
        ("empty-data=1", [OPEN, b"data:\n\n", ONE, TWO, END, DONE]),
        ("bom", [b"\xef\xbb\xbf", OPEN, ONE, TWO, END, DONE]),
        ("crlf", [piece.replace(b"\n", b"\r\n") for piece in (OPEN, ONE, TWO, END, DONE)]),
        ("comments,cut=1", [OPEN]),
        ("bare-error", [OPEN, ONE, b"data: broken\n\n"]),
        ("error-mid,error-done", [OPEN, ONE, BROKEN, DONE]),
        ("unknown-events,no-terminal", [NOTE, OPEN, NOTE, ONE, NOTE, TWO, NOTE]),
    ],
)
def test_what_goes_out(faults: str, pieces: list[bytes]) -> None:
    """Each fault leaves out, adds or breaks what it says, and the body ends well unless it says otherwise."""
    said = streamed(faults)
    if faults.startswith("comments"):
        assert said == [b": keep-alive\n\n", OPEN, Ending.CUT]
    else:
        assert said == [*pieces, Ending.FINISH]


def test_broken_framing_is_an_end_of_its_own() -> None:
    """Where chunks break is where the stream does."""
    assert streamed("bad-chunk=1") == [OPEN, Ending.GARBLE]
