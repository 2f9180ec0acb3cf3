"""Why an answer ended, both ways."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.wire.formats.responses.stops import error_of, note_stop, read_stop, status_of
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Stop, StopReason

LENGTH = {"reason": "max_output_tokens"}
FILTER = {"reason": "content_filter"}


@pytest.mark.parametrize(
    ("response", "calls", "refuses", "reason", "word"),
    [
        ({"status": "completed"}, False, False, "end", "completed"),
        ({}, False, False, "end", "completed"),
        ({"status": "completed"}, True, False, "tools", "completed"),
        ({"status": "completed"}, True, True, "tools", "completed"),
        ({"status": "completed"}, False, True, "refusal", "completed"),
        ({"status": "incomplete", "incomplete_details": LENGTH}, True, False, "length", "max_output_tokens"),
        ({"status": "incomplete", "incomplete_details": FILTER}, False, False, "filter", "content_filter"),
        ({"status": "incomplete", "incomplete_details": {"reason": "steered"}}, False, False, "other", "steered"),
        ({"status": "incomplete", "incomplete_details": None}, False, False, "other", "incomplete"),
    ],
)
def test_reading(response: dict[str, Any], calls: bool, refuses: bool, reason: str, word: str) -> None:
    """A status, its details and what the output holds together say why it ended."""
    assert read_stop(response, calls=calls, refuses=refuses) == Stop(reason=reason, word=word)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reason", "refuses", "status", "details"),
    [
        ("end", False, "completed", None),
        ("sequence", False, "completed", None),
        ("tools", False, "completed", None),
        ("pause", False, "completed", None),
        ("other", False, "completed", None),
        ("length", False, "incomplete", LENGTH),
        ("context", False, "incomplete", LENGTH),
        ("filter", False, "incomplete", FILTER),
        ("refusal", True, "completed", None),
        ("refusal", False, "incomplete", FILTER),
        ("error", False, "failed", None),
        (None, False, "incomplete", None),
    ],
)
def test_writing(reason: StopReason | None, refuses: bool, status: str, details: Any) -> None:
    """Each reason has a status; an answer that nobody said the end of is incomplete, for no reason that is known."""
    stop = None if reason is None else Stop(reason=reason)
    assert status_of(stop, refuses=refuses) == (status, details)


@pytest.mark.parametrize(
    ("stop", "refuses", "noted"),
    [
        (None, False, []),
        (Stop(reason="end"), False, []),
        (Stop(reason="refusal"), True, []),
        (Stop(reason="refusal"), False, [("", "approximated")]),
        (Stop(reason="pause", word="pause_turn"), False, [("", "approximated")]),
        (Stop(reason="context"), False, [("", "approximated")]),
        (Stop(reason="sequence", sequence="two"), False, [("/sequence", "dropped")]),
        (Stop(reason="filter", detail="Why."), False, [("/detail", "dropped")]),
        (Stop(reason="error", detail="Why."), False, []),
    ],
)
def test_what_is_not_told(stop: Stop | None, refuses: bool, noted: list[tuple[str, str]]) -> None:
    """A word that says less than the provider's is reported, and so is what has no place."""
    ledger = Ledger()
    note_stop(stop, ledger, refuses=refuses)
    found = [(entry.pointer.removeprefix("answer:/candidates/0/stop"), entry.action) for entry in ledger.entries]
    assert found == noted


def test_failures() -> None:
    """A failure is told in the provider's words, where it has some."""
    assert error_of(Stop(reason="error", detail="Out of memory.")) == {
        "code": "server_error",
        "message": "Out of memory.",
    }
    assert error_of(Stop(reason="error"))["message"]
