"""What an answer says of itself as a whole: whether the prompt was blocked, and when it was made.

Source: https://ai.google.dev/api/generate-content#PromptFeedback
"""

from __future__ import annotations

import datetime
from typing import Any

from aigw.wire.neutral import Stop


def stop_of(feedback: Any) -> Stop | None:
    """Why a prompt was not answered at all; None if it was not blocked."""
    reason = feedback.get("blockReason") if isinstance(feedback, dict) else None
    if not isinstance(reason, str) or not reason:
        return None
    detail = feedback.get("blockReasonMessage")
    return Stop(reason="filter", word=reason, detail=detail if isinstance(detail, str) else None)


# The year 3000: clocks that tell milliseconds or nonsense stay below it.
_LATEST = 32_503_680_000


def seconds_of(time: str | None) -> int | None:
    """A time (RFC 3339) in seconds since the epoch."""
    try:
        return int(datetime.datetime.fromisoformat(time).timestamp()) if time else None
    except (ValueError, OverflowError):
        return None


def time_of(seconds: int) -> str:
    """And back; what is no time of this era is the epoch."""
    if not 0 <= seconds < _LATEST:
        seconds = 0
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
