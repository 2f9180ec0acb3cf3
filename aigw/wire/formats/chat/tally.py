"""Usage in Chat Completions' own accounting, both ways."""

from __future__ import annotations

from typing import Any

import msgspec

from aigw.wire import counts
from aigw.wire.shapes import Counts, Usage


def counts_of(value: Any) -> Counts | None:
    """A usage object of any dialect; None for none, or for one that cannot be read."""
    if not isinstance(value, dict) or not value:
        return None
    try:
        return msgspec.convert(value, Counts)
    except (msgspec.ValidationError, ValueError):
        return None


def usage_of(value: Any) -> Usage | None:
    """What a usage object means; None where it holds no figure."""
    found = counts_of(value)
    return None if found is None else counts.usage(found)


def usage_object(usage: Usage) -> dict[str, Any]:
    """`usage`: cache reads and writes are part of the prompt, reasoning of the completion."""
    prompt, completion = usage.input_tokens or 0, usage.output_tokens or 0
    said: dict[str, Any] = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
    }
    _details(
        said,
        "prompt_tokens_details",
        {
            "cached_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
            "audio_tokens": usage.input_audio_tokens,
        },
    )
    _details(
        said,
        "completion_tokens_details",
        {"reasoning_tokens": usage.reasoning_tokens, "audio_tokens": usage.output_audio_tokens},
    )
    return said


def _details(said: dict[str, Any], name: str, figures: dict[str, int | None]) -> None:
    known = {key: value for key, value in figures.items() if value is not None}
    if known:
        said[name] = known
