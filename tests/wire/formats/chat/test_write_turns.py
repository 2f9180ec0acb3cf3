"""Turns as messages, in the dialect of the provider."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.wire.dialect import PLAIN, Dialect
from aigw.wire.formats.chat.write_content import Contents
from aigw.wire.formats.chat.write_turns import write_turns
from aigw.wire.losses import Ledger
from aigw.wire.neutral import (
    CacheMark,
    Citation,
    Foreign,
    Media,
    Part,
    Refusal,
    Source,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
)

PICTURE = Media(kind="image", source=Source(url="https://a"), at="/p")
SEEN = {"type": "image_url", "image_url": {"url": "https://a"}}
CALL = ToolCall(id="c", name="f", arguments="{}", at="/c")
CALLED = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
BOUND = Thinking(signature="sig", maker="m", bound=True, at="/s")


def written(turns: list[Turn], dialect: Dialect = PLAIN) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    """The messages, and what the ledger says."""
    ledger = Ledger()
    messages = write_turns(turns, Contents(dialect, ledger))
    return messages, [(entry.pointer, entry.action) for entry in ledger.entries]


def said(parts: list[Part], dialect: Dialect = PLAIN) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The message of an assistant's turn."""
    messages, losses = written([Turn(role="assistant", parts=parts)], dialect)
    return messages[0], losses


@pytest.mark.parametrize(
    ("role", "developer", "told"),
    [
        ("system", True, "system"),
        ("developer", True, "developer"),
        ("developer", False, "system"),
        ("user", False, "user"),
    ],
)
def test_roles(role: Any, developer: bool, told: str) -> None:
    """The developer is the system where nobody knows it; names and own members stay."""
    turn = Turn(role=role, parts=[Text(text="a")], name="bob", own={"x": 1})
    messages, losses = written([turn], Dialect(developer=developer))
    assert messages == [{"role": told, "content": "a", "name": "bob", "x": 1}]
    assert losses == []


def test_a_turn_of_which_nothing_is_left() -> None:
    """It is no message; its parts are in the ledger."""
    video = Media(kind="video", source=Source(url="https://a"), at="/v")
    turns = [Turn(role="user", parts=[video], own={"x": 1}), Turn(role="user", parts=[Text(text="a")])]
    assert written(turns) == ([{"role": "user", "content": "a"}], [("/v", "dropped")])


# -- results ----------------------------------------------------------------------------------------------------------


def test_results_with_pictures() -> None:
    """All results come first, then a message of the user shows what was in them, with the call's id."""
    results: list[Part] = [
        ToolResult(call_id="c", parts=[Text(text="a"), PICTURE], at="/r/0"),
        ToolResult(call_id="d", parts=[PICTURE], at="/r/1"),
    ]
    turns = [Turn(role="tool", parts=results), Turn(role="user", parts=[Text(text="b")])]
    messages, losses = written(turns)
    assert messages == [
        {"role": "tool", "tool_call_id": "c", "content": "a"},
        {"role": "tool", "tool_call_id": "d", "content": "The result is shown in the next message of the user."},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "The result of the tool call c:"},
                SEEN,
                {"type": "text", "text": "The result of the tool call d:"},
                SEEN,
            ],
        },
        {"role": "user", "content": "b"},
    ]
    assert losses == [("/p", "approximated")]


def test_a_prefix_stays_what_it_is() -> None:
    """What follows a picture does not change the messages before it, so that prompt caches hit."""
    turns = [Turn(role="tool", parts=[ToolResult(call_id="c", parts=[PICTURE])])]
    longer = [*turns, Turn(role="user", parts=[Text(text="b")])]
    assert written(longer)[0][: len(written(turns)[0])] == written(turns)[0]


@pytest.mark.parametrize(
    ("result", "message", "losses"),
    [
        (ToolResult(call_id="c", parts=[], at="/r"), {"content": ""}, []),
        (
            ToolResult(call_id="c", parts=[Text(text="a")], failed=True, at="/r"),
            {"content": "a"},
            [("/r/is_error", "approximated")],
        ),
        (ToolResult(call_id="c", parts=[Text(text="a")], failed=False), {"content": "a"}, []),
        (
            ToolResult(call_id="c", parts=[Text(text="a")], cache=CacheMark(), at="/r"),
            {"content": "a"},
            [("/r/cache_control", "dropped")],
        ),
    ],
)
def test_results(result: ToolResult, message: dict[str, Any], losses: list[tuple[str, str]]) -> None:
    """Text is all that a result holds: neither failure nor mark."""
    told = {"role": "tool", "tool_call_id": "c", **message}
    assert written([Turn(role="tool", parts=[result])]) == ([told], losses)


def test_a_marked_result() -> None:
    """Where marks are known, that of a result is one of its last text."""
    result = ToolResult(call_id="c", parts=[Text(text="a")], cache=CacheMark())
    messages, _ = written([Turn(role="tool", parts=[result])], Dialect(cache_marks=True))
    assert messages[0]["content"] == [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]


def test_a_tools_turn_holds_results() -> None:
    """Anything else in it is in the ledger."""
    assert written([Turn(role="tool", parts=[Text(text="a", at="/t")])]) == ([], [("/t", "dropped")])


# -- the assistant ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([Text(text="a")], {"content": "a"}),
        (
            [Text(text="a"), Text(text="b")],
            {"content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        ),
        ([CALL], {"content": None, "tool_calls": [CALLED]}),
        (
            [ToolCall(id="c", name="f", arguments="x", custom=True)],
            {"content": None, "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "f", "input": "x"}}]},
        ),
        ([Refusal(text="no")], {"content": None, "refusal": "no"}),
        (
            [Media(kind="audio", source=Source(file_id="a1"), id="a1")],
            {"content": None, "audio": {"id": "a1"}},
        ),
        (
            [Foreign(format="chat", value={"type": "mcp", "function": {}})],
            {"content": None, "tool_calls": [{"type": "mcp", "function": {}}]},
        ),
        (
            [BOUND, CALL],
            {
                "content": None,
                "tool_calls": [{**CALLED, "extra_content": {"google": {"thought_signature": "sig"}}}],
            },
        ),
        (
            [BOUND, Text(text="a")],
            {"content": "a", "extra_content": {"google": {"thought_signature": "sig"}}},
        ),
    ],
)
def test_answers(parts: list[Part], message: dict[str, Any]) -> None:
    """What an assistant said, called and refused; Gemini's signatures where they belong."""
    assert said(parts) == ({"role": "assistant", **message}, [])


@pytest.mark.parametrize(
    ("part", "lost"),
    [
        (PICTURE, ("/p", "dropped")),
        (BOUND, ("/s", "dropped")),
        (Thinking(text="hm", at="/t"), ("/t", "dropped")),
        (Text(text="a", citations=[Citation(kind="url", url="u")], at="/x"), ("/x", "approximated")),
    ],
)
def test_what_an_assistant_cannot_say(part: Part, lost: tuple[str, str]) -> None:
    """It is in the ledger."""
    assert said([Text(text="a"), part])[1] == [lost]


def test_an_answer_of_which_nothing_is_left() -> None:
    """It is no message."""
    assert written([Turn(role="assistant", parts=[Thinking(text="hm", at="/t")])])[0] == []


@pytest.mark.parametrize("back", ["reasoning_content", "reasoning"])
def test_thoughts_return_as_text(back: Any) -> None:
    """Where a provider wants thoughts back, in the member that it has; a thought without text cannot return there."""
    parts: list[Part] = [Thinking(text="hm"), Thinking(text=" ah"), Thinking(signature="s", at="/t"), Text(text="a")]
    message, losses = said(parts, Dialect(thinking_back=back))
    assert message == {"role": "assistant", "content": "a", back: "hm ah"}
    assert losses == [("/t", "dropped")]


def test_thoughts_return_verbatim() -> None:
    """Details are what they were, byte for byte and in their order; thoughts without any become some."""
    detail = '{"type":"reasoning.encrypted","data":"x","format":"openai-responses-v1"}'
    parts: list[Part] = [Thinking(signature=detail), Thinking(text="hm"), Thinking(text="ah", signature="s")]
    message, losses = said([*parts, Text(text="a")], Dialect(thinking_back="reasoning_details"))
    assert message["reasoning_details"] == [
        {"type": "reasoning.encrypted", "data": "x", "format": "openai-responses-v1"},
        {"type": "reasoning.text", "text": "hm", "index": 1},
        {"type": "reasoning.text", "text": "ah", "signature": "s", "index": 2},
    ]
    assert losses == []


def test_marks_of_calls() -> None:
    """A call has no place for one."""
    call = ToolCall(id="c", name="f", arguments="{}", cache=CacheMark(), own={"x": 1}, at="/c")
    message, losses = said([call], Dialect(cache_marks=True))
    assert message["tool_calls"] == [{**CALLED, "x": 1}]
    assert losses == [("/c/cache_control", "dropped")]
