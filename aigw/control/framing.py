"""What does the head of a request to the control listener say: method, path, fields, how long is the body?"""

from __future__ import annotations

import re
from collections.abc import Mapping

import attrs

from aigw.control.message import Request

# A probe's head is some hundred bytes; a scraper behind a mesh adds a few kilobytes.
MAX_HEAD_BYTES = 16 * 1024
# A configuration with a thousand keys has some hundred kilobytes.
MAX_BODY_BYTES = 1024 * 1024

_REQUEST_LINE = re.compile(r"([A-Za-z]{1,32}) (/[!-~]*) HTTP/1\.[0-9]")
# RFC 9110, section 5.6.2; values without control characters but the tab (section 5.5).
# White space around a value is taken off afterwards: three runs side by side that may all be blank would cost the cube
# of their length before a line is refused.
_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):([\t -~\x80-\xff]*)")


class Unreadable(Exception):
    """What came is no request that this listener takes: the status, code and words of the refusal."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


@attrs.frozen(eq=False)
class Head:
    """The head of a request, and the bytes that its body has."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str] = attrs.field(repr=False)
    length: int

    @property
    def waits(self) -> bool:
        """Whether the caller sends its body only when told to (RFC 9110, section 10.1.1)."""
        return bool(self.length) and self.headers.get("expect", "").lower() == "100-continue"

    def request(self, body: bytes, peer: str) -> Request:
        """The whole request."""
        return Request(self.method, self.path, self.query, self.headers, body, peer)


def read(data: bytes) -> Head:
    """A head, up to and with its blank line. Raises Unreadable."""
    first, *lines = data.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    found = _REQUEST_LINE.fullmatch(first)
    if found is None:
        raise Unreadable(400, "badRequest", "This is not a request of HTTP/1.1 for a path.")
    headers: dict[str, str] = {}
    for line in lines:
        field = _FIELD.fullmatch(line)
        if field is None:
            raise Unreadable(400, "badRequest", "The head has a line that is no field.")
        name = field[1].lower()
        if name in headers and name in ("content-length", "host"):
            raise Unreadable(400, "badRequest", f"The field {name} comes twice.")
        value = field[2].strip(" \t")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    path, _, query = found[2].partition("?")
    return Head(found[1], path, query, headers, _length(headers))


def _length(headers: Mapping[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise Unreadable(411, "lengthRequired", "Send the body with its content-length, not in chunks.")
    told = headers.get("content-length", "0")
    if not re.fullmatch("[0-9]{1,18}", told):
        raise Unreadable(400, "badRequest", "The content-length is no number.")
    if int(told) > MAX_BODY_BYTES:
        raise Unreadable(413, "bodyTooLarge", f"The body is larger than {MAX_BODY_BYTES} bytes.")
    return int(told)
