"""Gemini's words."""

from __future__ import annotations

from typing import get_args

import pytest

from aigw.wire.formats.gemini import FORMAT
from aigw.wire.formats.gemini.names import FINISH, STOPS, finish_of, media_kind, stop_of
from aigw.wire.neutral import Stop, StopReason


@pytest.mark.parametrize("word", sorted(STOPS))
def test_every_reason_both_ways(word: str) -> None:
    """A finish reason is read, and written back as the same word."""
    stop = stop_of(word, None, called=False)
    assert (stop.reason, stop.word, finish_of(stop)) == (STOPS[word], word, word)


@pytest.mark.parametrize("reason", get_args(StopReason))
def test_every_stop(reason: StopReason) -> None:
    """Each reason of other formats has a word."""
    assert finish_of(Stop(reason=reason, word="whatever")) == FINISH[reason]


def test_unknown_and_calls() -> None:
    """A new word is `other`; STOP after function calls waits for their results, another reason does not."""
    assert stop_of("NEW_ONE", None, called=True).reason == "other"
    assert stop_of("STOP", None, called=True).reason == "tools"
    assert finish_of(stop_of("STOP", None, called=True)) == "STOP"
    assert stop_of("MAX_TOKENS", None, called=True).reason == "length"


@pytest.mark.parametrize(
    ("media_type", "kind"),
    [
        ("image/png", "image"),
        ("AUDIO/wav", "audio"),
        ("video/mp4", "video"),
        ("application/pdf", "document"),
        (None, "document"),
    ],
)
def test_kinds_of_media(media_type: str | None, kind: str) -> None:
    """By the first half of the type."""
    assert media_kind(media_type) == kind


@pytest.mark.parametrize(
    ("ident", "legal"),
    [("call_1", True), ("a b", True), ("x" * 128, True), ("x" * 129, False), ("", False), ("a\n", False), ("é", False)],
)
def test_ids_of_calls(ident: str, legal: bool) -> None:
    """Anything printable up to 128 characters."""
    assert bool(FORMAT.tool_ids.fullmatch(ident)) == legal
