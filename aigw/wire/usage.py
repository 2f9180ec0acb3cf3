"""The usage tap: what an answer used and how it ended, read in passing.

Every chunk is shown to the tap after it has gone to the caller, so the tap may be wrong but never slow, never
large, and it never raises. Chunks are kept by reference until there is a block worth a look; the outcome does
not depend on how the answer was sliced.
"""

from __future__ import annotations

import functools

import msgspec

from aigw.wire.answer import counts_of, error_of, seen
from aigw.wire.glean import glean, read, read_list
from aigw.wire.inflate import InflateError, InflateLimitError, Inflater, inflater
from aigw.wire.shapes import Seen, Usage
from aigw.wire.skim import Block, Skimmer

__all__ = ["Seen", "Tap", "Usage"]

_BLOCK_BYTES = 4096  # gathered before a look: about twenty tokens of a chat stream
_MAX_JSON_BYTES = 256 * 1024  # decoded whole, in 0.15 ms at most; of larger bodies only the ends are kept
_JSON_FRONT_BYTES = 8 * 1024
_JSON_TAIL_BYTES = 64 * 1024


class Tap:
    """Reads one answer. `feed` it every chunk as it came from the upstream, then `finish`; neither ever raises.

    Takes JSON bodies and event streams of every format, in any content coding that `inflate` knows; which of
    the two it is tell the bytes, as servers mislabel them. Audio, images and other types are left alone.
    Keeps at most 256 KiB of a body, and of a stream some 10 KiB, or 40 KiB while events are large.
    """

    __slots__ = ("_chunks", "_coding", "_due", "_garbled", "_inflate", "_reader", "_size")

    def __init__(self, content_type: str, content_encoding: str | None = None) -> None:
        self._chunks: list[bytes] = []
        self._size = 0
        self._coding = content_encoding
        self._inflate: Inflater | None = None
        self._reader: _Document | Skimmer | _Deaf | None = None
        self._due = _BLOCK_BYTES
        self._garbled = False
        if not _is_readable(content_type):
            self._reader, self._coding, self._due = _DEAF, None, 0

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

    def farewells(self) -> tuple[list[Block], bool] | None:
        """Return the last events of a stream that is over, the newest first, and whether that one was left open.

        None for what cannot be looked into. Raises InflateError for bytes that are not
        what their content coding says. `finish` may still be called.
        """
        self._look()
        if self._garbled:
            raise InflateError("the bytes are not what their content coding says")
        reader = self._reader
        if isinstance(reader, _Deaf):
            return None
        if not isinstance(reader, Skimmer):
            return [], False
        left_open = reader.close()
        return list(reader.farewells()), left_open

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
                self._reader = _Document() if data[0] in b"{[" else Skimmer()
            self._due = self._reader.take(data)
        except Exception as error:  # as above; what was read before stays
            self._garbled = isinstance(error, InflateError) and not isinstance(error, InflateLimitError)
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

    def __init__(self, before: _Document | Skimmer | _Deaf | None = None) -> None:
        self._before = before

    def take(self, data: bytes) -> int:
        """Take nothing."""
        return 0

    def finish(self) -> Seen:
        """Return what the failed reader had seen."""
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
        """Return what the body says, as far as it was received and kept."""
        data = b"".join(self._parts)
        if self._front:
            ends = _seen_of_ends(self._front, data[-_JSON_TAIL_BYTES:])
            return msgspec.structs.replace(ends, terminal=ends.terminal or data.rstrip().endswith((b"}", b"]")))
        if data.startswith(b"["):
            return _seen_of_list(data)
        return _seen_of_document(data)


def _seen_of_document(data: bytes) -> Seen:
    answer = read(data)
    if answer is None:
        return _seen_of_ends(data[:_JSON_FRONT_BYTES], data[-_JSON_TAIL_BYTES:])
    return seen(answer, counts_of(answer), True, error_of(answer))


def _seen_of_list(data: bytes) -> Seen:
    """Return what an array of objects says: the first has the id, the last usage and stop reason."""
    answers = read_list(data)
    if not answers:
        return _seen_of_ends(data[:_JSON_FRONT_BYTES], data[-_JSON_TAIL_BYTES:])
    last = answers[-1]
    last.response_id, last.model_version = answers[0].response_id, answers[0].model_version
    found = [counts for counts in map(counts_of, answers) if counts is not None]
    return seen(last, found[-1] if found else None, True, error_of(last))


def _seen_of_ends(front: bytes, tail: bytes) -> Seen:
    answer, ended = glean(front, tail)
    return seen(answer, counts_of(answer), ended, error_of(answer))


@functools.lru_cache(maxsize=64)
def _is_readable(content_type: str) -> bool:
    kind = content_type.partition(";")[0].strip().lower()
    return "json" in kind or kind in ("", "text/event-stream", "text/plain")


_NOTHING = Seen()
_DEAF = _Deaf()
