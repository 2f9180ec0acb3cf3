"""The head of a request, read."""

from __future__ import annotations

from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as some

from aigw.control.framing import MAX_BODY_BYTES, MAX_HEAD_BYTES, Unreadable, read

HEAD = b"POST /access-keys?wait=true&x=%20 HTTP/1.1\r\n"


def test_a_head() -> None:
    """Method, path and query as they were written; names in lower case; what comes twice is a list."""
    head = read(HEAD + b"Host: a\r\nX-A:  1 \r\nx-a:\t2\r\nContent-Length: 12\r\nExpect: 100-continue\r\n\r\n")
    assert (head.method, head.path, head.query) == ("POST", "/access-keys", "wait=true&x=%20")
    assert head.headers == {"host": "a", "x-a": "1, 2", "content-length": "12", "expect": "100-continue"}
    assert (head.length, head.waits) == (12, True)
    request = head.request(b"{}", "192.0.2.1")
    assert (request.path, request.body, request.peer) == ("/access-keys", b"{}", "192.0.2.1")


def test_the_largest_body() -> None:
    """It is taken: the limit itself is allowed."""
    assert read(HEAD + b"content-length: %d\r\n\r\n" % MAX_BODY_BYTES).length == MAX_BODY_BYTES


def test_no_secret_is_printed() -> None:
    """What a log or a traceback shows of a request holds no credential."""
    head = read(HEAD + b"authorization: Bearer canary\r\n\r\n")
    assert "canary" not in repr(head) + repr(head.request(b"canary", ""))


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        (b"content-length: 1\r\ncontent-length: 1\r\n", 400),
        (b"content-length: 1, 1\r\n", 400),
        (b"content-length: +1\r\n", 400),
        (b"content-length: 1_0\r\n", 400),
        (b"content-length: \xb2\r\n", 400),
        (b"host: a\r\nhost: b\r\n", 400),
        (b"transfer-encoding: chunked\r\n", 411),
        (b"transfer-encoding: chunked\r\ncontent-length: 1\r\n", 411),
        (b"content-length: %d\r\n" % (MAX_BODY_BYTES + 1), 413),
        (b"content-length: 999999999999999999\r\n", 413),
        (b"x-a : 1\r\n", 400),
        (b" folded\r\n", 400),
        (b"x-a: 1\r\n folded\r\n", 400),
        (b"x-a: 1\n\r\n", 400),
        (b"x-a: a\rb\r\n", 400),
        (b"x-a: \x00\r\n", 400),
        (b": 1\r\n", 400),
        (b"nothing\r\n", 400),
    ],
)
def test_heads_that_are_refused(fields: bytes, status: int) -> None:
    """What two readers might read in two ways is read in none (RFC 9112, sections 5 and 6)."""
    with pytest.raises(Unreadable) as caught:
        read(HEAD + fields + b"\r\n")
    assert caught.value.status == status


@pytest.mark.parametrize("fill", [b" ", b"\t", b" x", b"a:", b"\x80"])
def test_time_grows_with_the_bytes(fill: bytes) -> None:
    """Nobody holds the loop with a head alone: the longest line that is refused at its end is refused at once."""
    begun = process_time()
    with pytest.raises(Unreadable):
        read(HEAD + b"a:" + fill * (MAX_HEAD_BYTES // len(fill)) + b"\x01\r\n\r\n")
    # Some 20 µs; a pattern that goes back takes minutes.
    assert process_time() - begun < 1.0


@given(some.binary(max_size=200))
def test_anything_is_read_or_refused(data: bytes) -> None:
    """No bytes bring the reader down."""
    try:
        head = read(data + b"\r\n\r\n")
    except Unreadable:
        return
    assert head.path.startswith("/")
