"""`usageMetadata`, both ways. Source: https://ai.google.dev/api/generate-content#UsageMetadata"""

from __future__ import annotations

from typing import Any

import msgspec

from aigw.wire import counts
from aigw.wire.losses import Ledger
from aigw.wire.shapes import Counts, Usage

_counts_of = msgspec.json.Decoder(Counts).decode


def counted(data: bytes | msgspec.Raw, older: Counts | None = None) -> Counts | None:
    """A usage object, completed by an older one; None for what is none."""
    try:
        newer = _counts_of(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return older
    return newer if older is None else counts.complete(newer, older)


def usage_of(value: Any) -> Usage | None:
    """What a decoded usage object means."""
    try:
        return counts.usage(msgspec.convert(value, Counts))
    except msgspec.ValidationError:
        return None


def metadata(usage: Usage, ledger: Ledger) -> dict[str, Any]:
    """Thoughts stand beside the candidates' tokens, what was read from the cache within the prompt's."""
    told: dict[str, Any] = {}
    thoughts = usage.reasoning_tokens or 0
    if usage.input_tokens is not None:
        told["promptTokenCount"] = usage.input_tokens
    if usage.output_tokens is not None:
        told["candidatesTokenCount"] = max(usage.output_tokens - thoughts, 0)
    if usage.input_tokens is not None or usage.output_tokens is not None:
        told["totalTokenCount"] = usage.total
    if usage.reasoning_tokens is not None:
        told["thoughtsTokenCount"] = thoughts
    if usage.cache_read_tokens is not None:
        told["cachedContentTokenCount"] = usage.cache_read_tokens
    _modalities(told, "promptTokensDetails", usage.input_audio_tokens, usage.input_tokens or 0)
    _modalities(told, "candidatesTokensDetails", usage.output_audio_tokens, (usage.output_tokens or 0) - thoughts)
    if usage.cache_write_tokens:
        ledger.drop("answer:/usage/cache_write_tokens", "Gemini does not count what is written to a cache")
    return told


def _modalities(told: dict[str, Any], member: str, audio: int | None, whole: int) -> None:
    if audio is not None and audio <= whole:
        told[member] = [
            {"modality": "TEXT", "tokenCount": whole - audio},
            {"modality": "AUDIO", "tokenCount": audio},
        ]
