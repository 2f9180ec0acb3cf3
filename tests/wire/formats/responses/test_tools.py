"""Tools and the choice among them, both ways."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.errors import InvalidBody
from aigw.wire.dialect import PLAIN, Dialect
from aigw.wire.draft import Draft
from aigw.wire.formats.responses.tools import echo_tools, read_choice, read_tools, write_choice, write_tools
from aigw.wire.losses import Ledger
from aigw.wire.neutral import (
    AnyTool,
    CacheMark,
    Conversation,
    CustomTool,
    ForeignTool,
    Tool,
    ToolChoice,
    WebSearch,
)

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}}
AT = "/tools/0"

READ: list[tuple[dict[str, Any], AnyTool]] = [
    (
        {"type": "function", "name": "f", "description": "d", "parameters": SCHEMA, "strict": True},
        Tool(name="f", description="d", parameters=SCHEMA, strict=True, at=AT),
    ),
    (
        {"type": "function", "name": "f", "parameters": None, "strict": None, "defer_loading": True},
        Tool(name="f", at=AT, own={"defer_loading": True}),
    ),
    (
        {"type": "custom", "name": "c", "format": {"type": "text"}},
        CustomTool(name="c", format={"type": "text"}, at=AT),
    ),
    (
        {
            "type": "web_search",
            "filters": {"allowed_domains": ["a.example"]},
            "search_context_size": "low",
            "user_location": {"type": "approximate", "city": "Kiel", "region": None},
            "external_web_access": False,
        },
        WebSearch(
            allowed_domains=["a.example"], depth="low", location={"city": "Kiel"}, at=AT,
            own={"external_web_access": False},
        ),
    ),
    ({"type": "web_search_preview"}, WebSearch(at=AT, own={"type": "web_search_preview"})),
    (
        {"type": "web_search", "filters": {"blocked_domains": ["b"]}},
        WebSearch(at=AT, own={"filters": {"blocked_domains": ["b"]}}),
    ),
    (
        {"type": "mcp", "server_label": "s"},
        ForeignTool(format="responses", value={"type": "mcp", "server_label": "s"}, at=AT),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("value", "tool"), READ, ids=[str(case[0])[:50] for case in READ])
def test_reading(value: dict[str, Any], tool: AnyTool) -> None:
    """Each kind of tool is what it means; what only this format has stays with it."""
    assert read_tools([value], "/tools") == [tool]


@pytest.mark.parametrize(
    ("value", "param"),
    [
        ({}, "tools[0].type"),
        ({"type": "function"}, "tools[0].name"),
        ({"type": "function", "function": {"name": "f"}}, "tools[0].name"),
        ({"type": "function", "name": "f", "parameters": "{}"}, "tools[0].parameters"),
        ({"type": "web_search", "user_location": {"city": 7}}, "tools[0].user_location.city"),
    ],
)
def test_what_is_no_tool(value: dict[str, Any], param: str) -> None:
    """A tool without a name or of the wrong shape is refused by its place."""
    with pytest.raises(InvalidBody) as caught:
        read_tools([value], "/tools")
    assert caught.value.param == param


CHOICES: list[tuple[Any, ToolChoice]] = [
    ("auto", ToolChoice(mode="auto")),
    ("none", ToolChoice(mode="none")),
    ("required", ToolChoice(mode="required")),
    ({"type": "function", "name": "f"}, ToolChoice(mode="tool", name="f")),
    ({"type": "custom", "name": "c"}, ToolChoice(mode="tool", name="c", custom=True)),
    ({"type": "web_search"}, ToolChoice(mode="tool", name="web_search")),
    (
        {
            "type": "allowed_tools",
            "mode": "required",
            "tools": [
                {"type": "function", "name": "f"},
                {"type": "custom", "name": "c"},
                {"type": "web_search"},
            ],
        },
        ToolChoice(mode="required", allowed=["f", "c", "web_search"]),
    ),
]
TOOLS: list[AnyTool] = [Tool(name="f"), CustomTool(name="c"), WebSearch()]


@pytest.mark.parametrize(("value", "choice"), CHOICES, ids=[str(case[0])[:50] for case in CHOICES])
def test_choices(value: Any, choice: ToolChoice) -> None:
    """Every form of a choice is read, and written as itself."""
    assert read_choice(value, "/tool_choice") == choice
    assert write_choice(choice, TOOLS) == value


def test_choices_of_chat_completions() -> None:
    """The name may stand one object deeper, as Chat Completions has it."""
    value = {"type": "function", "function": {"name": "f"}}
    assert read_choice(value, "/tool_choice") == ToolChoice(mode="tool", name="f")


@pytest.mark.parametrize(
    "value",
    [
        {"type": "file_search"},
        {"type": "mcp", "server_label": "s"},
        {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp", "server_label": "s"}]},
    ],
)
def test_choices_of_hosted_tools(value: Any) -> None:
    """A choice of what only this format has is none of the neutral form's."""
    assert read_choice(value, "/tool_choice") is None


@pytest.mark.parametrize(
    ("value", "param"),
    [
        ("always", "tool_choice"),
        (7, "tool_choice"),
        ({"type": "function"}, "tool_choice.name"),
        ({"type": "allowed_tools", "mode": "none"}, "tool_choice.mode"),
        ({"type": "allowed_tools", "mode": "auto"}, "tool_choice.tools"),
    ],
)
def test_what_is_no_choice(value: Any, param: str) -> None:
    """A choice of the wrong shape is refused by its place."""
    with pytest.raises(InvalidBody) as caught:
        read_choice(value, "/tool_choice")
    assert caught.value.param == param


def written(tool: AnyTool, dialect: Dialect = PLAIN, home: bool = False) -> tuple[dict[str, Any], list[str]]:
    """A tool as a provider gets it, and what was lost."""
    ledger = Ledger()
    asked = Conversation(model="m", turns=[], tools=[tool], own_format="responses" if home else "chat")
    (one,) = write_tools(Draft(asked, dialect, ledger))
    return one, [entry.pointer for entry in ledger.entries]


@pytest.mark.parametrize(
    ("tool", "expected", "lost"),
    [
        (
            Tool(name="f", description="d", parameters=SCHEMA),
            {"type": "function", "name": "f", "description": "d", "parameters": SCHEMA, "strict": False},
            [],
        ),
        (
            Tool(name="f", strict=True),
            {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": True},
            [],
        ),
        (
            Tool(name="f", at=AT, cache=CacheMark()),
            {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}, "strict": False},
            ["/tools/0/cache_control"],
        ),
        (
            CustomTool(name="c", format={"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}}),
            {"type": "custom", "name": "c", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}},
            [],
        ),
        (
            WebSearch(allowed_domains=["a"], blocked_domains=["b"], max_uses=3, depth="vast", at=AT),
            {"type": "web_search", "filters": {"allowed_domains": ["a"]}},
            ["/tools/0/search_context_size", "/tools/0", "/tools/0/max_uses"],
        ),
        (ForeignTool(format="responses", value={"type": "mcp"}), {"type": "mcp"}, []),
    ],
)
def test_writing(tool: AnyTool, expected: dict[str, Any], lost: list[str]) -> None:
    """A tool says outright that it is not strict, for that is not the default here; what has no place is reported."""
    assert written(tool) == (expected, lost)


def test_in_its_own_format() -> None:
    """What a caller of this format leaves to the default stays left to it."""
    assert written(Tool(name="f"), home=True) == ({"type": "function", "name": "f"}, [])


def test_without_strict_tools() -> None:
    """Where strictness is not known, a tool that wants it is the same tool without."""
    one, lost = written(Tool(name="f", strict=True, at=AT), Dialect(strict_tools=False))
    assert (one["strict"], lost) == (False, [AT])


def test_echo() -> None:
    """A response repeats the tools, each with all of its members."""
    assert echo_tools([Tool(name="f"), CustomTool(name="c"), WebSearch(), ForeignTool(format="x", value={"a": 1})]) == [
        {"type": "function", "name": "f", "parameters": None, "strict": None},
        {"type": "custom", "name": "c"},
        {"type": "web_search"},
        {"a": 1},
    ]
