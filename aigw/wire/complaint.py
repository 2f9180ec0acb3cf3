"""What an upstream's error says, wherever its format puts the words; and when to ask again, where it says that."""

from __future__ import annotations

import re
from typing import Any

import msgspec

# Providers' messages are a sentence or two; some quote the request.
MAX_SAID = 400

# google.rpc.RetryInfo, a detail of Google's errors: a duration in JSON is a text of seconds.
_DELAY = re.compile(rb'"retryDelay"\s*:\s*"([0-9]{1,9}(?:\.[0-9]{1,9})?)s"')

_decode = msgspec.json.Decoder().decode


def delay(data: bytes) -> float | None:
    """Seconds after which an error's body says to ask again."""
    found = _DELAY.search(data)
    return None if found is None else float(found[1])


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
