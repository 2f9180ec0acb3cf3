"""Usage in Chat Completions' own accounting."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.wire.formats.chat.tally import counts_of, usage_object, usage_of
from aigw.wire.shapes import Usage


@pytest.mark.parametrize(
    ("said", "usage"),
    [
        (None, None),
        ({}, None),
        ([], None),
        ({"prompt_tokens": "many"}, None),
        ({"cost": 1}, None),
        ({"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}, Usage(3, 4)),
        (
            {
                "prompt_tokens": 9,
                "completion_tokens": 8,
                "total_tokens": 17,
                "prompt_tokens_details": {"cached_tokens": 5, "audio_tokens": 1},
                "completion_tokens_details": {"reasoning_tokens": 6},
            },
            Usage(9, 8, 5, None, None, 6, 1),
        ),
        (
            {"prompt_tokens": 9, "completion_tokens": 1, "total_tokens": 10, "prompt_cache_hit_tokens": 4},
            Usage(9, 1, 4),
        ),
    ],
)
def test_reading(said: Any, usage: Usage | None) -> None:
    """Every dialect's object, and nothing for what holds no figure."""
    assert usage_of(said) == usage


def test_garbage_is_none() -> None:
    """A figure that is no number spoils nothing else."""
    assert counts_of({"prompt_tokens": -1}) is None


@pytest.mark.parametrize(
    ("usage", "said"),
    [
        (Usage(), {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}),
        (
            Usage(9, 8, 5, 2, 2, 6, 1, 3),
            {
                "prompt_tokens": 9,
                "completion_tokens": 8,
                "total_tokens": 17,
                "prompt_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 2, "audio_tokens": 1},
                "completion_tokens_details": {"reasoning_tokens": 6, "audio_tokens": 3},
            },
        ),
    ],
)
def test_writing(usage: Usage, said: dict[str, Any]) -> None:
    """The totals that SDKs want are always there; the splits where they are known."""
    assert usage_object(usage) == said
