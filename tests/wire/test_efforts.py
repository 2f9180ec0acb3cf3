"""Reasoning efforts find their nearest word, and say when it is another one."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.wire import efforts
from aigw.wire.efforts import SCALE, nearest, renamed, switched, untold, wanted, worded
from aigw.wire.neutral import Reasoning


@pytest.mark.parametrize(
    ("asked", "effort", "lossy"),
    [
        (Reasoning(), None, False),
        (Reasoning(effort="high"), "high", False),
        (Reasoning(effort="low", budget=9000), "low", True),
        (Reasoning(enabled=False), "none", False),
        (Reasoning(budget=0), "none", False),
        (Reasoning(budget=1024), "low", True),
        (Reasoning(budget=20_000), "high", True),
        (Reasoning(enabled=True), None, False),
        (Reasoning(enabled=True, budget=5000), "medium", True),
    ],
)
def test_wanted(asked: Reasoning, effort: str | None, lossy: bool) -> None:
    """An effort is itself, thinking switched off is none, and a budget becomes the effort that comes nearest."""
    found, reason = wanted(asked)
    assert found == effort
    assert (reason is not None) == lossy


@pytest.mark.parametrize(
    ("effort", "among", "word"),
    [
        ("low", (), "low"),
        ("low", ("low", "high"), "low"),
        ("medium", ("low", "high"), "high"),
        ("max", ("low", "high"), "high"),
        ("none", ("low", "high"), "low"),
        ("minimal", ("none", "low"), "low"),
        ("high", ("max", "low"), "max"),
        ("ultra", ("low", "high"), "high"),
    ],
)
def test_nearest(effort: str, among: tuple[str, ...], word: str) -> None:
    """Rather more thought than less; where the model thinks less than asked for in any case, its most."""
    assert nearest(effort, among) == word
    _, reason = renamed(effort, among)
    assert (reason is None) == (word == effort)


def test_the_scale_rises() -> None:
    """Words have the places of the scale, and one that is not on it stands in the middle."""
    assert [efforts.rank(word) for word in SCALE] == list(range(len(SCALE)))
    assert efforts.rank("low") < efforts.rank("some") < efforts.rank("high")


ON, OFF = {"thinking": {"type": "enabled"}}, {"thinking": {"type": "disabled"}}


@pytest.mark.parametrize(
    ("asked", "words", "members", "lossy"),
    [
        (Reasoning(), (), {}, False),
        (Reasoning(enabled=True), (), ON, False),
        (Reasoning(enabled=True), ("low", "high"), ON, False),
        (Reasoning(effort="none"), (), OFF, False),
        (Reasoning(enabled=False), ("low", "high"), OFF, False),
        (Reasoning(effort="high"), (), ON, True),
        (Reasoning(effort="high"), ("low", "high"), {**ON, "reasoning_effort": "high"}, False),
        (Reasoning(effort="medium"), ("low", "high"), {**ON, "reasoning_effort": "high"}, True),
        (Reasoning(budget=2000), ("low", "high"), {**ON, "reasoning_effort": "high"}, True),
    ],
)
def test_switched(asked: Reasoning, words: tuple[str, ...], members: dict[str, Any], lossy: bool) -> None:
    """Thinking is on or off, with an effort beside it where the model has any; less than was asked for is said."""
    said, reason = switched(asked, words)
    assert said == members
    assert (reason is not None) == lossy


@pytest.mark.parametrize(
    ("asked", "members", "lossy"),
    [
        (Reasoning(), {}, False),
        (Reasoning(enabled=True), {}, False),
        (Reasoning(effort="xhigh"), {"reasoning_effort": "xhigh"}, False),
        (Reasoning(budget=0), {"reasoning_effort": "none"}, False),
        (Reasoning(effort="low", shown="auto"), {"reasoning_effort": "low"}, True),
        (Reasoning(shown="none"), {}, False),
    ],
)
def test_untold(asked: Reasoning, members: dict[str, Any], lossy: bool) -> None:
    """Where thoughts are never told, a wish to see them is a loss; nothing else about the effort changes."""
    said, reason = untold(asked)
    assert said == members == worded(asked)[0]
    assert (reason is not None) == lossy


def test_reasons_are_joined() -> None:
    """Two reasons are one sentence, none is none."""
    assert efforts.both(None, None) is None
    assert efforts.both("a", None, "b") == "a; b"
