"""The chunked transfer coding (RFC 9112, section 7.1), written and undone; strict, because framing is security.

Only CR LF ends a line, a size is hexadecimal digits and nothing else, extensions are skipped, trailers are dropped;
both are bounded. What follows the last chunk is left to whoever asked.
"""

from __future__ import annotations

import re

# A size line with extensions; nobody sends any.
MAX_SIZE_LINE = 256
# All trailers together; they are dropped.
MAX_TRAILERS = 16_384

_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?", re.DOTALL)


# Size lines that were read before, for the short way through `feed`; sizes up to 4 KiB are what events have.
MAX_USUAL = 4096
_usual_sizes: dict[bytes, int] = {}


class BadChunkError(ValueError):
    """The bytes are not a chunked body."""


class Chunks:
    """One body. After each `feed`, `complete` tells whether it has ended and `rest` what came behind it."""

    __slots__ = ("_held", "_in_trailers", "_left", "_trailers", "complete", "rest")

    def __init__(self) -> None:
        self.complete = False
        self.rest = b""
        self._held = b""  # of a size line, a line end or a trailer that is not complete
        self._left = 0  # bytes of the chunk still to come, its line end included
        self._in_trailers = False
        self._trailers = 0

    def feed(self, data: bytes) -> bytes:
        """The body's bytes among these. Raises BadChunkError."""
        whole = self._whole_chunk(data)
        if whole is not None:
            return whole
        if self._held:
            data, self._held = self._held + data, b""
        at, size = 0, len(data)
        parts: list[bytes] = []
        while 0 <= at < size and not self.complete:
            if self._left > 2:
                end = min(at + self._left - 2, size)
                parts.append(data[at:end])
                self._left -= end - at
                at = end
            else:
                at = self._line_end(data, at) if self._left else self._next_line(data, at)
        if self.complete:
            self.rest = data[at:]
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _whole_chunk(self, data: bytes) -> bytes | None:
        """The short way: nearly every arrival of a stream is one whole chunk of a usual size."""
        if self._left or self._held or self._in_trailers:
            return None
        line = data.find(b"\r\n")
        length = _usual_sizes.get(data[:line]) if line > 0 else None
        if length is None or line + length + 4 != len(data) or data[-2:] != b"\r\n":
            return None
        return data[line + 2 : -2]

    def _next_line(self, data: bytes, at: int) -> int:
        """A size line or a trailer. Where to go on, -1 when its end has not come yet."""
        end = data.find(b"\r\n", at)
        if end < 0:
            self._hold(data[at:])
            return -1
        self._line(data[at:end])
        return end + 2

    def _line_end(self, data: bytes, at: int) -> int:
        """Behind a chunk's data stands CR LF. Where to go on, -1 when it has not come yet."""
        if len(data) - at < 2 and data[at:] == b"\r":
            self._held = b"\r"
            return -1
        if data[at : at + 2] != b"\r\n":
            raise BadChunkError("a chunk is longer than its size says")
        self._left = 0
        return at + 2

    def _hold(self, line: bytes) -> None:
        if len(line) > (MAX_TRAILERS if self._in_trailers else MAX_SIZE_LINE):
            raise BadChunkError("a line of the chunked body is too long")
        self._held = line

    def _line(self, line: bytes) -> None:
        """A size line, or a trailer; an empty trailer ends the body."""
        if self._in_trailers:
            self._trailers += len(line) + 2
            if self._trailers > MAX_TRAILERS:
                raise BadChunkError("the trailers are too large")
            self.complete = not line
            return
        found = _SIZE.fullmatch(line) if len(line) <= MAX_SIZE_LINE else None
        if found is None:
            raise BadChunkError("a chunk's size is not a hexadecimal number")
        length = int(found[1], 16)
        if 0 < length <= MAX_USUAL and len(_usual_sizes) < MAX_USUAL:
            _usual_sizes[line] = length
        self._in_trailers = not length
        self._left = length + 2 if length else 0


def chunked(pieces: list[bytes], *, last: bool) -> list[bytes]:
    """Each piece as a chunk (RFC 9112, section 7.1), and the end of the body behind the last."""
    chunks = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece]
    return [*chunks, b"0\r\n\r\n"] if last else chunks
