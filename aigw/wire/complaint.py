"""What an upstream's error says, wherever its format puts the words."""

from __future__ import annotations

from typing import Any

import msgspec

# Providers' messages are a sentence or two; some quote the request.
MAX_SAID = 400

_decode = msgspec.json.Decoder().decode


def complaint(data: bytes) -> str:
    """The message of an error object or event, on one line, cut, without its full stop; empty when there is none.

    It may quote credentials: whoever shows it scrubs it.
    """
    try:
        told = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    message = _message(told)
    return " ".join(message.split())[:MAX_SAID].rstrip(".")


def _message(told: Any) -> str:
    """`{"error":{"message"}}`, `{"error":"…"}`, `{"message"}`, or the same within a Responses event's `response`."""
    if not isinstance(told, dict):
        return told if isinstance(told, str) else ""
    for inner in (told.get("error"), told.get("response")):
        if inner and (found := _message(inner)):
            return found
    message = told.get("message")
    return message if isinstance(message, str) else ""
