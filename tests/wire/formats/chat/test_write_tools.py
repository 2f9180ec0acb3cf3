"""Tools, choices and structured output, in the dialect of the provider."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.wire.dialect import PLAIN, Dialect
from aigw.wire.draft import Draft
from aigw.wire.formats.chat.write_content import Contents
from aigw.wire.formats.chat.write_tools import write_output, write_tools
from aigw.wire.losses import Ledger
from aigw.wire.neutral import (
    AnyTool,
    CacheMark,
    Conversation,
    CustomTool,
    ForeignTool,
    OutputFormat,
    Settings,
    Tool,
    ToolChoice,
    WebSearch,
)
from aigw.wire.structured import STRUCTURED_TOOL

F = Tool(name="f", at="/tools/0")
G = Tool(name="g", at="/tools/1")
SAID_F = {"type": "function", "function": {"name": "f"}}
SAID_G = {"type": "function", "function": {"name": "g"}}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
PLACES = {"tool_choice": "/c", "parallel_tools": "/y", "output": "/o"}


def drafted(
    dialect: Dialect = PLAIN, tools: list[AnyTool] | None = None, own_format: str = "messages", **settings: Any
) -> tuple[dict[str, Any], list[tuple[str, str]], str | None]:
    """The body, the ledger and the instruction."""
    conversation = Conversation(
        model="m", turns=[], tools=tools or [], settings=Settings(**settings), places=PLACES, own_format=own_format
    )
    draft = Draft(conversation, dialect, Ledger())
    draft.body = {"messages": [{"role": "user", "content": "Hi"}]}
    write_tools(draft, Contents(dialect, draft.ledger))
    instruction = write_output(draft)
    del draft.body["messages"]
    return draft.body, [(entry.pointer, entry.action) for entry in draft.ledger.entries], instruction


@pytest.mark.parametrize(
    ("tool", "said"),
    [
        (
            Tool(name="f", description="d", parameters=SCHEMA, strict=True, own={"function": {"x": 1}, "y": 2}),
            {
                "type": "function",
                "function": {"name": "f", "description": "d", "parameters": SCHEMA, "strict": True, "x": 1},
                "y": 2,
            },
        ),
        (
            CustomTool(name="c", description="d", format={"type": "grammar", "syntax": "lark", "definition": "a"}),
            {
                "type": "custom",
                "custom": {
                    "name": "c",
                    "description": "d",
                    "format": {"type": "grammar", "grammar": {"syntax": "lark", "definition": "a"}},
                },
            },
        ),
        (
            CustomTool(name="c", format={"type": "text"}),
            {"type": "custom", "custom": {"name": "c", "format": {"type": "text"}}},
        ),
        (ForeignTool(format="chat", value={"type": "x"}), {"type": "x"}),
    ],
)
def test_tools(tool: AnyTool, said: dict[str, Any]) -> None:
    """Each kind of tool as Chat Completions has it."""
    assert drafted(tools=[tool]) == ({"tools": [said]}, [], None)


def test_what_a_provider_does_not_know_of_tools() -> None:
    """Strictness and marks are in the ledger, where they stood."""
    tool = Tool(name="f", strict=True, cache=CacheMark(), at="/tools/0")
    poor = Dialect(strict_tools=False)
    lost = [("/tools/0/strict", "dropped"), ("/tools/0/cache_control", "dropped")]
    assert drafted(poor, [tool]) == ({"tools": [SAID_F]}, lost, None)
    assert drafted(poor, [tool], "chat")[1][0] == ("/tools/0/function/strict", "dropped")
    assert drafted(poor, [Tool(name="f", strict=False)]) == ({"tools": [SAID_F]}, [], None)
    marked = drafted(Dialect(cache_marks=True), [tool])[0]["tools"][0]
    assert marked["cache_control"] == {"type": "ephemeral"}


def test_a_web_search() -> None:
    """It stands beside the tools; its domains have no place."""
    tool = WebSearch(depth="low", location={"city": "Ulm"}, allowed_domains=["a"], own={"x": 1}, at="/tools/0")
    body, losses, _ = drafted(tools=[tool])
    assert body == {
        "web_search_options": {
            "search_context_size": "low",
            "user_location": {"type": "approximate", "approximate": {"city": "Ulm"}},
            "x": 1,
        }
    }
    assert losses == [("/tools/0", "approximated")]


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        (ToolChoice(mode="auto"), "auto"),
        (ToolChoice(mode="none"), "none"),
        (ToolChoice(mode="required"), "required"),
        (ToolChoice(mode="tool", name="f"), SAID_F),
        (ToolChoice(mode="tool", name="c", custom=True), {"type": "custom", "custom": {"name": "c"}}),
        (
            ToolChoice(mode="required", allowed=["g"]),
            {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [SAID_G]}},
        ),
    ],
)
def test_choices(choice: ToolChoice, said: Any) -> None:
    """Every form of the choice, for a provider that follows OpenAI."""
    body, losses, _ = drafted(Dialect(developer=True), [F, G], tool_choice=choice, parallel_tools=False)
    assert body == {"tools": [SAID_F, SAID_G], "tool_choice": said, "parallel_tool_calls": False}
    assert losses == []


@pytest.mark.parametrize("dialect", [PLAIN, Dialect(developer=True, refused=frozenset({"allowed_tools"}))])
def test_allowed_tools_elsewhere(dialect: Dialect) -> None:
    """Where no choice among some is known, only these are sent, which comes to the same; the ledger says so."""
    body, losses, _ = drafted(dialect, [F, G, WebSearch(at="/w")], tool_choice=ToolChoice(mode="auto", allowed=["g"]))
    assert body == {"tools": [SAID_G], "tool_choice": "auto"}
    assert losses == [("/c", "rewritten"), ("/tools/0", "rewritten"), ("/w", "rewritten")]


def test_no_choice_without_tools() -> None:
    """Providers refuse a choice among none."""
    body, losses, _ = drafted(tools=[WebSearch()], tool_choice=ToolChoice(mode="auto"), parallel_tools=True)
    assert body == {"web_search_options": {}}
    assert losses == [("/c", "dropped"), ("/y", "dropped")]


# -- structured output ------------------------------------------------------------------------------------------------

BY_SCHEMA = OutputFormat(kind="schema", schema=SCHEMA, name="n", description="d", strict=True)
BY_INSTRUCTION = (
    'Answer with a JSON object that satisfies this JSON Schema: {"type":"object","properties":{"a":{"type":"string"}}}'
)
JSON_ONLY = Dialect(json_schema=False)
NEITHER = Dialect(json_schema=False, json_object=False)

OUTPUTS: list[tuple[Dialect, OutputFormat, dict[str, Any] | None, list[tuple[str, str]], str | None]] = [
    (PLAIN, OutputFormat(kind="text"), {"type": "text"}, [], None),
    (NEITHER, OutputFormat(kind="text"), None, [], None),
    (
        PLAIN,
        BY_SCHEMA,
        {
            "type": "json_schema",
            "json_schema": {"name": "n", "description": "d", "schema": SCHEMA, "strict": True},
        },
        [],
        None,
    ),
    (
        Dialect(strict_tools=False),
        OutputFormat(kind="schema", schema=SCHEMA, strict=True),
        {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}},
        [("/o", "dropped")],
        None,
    ),
    (PLAIN, OutputFormat(kind="json"), {"type": "json_object"}, [("/o", "rewritten")], "Answer with a JSON object."),
    (
        Dialect(json_object=False),
        OutputFormat(kind="json"),
        {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}}},
        [("/o", "rewritten")],
        None,
    ),
    (JSON_ONLY, BY_SCHEMA, {"type": "json_object"}, [("/o", "approximated")], BY_INSTRUCTION),
    (
        JSON_ONLY,
        OutputFormat(kind="schema"),
        {"type": "json_object"},
        [("/o", "approximated"), ("/o", "rewritten")],
        "Answer with a JSON object.",
    ),
]


@pytest.mark.parametrize(("dialect", "output", "said", "losses", "instruction"), OUTPUTS)
def test_outputs(
    dialect: Dialect,
    output: OutputFormat,
    said: dict[str, Any] | None,
    losses: list[tuple[str, str]],
    instruction: str | None,
) -> None:
    """The provider's best member for it; what that does not say is asked for in the instructions."""
    body = {} if said is None else {"response_format": said}
    assert drafted(dialect, output=output) == (body, losses, instruction)


def test_json_mode_of_a_chat_caller() -> None:
    """The caller of this very format knows that its messages have to mention JSON."""
    assert drafted(own_format="chat", output=OutputFormat(kind="json"))[2] is None


def test_a_forced_tool() -> None:
    """Where there is nothing else, a reserved tool takes the answer, and the ledger says so."""
    body, losses, _ = drafted(NEITHER, output=OutputFormat(kind="schema", schema=SCHEMA, description="d"))
    function = {"name": STRUCTURED_TOOL, "description": "d", "parameters": SCHEMA}
    assert body == {
        "tools": [{"type": "function", "function": function}],
        "tool_choice": {"type": "function", "function": {"name": STRUCTURED_TOOL}},
    }
    assert losses == [("/o", "approximated")]


def test_no_forced_tool_beside_others() -> None:
    """It would hide the caller's own."""
    assert drafted(NEITHER, [F], output=BY_SCHEMA) == ({"tools": [SAID_F]}, [("/o", "dropped")], None)
