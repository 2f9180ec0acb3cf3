"""Usage: Anthropic counts what its cache read and wrote beside the input, we within."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.wire.formats.messages.tally import read_usage, write_usage
from aigw.wire.losses import Ledger
from aigw.wire.shapes import Usage

FULL = {
    "input_tokens": 60,
    "cache_creation_input_tokens": 10,
    "cache_read_input_tokens": 30,
    "cache_creation": {"ephemeral_5m_input_tokens": 6, "ephemeral_1h_input_tokens": 4},
    "output_tokens": 20,
    "output_tokens_details": {"thinking_tokens": 5},
}


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({"input_tokens": 3, "output_tokens": 4}, Usage(3, 4)),
        (FULL, Usage(100, 20, 30, 10, 4, 5)),
        ({"input_tokens": 3, "cache_read_input_tokens": 2, "output_tokens": 4}, Usage(5, 4, 2)),
    ],
)
def test_there_and_back(told: dict[str, Any], usage: Usage) -> None:
    """Each split stays."""
    ledger = Ledger()
    assert read_usage(told) == usage
    assert write_usage(usage, ledger) == told
    assert not ledger


@pytest.mark.parametrize("told", [None, [], "x", {"input_tokens": -1}, {"input_tokens": 0, "output_tokens": 0}, {}])
def test_nothing_told(told: Any) -> None:
    """What is no usage is none; the figures that must be there are zeros then."""
    assert read_usage(told) is None
    assert write_usage(None, Ledger()) == {"input_tokens": 0, "output_tokens": 0}


def test_audio() -> None:
    """Audio tokens are not told apart, and that is reported; input never falls below zero."""
    ledger = Ledger()
    written = write_usage(Usage(5, 6, 9, input_audio_tokens=1, output_audio_tokens=0), ledger)
    assert written == {"input_tokens": 0, "cache_read_input_tokens": 9, "output_tokens": 6}
    assert [entry.pointer for entry in ledger.entries] == ["answer:/usage/input_audio_tokens"]
