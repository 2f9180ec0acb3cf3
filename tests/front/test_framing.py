"""Where a request ends, and what is said where that is not clear."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from aigw.errors import BadRequest
from aigw.front.framing import CHUNKED, body_length, head_too_large, last_without_body, not_http, path_in
from aigw.wire.head import Head
from aigw.wire.message import RequestHead


def message(*, chunked: bool = False, version: tuple[int, int] = (1, 1)) -> RequestHead:
    """What the parser says of a request."""
    return cast(
        RequestHead, SimpleNamespace(chunked=chunked, version=SimpleNamespace(major=version[0], minor=version[1]))
    )


@pytest.mark.parametrize(
    ("fields", "chunked", "length"),
    [
        ([], False, 0),
        ([(b"Content-Length", b"5")], False, 5),
        ([(b"Transfer-Encoding", b"chunked")], True, CHUNKED),
        ([(b"transfer-encoding", b" Chunked ")], True, CHUNKED),
    ],
)
def test_lengths(fields: list[tuple[bytes, bytes]], chunked: bool, length: int) -> None:
    """Announced, in chunks, or no body."""
    assert body_length(message(chunked=chunked), Head(fields)) == length


@pytest.mark.parametrize(
    ("fields", "details"),
    [
        ([(b"transfer-encoding", b"gzip, chunked")], {"chunked": True}),
        ([(b"transfer-encoding", b"gzip"), (b"Transfer-Encoding", b"chunked")], {"chunked": True}),
        ([(b"transfer-encoding", b"chunked"), (b"transfer-encoding", b"identity")], {"chunked": True}),
        ([(b"transfer-encoding", b"identity")], {}),
        ([(b"transfer-encoding", b"")], {}),
        ([(b"transfer-encoding", b"chunked")], {"chunked": False}),
        ([(b"transfer-encoding", b"chunked")], {"chunked": True, "version": (1, 0)}),
        ([], {"version": (2, 0)}),
        ([], {"version": (0, 9)}),
    ],
)
def test_a_doubtful_end_is_refused(fields: list[tuple[bytes, bytes]], details: dict[str, Any]) -> None:
    """Any other transfer coding or version: the next request could begin in two places."""
    with pytest.raises(BadRequest):
        body_length(message(**details), Head(fields))


def test_the_first_line_of_a_reason_is_told() -> None:
    """Parsers draw a picture of the place, which may show a credential."""
    refusal = not_http("Bad header:\n\n  b'authorization: Bearer secret'\n  ^")
    assert refusal.message == "The request is not valid HTTP/1.1: Bad header."


def test_a_huge_head_names_its_limit() -> None:
    """The status of RFC 6585, section 5, and the setting."""
    refusal = head_too_large(8192)
    assert (refusal.http_status, refusal.error_code) == (431, "headers_too_large")
    assert "8192 bytes (limits.max_head_bytes)" in refusal.message


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (b"POST /v1/messages?beta=true HTTP/1.1\r\nhost: x", "/v1/messages"),
        (b"POST /v1/messages", "/v1/messages"),
        (b"GET / HTTP/1.1\r\n /v1/messages", "/"),
        (b"\x16\x03\x01", ""),
        (b"", ""),
    ],
)
def test_the_path_in_a_broken_head(data: bytes, path: str) -> None:
    """As far as it can be seen; it only chooses the format of the error."""
    assert path_in(data) == path


def test_a_request_told_again() -> None:
    """What frames a body or keeps the connection is left out; everything else stays, in its order."""
    fields = [(b"Host", b"x"), (b"Content-Length", b"5"), (b"X-A", b"1"), (b"Connection", b"x"), (b"Expect", b"y")]
    asked = SimpleNamespace(method="GET", path="/v1/models?a=1", raw_headers=fields)
    assert last_without_body(cast(Any, asked)) == (
        b"GET /v1/models?a=1 HTTP/1.1\r\nHost: x\r\nX-A: 1\r\nconnection: close\r\n\r\n"
    )
