"""An answer on its way through a lane: undone of its content coding, translated, and what is wrong with it said."""

from __future__ import annotations

from aigw.errors import AnswerBroken, BadAnswer
from aigw.wire.format import Trouble
from aigw.wire.inflate import InflateError, Inflater, inflater
from aigw.wire.lane import BackLane
from aigw.wire.sse import EventTooLargeError

EVENTS = "text/event-stream"
JSON = "application/json"

MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""Bytes of a whole answer that is translated: it is kept in memory. Images come as base64 of a few MiB each."""

# What reading may end in. Formats refuse with ValueError what is no answer of theirs; of what an upstream may send, a
# shape that nobody thought of is still the upstream's fault, and another candidate may do better.
_UNREADABLE = (
    InflateError,
    EventTooLargeError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    ArithmeticError,
    RecursionError,
)

# Bytes of a coded answer that are undone at once.
_SLICE = 4096


class Rewriting:
    """One answer. `kind` is the content type for the caller."""

    def __init__(self, lane: BackLane, encoding: str | None, *, wants_stream: bool) -> None:
        self.lane = lane
        self.wants_stream = wants_stream
        self.kind = JSON if not wants_stream or lane.array else EVENTS
        self._inflater: Inflater | None = None
        self._unknown = ""
        if encoding and encoding.lower() != "identity":
            self._inflater = inflater(encoding)
            self._unknown = "" if self._inflater is not None else encoding

    @property
    def trouble(self) -> Trouble | None:
        """The error that the upstream reported in its stream."""
        return self.lane.failed

    def unended(self) -> AnswerBroken:
        """Why the stream stops here: the upstream's own error, or that there was no end."""
        if self.trouble is None:
            return AnswerBroken("stream_cut", "the upstream's stream stopped before its end")
        return AnswerBroken("error_in_stream", self.trouble.message, self.trouble)

    def streamed(self, data: bytes, complete: bool) -> bytes:
        """More of a stream as the caller gets it. Raises AnswerBroken where it cannot be read."""
        lane = self.lane
        try:
            said = lane.feed(self._plain(data))
            return said + lane.finish() if complete else said
        except _UNREADABLE as error:
            raise AnswerBroken("bad_stream", f"the upstream's stream cannot be read: {error}") from None

    def rest(self) -> bytes | None:
        """What is left to say of a stream that was all said, but for the end of its body; None for another one."""
        if self.lane.finished:
            return b""
        try:
            told = self.streamed(b"", True)
        except AnswerBroken:
            return None
        return told if self.lane.finished else None

    def whole(self, data: bytes, *, events: bool) -> bytes:
        """A whole answer as the caller gets it: as one answer, or as the stream it asked for. Raises BadAnswer."""
        lane = self.lane
        try:
            plain = data if self._inflater is None and not self._unknown else self._inflated(data)
            if events:
                return lane.collected(plain)
            return lane.streamed(plain) if self.wants_stream else lane.whole(plain)
        except _UNREADABLE as error:
            raise BadAnswer("bad_answer", f"the upstream's answer cannot be read: {error}") from None

    def _inflated(self, data: bytes) -> bytes:
        """A whole answer without its coding: in slices, so that a large one passes and a bomb is noticed early."""
        plain: list[bytes] = []
        size = 0
        for start in range(0, len(data), _SLICE):
            plain.append(self._plain(data[start : start + _SLICE]))
            size += len(plain[-1])
            if size > MAX_ANSWER_BYTES:
                raise InflateError(f"it is larger than {MAX_ANSWER_BYTES} bytes")
        return b"".join(plain)

    def _plain(self, data: bytes) -> bytes:
        if self._unknown:
            raise InflateError(f"its content coding is {self._unknown[:32]!r}")
        return data if self._inflater is None else self._inflater.feed(data)
