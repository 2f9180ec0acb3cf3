"""Which bytes go out and how they stop: a reply and its faults become frames, without any I/O.

A frame is written and flushed by itself. After the last one stands an Ending: what happens to the connection.
"""

from collections.abc import Iterable, Iterator

from attrs import frozen

from .coding import Coder, coder
from .faults import BEFORE_FIRST_CONTENT, CALM, Faults, Place
from .reply import Event, Reply
from .said import Said
from .streaming import Ending, noted, paced, stops

_AT_ONCE = Place(0)
_HTML = b"<!doctype html><html><head><title>Sign in</title></head><body><h1>Sign in</h1></body></html>\n"


@frozen
class Staged:
    """A body ready to be written: `length` in bytes as it is declared beforehand, None for a stream."""

    content_type: str
    length: int | None
    frames: Iterator[bytes | Ending]


def stage(reply: Reply, faults: Faults, said: Said | None = None) -> Staged:
    """Lay out a reply's body under its faults; `said` is told how much of it went out.

    Raises Refused (501) when the coding's library is missing.
    """
    said = said or Said()
    if faults.html:
        reply, said = Reply(body=_HTML, content_type="text/html; charset=utf-8"), Said()
    content_type = faults.type or reply.content_type
    if reply.events is not None and faults is CALM:
        return Staged(content_type, None, noted(_calm(reply.events, said), said.finish))
    coding = coder(faults.encoding)
    if reply.events is not None:
        pieces = paced(reply.events, reply, faults, said)
        return Staged(content_type, None, _sliced(_coded(pieces, coding, faults), faults))
    body = _whole(reply, faults, said)
    coded = coding.feed(body) + (b"" if faults.no_trailer else coding.end()) if body else b""
    if faults.coding_cut is not None:
        coded, said.torn = coded[: len(coded) * 2 // 3], True
    length = max(0, len(coded) + (faults.length or 0))
    said.torn = said.torn or length < len(coded)
    return Staged(content_type, length, noted(_sliced(_halved(coded, faults), faults), said.finish))


def _calm(events: Iterable[Event], said: Said) -> Iterator[bytes | Ending]:
    for event in events:
        said.begin(event.data)
        yield event.data
    yield Ending.FINISH


def _whole(reply: Reply, faults: Faults, said: Said) -> bytes:
    """The body of a plain answer: padded with spaces to `size`, emptied, or broken."""
    body = b"" if faults.empty else reply.body
    said.begin(body)
    broken = (faults.malformed, faults.half)
    if any(place is not None for place in broken) or faults.half_letter:
        body, said.torn = body[: len(body) * 2 // 3], True
    if faults.size is not None and body and reply.status == 200:
        body = body.ljust(faults.size)
    said.torn = said.torn or not body
    return body


def _halved(body: bytes, faults: Faults) -> Iterator[bytes | Ending]:
    """A plain body up to where a fault stops it: place 0 is before its start, any other is its middle."""
    for place, ending in stops(faults):
        if place is not None:
            early = place in (_AT_ONCE, BEFORE_FIRST_CONTENT)
            yield b"" if early else body[: (len(body) + 1) // 2]
            yield ending
            return
    yield body
    yield Ending.FINISH


def _coded(pieces: Iterator[bytes | Ending], coding: Coder, faults: Faults) -> Iterator[bytes | Ending]:
    """The pieces in their coding; with `coding-cut` it breaks off at that event, and the body ends well."""
    place = faults.coding_cut
    for sent, piece in enumerate(pieces):
        if not isinstance(piece, bytes):
            if piece is Ending.FINISH and not faults.no_trailer:
                yield coding.end()
            yield piece
            return
        coded = coding.feed(piece)
        if place is not None and sent > place.number:
            yield coded[: len(coded) * 2 // 3]
            yield Ending.FINISH
            return
        yield coded


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
