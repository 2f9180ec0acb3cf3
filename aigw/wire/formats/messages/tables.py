"""Why an answer ended, in Anthropic's words and in ours.

Source: https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons
"""

from __future__ import annotations

from typing import Any

from aigw.wire.losses import Ledger
from aigw.wire.neutral import Stop, StopReason

_REASONS: dict[str, StopReason] = {
    "end_turn": "end",
    "max_tokens": "length",
    "stop_sequence": "sequence",
    "tool_use": "tools",
    "pause_turn": "pause",
    "compaction": "pause",
    "refusal": "refusal",
    "model_context_window_exceeded": "context",
    # Words of servers that speak this format with an OpenAI accent.
    "stop": "end",
    "length": "length",
    "tool_calls": "tools",
    "content_filter": "filter",
    "error": "error",
}

_WORDS: dict[StopReason, str] = {
    "end": "end_turn",
    "length": "max_tokens",
    "sequence": "stop_sequence",
    "tools": "tool_use",
    "pause": "pause_turn",
    "refusal": "refusal",
    "filter": "refusal",
    "context": "model_context_window_exceeded",
    "other": "end_turn",
}

_NEAREST = {
    "filter": "a filter of the provider's cut in; the format has only the model's refusal",
    "other": "the format has no word for why the provider stopped",
    "error": "the provider stopped with an error; the format has no word for that, so it says none",
}
# Words of betas that say more than the one for their reason.
_FINER = frozenset({"compaction"})


def read_stop(word: str, sequence: Any, details: Any, *, structured: bool = False) -> Stop:
    """The stop that a message tells of; a call of the tool that structured output is made with is no call at all."""
    reason = _REASONS.get(word, "other")
    if structured and reason == "tools":
        reason = "end"
    return Stop(
        reason=reason,
        word=word,
        sequence=sequence if isinstance(sequence, str) else None,
        detail=_explained(details),
    )


def _explained(details: Any) -> str | None:
    """What `stop_details` says of a refusal."""
    if not isinstance(details, dict):
        return None
    said = details.get("explanation") or details.get("category")
    return said if isinstance(said, str) else None


def finer_details(details: Any) -> dict[str, Any] | None:
    """`stop_details` as a candidate's own member, where it says more than what `Stop.detail` keeps."""
    if not isinstance(details, dict):
        return None
    finer = any(value is not None for name, value in details.items() if name not in ("type", "explanation"))
    return {"stop_details": details} if finer else None


def write_stop(stop: Stop | None, ledger: Ledger, *, refused: bool = False) -> dict[str, Any]:
    """The members `stop_reason`, `stop_sequence` and, where a refusal is explained, `stop_details`.

    `refused`: the answer holds a refusal; some formats tell of one by that alone. A stop of the provider's by error has
    no word: none of Anthropic's would be true, and clients refuse others.
    """
    if stop is None:
        return {"stop_reason": None, "stop_sequence": None}
    reason = "refusal" if refused and stop.reason == "end" else stop.reason
    word = stop.word if stop.word in _FINER else _WORDS.get(reason)
    if reason in _NEAREST:
        said = f"{stop.word} is told as {word or 'null'}: " if stop.word else ""
        ledger.approximate("answer:/candidates/0/stop", f"{said}{_NEAREST[reason]}")
    members: dict[str, Any] = {"stop_reason": word, "stop_sequence": stop.sequence if reason == "sequence" else None}
    if word == "refusal" and stop.detail:
        members["stop_details"] = {"type": "refusal", "category": None, "explanation": stop.detail}
    return members
