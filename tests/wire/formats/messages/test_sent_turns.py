"""Turns as messages: the system apart, roles in turns, results first, and an end that the model can answer."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.wire.dialect import PLAIN
from aigw.wire.formats.messages.sent_parts import PartWriter
from aigw.wire.formats.messages.sent_turns import TurnWriter
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Media, Part, Role, Source, Text, Thinking, ToolCall, ToolResult, Turn

CALL = ToolCall(id="i", name="f", arguments="{}")
RESULT = ToolResult(call_id="i", parts=[])
IMAGE = Media(kind="image", source=Source(url="https://e.org"), at="/image")


def turn(role: Role, *parts: Part | str) -> Turn:
    """A turn; strings are texts."""
    return Turn(
        role=role, parts=[Text(text=part, at="/t") if isinstance(part, str) else part for part in parts], at="/turn"
    )


def written(turns: list[Turn], ledger: Ledger, own_format: str = "chat", *, prefill: bool = True) -> TurnWriter:
    """Turns, through all steps."""
    writer = TurnWriter(PartWriter(own_format, PLAIN, ledger), ledger)
    writer.write(turns)
    writer.open_with_user()
    writer.close(prefill=prefill)
    return writer


def brief(writer: TurnWriter) -> list[tuple[str, list[str]]]:
    """Roles, and the texts or kinds of blocks."""
    return [
        (message["role"], [block.get("text") or block["type"] for block in message["content"]])
        for message in writer.body()
    ]


@pytest.mark.parametrize(
    ("turns", "system", "messages", "losses"),
    [
        ([turn("user", "a")], [], [("user", ["a"])], []),
        (
            [turn("system", "s"), turn("developer", "d"), turn("user", "a")],
            ["s", "d"],
            [("user", ["a"])],
            [],
        ),
        (
            [turn("user", "a"), turn("system", "s"), turn("user", "b")],
            [],
            [("user", ["a", "s", "b"])],
            [("/turn", "approximated")],
        ),
        (
            [
                turn("user", "a"),
                turn("assistant", "b"),
                turn("assistant", CALL),
                turn("tool", RESULT),
                turn("user", "c"),
            ],
            [],
            [("user", ["a"]), ("assistant", ["b", "tool_use"]), ("user", ["tool_result", "c"])],
            [],
        ),
        (
            [turn("user", "a"), turn("assistant", CALL), turn("system", "s"), turn("tool", RESULT)],
            [],
            [("user", ["a"]), ("assistant", ["tool_use"]), ("user", ["tool_result", "s"])],
            [("/turn", "approximated")],
        ),
        (
            [turn("assistant", "b"), turn("user", "a")],
            [],
            [("user", ["."]), ("assistant", ["b"]), ("user", ["a"])],
            [("/t", "approximated")],
        ),
        (
            [turn("user", "a"), turn("assistant", "b \n")],
            [],
            [("user", ["a"]), ("assistant", ["b"])],
            [("/t", "rewritten")],
        ),
        (
            [turn("system", IMAGE, "s"), turn("user", "a"), turn("assistant", IMAGE), turn("user", "b")],
            ["s"],
            [("user", ["a", "b"])],
            [("/image", "dropped")],
        ),
    ],
)
def test_messages(turns: list[Turn], system: list[str], messages: Any, losses: list[tuple[str, str]]) -> None:
    """What the API asks of messages, whatever the conversation was like."""
    ledger = Ledger()
    writer = written(turns, ledger)
    assert [block["text"] for block in writer.system] == system
    assert brief(writer) == messages
    assert [(entry.pointer, entry.action) for entry in ledger.entries] == losses


def test_no_prefill() -> None:
    """A model that does not continue the assistant's turn is asked to go on, and that is reported."""
    ledger = Ledger()
    writer = written([turn("user", "a"), turn("assistant", "b ")], ledger, prefill=False)
    assert brief(writer) == [("user", ["a"]), ("assistant", ["b "]), ("user", ["Continue."])]
    assert [entry.action for entry in ledger.entries] == ["approximated"]


def test_its_own_callers() -> None:
    """A caller of this format knows what it does: the system may speak later on, and nothing is tidied."""
    ledger = Ledger()
    said = [turn("assistant", " "), turn("system", "s"), turn("assistant", "b ")]
    said[1].own = {"clear_at": 5}
    writer = written(said, ledger, "messages")
    assert brief(writer) == [("assistant", [" "]), ("system", ["s"]), ("assistant", ["b "])]
    assert writer.body()[1]["clear_at"] == 5
    assert not ledger


def test_names() -> None:
    """Speakers have no names in the format."""
    ledger = Ledger()
    named = turn("user", "a")
    named.name = "Ann"
    written([named], ledger)
    assert [(entry.pointer, entry.action) for entry in ledger.entries] == [("/turn/name", "dropped")]


@pytest.mark.parametrize(
    ("turns", "thinks"),
    [
        ([turn("user", "a")], True),
        ([turn("user", "a"), turn("assistant", "b"), turn("user", "c")], True),
        ([turn("user", "a"), turn("assistant", CALL), turn("tool", RESULT)], False),
        (
            [turn("user", "a"), turn("assistant", Thinking(text="t", signature="s"), CALL), turn("tool", RESULT)],
            True,
        ),
    ],
)
def test_thinking_in_a_tool_loop(turns: list[Turn], thinks: bool) -> None:
    """A loop that goes on began with thinking, or it did not."""
    assert written(turns, Ledger()).thinks_in_tool_loop() is thinks
