"""Why an answer ended: every word of Anthropic's, and every reason of ours."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from anthropic.types import StopReason as Words

from aigw.wire.formats.messages.tables import finer_details, read_stop, write_stop
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Stop, StopReason

KNOWN = {
    "end_turn": "end",
    "max_tokens": "length",
    "stop_sequence": "sequence",
    "tool_use": "tools",
    "pause_turn": "pause",
    "refusal": "refusal",
    "model_context_window_exceeded": "context",
}


def test_every_word() -> None:
    """The SDK's words are the table's, and each has a reason."""
    assert set(KNOWN) == set(get_args(Words))
    assert {word: read_stop(word, None, None).reason for word in KNOWN} == KNOWN


@pytest.mark.parametrize("word", KNOWN)
def test_there_and_back(word: str) -> None:
    """Each word comes back as itself, without a loss."""
    ledger = Ledger()
    assert write_stop(read_stop(word, None, None), ledger)["stop_reason"] == word
    assert not ledger


@pytest.mark.parametrize("reason", get_args(StopReason))
def test_every_reason(reason: StopReason) -> None:
    """Has a word of the format's, or none: for an error of the provider's. What is only the nearest is reported."""
    ledger = Ledger()
    word = write_stop(Stop(reason=reason, word="BROKEN"), ledger)["stop_reason"]
    assert word in KNOWN if reason != "error" else word is None
    assert bool(ledger) == (reason in ("filter", "other", "error"))
    assert all("BROKEN" in entry.reason for entry in ledger.entries)


def test_words_of_betas() -> None:
    """Those that say more than the usual ones come back; other words that nobody knows become the nearest."""
    assert write_stop(read_stop("compaction", None, None), Ledger())["stop_reason"] == "compaction"
    assert write_stop(read_stop("new_word", None, None), Ledger())["stop_reason"] == "end_turn"


@pytest.mark.parametrize(
    ("details", "own"),
    [
        (None, False),
        ("odd", False),
        ({"type": "refusal", "category": None, "explanation": None}, False),
        ({"type": "refusal", "category": None, "explanation": "No."}, False),
        ({"type": "refusal", "category": "bio", "explanation": None}, True),
        ({"type": "refusal", "category": "bio", "explanation": "No."}, True),
    ],
)
def test_finer_details(details: Any, own: bool) -> None:
    """Details of which more than the explanation is said are this format's own."""
    assert finer_details(details) == ({"stop_details": details} if own else None)


def test_details() -> None:
    """The stop sequence, and the explanation of a refusal, go along."""
    assert read_stop("stop_sequence", "END", None).sequence == "END"
    assert write_stop(Stop(reason="sequence", sequence="END"), Ledger()) == {
        "stop_reason": "stop_sequence",
        "stop_sequence": "END",
    }
    stop = read_stop("refusal", None, {"type": "refusal", "category": "bio", "explanation": "No."})
    assert stop.detail == "No."
    assert write_stop(stop, Ledger())["stop_details"]["explanation"] == "No."
    assert read_stop("refusal", None, {"category": "bio"}).detail == "bio"
    assert read_stop("odd", 1, "odd") == Stop(reason="other", word="odd")


def test_structured_output_is_no_call() -> None:
    """Where the only tool called was the reserved one, the model was done."""
    assert read_stop("tool_use", None, None, structured=True).reason == "end"
    assert read_stop("max_tokens", None, None, structured=True).reason == "length"


def test_refused() -> None:
    """An answer that holds a refusal and ended well is one; nothing is made up where the upstream said nothing."""
    assert write_stop(Stop(reason="end"), Ledger(), refused=True)["stop_reason"] == "refusal"
    assert write_stop(Stop(reason="length"), Ledger(), refused=True)["stop_reason"] == "max_tokens"
    assert write_stop(None, Ledger())["stop_reason"] is None
