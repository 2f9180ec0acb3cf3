"""Bodies and how they stop, before anything is written."""

import zlib
from collections.abc import Iterator

import pytest

from aigw.sandbox.faults import parse
from aigw.sandbox.reply import Event, Kind, Reply
from aigw.sandbox.staging import stage
from aigw.sandbox.streaming import Ending


def _events() -> Iterator[Event]:
    yield Event(b"open\n\n", Kind.OPEN)
    yield Event(b"one\n\n")
    yield Event(b"two\n\n")
    yield Event(b"end\n\n", Kind.END)


def _stream(faults: str) -> list[bytes | Ending]:
    reply = Reply(events=_events(), broken=lambda problem, sent: b"broken after %d" % sent)
    return list(stage(reply, parse(faults)).frames)


_OPEN, _ONE, _TWO, _END = b"open\n\n", b"one\n\n", b"two\n\n", b"end\n\n"


@pytest.mark.parametrize(
    ("faults", "frames"),
    [
        ("", [_OPEN, _ONE, _TWO, _END, Ending.FINISH]),
        ("delay=1", [_OPEN, _ONE, _TWO, _END, Ending.FINISH]),
        ("cut=0", [Ending.CUT]),
        ("cut", [_OPEN, _ONE, Ending.CUT]),
        ("cut=0c", [_OPEN, Ending.CUT]),
        ("cut=3", [_OPEN, _ONE, _TWO, Ending.CUT]),
        ("cut=9", [_OPEN, _ONE, _TWO, _END, Ending.FINISH]),
        ("cut-bytes=8", [_OPEN, b"on", Ending.CUT]),
        ("cut-bytes=6", [_OPEN, Ending.CUT]),
        ("reset=2c", [_OPEN, _ONE, _TWO, Ending.RESET]),
        ("stall", [_OPEN, _ONE, Ending.STALL]),
        ("no-terminal", [_OPEN, _ONE, _TWO, Ending.FINISH]),
        ("empty", [Ending.FINISH]),
        ("error-first", [b"broken after 0", Ending.FINISH]),
        ("error-mid", [_OPEN, _ONE, b"broken after 2", Ending.FINISH]),
        ("error-mid=1", [_OPEN, b"broken after 1", Ending.FINISH]),
        ("malformed", [_OPEN, b"on\n\n", _TWO, _END, Ending.FINISH]),
        ("malformed=2c", [_OPEN, _ONE, _TWO, b"en\n\n", Ending.FINISH]),
        ("chunk=4", [b"open", b"\n\n", b"one\n", b"\n", b"two\n", b"\n", b"end\n", b"\n", Ending.FINISH]),
    ],
)
def test_where_a_stream_stops(faults: str, frames: list[bytes | Ending]) -> None:
    """Each fault breaks the stream at the event, or the byte, where it says."""
    assert _stream(faults) == frames


@pytest.mark.parametrize(
    ("faults", "length", "frames"),
    [
        ("", 10, [b"0123456789", Ending.FINISH]),
        ("size=12", 12, [b"0123456789  ", Ending.FINISH]),
        ("size=4", 10, [b"0123456789", Ending.FINISH]),
        ("cut", 10, [b"01234", Ending.CUT]),
        ("cut=0", 10, [Ending.CUT]),
        ("cut-bytes=9", 10, [b"012345678", Ending.CUT]),
        ("stall=0c", 10, [Ending.STALL]),
        ("reset=5", 10, [b"01234", Ending.RESET]),
        ("malformed", 6, [b"012345", Ending.FINISH]),
        ("empty", 0, [Ending.FINISH]),
        ("chunk=6", 10, [b"012345", b"6789", Ending.FINISH]),
    ],
)
def test_where_a_plain_body_stops(faults: str, length: int, frames: list[bytes | Ending]) -> None:
    """The length promised is the whole, also when less of it comes."""
    staged = stage(Reply(body=b"0123456789"), parse(faults))
    assert (staged.length, list(staged.frames)) == (length, frames)


def test_a_coded_body_has_the_length_of_its_coding() -> None:
    """The promised length counts the bytes on the wire."""
    staged = stage(Reply(body=b"0123456789"), parse("gzip"))
    body, ending = list(staged.frames)
    assert isinstance(body, bytes)
    assert (len(body), zlib.decompress(body, 31), ending) == (staged.length, b"0123456789", Ending.FINISH)


def test_a_page_in_place_of_an_answer() -> None:
    """`html` answers with a web page, whatever was asked, also for a stream."""
    staged = stage(Reply(events=_events()), parse("html"))
    assert staged.content_type.startswith("text/html")
    assert staged.length == sum(len(frame) for frame in staged.frames if isinstance(frame, bytes))
