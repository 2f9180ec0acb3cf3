"""Reads a provider's error. Source: https://cloud.google.com/apis/design/errors"""

from __future__ import annotations

from typing import Any

import msgspec

from aigw.wire.format import Trouble

_MOST_SHOWN = 500
"""Characters of an answer that is no error object, shown as the message."""

_decode = msgspec.json.Decoder().decode


def read_error(status: int, data: bytes) -> Trouble:
    """The error of a body, or of an event. A body may be a list of one, as answers of streams without SSE are."""
    try:
        body = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body = None
    if isinstance(body, list) and body:
        body = body[0]
    error = body.get("error") if isinstance(body, dict) else None
    if isinstance(error, str):
        return Trouble(_status(status, None), "upstream_error", error)
    if not isinstance(error, dict):
        shown = data[:_MOST_SHOWN].decode("utf-8", "replace").strip()
        return Trouble(_status(status, None), "upstream_error", shown or "The provider answered with an error.")
    return trouble(status, error)


def trouble(status: int, error: dict[str, Any]) -> Trouble:
    """What an error object says: its status is the type, the reason of its ErrorInfo the code."""
    details = error.get("details")
    details = [item for item in details if isinstance(item, dict)] if isinstance(details, list) else []
    word = _text(error, "status")
    reason = next((found for item in details if (found := _text(item, "reason"))), None)
    return Trouble(
        status=_status(status, error.get("code")),
        code=reason or word or "upstream_error",
        message=_text(error, "message") or "The provider answered with an error.",
        param=next((found for item in details if (found := _field(item))), None),
        request_id=next((found for item in details if (found := _text(item, "requestId"))), ""),
        type=word,
    )


def _status(status: int, code: Any) -> int:
    """The HTTP status; within a stream, which began as a success, the error's own."""
    if status >= 400:
        return status
    return code if isinstance(code, int) and 400 <= code <= 599 else 502


def _field(item: dict[str, Any]) -> str | None:
    violations = item.get("fieldViolations")
    first = violations[0] if isinstance(violations, list) and violations else None
    return _text(first, "field") if isinstance(first, dict) else None


def _text(item: dict[str, Any], name: str) -> str | None:
    value = item.get(name)
    return value if isinstance(value, str) and value else None
