"""Where a request ends, and what is said of bytes that leave it open. What is unclear is refused, never guessed."""

from __future__ import annotations

from aigw.errors import BadRequest, TooLarge
from aigw.wire.head import CONTENT_LENGTH, TRANSFER_ENCODING, Head
from aigw.wire.message import RequestHead

# The length of a body that comes in chunks.
CHUNKED = -1
_FRAMING = frozenset({b"content-length", b"transfer-encoding", b"connection", b"expect", b"upgrade"})


def head_too_large(most: int) -> TooLarge:
    """A request head over the limit."""
    return TooLarge(
        f"The request line and headers are larger than {most} bytes (limits.max_head_bytes).",
        status=431,
        code="headers_too_large",
    )


def body_length(message: RequestHead, head: Head) -> int:
    """The length of a request's body, CHUNKED for one in chunks. Raises BadRequest.

    Any other transfer coding would leave its end, and so the beginning of the next request, to be guessed
    (RFC 9112, section 6.3).
    """
    coding = head.noted.get(TRANSFER_ENCODING)
    if message.version.major != 1:
        raise not_http("its version is another one")
    if coding is None:
        return int(head.noted.get(CONTENT_LENGTH, b"0"))
    if coding.strip().lower() != b"chunked" or not message.chunked or message.version.minor == 0:
        raise not_http("the only transfer coding is chunked, and only in HTTP/1.1")
    return CHUNKED


def not_http(why: str) -> BadRequest:
    """A refusal of bytes that are no request; `why` may go on for lines, with a picture of the place."""
    first = why.strip().partition("\n")[0].rstrip(": ")
    return BadRequest(f"The request is not valid HTTP/1.1: {first[:200]}.")


def path_in(data: bytes) -> str:
    """The path in the first line of bytes that could not be parsed, for the format of the error."""
    parts = data[:2048].partition(b"\r\n")[0].split(b" ")
    return parts[1].partition(b"?")[0].decode("latin-1") if len(parts) > 1 else ""


def last_without_body(message: RequestHead) -> bytes:
    """A request's head told again: without a body, and as the last one on its connection."""
    lines = [f"{message.method} {message.path} HTTP/1.1".encode("ascii")]
    lines += [b"%b: %b" % pair for pair in message.raw_headers if pair[0].lower() not in _FRAMING]
    return b"\r\n".join([*lines, b"connection: close", b"", b""])
