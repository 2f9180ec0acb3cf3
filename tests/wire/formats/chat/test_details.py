"""Reasoning details: pieces joined, seals, and what is whose."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.wire import signatures
from aigw.wire.formats.chat import details
from aigw.wire.neutral import Thinking

TEXT = {"type": "reasoning.text", "format": "x", "index": 0}


@pytest.mark.parametrize(
    ("entries", "joined"),
    [
        ([], []),
        (["a", None], []),
        ([{**TEXT, "text": "a"}, {**TEXT, "text": "b"}], [(0, {**TEXT, "text": "ab"})]),
        (
            [{**TEXT, "text": "a"}, {"type": "reasoning.text", "index": 0, "signature": "s"}, {**TEXT, "text": "b"}],
            [(0, {**TEXT, "text": "a", "signature": "s"}), (2, {**TEXT, "text": "b"})],
        ),
        (
            [{**TEXT, "text": "a"}, {"type": "reasoning.encrypted", "data": "d", "index": 0}],
            [(0, {**TEXT, "text": "a"}), (1, {"type": "reasoning.encrypted", "data": "d", "index": 0})],
        ),
        (
            [{"type": "reasoning.text", "text": "a"}, {"type": "reasoning.text", "text": "b"}],
            [(0, {"type": "reasoning.text", "text": "a"}), (1, {"type": "reasoning.text", "text": "b"})],
        ),
        (
            [{**TEXT, "id": "1", "text": "a"}, {**TEXT, "id": "2", "text": "b"}],
            [(0, {**TEXT, "id": "1", "text": "a"}), (1, {**TEXT, "id": "2", "text": "b"})],
        ),
        ([{**TEXT, "text": "a", "x": 1}, {**TEXT, "text": None, "x": None}], [(0, {**TEXT, "text": "a", "x": 1})]),
    ],
)
def test_pieces(entries: list[Any], joined: list[tuple[int, dict[str, Any]]]) -> None:
    """Pieces of one type and number are one detail until it is signed; without a number each stands alone."""
    assert details.merged(entries) == joined


def test_members_stay_in_their_order() -> None:
    """A detail returns to its maker as it came."""
    entry = {"type": "reasoning.text", "text": "a", "format": "f", "index": 0, "signature": None}
    assert list(details.Detail(entry).whole()) == list(entry)


def test_a_detail_of_somebody() -> None:
    """It belongs to a maker that nobody knows, and is its own signature."""
    thinking = details.read({"type": "reasoning.summary", "summary": "s"}, "/p")
    signature = '{"type":"reasoning.summary","summary":"s"}'
    assert thinking == Thinking(text="s", signature=signature, maker="chat", summary=True, at="/p")


@pytest.mark.parametrize(
    ("thinking", "kind"),
    [
        (Thinking(text="hm", signature="sig", maker="p", id="rs_1", summary=True), "reasoning.text"),
        (Thinking(signature="sig", maker="p"), "reasoning.encrypted"),
        (Thinking(signature="sig", maker="p", redacted=True), "reasoning.encrypted"),
        (Thinking(text="hm"), "reasoning.text"),
    ],
)
def test_seals_come_back(thinking: Thinking, kind: str) -> None:
    """What a caller is told of another maker's thought is, read again, that very thought."""
    detail = details.sealed(thinking, 3, "content")
    assert (detail["type"], detail["format"], detail["index"], detail["after"]) == (kind, "aigw", 3, "content")
    assert details.read(detail, "") == thinking


def test_a_seal_in_a_changed_detail() -> None:
    """SDKs rewrite details; a seal is known by itself."""
    seal = signatures.seal(Thinking(signature="sig", maker="p"))
    assert details.read({"type": "reasoning.text", "text": "hm", "signature": seal}, "").maker == "p"


def test_details_go_back_verbatim() -> None:
    """A signature that is a detail is that detail again; any other becomes part of one."""
    assert details.original(Thinking(text="x", signature='{"a":1}'), 0) == {"a": 1}
    said = {"type": "reasoning.text", "text": "x", "signature": "no json", "index": 1}
    assert details.original(Thinking(text="x", signature="no json"), 1) == said
    assert details.original(Thinking(text="x"), 2) == {"type": "reasoning.text", "text": "x", "index": 2}
