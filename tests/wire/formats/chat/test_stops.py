"""Why an answer ended, in full tables both ways."""

from __future__ import annotations

from typing import get_args

import pytest

from aigw.wire.formats.chat.stops import INEXACT, WORDS, stop_of, word_of
from aigw.wire.neutral import Stop, StopReason

REASONS: list[tuple[str, StopReason]] = [
    ("stop", "end"),
    ("STOP", "end"),
    ("eos", "end"),
    ("end_turn", "end"),
    ("stop_sequence", "sequence"),
    ("length", "length"),
    ("max_tokens", "length"),
    ("tool_calls", "tools"),
    ("function_call", "tools"),
    ("content_filter", "filter"),
    ("sensitive", "filter"),
    ("SAFETY", "filter"),
    ("refusal", "refusal"),
    ("pause_turn", "pause"),
    ("model_length", "context"),
    ("model_context_window_exceeded", "context"),
    ("error", "error"),
    ("insufficient_system_resource", "error"),
    ("network_error", "error"),
    ("", "other"),
    ("who_knows", "other"),
]


@pytest.mark.parametrize(("word", "reason"), REASONS)
def test_words_of_servers(word: str, reason: StopReason) -> None:
    """Each word has its reason, however it is spelt; the word itself is kept."""
    assert stop_of(word, called=False, refused=False, forced=False) == Stop(reason=reason, word=word)


@pytest.mark.parametrize(
    ("word", "called", "refused", "forced", "reason"),
    [
        ("stop", True, False, False, "tools"),
        ("", True, False, False, "tools"),
        ("length", True, False, False, "length"),
        ("content_filter", True, False, False, "filter"),
        ("stop", False, True, False, "refusal"),
        ("length", False, True, False, "length"),
        ("tool_calls", False, False, True, "end"),
        ("tool_calls", True, False, True, "tools"),
        ("tool_calls", False, False, False, "tools"),
        ("length", False, False, True, "length"),
    ],
)
def test_what_was_said_before(word: str, called: bool, refused: bool, forced: bool, reason: StopReason) -> None:
    """`stop` after calls is a wait for results, after a refusal it is one; a forced call is no call."""
    assert stop_of(word, called=called, refused=refused, forced=forced).reason == reason


def test_every_reason_has_a_word() -> None:
    """OpenAI's, or `error`, which it has none for; every reason whose word tells something else is listed."""
    assert set(WORDS) == set(get_args(StopReason))
    assert set(WORDS.values()) == {"stop", "length", "tool_calls", "content_filter", "error"}
    assert set(WORDS) >= INEXACT


@pytest.mark.parametrize(
    ("reason", "refused", "legacy", "word"),
    [
        ("end", False, False, "stop"),
        ("tools", False, False, "tool_calls"),
        ("tools", False, True, "function_call"),
        ("refusal", True, False, "stop"),
        ("refusal", False, False, "content_filter"),
        ("context", False, True, "length"),
    ],
)
def test_words_for_callers(reason: StopReason, refused: bool, legacy: bool, word: str) -> None:
    """A refusal with words is a `stop` to OpenAI, one without is a filter's; old callers know `function_call`."""
    assert word_of(Stop(reason=reason), refused=refused, legacy=legacy) == word
