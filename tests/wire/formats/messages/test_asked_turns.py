"""Messages as turns: the system's first, results of tools before the rest of a user's."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.errors import InvalidBody
from aigw.wire.formats.messages.asked_turns import read_turns
from aigw.wire.formats.messages.members import Members
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Text, ToolResult, Turn

RESULT = {"type": "tool_result", "tool_use_id": "i"}
TEXT = {"type": "text", "text": "a"}


def turns(body: dict[str, Any], ledger: Ledger | None = None) -> list[Turn]:
    """What is read of a body."""
    return read_turns(Members(body, ""), Ledger() if ledger is None else ledger)


def test_strings_and_blocks() -> None:
    """Content is a string or an array; each part knows its place."""
    assert turns({"system": "s", "messages": [{"role": "user", "content": "u", "odd": 1}]}) == [
        Turn(role="system", parts=[Text(text="s", at="/system")], at="/system"),
        Turn(role="user", parts=[Text(text="u", at="/messages/0/content")], at="/messages/0", own={"odd": 1}),
    ]
    assert turns({"system": [TEXT], "messages": [{"role": "system", "content": [TEXT]}]}) == [
        Turn(role="system", parts=[Text(text="a", at="/system/0")], at="/system"),
        Turn(role="system", parts=[Text(text="a", at="/messages/0/content/0")], at="/messages/0"),
    ]


@pytest.mark.parametrize(
    ("content", "roles", "losses"),
    [
        ([RESULT], ["tool"], 0),
        ([RESULT, RESULT, TEXT], ["tool", "user"], 0),
        ([TEXT, RESULT], ["tool", "user"], 1),
        ([RESULT, TEXT, RESULT], ["tool", "user"], 1),
    ],
)
def test_results(content: list[Any], roles: list[str], losses: int) -> None:
    """Results make a tool's turn before the user's; one that stood behind other content is reported."""
    ledger = Ledger()
    read = turns({"messages": [{"role": "user", "content": content}]}, ledger)
    assert [turn.role for turn in read] == roles
    assert all(isinstance(part, ToolResult) for part in read[0].parts)
    assert len(ledger) == losses


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "messages"),
        ({"messages": {}}, "messages"),
        ({"messages": ["a"]}, "messages.0"),
        ({"messages": [{"content": "a"}]}, "messages.0.role"),
        ({"messages": [{"role": "tool", "content": "a"}]}, "messages.0.role"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": 1}]}, "messages.0.content"),
        ({"messages": [{"role": "assistant", "content": [RESULT]}]}, "messages.0.content.0"),
        ({"messages": [], "system": 1}, "system"),
    ],
)
def test_refused(body: dict[str, Any], place: str) -> None:
    """What is no message is refused by its place."""
    with pytest.raises(InvalidBody) as refused:
        turns(body)
    assert refused.value.param == place
