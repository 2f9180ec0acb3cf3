"""Custom tools reach providers that know functions only, and their calls come back as free text."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from aigw.wire import formats
from aigw.wire.custom_tools import CustomCalls, as_functions, custom_tools, free_text
from aigw.wire.deltas import Close, Delta, Grow, Open
from aigw.wire.dialect import PLAIN, Dialect
from aigw.wire.lane import Asking
from aigw.wire.losses import Ledger
from aigw.wire.neutral import (
    Conversation,
    CustomTool,
    Settings,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
)

FORMATS = formats.load()
SAID = 'print("hi")\n'
ARGUMENTS = json.dumps({"input": SAID})


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [(ARGUMENTS, SAID), ('{"input":5}', '{"input":5}'), ('{"input":"a","b":1}', '{"input":"a","b":1}'), ("x", "x")],
)
def test_the_text_of_a_call(arguments: str, expected: str) -> None:
    """It stands in `input`; anything else is left as the model wrote it."""
    assert free_text(arguments) == expected


def test_the_names() -> None:
    """Of custom tools alone."""
    asked = Conversation(model="m", turns=[], tools=[Tool(name="f"), CustomTool(name="code")])
    assert custom_tools(asked) == {"code"}


def test_as_functions() -> None:
    """Tool, calls, results and choice become a function's; grammar and further members are told."""
    format = {"type": "grammar", "syntax": "regex", "definition": "a+"}
    call = ToolCall(id="1", name="code", arguments=SAID, custom=True, at="/c", own={"x": 1})
    result = ToolResult(call_id="1", parts=[Text(text="a")], custom=True)
    asked = Conversation(
        model="m",
        turns=[
            Turn(role="user", parts=[Text(text="x")]),
            Turn(role="assistant", parts=[Text(text="y"), call]),
            Turn(role="tool", parts=[result]),
        ],
        tools=[CustomTool(name="code", description="d", format=format, at="/t", own={"y": 1}), Tool(name="f")],
        settings=Settings(tool_choice=ToolChoice(mode="tool", name="code", custom=True)),
    )
    before = copy.deepcopy(asked)
    ledger = Ledger()
    plain = as_functions(asked, ledger)
    assert asked == before
    assert plain.turns[0] is asked.turns[0]
    assert plain.turns[1].parts[1] == ToolCall(id="1", name="code", arguments='{"input":"print(\\"hi\\")\\n"}', at="/c")
    assert plain.turns[2].parts == [ToolResult(call_id="1", parts=[Text(text="a")])]
    assert plain.settings.tool_choice == ToolChoice(mode="tool", name="code")
    tool, other = plain.tools
    assert isinstance(tool, Tool)
    assert (tool.name, tool.description, (tool.parameters or {})["required"]) == ("code", "d", ["input"])
    assert other is asked.tools[1]
    assert [(loss.pointer, loss.action) for loss in ledger.entries] == [
        ("/t", "approximated"), ("/t/format", "dropped"), ("/t/y", "dropped"), ("/c/x", "dropped")
    ]  # fmt: skip


def test_a_conversation_without_any() -> None:
    """It stays the very same."""
    asked = Conversation(model="m", turns=[Turn(role="user", parts=[Text(text="x")])], tools=[Tool(name="f")])
    assert as_functions(asked, Ledger()) is asked


def test_a_call_in_a_stream() -> None:
    """It comes whole at its close; the deltas of everything else pass as they are."""
    others: list[Delta] = [
        Open(0, Text(text="")),
        Grow(0, "a"),
        Close(0),
        Open(1, ToolCall(id="1", name="f", arguments="")),
    ]
    calls = CustomCalls(frozenset({"code"}))
    assert calls.put(others) == others
    assert calls.put([Grow(1, "{}"), Close(1)]) == [Grow(1, "{}"), Close(1)]
    assert calls.put([Open(2, ToolCall(id="2", name="code", arguments="")), Grow(2, ARGUMENTS[:5])]) == []
    head = ToolCall(id="2", name="code", arguments=SAID, custom=True)
    assert calls.put([Grow(2, ARGUMENTS[5:]), Close(2)]) == [Open(2, head), Close(2)]


TOOLS: dict[str, Any] = {
    "chat": {"messages": [{"role": "user", "content": "x"}], "tools": [{"type": "custom", "custom": {"name": "code"}}]},
    "responses": {"input": "x", "tools": [{"type": "custom", "name": "code"}]},
}
ANSWERS: dict[str, Any] = {
    "messages": {
        "id": "m",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "tool_use", "id": "t", "name": "code", "input": {"input": SAID}}],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 1, "output_tokens": 1},
    },
    "gemini": {
        "candidates": [
            {
                "content": {"role": "model", "parts": [{"functionCall": {"name": "code", "args": {"input": SAID}}}]},
                "finishReason": "STOP",
                "index": 0,
            }
        ]
    },
    "chat": {
        "id": "c",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [
                        {"id": "t", "type": "function", "function": {"name": "code", "arguments": ARGUMENTS}}
                    ],
                },
                "finish_reason": "tool_calls",
            }
        ],
    },
    "responses": {
        "id": "r",
        "object": "response",
        "status": "completed",
        "model": "m",
        "output": [
            {"type": "function_call", "id": "fc", "call_id": "t", "name": "code", "arguments": ARGUMENTS,
             "status": "completed"}
        ],
    },
}  # fmt: skip


@pytest.mark.parametrize("target", list(ANSWERS))
@pytest.mark.parametrize("caller", list(TOOLS))
def test_there_and_back(caller: str, target: str) -> None:
    """The provider gets a function with one text; the caller gets its custom call."""
    body, lane = Asking(FORMATS[caller], json.dumps(TOOLS[caller]).encode(), "m", stream=False).ask(
        FORMATS[target], PLAIN
    )
    assert b'"input"' in body
    told = json.loads(lane.whole(json.dumps(ANSWERS[target]).encode()))
    if caller == "chat":
        (call,) = told["choices"][0]["message"]["tool_calls"]
        assert (call["type"], call["custom"]) == ("custom", {"name": "code", "input": SAID})
    else:
        (call,) = [item for item in told["output"] if item["type"] != "message"]
        assert (call["type"], call["name"], call["input"]) == ("custom_tool_call", "code", SAID)


@pytest.mark.parametrize("target", ["chat", "responses"])
@pytest.mark.parametrize("caller", list(TOOLS))
def test_who_knows_them_gets_them(caller: str, target: str) -> None:
    """OpenAI's own surfaces take custom tools as they are."""
    knowing = Dialect(custom_tools=True)
    asking = Asking(FORMATS[caller], json.dumps(TOOLS[caller]).encode(), "m", stream=False)
    body, lane = asking.ask(FORMATS[target], knowing)
    assert json.loads(body)["tools"][0]["type"] == "custom"
    assert not lane.ledger.entries
