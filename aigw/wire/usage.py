"""The usage tap: what an answer used and how it ended, read in passing.

Every chunk is shown to the tap after it has gone to the caller, so the tap may be wrong but never slow, never
large, and it never raises. Chunks are kept by reference until there is a block worth a look; the outcome does
not depend on how the answer was sliced.
"""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Iterator

import attrs

from aigw.wire import sse
from aigw.wire.answer import Answer, counts_of, error_of, is_final, stop_of
from aigw.wire.counts import Counts, Usage, complete, usage
from aigw.wire.glean import glean, read, read_list
from aigw.wire.inflate import Inflater, inflater

__all__ = ["Seen", "Tap", "Usage"]

_BLOCK_BYTES = 4096  # gathered before a look: about twenty tokens of a chat stream
_MAX_JSON_BYTES = 256 * 1024  # decoded whole, in 0.15 ms at most; of larger bodies only the ends are kept
_JSON_FRONT_BYTES = 16 * 1024
_JSON_TAIL_BYTES = 64 * 1024

_MAX_EVENT_BYTES = 16 * 1024  # as above, for one event of a stream
_EVENT_FRONT_BYTES = 2 * 1024
_EVENT_TAIL_BYTES = 14 * 1024
_GREETINGS = 8  # events in which the id and the model have to turn up
_FAREWELLS = 12  # events in which the stop reason, the error and the end mark have to turn up; they also
_FAREWELL_BYTES = 4096  # have to end this near to the end


@attrs.frozen(slots=False)  # as Usage
class Seen:
    """What was read of one answer; None and False for what it did not say.

    `stop_reason` is the upstream's own word (for Responses the status, or the reason why it is incomplete;
    for a blocked Gemini prompt the block reason). `error` is the name of an error, in a body or in a stream.
    `terminal` says that the answer is whole: a stream brought the event its format ends with (`[DONE]`,
    `message_stop`, `response.completed`, `.incomplete` or `.failed`, Gemini's finish reason), a JSON body its
    last bracket.
    """

    usage: Usage | None = None
    stop_reason: str | None = None
    model: str | None = None
    response_id: str | None = None
    error: str | None = None
    terminal: bool = False


class Tap:
    """Reads one answer. `feed` it every chunk as it came from the upstream, then `finish`; neither ever raises.

    Takes JSON bodies and event streams of every format, in any content coding that `inflate` knows; which of
    the two it is tell the bytes, as servers mislabel them. Audio, images and other types are left alone.
    Keeps at most 256 KiB of a body and 64 KiB of a stream.
    """

    __slots__ = ("_chunks", "_coding", "_due", "_inflate", "_reader", "_size")

    def __init__(self, content_type: str, content_encoding: str | None = None) -> None:
        self._chunks: list[bytes] = []
        self._size = 0
        self._coding = content_encoding
        self._inflate: Inflater | None = None
        self._reader: _Document | _Stream | _Deaf | None = None
        self._due = _BLOCK_BYTES
        if not _is_readable(content_type):
            self._reader = _DEAF
            self._due = 0

    def feed(self, data: bytes) -> None:
        """Take the next chunk, in any slicing."""
        self._chunks.append(data)
        self._size += len(data)
        if self._size >= self._due:
            self._look()

    def finish(self) -> Seen:
        """Return what was seen; also right for an answer that broke off."""
        try:
            if self._reader is None and len(self._chunks) == 1 and not self._coding:
                data = self._chunks[0]
                if data.startswith(b"{") and data.endswith(b"}"):  # the usual small body, without further ado
                    return _seen_of_document(data)
            self._look()
            return self._reader.finish() if self._reader is not None else _NOTHING
        except Exception:  # whatever an upstream may send, it is metering that suffers, not the caller
            return _NOTHING

    def _look(self) -> None:
        data = self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)
        self._chunks = []
        self._size = 0
        try:
            if self._coding:
                data = self._plain(data)
            if self._reader is None:
                data = data.removeprefix(b"\xef\xbb\xbf").lstrip(b" \t\r\n")
                if not data:
                    return
                self._reader = _Document() if data[0] in b"{[" else _Stream()
            self._due = self._reader.take(data)
        except Exception:  # as above; what was read before stays
            self._coding, self._due = None, 0
            self._reader = _Deaf(self._reader)

    def _plain(self, data: bytes) -> bytes:
        if self._inflate is None:
            self._inflate = inflater(self._coding or "")
            if self._inflate is None:
                raise ValueError("a content coding that is not known")
        return self._inflate.feed(data)


class _Deaf:
    """In place of a reader that is not wanted, or that failed: takes nothing more."""

    def __init__(self, before: _Document | _Stream | _Deaf | None = None) -> None:
        self._before = before

    def take(self, data: bytes) -> int:
        return 0

    def finish(self) -> Seen:
        return _NOTHING if self._before is None else self._before.finish()


class _Document:
    """A JSON body: an object, or an array of objects (a Gemini stream without `alt=sse`)."""

    __slots__ = ("_front", "_parts", "_size")

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._front = b""  # once the body is too large to keep: how it began; `_parts` is then its end

    def take(self, data: bytes) -> int:
        """Keep `data`; return how many bytes may be gathered before the next call."""
        self._parts.append(data)
        self._size += len(data)
        if self._size <= _MAX_JSON_BYTES and not self._front:
            return _MAX_JSON_BYTES + 1 - self._size
        whole = b"".join(self._parts)
        self._front = self._front or whole[:_JSON_FRONT_BYTES]
        self._parts = [whole[-_JSON_TAIL_BYTES:]]
        return _JSON_TAIL_BYTES

    def finish(self) -> Seen:
        data = b"".join(self._parts)
        if self._front:
            return _seen_of_ends(self._front, data[-_JSON_TAIL_BYTES:])
        if data.startswith(b"["):
            return _seen_of_list(data)
        return _seen_of_document(data)


class _Stream:
    """An event stream.

    Three kinds of event are read: the first ones (id, model, the prompt's usage), any that seems to hold a
    usage object, and, when all is over, the last ones. The others are only split off.
    """

    __slots__ = (
        *("_carry", "_front", "_greetings", "_id", "_last", "_last_size"),
        *("_model", "_opening", "_torn", "_usage", "_zero"),
    )

    def __init__(self) -> None:
        self._carry = b""  # of the event that has not ended: all, or the end when `_front` holds its beginning
        self._front = b""
        self._greetings = _GREETINGS
        self._model: str | None = None
        self._id: str | None = None
        self._opening: Counts | None = None  # usage among the first events
        self._usage: Counts | None = None  # the newest since
        self._zero: Counts | None = None  # the newest since that says nothing but zero
        self._last: deque[bytes] = deque()  # the text last read, whole events, and what of it is enough to keep
        self._last_size = 0
        self._torn: _Block | None = None  # a large event before that text

    def take(self, data: bytes) -> int:
        """Read the events that `data` completes; return how many bytes may be gathered before the next call."""
        text, held = _with_lf(self._carry + data)
        cut = text.rfind(b"\n\n") + 2
        if cut > 1:
            self._read(text[:cut])
            text = text[cut:]
        if len(text) > _MAX_EVENT_BYTES + 1:  # more than the event may have, even if the last is its line end
            self._front = self._front or text[:_EVENT_FRONT_BYTES]
            text = text[-_EVENT_TAIL_BYTES - 2 :]
        self._carry = text + held
        return _BLOCK_BYTES

    def finish(self) -> Seen:
        if self._carry:
            self.take(b"\n\n")  # an event that nothing ended is read all the same: when it is JSON, it is whole
        seen = Answer(id=self._id, model=self._model)
        terminal, error, counts = False, None, self._counts()
        for block in self._farewells():
            answer = _understand(block)
            if answer is not None:
                terminal = terminal or is_final(answer)
                seen.stop_reason, error = stop_of(answer), error_of(answer)
                counts = counts or counts_of(answer)
                if error or seen.stop_reason:
                    break
        return _seen(seen, counts, terminal, error)

    def _read(self, text: bytes) -> None:
        """Read whole events; the first may be the end of one whose beginning is in `_front`."""
        if self._front:
            stop = text.find(b"\n\n")
            self._read_torn(self._front, text[:stop][-_EVENT_TAIL_BYTES:])
            self._front = b""
            text = text[stop + 2 :]
        self._last.append(text)
        self._last_size += len(text)
        while self._last_size - len(self._last[0]) >= _FAREWELL_BYTES:
            self._last_size -= len(self._last.popleft())
        start = 0
        while self._greetings and start < len(text):
            stop = text.find(b"\n\n", start)
            self._greet(_block(text[start:stop]))
            start = stop + 2
        self._find_usage(text, start)

    def _read_torn(self, front: bytes, tail: bytes) -> None:
        block = self._torn = front, tail
        self._last.clear()
        self._last_size = 0
        if self._greetings:
            self._greet(block)
        elif any(mark in front or mark in tail for mark in _USAGE_MARKS):
            self._meter(block)

    def _farewells(self) -> Iterator[_Block]:
        """Yield the last events that have data, the very last first."""
        text = b"".join(self._last)
        left, stop = _FAREWELLS, len(text) - 2
        nearest = max(stop - _FAREWELL_BYTES, 0)
        while left and stop > nearest:
            begin = text.rfind(b"\n\n", 0, stop)
            block = _block(text[begin + 2 if begin >= 0 else 0 : stop])
            stop = begin
            if _has_data(block):
                left -= 1
                yield block
        if left and stop <= 0 and self._torn is not None and len(text) < _FAREWELL_BYTES:
            yield self._torn

    def _greet(self, block: _Block) -> None:
        """Look for id and model, which stand in the first event, or in the one after Azure's filter results."""
        if not _has_data(block):
            return
        self._greetings -= 1
        answer = _understand(block)
        if answer is None:
            return
        for about in (answer, answer.message, answer.response):
            if isinstance(about, Answer):
                self._id = self._id or about.id or about.response_id
                self._model = self._model or about.model or about.model_version
        counts = counts_of(answer)
        if counts is not None:
            self._opening = complete(counts, self._opening) if self._opening is not None else counts
        if self._id and self._model:
            self._greetings = 0

    def _find_usage(self, text: bytes, start: int) -> None:
        """Take the newest usage object in `text` from `start` on."""
        end = len(text)
        while (at := max(text.rfind(mark, start, end) for mark in _USAGE_MARKS)) >= 0:
            begin = max(text.rfind(b"\n\n", start, at) + 2, start)
            if self._meter(_block(text[begin : text.find(b"\n\n", at)])):
                return
            end = begin

    def _meter(self, block: _Block) -> bool:
        """Take the usage of a block; false when it has none that tells more than zero."""
        answer = _understand(block)
        counts = None if answer is None else counts_of(answer)
        meant = None if counts is None else usage(counts)
        if meant is None:
            return False
        if meant.total or meant.seconds:
            self._usage = counts
            return True
        self._zero = self._zero or counts
        return False

    def _counts(self) -> Counts | None:
        newest = self._usage or self._zero
        if newest is None or self._opening is None:
            return newest or self._opening
        return complete(newest, self._opening)


# A whole event without its blank line; of a large one the beginning and the end.
_Block = bytes | tuple[bytes, bytes]

# In every usage object of OpenAI's and Anthropic's shape, and of Gemini's; seldom elsewhere, as quotes inside of
# texts are escaped. (`"usage"` itself would not do: OpenAI's streams say `"usage":null` in every chunk.)
_USAGE_MARKS = (b'okens"', b'okenCount"')

_DONE = Answer(type="[DONE]")


def _with_lf(text: bytes) -> tuple[bytes, bytes]:
    """Return `text` with all line ends LF, and the CR at its end that an LF may still follow."""
    if text.find(b"\r") < 0:
        return text, b""
    held = b"\r" if text.endswith(b"\r") else b""
    text = text[: len(text) - len(held)]
    lines = text.splitlines()
    if text.endswith((b"\n", b"\r")):
        lines.append(b"")
    return b"\n".join(lines), held


def _block(event: bytes) -> _Block:
    event = event.strip(b"\n")
    if len(event) <= _MAX_EVENT_BYTES:
        return event
    return event[:_EVENT_FRONT_BYTES], event[-_EVENT_TAIL_BYTES:]


def _has_data(block: _Block) -> bool:
    """Tell data from keep-alives: comments and blank lines."""
    head = block if isinstance(block, bytes) else block[0]
    return bool(head) and (head[0] != ord(":") or b"\ndata" in head)


def _understand(block: _Block) -> Answer | None:
    """Return what a block's data say, None when they are no JSON object."""
    if isinstance(block, tuple):
        event, rest = sse.read(block[0]), block[1].partition(b"\n")[0]
        answer = None if event is None else glean(event.data, rest, event=True)[0]
    else:
        event = sse.read(block)
        # Gemini has been seen to end a stream with a bare JSON error, without `data:`.
        data = event.data if event is not None and event.kind == "event" else block
        if data.strip() == b"[DONE]":
            return _DONE
        answer = read(data)
    if answer is not None and event is not None:
        answer.type = answer.type or event.event
    return answer


def _seen_of_document(data: bytes) -> Seen:
    answer = read(data)
    if answer is None:
        return _seen_of_ends(data[:_JSON_FRONT_BYTES], data[-_JSON_TAIL_BYTES:])
    return _seen(answer, counts_of(answer), True, error_of(answer))


def _seen_of_list(data: bytes) -> Seen:
    """Return what an array of objects says: the first has the id, the last usage and stop reason."""
    answers = read_list(data)
    if not answers:
        return _seen_of_ends(data[:_JSON_FRONT_BYTES], data[-_JSON_TAIL_BYTES:])
    seen = answers[-1]
    seen.response_id, seen.model_version = answers[0].response_id, answers[0].model_version
    found = [counts for counts in map(counts_of, answers) if counts is not None]
    return _seen(seen, found[-1] if found else None, True, error_of(seen))


def _seen_of_ends(front: bytes, tail: bytes) -> Seen:
    answer, ended = glean(front, tail)
    return _seen(answer, counts_of(answer), ended, error_of(answer))


def _seen(answer: Answer, counts: Counts | None, terminal: bool, error: str | None) -> Seen:
    return Seen(
        None if counts is None else usage(counts),
        stop_of(answer),
        answer.model or answer.model_version,
        answer.id or answer.response_id,
        error,
        terminal,
    )


@functools.lru_cache(maxsize=64)
def _is_readable(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return "json" in kind or kind in ("", "text/event-stream", "text/plain")


_NOTHING = Seen()
_DEAF = _Deaf()
