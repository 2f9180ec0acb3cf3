"""Tools of a caller: its own functions, the provider's search, and what only this format knows."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.errors import InvalidBody
from aigw.wire.formats.messages.asked_tools import read_tool
from aigw.wire.formats.messages.members import Members
from aigw.wire.neutral import AnyTool, CacheMark, ForeignTool, Tool, ToolChoice, WebSearch

from .test_asked import asked

PLACE = {"type": "approximate", "city": "Bonn", "country": "DE"}


@pytest.mark.parametrize(
    ("tool", "expected"),
    [
        ({"name": "f"}, Tool(name="f", at="/tools/0")),
        (
            {
                "type": "custom",
                "name": "f",
                "description": "d",
                "input_schema": {"type": "object"},
                "strict": True,
                "cache_control": {"type": "ephemeral"},
                "defer_loading": True,
            },
            Tool(
                name="f",
                description="d",
                parameters={"type": "object"},
                strict=True,
                cache=CacheMark(),
                at="/tools/0",
                own={"defer_loading": True},
            ),
        ),
        (
            {
                "type": "web_search_20250305",
                "name": "web_search",
                "max_uses": 2,
                "allowed_domains": ["e.org"],
                "user_location": PLACE,
            },
            WebSearch(allowed_domains=["e.org"], max_uses=2, location={"city": "Bonn", "country": "DE"}, at="/tools/0"),
        ),
        (
            {"type": "web_search_20260318", "name": "web_search", "blocked_domains": ["e.org"]},
            WebSearch(blocked_domains=["e.org"], at="/tools/0", own={"type": "web_search_20260318"}),
        ),
        (
            {"type": "web_search_20250305", "name": "look", "user_location": {**PLACE, "zip": "53111"}},
            WebSearch(
                location={"city": "Bonn", "country": "DE"},
                at="/tools/0",
                own={"name": "look", "user_location": {"zip": "53111"}},
            ),
        ),
        (
            {"type": "web_search_20250305", "name": "web_search", "user_location": {"type": "exact", "city": "Bonn"}},
            WebSearch(at="/tools/0", own={"user_location": {"type": "exact", "city": "Bonn"}}),
        ),
        (
            {"type": "bash_20250124", "name": "bash"},
            ForeignTool(format="messages", value={"type": "bash_20250124", "name": "bash"}, at="/tools/0"),
        ),
    ],
)
def test_tools(tool: dict[str, Any], expected: AnyTool) -> None:
    """Each kind has its form; the version of a search is told where it is not the usual one."""
    assert read_tool(Members(tool, "/tools/0")) == expected


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"type": "auto"}, (ToolChoice(mode="auto"), None)),
        ("auto", (ToolChoice(mode="auto"), None)),
        ({"type": "any", "disable_parallel_tool_use": True}, (ToolChoice(mode="required"), False)),
        ({"type": "none", "disable_parallel_tool_use": False}, (ToolChoice(mode="none"), True)),
        ({"type": "tool", "name": "f"}, (ToolChoice(mode="tool", name="f"), None)),
    ],
)
def test_choices(choice: Any, expected: Any) -> None:
    """Every choice, and whether calls may be parallel."""
    conversation = asked(tool_choice=choice)
    assert (conversation.settings.tool_choice, conversation.settings.parallel_tools) == expected


@pytest.mark.parametrize(
    ("choice", "place"),
    [
        ({"type": "some"}, "tool_choice.type"),
        ({"type": "tool"}, "tool_choice.name"),
        (5, "tool_choice"),
        ({"type": "auto", "disable_parallel_tool_use": 1}, "tool_choice.disable_parallel_tool_use"),
    ],
)
def test_refused(choice: Any, place: str) -> None:
    """What is no choice is refused by its place."""
    with pytest.raises(InvalidBody) as refused:
        asked(tool_choice=choice)
    assert refused.value.param == place


def test_a_tool_without_a_name() -> None:
    """Is refused."""
    with pytest.raises(InvalidBody):
        read_tool(Members({"type": "function"}, "/tools/3"))
