"""Is this stream worth sending? Looks at its first events until one has content, is an error, or too much came.

What is not understood counts as content: deciding about it is then up to the caller's SDK, as without a gateway.
"""

from __future__ import annotations

from aigw.wire.format import Format, Verdict
from aigw.wire.inflate import Inflater, inflater
from aigw.wire.sse import Event, EventTooLargeError, Splitter

# Preambles are some hundred bytes, Responses' up to the size of the request's instructions and tools.
MAX_HELD = 65_536


class Opening:
    """Judges one stream; `error` holds the data of the error event once the verdict is ERROR."""

    __slots__ = ("_format", "_inflater", "_size", "_splitter", "error")

    def __init__(self, format: Format, encoding: str | None) -> None:
        self._format = format
        self._splitter = Splitter()
        self._inflater: Inflater | None = None
        self._size = 0
        self.error = b""
        if encoding and encoding.lower() != "identity":
            self._inflater = inflater(encoding)
            # An encoding nobody here knows cannot be looked into; the caller asked for it.
            self._size = 0 if self._inflater else MAX_HELD

    def feed(self, data: bytes) -> Verdict:
        """The verdict after these bytes; PREAMBLE means that it is still open."""
        self._size += len(data)
        if self._size > MAX_HELD:
            return Verdict.CONTENT
        try:
            if self._inflater is not None:
                data = self._inflater.feed(data)
            events = self._splitter.feed(data)
        except (EventTooLargeError, ValueError):
            return Verdict.CONTENT
        for event in events:
            if event.kind != "event":
                continue
            verdict = self._judged(event)
            if verdict is Verdict.ERROR:
                self.error = event.data
            if verdict is not Verdict.PREAMBLE:
                return verdict
        return Verdict.PREAMBLE

    def _judged(self, event: Event) -> Verdict:
        try:
            return self._format.judge(event.event, event.data)
        except (TypeError, RecursionError):  # a `type` that is a list, ten thousand brackets
            return Verdict.CONTENT
