"""Content codings that keep a stream flowing: each piece is flushed, so that it can be read at once."""

import importlib
import zlib
from collections.abc import Callable
from typing import Any, Protocol

from .errors import Refused

_GZIP = 16 + zlib.MAX_WBITS


class Coder(Protocol):
    """A coding under way."""

    def feed(self, data: bytes) -> bytes:
        """The coded bytes of one piece, complete enough to be decoded without what follows."""

    def end(self) -> bytes:
        """The last bytes of the coded body."""


class _Zlib:
    def __init__(self, window: int) -> None:
        self._deflater = zlib.compressobj(wbits=window)

    def feed(self, data: bytes) -> bytes:
        return self._deflater.compress(data) + self._deflater.flush(zlib.Z_SYNC_FLUSH)

    def end(self) -> bytes:
        return self._deflater.flush()


class _Brotli:
    def __init__(self) -> None:
        self._compressor: Any = _library("brotli").Compressor()

    def feed(self, data: bytes) -> bytes:
        coded: bytes = self._compressor.process(data) + self._compressor.flush()
        return coded

    def end(self) -> bytes:
        coded: bytes = self._compressor.finish()
        return coded


class _Zstd:
    def __init__(self) -> None:
        library = _library("compression.zstd", "backports.zstd")
        self._compressor: Any = library.ZstdCompressor()

    def feed(self, data: bytes) -> bytes:
        coded: bytes = self._compressor.compress(data, self._compressor.FLUSH_BLOCK)
        return coded

    def end(self) -> bytes:
        coded: bytes = self._compressor.flush()
        return coded


class _Identity:
    def feed(self, data: bytes) -> bytes:
        return data

    def end(self) -> bytes:
        return b""


_CODERS: dict[str, Callable[[], Coder]] = {
    "gzip": lambda: _Zlib(_GZIP),
    "deflate": lambda: _Zlib(zlib.MAX_WBITS),
    "br": _Brotli,
    "zstd": _Zstd,
}


def coder(name: str | None) -> Coder:
    """A new coding of that name; None is the identity. Raises Refused (501) without its library."""
    return _Identity() if name is None else _CODERS[name]()


def decoded(body: bytes, encoding: str) -> bytes:
    """A request body without its content coding.

    Raises Refused: 400 when it does not decode, 415 when the coding is unknown.
    """
    if encoding in ("", "identity"):
        return body
    readers: dict[str, Callable[[bytes], bytes]] = {
        "gzip": lambda data: zlib.decompress(data, _GZIP),
        "deflate": zlib.decompress,
        "br": lambda data: _library("brotli").decompress(data),
        "zstd": lambda data: _library("compression.zstd", "backports.zstd").decompress(data),
    }
    if encoding not in readers:
        raise Refused(415, f"Unsupported content encoding: {encoding}")
    try:
        return readers[encoding](body)
    except (zlib.error, ValueError) as error:
        raise Refused(400, f"The body is not valid {encoding}: {error}") from None


def _library(*names: str) -> Any:
    for name in names:
        try:
            return importlib.import_module(name)
        except ImportError:
            continue
    raise Refused(501, f"This sandbox cannot speak that coding: {names[-1]} is not installed.")
