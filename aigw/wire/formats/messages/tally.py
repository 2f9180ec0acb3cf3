"""Usage as Anthropic counts it: cache reads and writes stand beside `input_tokens`, not within.

Source: https://platform.claude.com/docs/en/build-with-claude/prompt-caching#tracking-cache-performance
"""

from __future__ import annotations

from typing import Any

import msgspec

from aigw.wire import counts
from aigw.wire.losses import Ledger
from aigw.wire.shapes import Counts, Usage


def read_counts(value: Any) -> Counts | None:
    """A usage object as it stands; None for what is none."""
    if not isinstance(value, dict):
        return None
    try:
        return msgspec.convert(value, Counts)
    except msgspec.ValidationError:
        return None


def read_usage(value: Any) -> Usage | None:
    """What a usage object means; None if it says nothing but zeros, which stand for what nobody told."""
    found = read_counts(value)
    return None if found is None or not counts.tells(found) else counts.usage(found)


def write_usage(usage: Usage | None, ledger: Ledger) -> dict[str, Any]:
    """The usage object. `input_tokens` and `output_tokens` must be there: zero stands for what nobody told."""
    if usage is None:
        return {"input_tokens": 0, "output_tokens": 0}
    read, write = usage.cache_read_tokens or 0, usage.cache_write_tokens or 0
    told: dict[str, Any] = {"input_tokens": max(0, (usage.input_tokens or 0) - read - write)}
    if usage.cache_write_tokens is not None:
        told["cache_creation_input_tokens"] = write
    if usage.cache_read_tokens is not None:
        told["cache_read_input_tokens"] = read
    if usage.cache_write_1h_tokens is not None:
        hour = usage.cache_write_1h_tokens
        told["cache_creation"] = {
            "ephemeral_5m_input_tokens": max(0, write - hour),
            "ephemeral_1h_input_tokens": hour,
        }
    told["output_tokens"] = usage.output_tokens or 0
    if usage.reasoning_tokens is not None:
        told["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    for name in ("input_audio_tokens", "output_audio_tokens"):
        if getattr(usage, name):
            ledger.drop(f"answer:/usage/{name}", "the format does not count audio apart")
    return told
