"""What a provider's error answer says, wherever its server puts the words.

Beside OpenAI's `{"error":{"message","type","param","code"}}` there are `{"error":"…"}`, the bare members (Mistral,
vLLM), `{"detail":…}` (FastAPI), Google's list of one, and OpenRouter's `metadata.raw`, which holds the provider's own
words behind a message that says nothing.
"""

from __future__ import annotations

from typing import Any

import msgspec

from aigw.wire.format import Trouble

MOST_SAID = 2000
"""Characters of a message: providers' are a sentence or two; some quote the request."""

_decode = msgspec.json.Decoder().decode


def read_error(status: int, data: bytes) -> Trouble:
    """The error of an answer, or of an event in a stream (its own status, if it tells one, wins over none)."""
    try:
        body = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body = None
    if body is None:
        text = data.decode("utf-8", "replace").strip()
        return trouble_of(status, {} if text.startswith("<") else {"message": text})
    return trouble_of(status, body)


def trouble_of(status: int, body: Any) -> Trouble:
    """The same of what was decoded."""
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, dict):
        body = {"message": body} if isinstance(body, str) else {}
    error = body.get("error")
    if isinstance(error, dict):
        # LM Studio and OpenRouter put further members beside the object.
        body = {**body, **error}
    elif isinstance(error, str) and error:
        body = {**body, "message": body.get("message") or error}
    code, kind = body.get("code"), body.get("type")
    number = _number(code) or _number(body.get("status"))
    kind = kind if isinstance(kind, str) and kind and kind != "error" else None
    name = _name(code)
    param = body.get("param")
    return Trouble(
        status=status or number or 502,
        code=name or kind or "upstream_error",
        message=_message(body) or "The provider reported an error and did not say which.",
        param=param if isinstance(param, str) and param else None,
        request_id=next((found for key in ("request_id", "id") if isinstance(found := body.get(key), str)), ""),
        type=kind,
    )


def _number(value: Any) -> int | None:
    """An HTTP status of an error, which some servers repeat in the body."""
    if isinstance(value, str) and value.isdigit() and len(value) == 3:
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599 else None


def _name(code: Any) -> str | None:
    """A code of the provider's own: a word, or a number that is no HTTP status (Mistral's `1500`)."""
    if isinstance(code, int) and not isinstance(code, bool):
        code = str(code)
    if not isinstance(code, str) or not code:
        return None
    return code if not code.isdigit() or len(code) > 3 else None


def _message(body: dict[str, Any]) -> str:
    found = next((said for key in ("message", "detail") if (said := _words(body.get(key)))), "")
    metadata = body.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, dict) else None
    if isinstance(raw, str) and raw and raw not in found:
        found = f"{found}: {raw}" if found else raw
    return found[:MOST_SAID]


def _words(value: Any) -> str:
    """A message, or those of a list of problems (FastAPI's `[{"loc","msg"}]`)."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, dict):
        return _words(value.get("message") or value.get("msg") or "")
    if isinstance(value, list):
        return "; ".join(words for words in map(_words, value) if words)
    return ""
