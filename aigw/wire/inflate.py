"""Undoes the content codings of an answer on the side, while the coded bytes pass through untouched.

Codings are those of RFC 9110, section 8.4.1 (gzip, x-gzip, deflate), RFC 7932 (br) and RFC 9659 (zstd).
Output is bounded per feed and in total, because a few coded bytes can stand for gigabytes. brotli and zstd
are optional packages, imported when first needed: a start without them costs nothing.
"""

from __future__ import annotations

import importlib
import sys
import zlib
from collections.abc import Callable, Sequence
from typing import Any, Protocol

MAX_FEED_BYTES = 8 * 1024 * 1024
"""Plain bytes one feed may give: keeps the event loop from stalling. Text shrinks to a tenth, reads are 256 KiB
at most, so honest answers stay well below; a bomb (1:1000) does not."""

MAX_TOTAL_BYTES = 256 * 1024 * 1024
"""Plain bytes one answer may give: bounds the time spent on it."""

_MAX_CODINGS = 3  # `gzip, br` has been seen from badly stacked proxies; more is an attack
_MAX_MEMBERS = 4096  # gzip members or zstd frames of one answer: an empty one costs 20 bytes and some µs
_TOO_LARGE = "an answer inflates to more than may be looked at"
_ZSTD_WINDOW_LOG = 23  # 8 MiB, the most that RFC 9659 allows in `content-encoding: zstd`


class InflateError(ValueError):
    """The bytes are not what `content-encoding` says."""


class InflateLimitError(InflateError):
    """The bytes inflate to more than is allowed: a decompression bomb, or an answer too large to look at."""


class Stage(Protocol):
    """One coding being undone."""

    complete: bool
    """The coded data has reached its end mark."""

    def push(self, data: bytes, room: int) -> bytes:
        """Return all that `data` adds, at most `room` bytes; raise InflateError or InflateLimitError."""


class Inflater:
    """Undoes a list of codings; takes any slicing. After an error it gives the same error on every feed."""

    def __init__(
        self, stages: Sequence[Stage], max_feed: int = MAX_FEED_BYTES, max_total: int = MAX_TOTAL_BYTES
    ) -> None:
        self._stages = stages
        self._max_feed = max_feed
        self._left = max_total
        self._failed: InflateError | None = None

    @property
    def complete(self) -> bool:
        """Whether every coding has reached its end: false for an answer that was cut."""
        return all(stage.complete for stage in self._stages)

    def feed(self, data: bytes) -> bytes:
        """Return the plain bytes that `data` adds; raise InflateError for bad data, InflateLimitError for too much."""
        if self._failed is not None:
            raise self._failed
        room = min(self._max_feed, self._left)
        try:
            for stage in self._stages:
                data = stage.push(data, room if stage is self._stages[-1] else self._max_feed)
            if len(data) > room:
                raise InflateLimitError(_TOO_LARGE)
        except InflateError as exc:
            self._failed = exc
            raise
        self._left -= len(data)
        return data

    def finish(self) -> bytes:
        """Return what was still held back: nothing, as every feed gives all it can; see `complete`."""
        return b""


class _Zlib:
    """gzip (any number of members, zeros or other padding after the last) and deflate."""

    def __init__(self, wbits: int) -> None:
        self._wbits = wbits
        self._held = b""  # of a deflate stream whose kind is not known yet
        self._inflate: Any = None
        self._members = 0
        self._over = False
        self.complete = False

    def push(self, data: bytes, room: int) -> bytes:
        data = self._held + data
        if not self._wbits:
            if len(data) < 2:
                self._held = data
                return b""
            self._held, self._wbits = b"", _deflate_wbits(data)
        plain: list[bytes] = []
        while data and (self._inflate is not None or self._begins_member(data)):
            try:
                piece = self._inflate.decompress(data, room + 1)
            except zlib.error as exc:
                raise InflateError(f"not zlib data: {exc}") from exc
            room -= len(piece)
            if room < 0:
                raise InflateLimitError(_TOO_LARGE)
            plain.append(piece)
            self.complete = self._inflate.eof
            data = self._inflate.unused_data
            if self.complete:
                self._inflate = None
        return b"".join(plain)

    def _begins_member(self, data: bytes) -> bool:
        """Make ready for another member; false when what follows the last one is padding, to be ignored."""
        if self._members and (self._wbits != _GZIP or not data.startswith(b"\x1f")):
            self._over = True
        if self._over:
            return False
        self._members += 1
        if self._members > _MAX_MEMBERS:
            raise InflateLimitError("an answer has too many gzip members")
        self._inflate = zlib.decompressobj(self._wbits)
        return True


class _Brotli:
    def __init__(self, brotli: Any) -> None:
        self._error: type[Exception] = brotli.error
        self._inflate = brotli.Decompressor()
        self.complete = False

    def push(self, data: bytes, room: int) -> bytes:
        if self.complete:
            return b""
        try:
            plain: bytes = self._inflate.process(data, output_buffer_limit=room + 1)
        except self._error as exc:
            raise InflateError("not brotli data") from exc
        if len(plain) > room:
            raise InflateLimitError(_TOO_LARGE)
        self.complete = self._inflate.is_finished()
        return plain


class _Zstd:
    """zstd, any number of frames."""

    def __init__(self, zstd: Any) -> None:
        self._error: type[Exception] = zstd.ZstdError
        options = {zstd.DecompressionParameter.window_log_max: _ZSTD_WINDOW_LOG}
        self._open: Callable[[], Any] = lambda: zstd.ZstdDecompressor(options=options)
        self._inflate = self._open()
        self._frames = 1
        self.complete = False

    def push(self, data: bytes, room: int) -> bytes:
        plain: list[bytes] = []
        while data:
            if self.complete:
                self._frames += 1
                if self._frames > _MAX_MEMBERS:
                    raise InflateLimitError("an answer has too many zstd frames")
                self._inflate = self._open()
            try:
                piece = self._inflate.decompress(data, room + 1)
            except self._error as exc:
                raise InflateError("not zstd data") from exc
            room -= len(piece)
            if room < 0:
                raise InflateLimitError(_TOO_LARGE)
            plain.append(piece)
            self.complete = self._inflate.eof
            data = self._inflate.unused_data if self.complete else b""
        return b"".join(plain)


_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS


def _deflate_wbits(head: bytes) -> int:
    """`deflate` means zlib data (RFC 1950), but some servers send raw deflate data (RFC 1951)."""
    looks_like_zlib = head[0] & 0x0F == 8 and (head[0] << 8 | head[1]) % 31 == 0
    return _ZLIB if looks_like_zlib else _RAW


def _brotli() -> Stage | None:
    try:
        brotli = importlib.import_module("brotli")
    except ImportError:
        return None
    # Before 1.2 its output cannot be bounded.
    return _Brotli(brotli) if hasattr(brotli.Decompressor, "can_accept_more_data") else None


def _zstd() -> Stage | None:
    module = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    try:
        return _Zstd(importlib.import_module(module))
    except ImportError:
        return None


_CODINGS: dict[str, Callable[[], Stage | None]] = {
    "gzip": lambda: _Zlib(_GZIP),
    "x-gzip": lambda: _Zlib(_GZIP),
    "deflate": lambda: _Zlib(0),
    "br": _brotli,
    "zstd": _zstd,
}


def inflater(encoding: str) -> Inflater | None:
    """Return an inflater for the value of a `content-encoding` header, None when one of its codings is unknown.

    Codings are listed in the order they were applied (RFC 9110, section 8.4), so they are undone from the
    last. `identity` and the empty value change nothing.
    """
    names = [name.strip().lower() for name in encoding.split(",")]
    names = [name for name in names if name not in ("", "identity")]
    if len(names) > _MAX_CODINGS or any(name not in _CODINGS for name in names):
        return None
    stages = [_CODINGS[name]() for name in reversed(names)]
    known = [stage for stage in stages if stage is not None]
    return Inflater(known) if len(known) == len(stages) else None
