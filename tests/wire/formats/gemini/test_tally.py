"""Usage in Gemini's accounting."""

from __future__ import annotations

import pytest

from aigw.wire.formats.gemini.tally import counted, metadata, usage_of
from aigw.wire.losses import Ledger
from aigw.wire.shapes import Usage


@pytest.mark.parametrize(
    "usage",
    [
        Usage(5, 3),
        Usage(5, 0),
        Usage(5, 10, cache_read_tokens=4, reasoning_tokens=7),
        Usage(5, 10, reasoning_tokens=10),
        Usage(5, 10, input_audio_tokens=2, output_audio_tokens=3),
        Usage(0, 0, cache_read_tokens=0, reasoning_tokens=0),
    ],
)
def test_both_ways(usage: Usage) -> None:
    """Every split comes back the same: thoughts beside the candidates, the cache within the prompt."""
    assert usage_of(metadata(usage, Ledger())) == usage


def test_nothing_known() -> None:
    """What was not said is not said."""
    assert metadata(Usage(), Ledger()) == {}
    assert usage_of({"promptTokenCount": "many"}) is None


def test_what_is_no_usage() -> None:
    """It leaves what was known before."""
    older = counted(b'{"promptTokenCount":5}')
    assert counted(b"5", older) is older
