"""The words of Gemini's enumerations, and what they mean in no dialect.

Source: https://ai.google.dev/api/generate-content (FinishReason, BlockReason, Modality, ThinkingLevel, ServiceTier).
"""

from __future__ import annotations

from aigw.wire.neutral import MediaKind, Stop, StopReason

STOPS: dict[str, StopReason] = {
    "STOP": "end",
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "filter",
    "RECITATION": "filter",
    "LANGUAGE": "filter",
    "BLOCKLIST": "filter",
    "PROHIBITED_CONTENT": "filter",
    "SPII": "filter",
    "ESCALATION": "filter",
    "MODEL_ARMOR": "filter",
    "PUP_LIMITED_DISABLED": "filter",
    "IMAGE_SAFETY": "filter",
    "IMAGE_PROHIBITED_CONTENT": "filter",
    "IMAGE_RECITATION": "filter",
    "MALFORMED_FUNCTION_CALL": "error",
    "UNEXPECTED_TOOL_CALL": "error",
    "TOO_MANY_TOOL_CALLS": "error",
    "MISSING_THOUGHT_SIGNATURE": "error",
    "MALFORMED_RESPONSE": "error",
    "NO_IMAGE": "other",
    "IMAGE_OTHER": "other",
    "OTHER": "other",
    "FINISH_REASON_UNSPECIFIED": "other",
}
"""What each finish reason means; one that is not known is `other`."""

FINISH: dict[StopReason, str] = {
    "end": "STOP",
    "sequence": "STOP",
    "tools": "STOP",
    "length": "MAX_TOKENS",
    "context": "MAX_TOKENS",
    "filter": "SAFETY",
    "refusal": "SAFETY",
    "pause": "OTHER",
    "error": "OTHER",
    "other": "OTHER",
}
"""What a stop that is not Gemini's own is called. STOP stands for stop sequences and function calls too."""

INEXACT: dict[StopReason, str] = {
    "refusal": "the model refused; Gemini's word is that of its filters",
    "pause": "Gemini has no word for a turn that is to go on",
    "context": "Gemini has one word for the limit of the answer and for that of the context",
    "error": "Gemini has no word for a provider that failed",
    "other": "Gemini has no word for why the provider stopped",
}
"""Why the word in FINISH does not tell the reason."""

EFFORTS: tuple[str, ...] = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
"""Efforts, least first."""

LEVELS = frozenset({"minimal", "low", "medium", "high", "xhigh"})
"""Efforts that are a `thinkingLevel`, in lower case."""

CHOICE_MODES = {"AUTO": "auto", "VALIDATED": "auto", "ANY": "required", "NONE": "none"}

TIERS = {"standard": "standard", "default": "standard", "flex": "flex", "priority": "priority"}
"""Service tiers by the word of any caller."""

CODE_EXECUTION = "code_execution"


def stop_of(word: str, detail: str | None, *, called: bool) -> Stop:
    """Why a candidate ended; Gemini says STOP when it waits for the results of functions too."""
    reason = STOPS.get(word.upper(), "other")
    if reason == "end" and called:
        reason = "tools"
    return Stop(reason=reason, word=word, detail=detail)


def finish_of(stop: Stop) -> str:
    """The finish reason for a stop: its own word where that means the same here, else the nearest."""
    meant = STOPS.get(stop.word)
    if meant == stop.reason or (meant == "end" and stop.reason == "tools"):
        return stop.word
    return FINISH[stop.reason]


def media_kind(media_type: str | None) -> MediaKind:
    """What kind of media a type is; everything that is neither seen nor heard is a document."""
    first = (media_type or "").partition("/")[0].lower()
    if first == "image":
        return "image"
    if first == "audio":
        return "audio"
    return "video" if first == "video" else "document"
