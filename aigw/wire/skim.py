"""Skims an event stream: reads its first and last events, and those that hold usage; passes over all others."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from aigw.wire import sse
from aigw.wire.answer import counts_of, error_of, is_final, seen, stop_of
from aigw.wire.counts import complete, tells
from aigw.wire.glean import glean, read
from aigw.wire.shapes import Answer, Counts, Seen
from aigw.wire.sse import Event

_BLOCK_BYTES = 4096  # gathered before a look: about twenty tokens of a chat stream
_MAX_EVENT_BYTES = 16 * 1024  # kept whole; of a larger event, with an image or an echo of the request, both ends
_EVENT_FRONT_BYTES = 2 * 1024  # type, id and status stand here
_EVENT_TAIL_BYTES = 14 * 1024  # and here usage, before metadata of 8 KiB at most
_GREETINGS = 8  # events in which the id and the model have to turn up
# The stop reason, the error and the end mark have to turn up in the last so many events with data that end in the
# last so many bytes; providers send them in the last three.
_FAREWELLS = 12
_FAREWELL_BYTES = 4096


class Skimmer:
    """Reads one event stream, fed in blocks of any size; what it says at the end does not depend on them.

    Three kinds of event are read: the first ones (id, model, the prompt's usage), the newest that holds a usage
    object, and, when all is over, the last ones (stop reason, error, end mark). The others are only split off.
    Of an event too large to keep, both ends are.
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
        self._torn: Block | None = None  # a large event before that text

    def take(self, data: bytes) -> int:
        """Read the events that `data` completes; return how many bytes may be gathered before the next call."""
        text, held = _with_lf(self._carry + data)
        cut = text.rfind(b"\n\n") + 2
        if cut > 1:
            self._read(text[:cut])
            text = text[cut:]
        if len(text) > _MAX_EVENT_BYTES + 1:  # more than the event may have, even if the last is its line end
            self._front = self._front or text.lstrip(b"\n")[:_EVENT_FRONT_BYTES]
            text = text[-_EVENT_TAIL_BYTES - 2 :]
        self._carry = text + held
        return _BLOCK_BYTES

    def close(self) -> bool:
        """Read what is left at the end; return whether it was an event that no blank line had ended."""
        if self._carry.endswith(b"\r"):
            self.take(b"\n")
        left_open = bool(self._front or self._carry.strip(b"\n"))
        if self._carry:
            self.take(b"\n\n")  # an event that nothing ended is read all the same: when it is JSON, it is whole
        return left_open

    def finish(self) -> Seen:
        """Return what the stream said, as far as it went."""
        self.close()
        ended = Answer(id=self._id, model=self._model)
        terminal, error, counts = False, None, self._counts()
        for block in self.farewells():
            answer = understand(block)
            if answer is not None:
                terminal = terminal or is_final(answer)
                error = error or error_of(answer)
                counts = counts or counts_of(answer)
                ended.stop_reason = stop_of(answer)
                if ended.stop_reason:
                    break
        return seen(ended, counts, terminal, error)

    def _read(self, text: bytes) -> None:
        """Read whole events; the first may be the end of one whose beginning is in `_front`."""
        if self._front:
            stop = text.find(b"\n\n")
            self._read_torn(self._front, text[:stop][-_EVENT_TAIL_BYTES:])
            self._front = b""
            text = text[stop + 2 :]
        start = 0
        while self._greetings and (stop := text.find(b"\n\n", start)) >= 0:
            self._greet(_block(text[start:stop]))
            start = stop + 2
        self._find_usage(text, start)
        self._keep(text)

    def _keep(self, text: bytes) -> None:
        """Remember the last text, with all events that end in its last `_FAREWELL_BYTES`."""
        nearest = len(text) - 2 - _FAREWELL_BYTES
        if nearest > _FAREWELL_BYTES:
            before = text.rfind(b"\n\n", 0, nearest)
            text = text[before + 2 :] if before >= 0 else text
            stop = text.find(b"\n\n")
            first = _block(text[:stop])
            if isinstance(first, tuple):
                self._keep_torn(first)
                text = text[stop + 2 :]
        self._last.append(text)
        self._last_size += len(text)
        while self._last_size - len(self._last[0]) >= _FAREWELL_BYTES:
            self._last_size -= len(self._last.popleft())
            self._torn = None

    def _keep_torn(self, block: Block) -> None:
        self._torn = block
        self._last.clear()
        self._last_size = 0

    def _read_torn(self, front: bytes, tail: bytes) -> None:
        block = front, tail
        self._keep_torn(block)
        if self._greetings:
            self._greet(block)
        elif any(mark in front or mark in tail for mark in _USAGE_MARKS):
            counts = _counts_in(block)
            if counts is not None and tells(counts):
                self._usage = counts
            else:
                self._zero = counts or self._zero

    def farewells(self) -> Iterator[Block]:
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

    def _greet(self, block: Block) -> None:
        """Look for id and model, which stand in the first event, or in the one after Azure's filter results."""
        if not _has_data(block):
            return
        self._greetings -= 1
        answer = understand(block)
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
        zero = None
        marks = [text.rfind(mark, start) for mark in _USAGE_MARKS]
        while (at := max(marks)) >= 0:
            before = text.rfind(b"\n\n", start, at)
            begin = start if before < 0 else before + 2
            counts = _counts_in(_block(text[begin : text.find(b"\n\n", at)]))
            if counts is not None and tells(counts):
                self._usage = counts
                return
            zero = zero or counts
            # Only what is now behind is searched for again: a mark that is far away, or absent, stays so.
            for index, mark in enumerate(_USAGE_MARKS):
                if marks[index] >= begin:
                    marks[index] = text.rfind(mark, start, begin)
        self._zero = zero or self._zero

    def _counts(self) -> Counts | None:
        newest = self._usage or self._zero
        if newest is None or self._opening is None:
            return newest or self._opening
        return complete(newest, self._opening)


# A whole event without its blank line; of a large one the beginning and the end.
Block = bytes | tuple[bytes, bytes]

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


def _block(event: bytes) -> Block:
    event = event.strip(b"\n")
    if len(event) <= _MAX_EVENT_BYTES:
        return event
    return event[:_EVENT_FRONT_BYTES], event[-_EVENT_TAIL_BYTES:]


def _has_data(block: Block) -> bool:
    """Tell data from keep-alives: comments and blank lines."""
    head = block if isinstance(block, bytes) else block[0]
    return bool(head) and (head[0] != ord(":") or b"\ndata" in head)


def _counts_in(block: Block) -> Counts | None:
    answer = understand(block)
    return None if answer is None else counts_of(answer)


def heard(block: Block) -> Event | None:
    """Return an event with its name and its data; of a large one, with the beginning of its data."""
    return sse.read(block if isinstance(block, bytes) else block[0])


def understand(block: Block) -> Answer | None:
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
