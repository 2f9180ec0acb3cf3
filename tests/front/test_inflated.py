"""Compressed request bodies: undone as they come, bounded by what they would become."""

from __future__ import annotations

import gzip
import importlib
import random
import sys
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest

from aigw.errors import InvalidBody, Refusal, TooLarge
from aigw.front.inflated import AT_ONCE, SLICE, Inflated
from aigw.front.intake import WHOLE_UP_TO, Form, Growing
from aigw.wire.inflate import MAX_FEED_BYTES

from ..support.intakes import sent, taken

zstd = importlib.import_module("compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd")

MOST = 2**20
ENCODINGS = ("gzip", "x-gzip", "deflate", "br", "zstd", "identity")


def compressed(encoding: str, data: bytes) -> bytes:
    """The data in a content coding (RFC 9110, section 8.4.1)."""
    coders: dict[str, Callable[[bytes], bytes]] = {
        "br": lambda data: bytes(brotli.compress(data, quality=5)),
        "zstd": zstd.compress,
        "gzip": squeezed,
        "x-gzip": squeezed,
        "deflate": zlib.compress,
        "identity": bytes,
    }
    return coders[encoding](data)


def squeezed(data: bytes) -> bytes:
    """Gzip without a time in it: pytest makes names of the bytes, and each of its processes must make the same."""
    return gzip.compress(data, mtime=0)


def inflating(encoding: str, most: int = MOST) -> Inflated:
    """A JSON body in a coding."""
    return Inflated(Growing(None), encoding, most)


def noise(size: int) -> bytes:
    """Text that no coding makes much smaller."""
    return random.Random(size).randbytes(size // 2).hex().encode()


@pytest.mark.parametrize("size", [100, WHOLE_UP_TO, 3 * WHOLE_UP_TO])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_compressed_bodies_are_undone(encoding: str, size: int) -> None:
    """Providers take no compressed requests, so the plain body goes up: a small one whole and with its length."""
    body = b'{"model":"m","text":"' + noise(size) + b'"}'
    coded = compressed(encoding, body)
    cut = len(coded) // 2
    found = taken(inflating(encoding), coded[:cut], coded[cut:])
    assert sent(found, "m") == body
    assert sent(found, "other") == body.replace(b'"m"', b'"other"')
    assert found.body.complete
    assert (found.body.length("m") == len(body)) is (len(body) <= WHOLE_UP_TO or found.body.complete)


@pytest.mark.parametrize("encoding", ENCODINGS[:-1])
def test_a_compressed_body_may_come_byte_by_byte(encoding: str) -> None:
    """Where an arrival ends says nothing."""
    body = b'{"model":"m","text":"' + b"ab" * 500 + b'"}'
    coded = compressed(encoding, body)
    found = taken(inflating(encoding), *(coded[at : at + 1] for at in range(len(coded))))
    assert sent(found, "m") == body


def test_a_large_compressed_body_goes_up_while_it_comes() -> None:
    """Each arrival costs its own part of the work: nothing of it is put off to the end."""
    body = b'{"model":"m","text":"' + noise(4 * WHOLE_UP_TO) + b'"}'
    coded = compressed("gzip", body)
    intake = inflating("gzip", 2 * MOST)
    found = intake.feed(coded[: len(coded) // 2], False)
    assert found is not None
    assert found.peeked.model == "m"
    assert not found.body.complete
    assert sum(map(len, found.body.pieces("m"))) > WHOLE_UP_TO
    assert (intake.feed(coded[len(coded) // 2 :], True), found.body.complete) == (None, True)
    assert b"".join(found.body.pieces("m")) == body


def test_a_compressed_form_is_undone() -> None:
    """Files are sent in forms; they may be compressed like any other body."""
    body = b'--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nup:m\r\n--b--\r\n'
    found = taken(Inflated(Form(b"b", None), "gzip", MOST), squeezed(body))
    assert found.peeked.model == "up:m"
    assert sent(found, "m") == body.replace(b"up:m", b"m")


@pytest.mark.parametrize(
    ("data", "out"),
    [
        (squeezed(b'{"model":') + squeezed(b'"m"}'), b'{"model":"m"}'),
        (squeezed(b'{"model":"m"}') + bytes(600), b'{"model":"m"}'),
        (squeezed(b'{"model":"m"}') + b'{"model":"x"}', b'{"model":"m"}'),
    ],
    ids=["members", "padding", "trailing"],
)
def test_members_and_what_follows_them(data: bytes, out: bytes) -> None:
    """Members of gzip follow each other (RFC 1952, section 2.2); what follows the last is padding, never a request."""
    assert sent(taken(inflating("gzip"), data), "m") == out
    assert sent(taken(inflating("gzip"), *(data[at : at + 7] for at in range(0, len(data), 7))), "m") == out


@pytest.mark.parametrize(
    ("encoding", "data", "kind"),
    [
        ("gzip", squeezed(b" " * 50 * MOST), TooLarge),
        ("gzip", squeezed(b"{" + b" " * (MOST + 10)), TooLarge),
        ("gzip", squeezed(b"{" + b" " * MOST) * 3, TooLarge),
        ("deflate", compressed("deflate", b" " * 50 * MOST), TooLarge),
        ("br", compressed("br", b" " * 50 * MOST), TooLarge),
        ("zstd", compressed("zstd", b" " * 50 * MOST), TooLarge),
        ("gzip", squeezed(b"") * 5000, TooLarge),
        ("gzip", b"no gzip", InvalidBody),
        ("gzip", b"", InvalidBody),
        ("gzip", squeezed(b'{"model":"m"}')[:-9], InvalidBody),
        ("gzip", squeezed(b'{"model":"m"}')[:-8] + b"\0" * 8, InvalidBody),
        ("br", compressed("br", b'{"model":"m"}')[:-1], InvalidBody),
        ("zstd", compressed("zstd", b'{"model":"m"}') + b"no zstd", InvalidBody),
        ("deflate", squeezed(b'{"model":"m"}'), InvalidBody),
    ],
)
def test_bombs_and_broken_codings_are_refused(encoding: str, data: bytes, kind: type[Refusal]) -> None:
    """Limits count plain bytes, and a bomb is noticed long before it has grown."""
    with pytest.raises(kind):
        taken(inflating(encoding), data)


def test_a_bomb_costs_no_memory() -> None:
    """A gigabyte in a megabyte: refused with less held than the limit and one slice."""
    bomb = compressed("gzip", bytes(64 * MOST)) * 16
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            taken(inflating("gzip"), bomb)
        assert tracemalloc.get_traced_memory()[1] < MOST + 2 * MAX_FEED_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("encoding", ["compress", "gzip, gzip", "gzip, identity", "gzip;q=1", "aws-chunked", "x" * 500])
def test_codings_that_are_not_known_are_named(encoding: str) -> None:
    """Refused at the head, before the body is read; nobody compresses twice but to hide how much it is."""
    with pytest.raises(InvalidBody, match="is not known; send gzip") as refused:
        inflating(encoding)
    assert refused.value.param == "content-encoding"
    assert len(refused.value.message) < 200


def test_a_little_at_a_time() -> None:
    """Of what has come only so much is undone that others do not wait; the rest is done when it is asked for."""
    body = b'{"model":"m","text":"' + b"x" * 20 * MOST + b'"}'
    intake = inflating("gzip", 21 * MOST)
    found = intake.feed(squeezed(body), True)
    assert found is not None
    steps = 1
    while intake.behind:
        before = sum(map(len, found.body.pieces("m")))
        assert intake.feed(b"", False) is None
        assert sum(map(len, found.body.pieces("m"))) - before <= AT_ONCE + 1032 * SLICE
        steps += 1
    assert steps > 5
    assert found.body.complete
    assert b"".join(found.body.pieces("m")) == body
