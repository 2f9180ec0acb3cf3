"""Splits bytes into server-sent events as they arrive, and writes events back.

The grammar is WHATWG HTML, section 9.2 (Server-sent events): a stream is lines ended by LF, CR LF or CR;
a blank line ends an event. Three things differ from a browser's `EventSource`, because a gateway passes
streams on: comments are kept (they are upstreams' keep-alives), so are blocks that carry only fields, and
every event keeps its raw bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

Kind = Literal["event", "comment", "field"]

MAX_EVENT_BYTES = 16 * 1024 * 1024
"""Bytes one event may take before the stream is refused: protects memory. Images travel in events as base64
(a few MiB each), so the bound is well above what providers send."""

_BOM = b"\xef\xbb\xbf"

# A line end followed by a line end ends an event. Of the nine ways to combine LF, CR LF and CR, each contains
# LF LF, LF CR or CR CR, and neither a single CR LF nor text does; an LF after the second CR belongs to it.
_BLANK_LINE = re.compile(rb"\n\n|\n\r\n?|\r\r\n?")
_LINE_END = re.compile(rb"\r\n|\n|\r")
_NOT_IN_A_FIELD = re.compile(rb"[\r\n\0]")


class EventTooLargeError(ValueError):
    """One event grew beyond the splitter's bound (`limit`, bytes) without ending."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"a server-sent event is larger than {limit} bytes")
        self.limit = limit


# A Struct where others are attrs classes: one is made per token of every stream, and this costs 40 ns, not 400.
class Event(msgspec.Struct, frozen=True, gc=False):
    """One block of an event stream.

    `kind` is `event` when the block has a `data` field (the only blocks a browser dispatches, even when the
    data is empty), `comment` when it holds nothing but comments, `field` when it holds other fields only (also for
    a bare JSON object: some servers break a stream off with the body of an error).
    `data` is the data lines joined with LF. `comment` is the comment lines, without their colon, joined with
    LF. `retry` is milliseconds. `raw` is the block as it came, its blank line included (an LF that comes
    apart from its CR goes to the next event); it is no part of what the event says: `write` ignores it.
    """

    kind: Kind
    data: bytes
    event: str | None = None
    comment: bytes | None = None
    id: str | None = None
    retry: int | None = None
    raw: bytes = b""


class Splitter:
    """Cuts a stream, fed in any slicing, into events; time is linear in the bytes however they are sliced."""

    __slots__ = ("_begun", "_last", "_limit", "_parts", "_size")

    def __init__(self, limit: int = MAX_EVENT_BYTES) -> None:
        self._limit = limit
        self._begun = False  # the byte order mark, legal only at the very start, is behind us
        self._parts: list[bytes] = []  # of the event that has not ended yet; joined once, when it ends
        self._size = 0
        self._last = b""  # the last byte fed, while an event is open: a blank line may be cut in two

    @property
    def pending(self) -> bool:
        """Whether an event was begun and not ended (blank lines and a byte order mark begin none)."""
        return any(part.strip(b"\r\n" + _BOM) for part in self._parts)

    def feed(self, data: bytes) -> list[Event]:
        """Return the events that `data` completes, in order; raise `EventTooLargeError` when one grows too big.

        After that error the splitter is of no further use.
        """
        events: list[Event] = []
        start = self._close(data, events) if self._parts else 0
        if not self._begun or len(data) > self._limit:
            start = self._emit_all(data, start, events)
        elif data.find(b"\r") < 0:
            start = _read_lf(data, start, events)
        else:
            start = _read_crlf(data, start, events)
        if start < len(data):
            self._keep(data[start:])
        return events

    def finish(self) -> list[Event]:
        """Return what is left at the end of the stream as an event, if it says anything.

        A browser discards an event that no blank line ended; here the caller decides (`pending` still tells):
        some servers omit the last blank line, and a connection that was cut leaves half an event.
        """
        events: list[Event] = []
        if self._parts:
            self._emit(b"".join(self._parts), events)
        return events

    def _close(self, data: bytes, events: list[Event]) -> int:
        """End the open event with the head of `data`; return where the rest begins."""
        # The cut may lie inside the blank line: then the last byte and the first ones of `data` complete it.
        seam = _BLANK_LINE.match(self._last + data[:2])
        end = seam.end() - 1 if seam else next(_block_ends(data, 0), 0)
        if not end:
            self._keep(data)
            return len(data)
        self._parts.append(data[:end])
        block = b"".join(self._parts)
        self._parts, self._size = [], 0
        if len(block) > self._limit:
            raise EventTooLargeError(self._limit)
        self._emit(block, events)
        return end

    def _keep(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self._limit:
            raise EventTooLargeError(self._limit)
        self._parts.append(data)
        self._last = data[-1:] or self._last

    def _emit_all(self, data: bytes, start: int, events: list[Event]) -> int:
        """Emit the blocks from `start` on, of any line ends and size; return where the open one begins."""
        for end in _block_ends(data, start):
            if end - start > self._limit:
                raise EventTooLargeError(self._limit)
            self._emit(data[start:end], events)
            start = end
        return start

    def _emit(self, block: bytes, events: list[Event]) -> None:
        if not self._begun:
            self._begun = True
            block = block.removeprefix(_BOM)
        event = read(block)
        if event is not None:
            events.append(event)


def read(block: bytes) -> Event | None:
    """Return what one block (with or without its blank line) says; None for blank lines and unknown fields alone.

    Unknown fields are ignored, but for a bare JSON object; so are an `id` with a NUL in it and a `retry` that is not
    digits.
    """
    data: list[bytes] = []
    comments: list[bytes] = []
    name = ident = retry = None
    for line in block.splitlines():  # for bytes: LF, CR LF and CR, nothing else
        field, _, value = line.partition(b":")
        if field == b"data":
            data.append(value.removeprefix(b" "))
        elif field == b"event":
            name = str(value.removeprefix(b" "), "utf-8", "replace")
        elif not field:
            if line:
                comments.append(value)
        elif field == b"id" and b"\0" not in value:
            ident = str(value.removeprefix(b" "), "utf-8", "replace")
        elif field == b"retry" and value.strip(b" ").isdigit() and len(value) < 16:
            retry = int(value)
    return _event(data, comments, (name, ident, retry), block)


def _read_lf(data: bytes, start: int, events: list[Event]) -> int:
    """Read the blocks of `data`, which has no CR, from `start` on; return where the block begins that is open.

    Nearly every event is one line of data, maybe after one with its name: those are read in passing, with
    searches for one byte, which are four times as fast as those for two.
    """
    while (stop := data.find(b"\n", start)) >= 0:
        line, name = start, None
        if data.startswith(b"event: ", start):
            name = str(data[start + 7 : stop], "utf-8", "replace")
            line = stop + 1
            stop = data.find(b"\n", line)
        if data.startswith(b"data: ", line) and data.startswith(b"\n\n", stop):
            end = stop + 2
            events.append(Event("event", data[line + 6 : stop], name, None, None, None, data[start:end]))
        elif (end := data.find(b"\n\n", start) + 2) > 1:
            event = read(data[start:end])
            if event is not None:
                events.append(event)
        else:
            break
        start = end
    return start


def _read_crlf(data: bytes, start: int, events: list[Event]) -> int:
    """Read as `_read_lf` does, where line ends may be of any kind; the quick way is the one for CR LF."""
    cr = lf = -1
    size = len(data)
    while start < size:
        # Searched for only when the last one found is behind, or a far one would be searched for per event.
        if lf < start:
            lf = data.find(b"\n", start) % (size + 1)  # none left: -1 becomes the end
        if cr < start:
            cr = data.find(b"\r", start) % (size + 1)
        if data.startswith(b"data: ", start) and lf == cr + 1 and data.startswith(b"\r\n\r\n", cr):
            end = cr + 4
            events.append(Event("event", data[start + 6 : cr], None, None, None, None, data[start:end]))
        elif match := _BLANK_LINE.search(data, start):
            end = match.end()
            event = read(data[start:end])
            if event is not None:
                events.append(event)
        else:
            break
        start = end
    return start


def write(event: Event) -> bytes:
    r"""Return the bytes of one event: fields, then data lines, then the blank line; all line ends are LF.

    `read(write(e))` says what `e` says. Line ends inside `data` and `comment` become further lines, so no
    text can smuggle in a field; in `event` and `id` they, and NUL, raise ValueError.
    """
    lines: list[bytes] = []
    if event.comment is not None:
        lines += [b":" + line for line in _LINE_END.split(event.comment)]
    for field, value in ((b"event: ", event.event), (b"id: ", event.id)):
        if value is not None:
            line = field + value.encode()
            if _NOT_IN_A_FIELD.search(line):
                raise ValueError(f"a line end or NUL in the {field[:-2].decode()} of a server-sent event")
            lines.append(line)
    if event.retry is not None:
        lines.append(b"retry: %d" % event.retry)
    if event.kind == "event":
        lines += [b"data: " + line for line in _LINE_END.split(event.data)]
    return b"\n".join(lines) + b"\n\n"


def first_event_end(buffer: bytes) -> int:
    """Return the offset just after the first complete event that carries data, -1 when there is none yet.

    Comments and blocks without data before it are stepped over: a keep-alive is not an answer. `buffer` is
    the stream from its first byte on.
    """
    start = 0
    for end in _block_ends(buffer, 0):
        event = read(buffer[start:end].removeprefix(_BOM) if start == 0 else buffer[start:end])
        if event is not None and event.kind == "event":
            return end
        start = end
    return -1


def _block_ends(data: bytes, start: int) -> Iterator[int]:
    """Yield the offset after every blank line from `start` on."""
    if data.find(b"\r") >= 0:
        yield from (match.end() for match in _BLANK_LINE.finditer(data, start))
        return
    while (start := data.find(b"\n\n", start) + 2) > 1:
        yield start


def _event(
    data: list[bytes], comments: list[bytes], fields: tuple[str | None, str | None, int | None], raw: bytes
) -> Event | None:
    name, ident, retry = fields
    comment = b"\n".join(comments) if comments else None
    if data:
        return Event("event", b"\n".join(data), name, comment, ident, retry, raw)
    if fields != (None, None, None):
        return Event("field", b"", name, comment, ident, retry, raw)
    if comments:
        return Event("comment", b"", raw=raw, comment=comment)
    return Event("field", b"", raw=raw) if raw.lstrip().startswith(b"{") else None
