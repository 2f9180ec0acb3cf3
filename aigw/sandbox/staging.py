"""Which bytes go out and how they stop: a reply and its faults become frames, without any I/O.

A frame is written and flushed by itself. After the last one stands an Ending: what happens to the connection.
"""

from collections.abc import Iterable, Iterator
from enum import Enum, auto

from attrs import frozen

from .coding import Coder, coder
from .errors import asked_for
from .faults import BEFORE_FIRST_CONTENT, CALM, Faults, Place
from .reply import Event, Kind, Reply

_AT_ONCE = Place(0)
_HTML = b"<!doctype html><html><head><title>Sign in</title></head><body><h1>Sign in</h1></body></html>\n"


class Ending(Enum):
    """What happens after the last frame."""

    FINISH = auto()
    CUT = auto()
    RESET = auto()
    STALL = auto()


@frozen
class Staged:
    """A body ready to be written: `length` in bytes when it is known beforehand, None for a stream."""

    content_type: str
    length: int | None
    frames: Iterator[bytes | Ending]


def stage(reply: Reply, faults: Faults) -> Staged:
    """Lay out a reply's body under its faults. Raises Refused (501) when the coding's library is missing."""
    coding = coder(faults.encoding)
    if faults.html:
        reply = Reply(body=_HTML, content_type="text/html; charset=utf-8")
    if reply.events is not None and faults is CALM:
        return Staged(reply.content_type, None, _calm(reply.events))
    if reply.events is not None:
        pieces = _paced(reply.events, reply, faults)
        return Staged(reply.content_type, None, _sliced(_coded(pieces, coding), faults))
    body = _whole(reply, faults)
    coded = coding.feed(body) + coding.end() if body else b""
    return Staged(reply.content_type, len(coded), _sliced(_halved(coded, faults), faults))


def _calm(events: Iterable[Event]) -> Iterator[bytes | Ending]:
    for event in events:
        yield event.data
    yield Ending.FINISH


def _paced(events: Iterable[Event], reply: Reply, faults: Faults) -> Iterator[bytes | Ending]:
    """The events of a stream up to where a fault stops it; a fault placed behind the end never happens."""
    stops = [(place, ending) for place, ending in _stops(faults) if place is not None]
    failure = _AT_ONCE if faults.error_first else faults.error_mid
    broken, sent, content = faults.malformed, 0, 0
    for event in () if faults.empty else events:
        at = (sent, content, event.kind is Kind.CONTENT)
        for place, ending in stops:
            if place.reached(*at):
                yield ending
                return
        if failure is not None and failure.reached(*at):
            yield reply.broken(asked_for(faults.error_status), sent)
            break
        if faults.no_terminal and event.kind is Kind.END:
            break
        data = event.data
        if broken is not None and broken.reached(*at):
            data, broken = _torn(data), None
        yield data
        sent, content = sent + 1, content + (event.kind is Kind.CONTENT)
    yield Ending.FINISH


def _stops(faults: Faults) -> tuple[tuple[Place | None, Ending], ...]:
    return (faults.cut_events, Ending.CUT), (faults.reset, Ending.RESET), (faults.stall, Ending.STALL)


def _whole(reply: Reply, faults: Faults) -> bytes:
    """The body of a plain answer: padded with spaces to `size`, emptied, or broken."""
    body = b"" if faults.empty else reply.body
    if faults.malformed is not None:
        body = body[: len(body) * 2 // 3]
    if faults.size is not None and body and reply.status == 200:
        body = body.ljust(faults.size)
    return body


def _halved(body: bytes, faults: Faults) -> Iterator[bytes | Ending]:
    """A plain body up to where a fault stops it: place 0 is before its start, any other is its middle."""
    for place, ending in _stops(faults):
        if place is not None:
            early = place in (_AT_ONCE, BEFORE_FIRST_CONTENT)
            yield b"" if early else body[: (len(body) + 1) // 2]
            yield ending
            return
    yield body
    yield Ending.FINISH


def _torn(event: bytes) -> bytes:
    """An event whose JSON breaks off, still ended by its blank line."""
    text = event.rstrip(b"\r\n")
    return text[: len(text) * 2 // 3] + event[len(text) :]


def _coded(pieces: Iterator[bytes | Ending], coding: Coder) -> Iterator[bytes | Ending]:
    for piece in pieces:
        if isinstance(piece, bytes):
            yield coding.feed(piece)
        else:
            if piece is Ending.FINISH:
                yield coding.end()
            yield piece


def _sliced(pieces: Iterator[bytes | Ending], faults: Faults) -> Iterator[bytes | Ending]:
    """The frames: pieces cut to `chunk` bytes, and the whole cut off after `cut-bytes`."""
    left = faults.cut_bytes
    for piece in pieces:
        if isinstance(piece, Ending):
            yield piece
            return
        if left is not None and len(piece) >= left:
            yield from _chunks(piece[:left], faults.chunk)
            yield Ending.CUT
            return
        left = None if left is None else left - len(piece)
        yield from _chunks(piece, faults.chunk)


def _chunks(piece: bytes, size: int | None) -> Iterator[bytes]:
    if not size:
        if piece:
            yield piece
        return
    for start in range(0, len(piece), size):
        yield piece[start : start + size]
