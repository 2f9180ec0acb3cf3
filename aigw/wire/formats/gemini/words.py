"""Google Gemini generateContent.

Sources: https://ai.google.dev/api/generate-content, https://cloud.google.com/apis/design/errors
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from aigw.wire.ending import Ending, Last, Parts
from aigw.wire.format import Trouble, Verdict

# Canonical status names by HTTP status (google/rpc/code.proto).
_STATUS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "FAILED_PRECONDITION",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "UNIMPLEMENTED",
    408: "DEADLINE_EXCEEDED",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
    529: "UNAVAILABLE",
}
_WORDS = frozenset({*_STATUS.values(), "INTERNAL", "NOT_FOUND", "ABORTED", "CANCELLED", "OUT_OF_RANGE", "UNKNOWN"})
_BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
_REQUEST_INFO = "type.googleapis.com/google.rpc.RequestInfo"
_ERROR_INFO = "type.googleapis.com/google.rpc.ErrorInfo"


class _Chunk(msgspec.Struct, gc=False):
    error: Any = None


_decode = msgspec.json.Decoder(_Chunk).decode
_encode = msgspec.json.Encoder().encode


class Words:
    """Errors as `{"error":{"code","message","status","details"}}`; in a stream the same object, and then a cut.

    A Gemini stream has no terminal event, so a clean end after an error would look complete.
    """

    name = "gemini"
    cuts_after_error = True
    begins_with = None
    reads_loosely = True
    # A blank line: Google's SDK takes a comment for an error's JSON.
    keep_alive = b"\r\n"

    def error(self, trouble: Trouble) -> bytes:
        """The body of an error answer; our code is the `reason` of an ErrorInfo."""
        fallback = "INTERNAL" if trouble.status >= 500 else "INVALID_ARGUMENT"
        info = {"@type": _ERROR_INFO, "reason": trouble.code, "domain": "aigw"}
        details: list[dict[str, Any]] = [info]
        if trouble.param:
            violation = {"field": trouble.param, "description": trouble.message}
            details.append({"@type": _BAD_REQUEST, "fieldViolations": [violation]})
        if trouble.request_id:
            details.append({"@type": _REQUEST_INFO, "requestId": trouble.request_id})
        own = trouble.type if trouble.type in _WORDS else None
        error = {
            "code": trouble.status,
            "message": trouble.message,
            "status": own or _STATUS.get(trouble.status, fallback),
            "details": details,
        }
        return _encode({"error": error})

    def stream_error(self, trouble: Trouble, after: bytes = b"") -> bytes:
        """An error object as data."""
        return b"data: " + self.error(trouble) + b"\r\n\r\n"

    def judge(self, event: str | None, data: bytes) -> Verdict:
        """Every chunk carries candidates or feedback; there is no preamble."""
        try:
            return Verdict.ERROR if _decode(data).error is not None else Verdict.CONTENT
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Verdict.CONTENT

    def ending(self, last: Sequence[Last]) -> Ending:
        """The finish reason of every candidate, or why the prompt was blocked; usage alone may stand behind it."""
        candidates = Parts()
        for each in last:
            answer = each.answer
            if answer is None:
                break
            if self.is_error(each):
                return Ending.HEARD
            if answer.prompt_feedback is not None and answer.prompt_feedback.block_reason:
                return Ending.WHOLE
            candidates.show(answer.candidates or ())
        return Ending.WHOLE if candidates.whole else Ending.CUT

    def is_error(self, last: Last) -> bool:
        """An error object, with or without `data:`."""
        return last.answer is not None and last.answer.error is not None
