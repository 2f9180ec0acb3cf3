"""Why an answer ended: the words of Chat Completions and of the servers that speak it, both ways.

Sources: OpenAI's `finish_reason`; Mistral (`model_length`, `error`), DeepSeek (`insufficient_system_resource`), Z.ai
(`sensitive`, `network_error`, `model_context_window_exceeded`), Together (`eos`), Hugging Face (`eos_token`,
`stop_sequence`), and the native words that bridges pass on from Anthropic and Gemini.
"""

from __future__ import annotations

from typing import Final

from aigw.wire.neutral import Stop, StopReason

_REASONS: Final[dict[str, StopReason]] = {
    "stop": "end",
    "eos": "end",
    "eos_token": "end",
    "end_turn": "end",
    "complete": "end",
    "completed": "end",
    "stop_sequence": "sequence",
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "tool_calls": "tools",
    "tool_call": "tools",
    "tool_use": "tools",
    "function_call": "tools",
    "content_filter": "filter",
    "sensitive": "filter",
    "safety": "filter",
    "recitation": "filter",
    "prohibited_content": "filter",
    "blocklist": "filter",
    "spii": "filter",
    "refusal": "refusal",
    "pause_turn": "pause",
    "model_length": "context",
    "model_context_window_exceeded": "context",
    "error": "error",
    "network_error": "error",
    "insufficient_system_resource": "error",
    "abort": "error",
    "malformed_function_call": "error",
}

WORDS: Final[dict[StopReason, str]] = {
    "end": "stop",
    "sequence": "stop",
    "length": "length",
    "tools": "tool_calls",
    "filter": "content_filter",
    "refusal": "content_filter",
    "pause": "stop",
    "context": "length",
    "error": "error",
    "other": "stop",
}
"""OpenAI's word for each reason; `error` is OpenRouter's and Mistral's, as OpenAI has none."""

INEXACT: Final = frozenset({"pause", "context", "error", "other"})
"""Reasons that the word for them does not tell."""


def stop_of(word: str, *, called: bool, refused: bool, forced: bool) -> Stop:
    """What an upstream's word means after what it said.

    Some servers say `stop` after tool calls (Gemini's compatible surface; OpenAI after a forced call), and OpenAI
    after a refusal. `called`: there are tool calls; `refused`: there is a refusal and no text; `forced`: the reserved
    tool for structured output was called, which is no call to a caller.
    """
    reason = _REASONS.get(word.lower(), "other")
    if called and reason in ("end", "other"):
        reason = "tools"
    elif forced and not called and reason == "tools":
        reason = "end"
    elif refused and reason == "end":
        reason = "refusal"
    return Stop(reason=reason, word=word)


def word_of(stop: Stop, *, refused: bool, legacy: bool = False) -> str:
    """The `finish_reason`; `refused`: the message has a `refusal`; `legacy`: the caller asked with `functions`."""
    if stop.reason == "refusal" and refused:
        return "stop"
    if stop.reason == "tools" and legacy:
        return "function_call"
    return WORDS[stop.reason]
