"""A provider's error: an answer's body, an `error` event, or a response that failed.

Shapes seen: OpenAI's `{"error": {"message", "type", "param", "code"}}`; the `error` event with these members at the
top or in `error`; `response.failed` with `response.error`; xAI's `{"code", "error": "…"}`; ChatGPT's and vLLM's
`{"detail": …}` and `{"message", "type", "code"}`.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from aigw.wire.format import Trouble

Json = dict[str, Any]

_decode: Final = msgspec.json.Decoder().decode
_MOST: Final = 2000
"""Characters of a message: some servers quote the whole request."""

_STATUS_OF: Final = {
    "rate_limit_exceeded": 429,
    "rate_limit_error": 429,
    "tokens": 429,
    "requests": 429,
    "insufficient_quota": 429,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "permission_error": 403,
    "context_length_exceeded": 400,
    "invalid_prompt": 400,
    "invalid_request_error": 400,
    "invalid_image": 400,
    "image_too_large": 400,
    "vector_store_timeout": 504,
    "server_overloaded": 503,
    "overloaded_error": 529,
}
"""Statuses of errors that come within a stream, which have none of their own."""


def read_error(status: int, data: bytes) -> Trouble:
    """What an error says; never raises."""
    try:
        told = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Trouble(status, "upstream_error", _cut(data.decode("utf-8", "replace").strip()) or _nothing(status))
    return trouble_of(status, told)


def trouble_of(status: int, told: Any) -> Trouble:
    """The same of decoded JSON."""
    inner = _innermost(told)
    message = _message(inner) or _nothing(status)
    code = _word(inner.get("code")) or _word(inner.get("type")) or "upstream_error"
    kind = _word(inner.get("type"))
    return Trouble(status, code, _cut(message), _word(inner.get("param")), type=kind if kind != "error" else None)


def streamed_trouble(told: Json) -> Trouble:
    """An error event's, with a status that fits its code."""
    found = trouble_of(502, told)
    status = _STATUS_OF.get(found.code) or _STATUS_OF.get(found.type or "")
    if status is None and found.code.isdecimal() and 400 <= int(found.code) <= 599:
        status = int(found.code)
    if status is None:
        return found
    return Trouble(status, found.code, found.message, found.param, type=found.type)


def _innermost(told: Any) -> Json:
    """The object with the message."""
    if isinstance(told, list) and told:
        told = told[0]
    if not isinstance(told, dict):
        return {"message": told if isinstance(told, str) else ""}
    response = told.get("response")
    if isinstance(response, dict):
        told = response
    error = told.get("error")
    if isinstance(error, dict):
        return error
    if isinstance(error, str):
        return {"message": error, "code": told.get("code"), "type": told.get("type")}
    # Of an event, `type` is the event's.
    return {**told, "type": None} if told.get("type") in ("error", "response.failed") else told


def _message(inner: Json) -> str:
    for name in ("message", "detail", "error"):
        value = inner.get(name)
        if isinstance(value, str) and value:
            return value
        if value and name == "detail":
            return msgspec.json.encode(value).decode()
    return ""


def _word(value: Any) -> str | None:
    if isinstance(value, bool) or value is None:
        return None
    return str(value) if isinstance(value, int | str) and value != "" else None


def _cut(message: str) -> str:
    return message if len(message) <= _MOST else message[:_MOST] + "…"


def _nothing(status: int) -> str:
    return f"The provider answered with the status {status} and said nothing more."
