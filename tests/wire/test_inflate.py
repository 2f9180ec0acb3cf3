"""Content codings are undone in any slicing, and never to more than the bounds allow."""

from __future__ import annotations

import gzip
import importlib
import random
import subprocess
import sys
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.wire.inflate import InflateError, InflateLimitError, Inflater, inflater

brotli = importlib.import_module("brotli")
zstd = importlib.import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")


def raw_deflate(data: bytes) -> bytes:
    """Deflate without zlib's header, as some servers send it."""
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


CODINGS: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("x-gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "raw deflate": ("deflate", raw_deflate),
    "br": ("br", brotli.compress),
    "zstd": ("zstd", zstd.compress),
    "identity": ("identity", bytes),
    "nothing": ("", bytes),
    "gzip, then br": ("gzip, br", lambda data: brotli.compress(gzip.compress(data))),
    "in capitals": (" GZIP , Identity", gzip.compress),
}
COMPRESSED = [name for name in CODINGS if name not in ("identity", "nothing")]
PLAIN = b'{"usage":{"prompt_tokens":12}}' * 50 + random.Random(3).randbytes(500)


def opened(encoding: str) -> Inflater:
    """The inflater of a coding that is known."""
    found = inflater(encoding)
    assert found is not None
    return found


@pytest.mark.parametrize("name", CODINGS)
def test_undone_in_any_slicing(name: str) -> None:
    """What was coded comes back, whole or byte by byte, and the end is recognised."""
    encoding, code = CODINGS[name]
    coded = code(PLAIN)
    for size in (1, 3, 100, len(coded)):
        it = opened(encoding)
        plain = [it.feed(coded[at : at + size]) for at in range(0, len(coded), size)]
        assert b"".join(plain) + it.finish() == PLAIN
        assert it.complete


@pytest.mark.parametrize("name", COMPRESSED)
@given(data=st.binary(max_size=300), cut=st.integers(0, 300))
def test_any_data(name: str, data: bytes, cut: int) -> None:
    """Any bytes survive, cut anywhere."""
    encoding, code = CODINGS[name]
    coded = code(data)
    it = opened(encoding)
    assert it.feed(coded[:cut]) + it.feed(coded[cut:]) == data


@pytest.mark.parametrize("name", COMPRESSED)
def test_output_comes_as_early_as_the_coder_flushed_it(name: str) -> None:
    """A cut answer gives what was received of it, and says that it is not complete."""
    encoding, code = CODINGS[name]
    coded = code(PLAIN)
    it = opened(encoding)
    assert PLAIN.startswith(it.feed(coded[:-9]) + it.finish())
    assert not it.complete


def test_a_flushed_stream_is_readable_at_once() -> None:
    """Every event of a compressed stream comes out when its flush has arrived."""
    gzipper = zlib.compressobj(wbits=31)
    brotlier = brotli.Compressor()
    zstdder = zstd.ZstdCompressor()
    flushes: dict[str, Callable[[bytes], bytes]] = {
        "gzip": lambda data: gzipper.compress(data) + gzipper.flush(zlib.Z_SYNC_FLUSH),
        "br": lambda data: brotlier.process(data) + brotlier.flush(),
        "zstd": lambda data: zstdder.compress(data, zstdder.FLUSH_BLOCK),
    }
    for encoding, flush in flushes.items():
        it = opened(encoding)
        for number in range(5):
            assert it.feed(flush(b"data: %d\n\n" % number)) == b"data: %d\n\n" % number


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_concatenated_members(name: str) -> None:
    """Members that follow each other are one answer (RFC 1952, RFC 8878), cut anywhere."""
    encoding, code = CODINGS[name]
    coded = code(b"one ") + code(b"") + code(b"two")
    for cut in range(len(coded)):
        it = opened(encoding)
        assert it.feed(coded[:cut]) + it.feed(coded[cut:]) == b"one two"


@pytest.mark.parametrize("name", ["gzip", "deflate"])
def test_padding_after_the_end_is_ignored(name: str) -> None:
    """What follows the end of the data is not part of the answer."""
    encoding, code = CODINGS[name]
    it = opened(encoding)
    assert it.feed(code(b"x") + bytes(10)) + it.feed(bytes(10)) + it.feed(b"\x1f\x8b") == b"x"
    assert it.complete


@pytest.mark.parametrize("name", COMPRESSED)
def test_garbage(name: str) -> None:
    """Data of another kind is an error, and stays one."""
    it = opened(CODINGS[name][0])
    for _ in range(2):
        with pytest.raises(InflateError):
            it.feed(b"\xff\xff\xff\xff this is not it" * 10)


@pytest.mark.parametrize("name", COMPRESSED)
def test_a_bomb_goes_off_harmlessly(name: str) -> None:
    """A few bytes that stand for many are refused as soon as they pass the bound of one feed."""
    encoding, code = CODINGS[name]
    with pytest.raises(InflateLimitError):
        opened(encoding).feed(code(bytes(9 * 1024 * 1024)))


@pytest.mark.parametrize("name", COMPRESSED)
def test_the_total_is_bounded_too(name: str) -> None:
    """Small portions add up: the bound of the whole answer is kept to the byte."""
    encoding, code = CODINGS[name]
    coded = code(bytes(10_000))
    for total, fits in ((10_000, True), (9_999, False)):
        it = Inflater(opened(encoding)._stages, max_total=total)
        if fits:
            assert sum(len(it.feed(coded[at : at + 1])) for at in range(len(coded))) == 10_000
        else:
            with pytest.raises(InflateLimitError):
                [it.feed(coded[at : at + 1]) for at in range(len(coded))]


def test_the_bound_holds_without_a_coding_too() -> None:
    """What is not coded is bounded like the rest, so that the bound can be relied on."""
    with pytest.raises(InflateLimitError):
        Inflater([], max_feed=9).feed(bytes(10))


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_empty_members_are_bounded(name: str) -> None:
    """Members that cost time and give nothing are counted."""
    encoding, code = CODINGS[name]
    with pytest.raises(InflateLimitError):
        opened(encoding).feed(code(b"") * 5000)


@pytest.mark.parametrize("encoding", ["compress", "br;q=1", "gzip gzip", "aws-chunked", "gzip,gzip,gzip,gzip"])
def test_unknown_codings(encoding: str) -> None:
    """A coding that is not known, or a pile of them, gives no inflater."""
    assert inflater(encoding) is None


@pytest.mark.parametrize("module", ["brotli", "zstd"])
def test_optional_packages(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package its coding is unknown, and all others work."""
    package = brotli if module == "brotli" else zstd
    monkeypatch.setitem(sys.modules, package.__name__, None)
    assert inflater("br" if module == "brotli" else "zstd") is None
    assert opened("gzip").feed(gzip.compress(b"x")) == b"x"


def test_a_brotli_that_cannot_be_bounded_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before 1.2 brotli has no limit for its output, so br counts as unknown."""

    class Old:
        class Decompressor:
            """Without `can_accept_more_data`."""

    monkeypatch.setitem(sys.modules, "brotli", Old)
    assert inflater("br") is None


def test_packages_are_imported_when_needed() -> None:
    """A start that meets no compressed answer does not pay for brotli and zstd."""
    script = "import sys, aigw.wire.usage; print([m for m in sys.modules if 'brotli' in m or 'zstd' in m])"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
