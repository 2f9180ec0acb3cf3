"""Content codings that flush."""

import zlib
from collections.abc import Callable
from typing import Any

import pytest

from aigw.sandbox.coding import coder, decoded
from aigw.sandbox.errors import Refused

brotli: Any = pytest.importorskip("brotli")
zstd: Any = pytest.importorskip("backports.zstd")


def _reader(name: str) -> Callable[[bytes], bytes]:
    """A decoder fed piece by piece, from another library's side of the coding."""
    brotlid: Any = brotli.Decompressor()
    readers: dict[str, Callable[[bytes], bytes]] = {
        "gzip": zlib.decompressobj(31).decompress,
        "deflate": zlib.decompressobj().decompress,
        "br": brotlid.process,
        "zstd": zstd.ZstdDecompressor().decompress,
    }
    return readers[name]


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
def test_each_piece_can_be_read_at_once(name: str) -> None:
    """A coded stream still streams: what was fed can be decoded before the next piece exists."""
    coding, read = coder(name), _reader(name)
    for piece in (b"data: one\n\n", b"data: two\n\n"):
        assert read(coding.feed(piece)) == piece
    assert read(coding.end()) == b""


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
def test_bodies_are_decoded(name: str) -> None:
    """A coded request body is read as what it says."""
    coding = coder(name)
    assert decoded(coding.feed(b"hello") + coding.end(), name) == b"hello"


def test_a_body_in_no_known_coding_is_refused() -> None:
    """What cannot be decoded is refused with a status that says why."""
    with pytest.raises(Refused) as unknown:
        decoded(b"", "rot13")
    with pytest.raises(Refused) as broken:
        decoded(b"not gzip", "gzip")
    assert (unknown.value.problem.status, broken.value.problem.status) == (415, 400)
