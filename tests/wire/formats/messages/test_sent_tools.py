"""Tools and the choice among them, for a provider."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.wire.dialect import PLAIN, Dialect
from aigw.wire.neutral import (
    AnyTool,
    CacheMark,
    CustomTool,
    ForeignTool,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
    WebSearch,
)

from .test_sent import HI, conversation, sent

OPEN = {"type": "object", "properties": {}}
F, G = Tool(name="f", at="/tools/0"), Tool(name="g", at="/tools/1")


@pytest.mark.parametrize(
    ("tool", "told", "losses"),
    [
        (F, {"name": "f", "input_schema": OPEN}, []),
        (
            Tool(name="f", description="d", parameters={"type": "object"}, cache=CacheMark(), at="/tools/0"),
            {
                "name": "f",
                "description": "d",
                "input_schema": {"type": "object"},
                "cache_control": {"type": "ephemeral"},
            },
            [],
        ),
        (
            Tool(name="f", parameters={"type": "object"}, strict=True, at="/tools/0"),
            {"name": "f", "input_schema": {"type": "object", "additionalProperties": False}, "strict": True},
            [],
        ),
        (
            Tool(name="f", parameters={"type": "object", "minProperties": 1}, strict=True, at="/tools/0"),
            {
                "name": "f",
                "input_schema": {
                    "type": "object",
                    "additionalProperties": False,
                    "description": "{minProperties: 1}",
                },
                "strict": True,
            },
            [("/tools/0", "approximated")],
        ),
        (
            Tool(name="f", parameters={"type": "array"}, strict=False, at="/tools/0"),
            {"name": "f", "input_schema": {"type": "object"}, "strict": False},
            [("/tools/0", "approximated")],
        ),
        (
            CustomTool(name="c", description="d", format={"type": "grammar"}, at="/tools/0"),
            {
                "name": "c",
                "description": "d",
                "input_schema": {
                    "type": "object",
                    "properties": {"input": {"type": "string"}},
                    "required": ["input"],
                },
            },
            [("/tools/0", "approximated"), ("/tools/0/format", "dropped")],
        ),
        (
            WebSearch(allowed_domains=["a"], blocked_domains=["b"], max_uses=2, location={"city": "x"}, at="/tools/0"),
            {
                "type": "web_search_20250305",
                "name": "web_search",
                "allowed_domains": ["a"],
                "max_uses": 2,
                "user_location": {"type": "approximate", "city": "x"},
            },
            [("/tools/0", "dropped")],
        ),
        (
            WebSearch(blocked_domains=["b"], depth="low", at="/tools/0"),
            {"type": "web_search_20250305", "name": "web_search", "blocked_domains": ["b"]},
            [("/tools/0", "dropped")],
        ),
        (
            ForeignTool(format="messages", value={"type": "bash_20250124", "name": "bash"}),
            {"type": "bash_20250124", "name": "bash"},
            [],
        ),
    ],
)
def test_tools(tool: AnyTool, told: dict[str, Any], losses: Any) -> None:
    """Each tool has its form, and what of it is not said is in the ledger."""
    asked = conversation()
    asked.tools = [tool]
    body, noted = sent(asked)
    assert body["tools"] == [told]
    assert noted == losses


def test_a_provider_that_does_not_enforce() -> None:
    """A strict tool is one that is not, and that is reported."""
    asked = conversation()
    asked.tools = [Tool(name="f", strict=True, at="/tools/0"), Tool(name="g", strict=False, at="/tools/1")]
    body, losses = sent(asked, Dialect(strict_tools=False))
    assert not any("strict" in tool for tool in body["tools"])
    assert losses == [("/tools/0", "dropped")]


@pytest.mark.parametrize(
    ("choice", "parallel", "told"),
    [
        (None, None, None),
        (None, False, {"type": "auto", "disable_parallel_tool_use": True}),
        (None, True, {"type": "auto", "disable_parallel_tool_use": False}),
        (ToolChoice(mode="auto"), None, {"type": "auto"}),
        (ToolChoice(mode="required"), False, {"type": "any", "disable_parallel_tool_use": True}),
        (ToolChoice(mode="none"), False, {"type": "none"}),
        (ToolChoice(mode="tool", name="g"), None, {"type": "tool", "name": "g"}),
    ],
)
def test_choices(choice: ToolChoice | None, parallel: bool | None, told: Any) -> None:
    """Every choice; a wish for one call at a time needs one."""
    asked = conversation(tool_choice=choice, parallel_tools=parallel)
    asked.tools = [F, G]
    body, losses = sent(asked)
    assert body.get("tool_choice") == told
    assert losses == []


def test_allowed_tools() -> None:
    """Where only some tools may be called, only those are sent."""
    asked = conversation(tool_choice=ToolChoice(mode="auto", allowed=["g", "web_search"]))
    asked.tools = [F, G, WebSearch()]
    body, losses = sent(asked)
    assert [tool["name"] for tool in body["tools"]] == ["g", "web_search"]
    assert losses == [("/tools/0", "dropped"), ("/tool_choice", "rewritten")]


def test_a_history_with_calls_and_no_tools() -> None:
    """The API wants the tools of a history; the model may not call them. A caller of this format knows by itself."""
    loop = [
        HI,
        Turn(role="assistant", parts=[ToolCall(id="i", name="f", arguments="{}")]),
        Turn(role="tool", parts=[ToolResult(call_id="i", parts=[Text(text="1")])]),
    ]
    body, losses = sent(conversation(turns=loop))
    assert (body["tools"], body["tool_choice"], losses) == ([{"name": "f", "input_schema": OPEN}], {"type": "none"}, [])
    assert "tools" not in sent(conversation("messages", turns=loop), PLAIN)[0]
