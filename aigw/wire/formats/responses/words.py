"""OpenAI Responses.

Source: https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

from typing import Any

import msgspec

from aigw.wire.format import Trouble, Verdict
from aigw.wire.openai_error import error_object

_PREAMBLE = frozenset({"response.created", "response.in_progress", "response.queued", "keepalive"})
_ERRORS = frozenset({"error", "response.failed"})


class _Event(msgspec.Struct, gc=False):
    type: Any = None
    error: Any = None


_decode = msgspec.json.Decoder(_Event).decode
_encode = msgspec.json.Encoder().encode


class Words:
    """Error answers as in Chat Completions; in a stream a typed `error` event, and then the connection is cut.

    The official SDK hands a typed error to its user as one more event and takes a clean end for success, so only
    the cut makes it raise.
    """

    name = "responses"
    cuts_after_error = True

    def error(self, trouble: Trouble) -> bytes:
        """The body of an error answer."""
        return _encode({"error": error_object(trouble)})

    def stream_error(self, trouble: Trouble) -> bytes:
        """The `error` event. The sequence number is not known to a pass-through, so it has none to lie about."""
        data = {"type": "error", "code": trouble.code, "message": trouble.message, "param": trouble.param}
        return b"event: error\ndata: " + _encode(data) + b"\n\n"

    def judge(self, event: str | None, data: bytes) -> Verdict:
        """`response.created` and `response.in_progress` come before anything was generated."""
        try:
            read = _decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Verdict.CONTENT
        if read.type in _ERRORS or (read.type is None and read.error is not None):
            return Verdict.ERROR
        return Verdict.PREAMBLE if read.type in _PREAMBLE else Verdict.CONTENT
