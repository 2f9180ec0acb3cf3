"""A provider's errors, read.

Sources: https://platform.claude.com/docs/en/api/errors, and what compatible servers answer instead.
"""

from __future__ import annotations

from typing import Any

import msgspec

from aigw.wire.format import Trouble

STATUSES = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "conflict_error": 409,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""The words for kinds of errors, and the status that each comes with; in a stream there is no other."""

_FALLBACK = 502
_MOST_CHARS = 2000
_decode = msgspec.json.Decoder().decode


def read_error(status: int, data: bytes) -> Trouble:
    """An error's body, or the data of an error event (then the status is 0). Never raises."""
    try:
        body = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body = None
    whole = body if isinstance(body, dict) else {}
    error = whole.get("error")
    inner: dict[str, Any] = error if isinstance(error, dict) else {}
    kind = _text(inner.get("type"))
    details = inner.get("details")
    code = _text(details.get("error_code")) if isinstance(details, dict) else None
    message = _text(inner.get("message")) or _text(error) or _said(whole)
    if message is None:
        message = "" if body is not None else data.decode("utf-8", "replace").strip()
        message = message if message and not message.startswith("<") else "The provider gave no reason."
    status = status or STATUSES.get(kind or "", _FALLBACK)
    return Trouble(
        status=status,
        code=code or _text(inner.get("code")) or kind or "upstream_error",
        message=message[:_MOST_CHARS],
        param=_text(inner.get("param")),
        request_id=_text(whole.get("request_id")) or "",
        type=kind,
    )


def _said(whole: dict[str, Any]) -> str | None:
    """What servers say that have no `error`: `message`, or FastAPI's `detail`."""
    for name in ("message", "detail"):
        found = _text(whole.get(name))
        if found is not None:
            return found
    detail = whole.get("detail")
    return msgspec.json.encode(detail).decode("utf-8") if detail else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
