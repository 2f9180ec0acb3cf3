"""What an answer says of itself: the few fields that metering reads, of all formats in one permissive shape."""

from __future__ import annotations

import re
from typing import Any

from aigw.wire.counts import usage
from aigw.wire.shapes import Answer, Counts, Delta, Seen


def counts_of(answer: Answer) -> Counts | None:
    """Return the usage object, from whichever place the format or the server puts it."""
    if answer.usage is not None:
        return answer.usage
    if answer.usage_metadata is not None:
        return answer.usage_metadata
    for choice in answer.choices or ():
        if choice.usage is not None:
            return choice.usage
    for nested in (answer.response, answer.message, answer.x_groq):
        if isinstance(nested, Answer) and nested.usage is not None:
            return nested.usage
    return answer.meta


def stop_of(answer: Answer) -> str | None:
    """Return why the answer stopped, in the upstream's own word; None while it has not."""
    for choice in answer.choices or ():
        if choice.finish_reason:
            return choice.finish_reason
    if answer.stop_reason:
        return answer.stop_reason
    if isinstance(answer.delta, Delta):
        return answer.delta.stop_reason
    for candidate in answer.candidates or ():
        if candidate.finish_reason:
            return candidate.finish_reason
    if answer.prompt_feedback is not None:
        return answer.prompt_feedback.block_reason
    return _status_of(answer.response if isinstance(answer.response, Answer) else answer)


def _status_of(response: Answer) -> str | None:
    """Return how a Responses object ended: the reason when it is incomplete, else its final status."""
    if response.object != "response" or response.status not in _FINAL_STATUS:
        return None
    details = response.incomplete_details
    return (details and details.reason) or str(response.status)


_FINAL_STATUS = frozenset({"completed", "incomplete", "failed", "cancelled"})
_FINAL_TYPE = frozenset(
    {
        "[DONE]",
        *("message_stop", "response.completed", "response.incomplete", "response.failed", "response.cancelled"),
        *("transcript.text.done", "speech.audio.done", "image_generation.completed", "image_edit.completed"),
    }
)


def is_final(answer: Answer) -> bool:
    """Tell whether this event is the one its format ends with; Gemini has none, its finish reason serves.

    Perplexity sends `chat.completion.done` and no `[DONE]`.
    """
    if answer.type in _FINAL_TYPE or answer.object == "chat.completion.done":
        return True
    if answer.candidates is None and answer.prompt_feedback is None:
        return False
    return stop_of(answer) is not None


_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.:-]{0,63}", re.ASCII)


def error_of(answer: Answer) -> str | None:
    """Return the name of the error that an answer reports, None when it reports none.

    The most telling one: a symbolic code, else Gemini's status, else the type, else a numeric code, else just
    `error`. Never its message, which may quote what the caller sent, keys included.
    """
    if answer.error:
        return _error_name(answer.error)
    for nested in (answer.response, answer.x_groq):
        if nested is not None and not isinstance(nested, str) and nested.error:
            return _error_name(nested.error)
    if answer.type == "error" or answer.object == "error":
        kind = None if answer.type == "error" else answer.type
        return _error_name({"code": answer.code, "type": kind})
    return None


def _error_name(error: Any) -> str:
    if not isinstance(error, dict):
        return "error"
    code = error.get("code")
    for name in (code, error.get("status"), error.get("type")):
        if isinstance(name, str) and _NAME.fullmatch(name):
            return name
    return str(code)[:8] if isinstance(code, int | str) and str(code)[:8].isdigit() else "error"


def seen(answer: Answer, counts: Counts | None, terminal: bool, error: str | None) -> Seen:
    """Return what an answer says, its usage (which may be another event's) put in the gateway's terms."""
    return Seen(
        None if counts is None else usage(counts),
        stop_of(answer),
        answer.model or answer.model_version,
        answer.id or answer.response_id,
        error,
        terminal,
    )
