"""Why an answer ended: a response's status and details, as the neutral stop and back.

Source: https://platform.openai.com/docs/api-reference/responses/object#responses-object-incomplete_details
"""

from __future__ import annotations

from typing import Any, Final

from aigw.wire.losses import Ledger, child
from aigw.wire.neutral import Stop, StopReason

Json = dict[str, Any]

_INCOMPLETE: Final[dict[str, StopReason]] = {
    "max_output_tokens": "length",
    "max_tokens": "length",
    "length": "length",
    "content_filter": "filter",
}
_DETAILS: Final[dict[StopReason, str]] = {
    "length": "max_output_tokens",
    "context": "max_output_tokens",
    "filter": "content_filter",
}

_INEXACT: Final = frozenset({"pause", "context", "other"})


def read_stop(response: Json, *, calls: bool, refuses: bool) -> Stop:
    """The stop of a response that is over. `calls`: it calls tools of the caller; `refuses`: it holds a refusal."""
    if response.get("status") == "incomplete":
        details = response.get("incomplete_details")
        word = details.get("reason") if isinstance(details, dict) else None
        word = word if isinstance(word, str) else ""
        return Stop(reason=_INCOMPLETE.get(word, "other"), word=word or "incomplete")
    return Stop(reason="tools" if calls else "refusal" if refuses else "end", word="completed")


def status_of(stop: Stop | None, *, refuses: bool) -> tuple[str, Json | None]:
    """The status of a response, and why it is incomplete.

    Nobody having said why it ended is no completion either. A refusal is said in words (`refuses`) or is a filter's.
    """
    if stop is None:
        return "incomplete", None
    if stop.reason == "error":
        return "failed", None
    detail = _DETAILS.get(stop.reason)
    if stop.reason == "refusal" and not refuses:
        detail = "content_filter"
    return ("completed", None) if detail is None else ("incomplete", {"reason": detail})


def note_stop(stop: Stop | None, ledger: Ledger, *, refuses: bool) -> None:
    """Note what of the end of an answer is told by a word that says less, or not at all."""
    if stop is None:
        return
    at = child("answer:", "candidates", 0, "stop")
    if stop.reason in _INEXACT or (stop.reason == "refusal" and not refuses):
        status, details = status_of(stop, refuses=refuses)
        ledger.approximate(at, f"{stop.word or stop.reason} is told as {details['reason'] if details else status}")
    if stop.sequence is not None:
        ledger.drop(child(at, "sequence"), "a response does not tell which stop sequence it was")
    if stop.detail and stop.reason != "error":
        ledger.drop(child(at, "detail"), "a response does not explain why it stopped")


def error_of(stop: Stop) -> Json:
    """The error of a response that failed."""
    return {"code": "server_error", "message": stop.detail or "The provider failed before the answer was complete."}
