"""Structured output: enforced where the provider can, else by a tool that the model must call."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.wire.dialect import PLAIN, Dialect
from aigw.wire.formats.messages.sent_output import WRAPPED
from aigw.wire.neutral import OutputFormat, Reasoning, Tool, ToolChoice
from aigw.wire.structured import STRUCTURED_TOOL

from .test_sent import conversation, sent

CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": False}
OUTPUT = OutputFormat(kind="schema", schema=CLOSED, name="n", description="d", strict=True)
WEAK = Dialect(json_schema=False)


def test_enforced() -> None:
    """The schema is the format; its name and description stand in it."""
    body, losses = sent(conversation(output=OUTPUT))
    told = {"type": "json_schema", "schema": {**CLOSED, "title": "n", "description": "d"}}
    assert (body["output_config"], losses) == ({"format": told}, [])


def test_enforced_for_its_own_callers() -> None:
    """A caller of this format wrote its schema for it."""
    schema = {"type": "object", "minProperties": 1}
    body, losses = sent(conversation("messages", output=OutputFormat(kind="schema", schema=schema)))
    assert (body["output_config"]["format"]["schema"], losses) == (schema, [])


def test_rules_that_are_not_enforced() -> None:
    """Are told in words, and reported."""
    schema = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}}}
    _, losses = sent(conversation(output=OutputFormat(kind="schema", schema=schema)))
    assert losses == [("/output", "approximated")]


def test_text() -> None:
    """Text is what every answer is."""
    body, losses = sent(conversation(output=OutputFormat(kind="text")))
    assert ("output_config" in body, losses) == (False, [])


@pytest.mark.parametrize(
    ("output", "choice", "tools", "name", "told"),
    [
        (OUTPUT, None, [], STRUCTURED_TOOL, {"type": "tool", "name": STRUCTURED_TOOL}),
        (OutputFormat(kind="json"), None, [], STRUCTURED_TOOL, {"type": "tool", "name": STRUCTURED_TOOL}),
        (
            OutputFormat(kind="schema", schema={"type": "array"}),
            None,
            [],
            WRAPPED,
            {"type": "tool", "name": WRAPPED},
        ),
        (OUTPUT, None, [Tool(name="f")], STRUCTURED_TOOL, {"type": "any"}),
        (OUTPUT, ToolChoice(mode="auto"), [Tool(name="f")], STRUCTURED_TOOL, {"type": "any"}),
        (
            OUTPUT,
            ToolChoice(mode="none"),
            [Tool(name="f")],
            STRUCTURED_TOOL,
            {"type": "tool", "name": STRUCTURED_TOOL},
        ),
    ],
)
def test_forced(
    output: OutputFormat, choice: ToolChoice | None, tools: list[Any], name: str, told: dict[str, Any]
) -> None:
    """The model must call the reserved tool, or one of the caller's; it cannot think before."""
    asked = conversation(output=output, tool_choice=choice, reasoning=Reasoning(budget=2000))
    asked.tools = tools
    body, losses = sent(asked, WEAK)
    assert body["tools"][-1]["name"] == name
    assert body["tools"][-1]["input_schema"]["type"] == "object"
    assert body["tool_choice"] == told
    changed = [("/tool_choice", "rewritten")] if choice is not None else []
    assert losses == [("/output", "approximated"), *changed, ("/reasoning", "dropped")]


def test_one_call_at_a_time() -> None:
    """A wish for single calls stays with the choice."""
    asked = conversation(output=OUTPUT, parallel_tools=False)
    asked.tools = [Tool(name="f")]
    assert sent(asked, WEAK)[0]["tool_choice"] == {"type": "any", "disable_parallel_tool_use": True}


def test_a_call_that_must_be_made() -> None:
    """Where the caller wants a call of its tool, there is no text to be structured."""
    asked = conversation(output=OUTPUT, tool_choice=ToolChoice(mode="required"))
    asked.tools = [Tool(name="f")]
    body, losses = sent(asked, WEAK)
    assert (len(body["tools"]), losses) == (1, [("/output", "dropped")])
    assert sent(conversation(output=OutputFormat(kind="json")), PLAIN)[0]["tool_choice"]["name"] == STRUCTURED_TOOL
