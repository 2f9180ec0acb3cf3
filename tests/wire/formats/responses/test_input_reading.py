"""Items of a caller's input, as turns."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.errors import InvalidBody
from aigw.wire.formats.responses.input_reading import read_input
from aigw.wire.formats.responses.output_items import ItemIds
from aigw.wire.neutral import Foreign, Part, Role, ServerToolCall, Text, Thinking, ToolCall, ToolResult, Turn
from aigw.wire.signatures import seal

CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "done"}


def one(item: dict[str, Any]) -> Part:
    """The only part of the only turn of one item."""
    (turn,) = read_input([item], "/input")
    (part,) = turn.parts
    return part


def test_a_string() -> None:
    """A string is what the user says."""
    assert read_input("hi", "/input") == [Turn(role="user", parts=[Text(text="hi", at="/input")], at="/input")]


@pytest.mark.parametrize("role", ["system", "developer", "user"])
@pytest.mark.parametrize("type", [{}, {"type": "message"}])
def test_messages(role: str, type: dict[str, str]) -> None:
    """A message is a turn, in its easy form and in full; members of its own stay with it."""
    item = {**type, "role": role, "content": "hi", "id": "msg_1", "status": "completed"}
    assert read_input([item], "/input") == [
        Turn(
            role=role,  # type: ignore[arg-type]
            parts=[Text(text="hi", at="/input/0/content")],
            at="/input/0",
            own={"id": "msg_1", "status": "completed"},
        )
    ]


def test_the_assistant_s_side_is_one_turn() -> None:
    """Reasoning, messages and calls that follow one another are one turn, outputs another."""
    turns = read_input(
        [
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
            {"role": "assistant", "content": "let me see", "phase": "commentary"},
            CALL,
            {**CALL, "call_id": "d"},
            OUTPUT,
            {**OUTPUT, "call_id": "d"},
            {"role": "user", "content": "a"},
            {"role": "user", "content": "b"},
        ],
        "/input",
    )
    assert [(turn.role, len(turn.parts)) for turn in turns] == [
        ("assistant", 4), ("tool", 2), ("user", 1), ("user", 1),
    ]  # fmt: skip
    assert (turns[0].at, turns[0].own) == ("/input/1", {"phase": "commentary"})
    assert [part.at for part in turns[0].parts] == ["/input/0", "/input/1/content", "/input/2", "/input/3"]
    assert turns[1].at == "/input/4"


def test_two_messages_in_a_turn() -> None:
    """What the second message of a turn has of its own stands on its first part, under the message's place."""
    (turn,) = read_input([{"role": "assistant", "content": [
        {"type": "output_text", "text": text, "annotations": []} for text in ("a", "b")
    ], "id": f"msg_{text}"} for text in "xy"], "/input")  # fmt: skip
    assert (turn.at, turn.own) == ("/input/0", {"id": "msg_x"})
    assert [(part.at, part.own) for part in turn.parts] == [
        ("/input/0/content/0", None),
        ("/input/0/content/1", None),
        ("/input/1", {"id": "msg_y"}),
        ("/input/1/content/1", None),
    ]


def test_results_are_named() -> None:
    """A result is named after the tool that was called, unless it says a name itself."""
    turns = read_input([CALL, OUTPUT, {**OUTPUT, "name": "g"}, {**OUTPUT, "call_id": "d"}], "/input")
    assert [part.name for part in turns[1].parts if isinstance(part, ToolResult)] == ["f", "g", None]


SEALED = Thinking(signature="sig", maker="anthropic", id=None)
UNSIGNED = Thinking(maker="deepseek", id="rs_d", summary=True)


@pytest.mark.parametrize(
    ("item", "thinking"),
    [
        (
            {"id": "rs_1", "summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}],
             "encrypted_content": "x"},
            Thinking(text="a\n\nb", signature="x", maker="responses", id="rs_1", summary=True),
        ),
        (
            {"id": "rs_1", "summary": [], "encrypted_content": "x", "status": "completed"},
            Thinking(signature="x", maker="responses", id="rs_1", summary=True, redacted=True,
                     own={"status": "completed"}),
        ),
        (
            {"id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "raw"}]},
            Thinking(text="raw", maker="responses", own={"id": "rs_1"}),
        ),
        (
            {"summary": [{"text": "s"}], "content": [{"text": "raw"}]},
            Thinking(text="raw", maker="responses", own={"summary": [{"text": "s"}]}),
        ),
        (
            {"id": "rs_9", "summary": [{"type": "summary_text", "text": "a"}], "encrypted_content": seal(SEALED),
             "status": "completed"},
            Thinking(text="a", signature="sig", maker="anthropic"),
        ),
        (
            {"id": "rs_9", "summary": [], "encrypted_content": seal(UNSIGNED)},
            Thinking(maker="deepseek", id="rs_d", summary=True),
        ),
    ],
    ids=["two paragraphs", "only sealed", "raw", "raw and a summary", "another's seal", "another's, unsigned"],
)  # fmt: skip
def test_reasoning(item: dict[str, Any], thinking: Thinking) -> None:
    """Sealed reasoning is its maker's again; what is not sealed belongs to some provider of this format."""
    thinking.at = "/input/0"
    assert one({"type": "reasoning", **item}) == thinking


@pytest.mark.parametrize(
    ("item", "part"),
    [
        (CALL, ToolCall(id="c", name="f", arguments="{}")),
        ({**CALL, "arguments": None}, ToolCall(id="c", name="f", arguments="")),
        (
            {**CALL, "id": "fc_1", "status": "completed", "namespace": "n"},
            ToolCall(id="c", name="f", arguments="{}", own={"id": "fc_1", "status": "completed", "namespace": "n"}),
        ),
        ({**CALL, "id": ItemIds("resp_x").make("fc", 0), "status": "completed"},
         ToolCall(id="c", name="f", arguments="{}")),
        (
            {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "4 + 4"},
            ToolCall(id="c", name="f", arguments="4 + 4", custom=True),
        ),
        (OUTPUT, ToolResult(call_id="c", parts=[Text(text="done", at="/input/0/output")])),
        ({**OUTPUT, "output": ""}, ToolResult(call_id="c", parts=[])),
        (
            {**OUTPUT, "output": [{"type": "input_text", "text": "a"}], "name": "f", "status": "incomplete"},
            ToolResult(call_id="c", parts=[Text(text="a", at="/input/0/output/0")], name="f",
                       own={"name": "f", "status": "incomplete"}),
        ),
        (
            {"type": "custom_tool_call_output", "call_id": "c", "output": "8"},
            ToolResult(call_id="c", parts=[Text(text="8", at="/input/0/output")], custom=True),
        ),
        (
            {"type": "web_search_call", "id": "ws_1", "status": "completed",
             "action": {"type": "search", "query": "q"}},
            ServerToolCall(id="ws_1", name="web_search", arguments='{"query":"q"}', maker="responses"),
        ),
    ],
    ids=["a call", "no arguments", "its own members", "made here", "custom", "an output", "nothing", "parts",
         "a custom output", "a search"],
)  # fmt: skip
def test_calls(item: dict[str, Any], part: Part) -> None:
    """Calls of tools and what they returned; an item that was made here has no bookkeeping worth keeping."""
    part.at = "/input/0"
    assert one(item) == part


@pytest.mark.parametrize(
    ("item", "role"),
    [
        ({"type": "item_reference", "id": "msg_1"}, "user"),
        ({"id": "msg_1"}, "user"),
        ({"type": "computer_call", "call_id": "c"}, "assistant"),
        ({"type": "computer_call_output", "call_id": "c"}, "user"),
        ({"type": "tomorrow's"}, "user"),
    ],
)
def test_other_items(item: dict[str, Any], role: Role) -> None:
    """An item of another kind stays as it is, on the side of whoever made it."""
    (turn,) = read_input([item], "/input")
    assert turn == Turn(
        role=role,
        parts=[Foreign(format="responses", value=item, at="/input/0")],
        at="/input/0",
    )


@pytest.mark.parametrize(
    ("value", "param"),
    [
        (7, "input"),
        ([7], "input[0]"),
        ([{}], "input[0].type"),
        ([{"type": 7}], "input[0].type"),
        ([{"role": "robot", "content": ""}], "input[0].role"),
        ([{"role": "user"}], "input[0].content"),
        ([{"role": "user", "content": [{"type": "input_text"}]}], "input[0].content[0].text"),
        ([{"type": "function_call", "name": "f"}], "input[0].call_id"),
        ([{"type": "function_call", "call_id": "c"}], "input[0].name"),
        ([{"type": "function_call_output", "call_id": "c"}], "input[0].output"),
        ([{"type": "function_call_output", "output": ""}], "input[0].call_id"),
        ([{"type": "reasoning", "summary": ["x"]}], "input[0].summary[0]"),
    ],
)
def test_what_is_no_input(value: Any, param: str) -> None:
    """What no provider could take is refused by its place."""
    with pytest.raises(InvalidBody) as caught:
        read_input(value, "/input")
    assert caught.value.param == param
