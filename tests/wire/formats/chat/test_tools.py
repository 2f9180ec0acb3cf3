"""Tools of a caller, and its choice among them, in every form."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.errors import InvalidBody
from aigw.wire.formats.chat.members import Members
from aigw.wire.formats.chat.tools import read_choice, read_tools
from aigw.wire.losses import Ledger
from aigw.wire.neutral import AnyTool, CacheMark, CustomTool, ForeignTool, Tool, ToolChoice, WebSearch

SCHEMA = {"type": "object", "properties": {}}

TOOLS: list[tuple[dict[str, Any], list[AnyTool]]] = [
    ({}, []),
    (
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA, "strict": True, "x": 1}}]},
        [Tool(name="f", parameters=SCHEMA, strict=True, at="/tools/0", own={"function": {"x": 1}})],
    ),
    (
        {"tools": [{"function": {"name": "f", "description": "d"}, "cache_control": {"type": "ephemeral"}}]},
        [Tool(name="f", description="d", cache=CacheMark(None, "/tools/0/cache_control"), at="/tools/0")],
    ),
    (
        {"tools": [{"type": "custom", "custom": {"name": "c", "format": {"type": "text"}}}]},
        [CustomTool(name="c", format={"type": "text"}, at="/tools/0")],
    ),
    (
        {
            "tools": [
                {
                    "type": "custom",
                    "custom": {
                        "name": "c",
                        "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "a"}},
                    },
                }
            ]
        },
        [CustomTool(name="c", format={"type": "grammar", "syntax": "lark", "definition": "a"}, at="/tools/0")],
    ),
    (
        {"tools": [{"type": "openrouter:web_search"}]},
        [ForeignTool(format="chat", value={"type": "openrouter:web_search"}, at="/tools/0")],
    ),
    ({"functions": [{"name": "f", "parameters": SCHEMA}]}, [Tool(name="f", parameters=SCHEMA, at="/functions/0")]),
    (
        {
            "web_search_options": {
                "search_context_size": "low",
                "user_location": {"type": "approximate", "approximate": {"city": "Ulm"}},
                "x": 1,
            }
        },
        [WebSearch(depth="low", location={"city": "Ulm"}, at="/web_search_options", own={"x": 1})],
    ),
]


@pytest.mark.parametrize(("body", "tools"), TOOLS)
def test_tools(body: dict[str, Any], tools: list[AnyTool]) -> None:
    """Every kind of tool, old and new; nothing of it is left at the top."""
    members = Members(body, "")
    assert read_tools(members) == tools
    assert members.own() is None


@pytest.mark.parametrize(
    ("body", "choice"),
    [
        ({}, None),
        ({"tool_choice": "auto"}, ToolChoice(mode="auto")),
        ({"tool_choice": "none"}, ToolChoice(mode="none")),
        ({"tool_choice": "required"}, ToolChoice(mode="required")),
        ({"tool_choice": "any"}, ToolChoice(mode="required")),
        ({"tool_choice": {"type": "function", "function": {"name": "f"}}}, ToolChoice(mode="tool", name="f")),
        ({"tool_choice": {"function": {"name": "f"}}}, ToolChoice(mode="tool", name="f")),
        ({"tool_choice": {"type": "custom", "custom": {"name": "c"}}}, ToolChoice(mode="tool", name="c", custom=True)),
        (
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "allowed_tools": {
                        "mode": "required",
                        "tools": [{"type": "function", "function": {"name": "f"}}, {"type": "mcp", "name": "m"}],
                    },
                }
            },
            ToolChoice(mode="required", allowed=["f", "m"]),
        ),
        ({"function_call": "auto"}, ToolChoice(mode="auto")),
        ({"function_call": {"name": "f"}}, ToolChoice(mode="tool", name="f")),
    ],
)
def test_choices(body: dict[str, Any], choice: ToolChoice | None) -> None:
    """Every form of the choice, in its old member and its new one."""
    members = Members(body, "")
    found, place = read_choice(members, Ledger())
    assert found == choice
    assert place == ("" if choice is None else f"/{next(iter(body))}")
    assert members.own() is None


def test_a_choice_that_nobody_knows_stays_the_callers_own() -> None:
    """Servers have kinds of tools of their own, and choices of these."""
    members = Members({"tool_choice": {"type": "web_search"}}, "")
    assert read_choice(members, Ledger())[0] is None
    assert members.own() == {"tool_choice": {"type": "web_search"}}


def test_members_of_a_choice_that_nobody_knows() -> None:
    """A choice has no members of its own, so they are in the ledger."""
    ledger = Ledger()
    read_choice(Members({"tool_choice": {"function": {"name": "f"}, "x": 1}}, ""), ledger)
    assert [entry.pointer for entry in ledger.entries] == ["/tool_choice/x"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"tools": {}}, "tools"),
        ({"tools": [{}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "name": "f"}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "parameters": []}}]},
            "tools[0].function.parameters",
        ),
        ({"functions": [1]}, "functions[0]"),
        ({"tool_choice": "some"}, "tool_choice"),
        ({"tool_choice": 1}, "tool_choice"),
        ({"tool_choice": {"type": "function"}}, "tool_choice.function"),
        (
            {"tool_choice": {"type": "allowed_tools", "allowed_tools": {"mode": "none"}}},
            "tool_choice.allowed_tools.mode",
        ),
    ],
)
def test_what_is_none(body: dict[str, Any], param: str) -> None:
    """What no provider could take is refused by its place."""
    members = Members(body, "")
    with pytest.raises(InvalidBody) as refusal:
        _ = read_tools(members), read_choice(members, Ledger())
    assert refusal.value.param == param
