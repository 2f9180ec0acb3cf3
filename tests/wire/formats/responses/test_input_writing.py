"""Turns, as the items of a provider's input."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.wire.dialect import Dialect
from aigw.wire.draft import Draft
from aigw.wire.formats.responses.input_reading import read_input
from aigw.wire.formats.responses.input_writing import InputWriter
from aigw.wire.losses import Ledger
from aigw.wire.neutral import (
    CacheMark,
    Citation,
    Conversation,
    Foreign,
    Media,
    Part,
    Refusal,
    SearchHit,
    ServerToolCall,
    ServerToolResult,
    Source,
    Structured,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
)

URL = "https://example.org/"


def write(turns: list[Turn], own_format: str = "chat") -> tuple[str | None, list[dict[str, Any]], list[str]]:
    """Instructions, items, and the places of what was lost."""
    ledger = Ledger()
    draft = Draft(Conversation(model="m", turns=turns, own_format=own_format), Dialect(maker="p"), ledger)
    writer = InputWriter(draft)
    writer.write(turns)
    return writer.instructions, writer.items, [entry.pointer for entry in ledger.entries]


def said(*parts: Part, own_format: str = "chat") -> tuple[list[dict[str, Any]], list[str]]:
    """What an assistant's turn becomes."""
    _, items, lost = write([Turn(role="assistant", parts=list(parts), at="/m/1")], own_format)
    return items, lost


@pytest.mark.parametrize(
    ("turn", "instructions", "items"),
    [
        (Turn(role="system", parts=[Text(text="a")]), "a", []),
        (Turn(role="system", name="n", parts=[Text(text="a")]), None,
         [{"type": "message", "role": "system", "content": "a"}]),
        (Turn(role="developer", parts=[Text(text="a")]), None,
         [{"type": "message", "role": "developer", "content": "a"}]),
        (Turn(role="system", parts=[Text(text="a"), Text(text="b")]), None,
         [{"type": "message", "role": "system",
           "content": [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]}]),
    ],
)  # fmt: skip
def test_instructions(turn: Turn, instructions: str | None, items: list[dict[str, Any]]) -> None:
    """One leading text of the system's is the instructions; anything else keeps its place and shape."""
    asked = {"type": "message", "role": "user", "content": "b"}
    found, written, _ = write([turn, Turn(role="user", parts=[Text(text="b")])])
    assert (found, written) == (instructions, [*items, asked])


def test_instructions_alone() -> None:
    """The input may not be empty: instructions without anything else are a message in it."""
    _, items, _ = write([Turn(role="system", parts=[Text(text="a")])])
    assert items == [{"type": "message", "role": "system", "content": "a"}]


@pytest.mark.parametrize(("at", "instructions"), [("/instructions", "a"), ("/input/0", None)])
def test_instructions_of_its_own_format(at: str, instructions: str | None) -> None:
    """A caller of this format has said whether it is an instruction or a message: the latter is remembered."""
    turns = [Turn(role="system", parts=[Text(text="a")], at=at), Turn(role="user", parts=[Text(text="b")])]
    assert write(turns, "responses")[0] == instructions


def test_later_instructions() -> None:
    """A system's text in the middle stays in the middle."""
    _, items, _ = write([Turn(role="user", parts=[Text(text="a")]), Turn(role="system", parts=[Text(text="b")])])
    assert [item["role"] for item in items] == ["user", "system"]


def test_names() -> None:
    """Messages have no names."""
    assert write([Turn(role="user", name="ann", at="/m/0", parts=[Text(text="a")])])[2] == ["/m/0/name"]


CITED = Text(text="ab", at="/m/1/c/0", citations=[Citation(kind="url", url=URL, title="t", start=0, end=2)])


@pytest.mark.parametrize(
    ("part", "item"),
    [
        (Text(text="a"), {"type": "message", "role": "assistant", "content": "a"}),
        (CITED, {"type": "message", "role": "assistant", "id": "msg_aigw-0", "status": "completed", "content": [
            {"type": "output_text", "text": "ab", "annotations": [
                {"type": "url_citation", "start_index": 0, "end_index": 2, "url": URL, "title": "t"}]}]}),
        (Refusal(text="no"), {"type": "message", "role": "assistant", "id": "msg_aigw-0", "status": "completed",
                              "content": [{"type": "refusal", "refusal": "no"}]}),
        (ToolCall(id="c", name="f", arguments="{}"),
         {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}),
        (ToolCall(id="c", name="f", arguments="x", custom=True),
         {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "x"}),
        (Thinking(text="t", signature="s", maker="p", id="rs_1", summary=True),
         {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "t"}],
          "encrypted_content": "s"}),
        (Thinking(signature="s", maker="p", redacted=True),
         {"type": "reasoning", "summary": [], "encrypted_content": "s"}),
        (Thinking(text="raw", maker="p", id="rs_1"),
         {"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "raw"}]}),
        (Foreign(format="responses", value={"type": "compaction"}), {"type": "compaction"}),
        (ServerToolCall(id="ws_1", name="web_search", arguments='{"query":"q"}', maker="p"),
         {"id": "ws_1", "type": "web_search_call", "status": "completed",
          "action": {"type": "search", "query": "q"}}),
    ],
    ids=["text", "cited", "refusal", "call", "custom", "reasoning", "sealed", "raw", "foreign", "search"],
)  # fmt: skip
def test_the_assistant_s_parts(part: Part, item: dict[str, Any]) -> None:
    """Each part of an assistant's turn is an item."""
    assert said(part) == ([item], [])


def test_what_a_search_found() -> None:
    """The result of a search is told with it."""
    items, lost = said(
        ServerToolCall(id="ws_1", name="web_search", arguments="{}", maker="p"),
        ServerToolResult(call_id="ws_1", name="web_search", hits=[SearchHit(url=URL)], maker="p"),
    )
    assert items[0]["action"]["sources"] == [{"type": "url", "url": URL}]
    assert (len(items), lost) == (1, [])


@pytest.mark.parametrize(
    ("part", "items", "lost"),
    [
        (Thinking(text="t", maker="chat", at="/x"), 0, ["/x"]),
        (Media(kind="image", source=Source(data="AAAA"), at="/x"), 0, ["/x"]),
        (ServerToolCall(id="s", name="web_search", arguments="{}", maker="q", at="/x"), 0, ["/x"]),
        (ServerToolCall(id="s", name="code_execution", arguments="{}", maker="p", at="/x"), 0, ["/x"]),
        (ServerToolResult(call_id="s", name="web_search", maker="q", at="/x"), 0, ["/x"]),
        (Text(text="a", citations=[Citation(kind="document", document=0)], at="/x"), 1, ["/x/citations"]),
        (Text(text="a", cache=CacheMark(), at="/x"), 1, ["/x/cache_control"]),
        (ToolCall(id="c", name="f", arguments="{}", cache=CacheMark(), at="/x"), 1, ["/x/cache_control"]),
    ],
)
def test_what_cannot_be_said(part: Part, items: int, lost: list[str]) -> None:
    """What has no place in a turn of the assistant is reported."""
    written, told = said(part)
    assert (len(written), told) == (items, lost)


@pytest.mark.parametrize(
    ("result", "item", "lost"),
    [
        (ToolResult(call_id="c", parts=[Text(text="a")]), {"output": "a"}, []),
        (ToolResult(call_id="c", parts=[]), {"output": ""}, []),
        (ToolResult(call_id="c", parts=[Structured(value='{"a":1}')]), {"output": '{"a":1}'}, []),
        (
            ToolResult(call_id="c", parts=[Text(text="a"), Media(kind="image", source=Source(url=URL))]),
            {"output": [{"type": "input_text", "text": "a"},
                        {"type": "input_image", "detail": "auto", "image_url": URL}]},
            [],
        ),
        (ToolResult(call_id="c", parts=[Text(text="a")], custom=True),
         {"type": "custom_tool_call_output", "output": "a"}, []),
        (ToolResult(call_id="c", parts=[Text(text="a")], failed=True, at="/x"), {"output": "a"}, ["/x/is_error"]),
        (ToolResult(call_id="c", parts=[Text(text="a")], cache=CacheMark(), at="/x"), {"output": "a"},
         ["/x/cache_control"]),
    ],
)  # fmt: skip
def test_results(result: ToolResult, item: dict[str, Any], lost: list[str]) -> None:
    """What a tool returned is its call's output, as text where it is nothing but one text."""
    _, items, told = write([Turn(role="tool", parts=[result])])
    assert items == [{"type": "function_call_output", "call_id": "c", **item}]
    assert told == lost


@pytest.mark.parametrize(
    "items",
    [
        [{"type": "message", "role": "user", "content": "a", "id": "msg_1", "status": "completed"}],
        [{"type": "message", "role": "assistant", "content": "a", "phase": "commentary"}],
        [
            {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed", "content": [
                {"type": "output_text", "text": "a", "annotations": [], "logprobs": [{"token": "a"}]},
                {"type": "refusal", "refusal": "b"}]},
            {"type": "message", "role": "assistant", "id": "msg_2", "status": "incomplete", "content": [
                {"type": "output_text", "text": "c", "annotations": []},
                {"type": "output_text", "text": "d", "annotations": []}]},
        ],
        [{"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}", "id": "fc_1"}],
        [{"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x", "status": "completed"}],
        [{"type": "item_reference", "id": "x"}],
        [{"type": "message", "role": "user", "content": [
            {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit"}},
            {"type": "hologram"}]}],
    ],
)  # fmt: skip
def test_in_its_own_format(items: list[dict[str, Any]]) -> None:
    """What a caller of this format says comes out as it went in."""
    assert write(read_input(items, "/input"), "responses") == (None, items, [])


def test_a_message_that_says_nothing() -> None:
    """Members of a message that has lost its texts are reported."""
    turn = Turn(role="assistant", parts=[ToolCall(id="c", name="f", arguments="{}")], at="/input/0", own={"phase": "x"})
    assert write([turn], "responses")[2] == ["/input/0/phase"]
