"""Which events of a stream go out, and in which shape: its faults, event by event, without any I/O."""

import re
from collections.abc import Callable, Iterable, Iterator
from enum import Enum, auto

from .errors import asked_for
from .faults import Faults, Place
from .reply import Event, Kind, Reply
from .said import Said

_AT_ONCE = Place(0)
_COMMENT = b": keep-alive\n\n"
_EMPTY_DATA = b"data:\n\n"
_BOM = b"\xef\xbb\xbf"
_LINE_END = re.compile(rb"\r\n|\r|\n")
_EVENT_LINE = re.compile(rb"^event:[^\r\n]*\r?\n", re.MULTILINE)
_FOREIGN_LETTER = re.compile(rb"[\xc3-\xf4][\x80-\xbf]")


class Ending(Enum):
    """What happens after the last frame."""

    FINISH = auto()
    CUT = auto()
    RESET = auto()
    STALL = auto()
    GARBLE = auto()


def paced(events: Iterable[Event], reply: Reply, faults: Faults, said: Said) -> Iterator[bytes | Ending]:
    """The events of a stream up to where a fault stops it; a fault placed behind the end never happens."""
    stream = Stream(reply, faults, said)
    if faults.bom:
        yield _BOM
    for event in () if faults.empty else events:
        ending = stream.stopped(event)
        if ending is not None:
            yield ending
            return
        yield from stream.between(event)
        failure = stream.failed(event)
        if failure is not None:
            yield failure
            yield from _closing(events) if faults.error_done else ()
            break
        if faults.no_terminal and event.kind in (Kind.END, Kind.DONE):
            break
        if not stream.left_out(event):
            yield from stream.event(event)
        if stream.over:
            break
    yield Ending.FINISH


def _closing(events: Iterable[Event]) -> Iterator[bytes]:
    """What closes the stream, of the events still to come."""
    yield from (event.data for event in events if event.kind is Kind.DONE)


class Stream:
    """One stream under way: how many events it has sent, and which of its faults are still to come."""

    def __init__(self, reply: Reply, faults: Faults, said: Said) -> None:
        self._reply = reply
        self._faults = faults
        self._said = said
        self._stops = [(place, ending) for place, ending in stops(faults) if place is not None]
        self._failure = _AT_ONCE if faults.error_first else faults.error_mid or faults.bare_error
        self._torn = faults.malformed
        self._double, self._empty = faults.double_start, faults.empty_data
        self._sent, self._content = 0, 0
        self._start = b""
        self.over = False

    def stopped(self, event: Event) -> Ending | None:
        """How the stream stops before an event; None when it goes on."""
        return next((ending for place, ending in self._stops if self._at(place, event)), None)

    def between(self, event: Event) -> Iterator[bytes]:
        """What is said before an event that is no part of the answer."""
        if self._faults.comments:
            yield _COMMENT
        if self._faults.unknown_events and self._reply.note:
            yield self._dressed(self._reply.note)
        if self._empty is not None and self._at(self._empty, event):
            self._empty = None
            yield _EMPTY_DATA
        if self._double is not None and self._at(self._double, event):
            self._double = None
            if self._start:
                yield self._start

    def failed(self, event: Event) -> bytes | None:
        """The failure that is reported in place of an event."""
        if self._failure is None or not self._at(self._failure, event):
            return None
        self._said.failed = True
        told = self._dressed(self._reply.broken(asked_for(self._faults.error_status), self._sent))
        return _EVENT_LINE.sub(b"", told) if self._faults.bare_error is not None else told

    def left_out(self, event: Event) -> bool:
        """Whether an event is not said at all: one that ends the answer, or the one that closes the stream."""
        left = {Kind.END: self._faults.no_finish, Kind.DONE: self._faults.no_done}.get(event.kind, False)
        if left:
            self._said.content = not self._said.torn
        return left

    def event(self, event: Event) -> Iterator[bytes]:
        """One event, unbroken or as a fault breaks it."""
        data = self._dressed(event.data)
        self._said.begin(data)
        if event.kind is Kind.OPEN and not self._start:
            self._start = data
        broken = self._broken(event, data)
        if broken is not None:
            self._said.torn = True
            yield broken
        else:
            yield data
            self._said.told(event)
        self._sent, self._content = self._sent + 1, self._content + (event.kind is Kind.CONTENT)

    def _broken(self, event: Event, data: bytes) -> bytes | None:
        if self._torn is not None and self._at(self._torn, event):
            self._torn = None
            return torn(data)
        if self._faults.half is not None and self._at(self._faults.half, event):
            self.over = True
            return data[: len(data) * 2 // 3]
        letter = _FOREIGN_LETTER.search(data) if self._faults.half_letter and event.kind is Kind.CONTENT else None
        if letter is not None:
            self.over = True
            return data[: letter.start() + 1]
        return None

    def _at(self, place: Place, event: Event) -> bool:
        return place.reached(self._sent, self._content, event.kind is Kind.CONTENT)

    def _dressed(self, data: bytes) -> bytes:
        return _LINE_END.sub(b"\r\n", data) if self._faults.crlf else data


def stops(faults: Faults) -> tuple[tuple[Place | None, Ending], ...]:
    """Where the body stops, and how."""
    return (
        (faults.cut_events, Ending.CUT),
        (faults.reset, Ending.RESET),
        (faults.stall, Ending.STALL),
        (faults.bad_chunk, Ending.GARBLE),
    )


def torn(event: bytes) -> bytes:
    """An event whose JSON breaks off, still ended by its blank line."""
    text = event.rstrip(b"\r\n")
    return text[: len(text) * 2 // 3] + event[len(text) :]


def noted(pieces: Iterator[bytes | Ending], note: Callable[[], None]) -> Iterator[bytes | Ending]:
    """The pieces of a body; `note` is called once all of it has been taken."""
    for piece in pieces:
        if piece is Ending.FINISH:
            note()
        yield piece
