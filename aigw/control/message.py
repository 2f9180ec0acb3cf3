"""What goes in and out of the control listener: one request, one answer, on whatever server."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import orjson

PLAIN = "text/plain; charset=utf-8"
METRICS = "text/plain; version=0.0.4; charset=utf-8"
JSON = "application/json"
HTML = "text/html; charset=utf-8"


@attrs.frozen(eq=False)
class Request:
    """One request. `path` is as it was written, `query` what follows its `?`; names of headers are in lower case.

    `peer` is the address of the caller, empty for one on a Unix socket.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    body: bytes = attrs.field(default=b"", repr=False)
    peer: str = ""


@attrs.frozen
class Answer:
    """One answer of the control listener, on whatever server. `headers` are those beside the content's own."""

    status: int
    body: bytes
    content_type: str = PLAIN
    headers: tuple[tuple[str, str], ...] = ()

    def extended(self, *headers: tuple[str, str]) -> Answer:
        """The same with further headers."""
        return attrs.evolve(self, headers=(*self.headers, *headers))


def refusal(status: int, code: str, message: str, details: Mapping[str, object] | None = None) -> Answer:
    """An error in the form of the control API."""
    body = {"errorCode": code, "statusCode": status, "msg": message, "details": details or {}}
    return Answer(status, orjson.dumps(body), JSON)
