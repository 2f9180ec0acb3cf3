"""Messages as turns: roles, tool calls and their results, thoughts and signatures in their places."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.errors import InvalidBody
from aigw.wire import signatures
from aigw.wire.formats.chat.turns import read_turns
from aigw.wire.neutral import (
    CacheMark,
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

CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"a": 1}'}}
SEALED = Thinking(signature="sig", maker="anthropic", redacted=True)


def only(message: dict[str, Any]) -> Turn:
    """The turn of one message."""
    return read_turns([message], "/messages")[0]


def parts(message: dict[str, Any]) -> list[Part]:
    """What the assistant said."""
    return only({"role": "assistant", **message}).parts


@pytest.mark.parametrize("role", ["system", "developer", "user"])
def test_who_speaks(role: str) -> None:
    """A turn keeps its role, its speaker's name, its place and the members that nobody knows."""
    turn = only({"role": role, "content": "a", "name": "bob", "x": 1})
    text: list[Part] = [Text(text="a", at="/messages/0/content")]
    assert turn == Turn(role=role, parts=text, at="/messages/0", name="bob", own={"x": 1})  # type: ignore[arg-type]


def test_a_mark_on_a_message_is_one_on_its_last_part() -> None:
    """LiteLLM's `cache_control` of a message."""
    turn = only({"role": "system", "content": "a", "cache_control": {"type": "ephemeral"}})
    assert turn.parts[0].cache == CacheMark(None, "/messages/0/cache_control")
    assert turn.own is None
    assert only({"role": "assistant", "content": None, "cache_control": {"type": "x"}}).own is not None


def test_a_tool_loop() -> None:
    """Results know their call's name and kind; text of results may be a string or parts."""
    custom = {"id": "c2", "type": "custom", "custom": {"name": "free", "input": "text"}}
    said, first, second = read_turns(
        [
            {"role": "assistant", "content": None, "tool_calls": [CALL, custom]},
            {"role": "tool", "tool_call_id": "c1", "content": "ok"},
            {"role": "tool", "tool_call_id": "c2", "content": [{"type": "text", "text": "fine"}]},
        ],
        "/messages",
    )
    at = "/messages/0/tool_calls"
    assert said.parts == [
        ToolCall(id="c1", name="look", arguments='{"a": 1}', at=f"{at}/0"),
        ToolCall(id="c2", name="free", arguments="text", custom=True, at=f"{at}/1"),
    ]
    assert first.role == "tool"
    assert first.parts == [
        ToolResult(call_id="c1", name="look", parts=[Text(text="ok", at="/messages/1/content")], at="/messages/1")
    ]
    result = second.parts[0]
    assert isinstance(result, ToolResult)
    assert (result.custom, result.name, result.parts) == (True, "free", [Text(text="fine", at="/messages/2/content/0")])


def test_functions_of_old() -> None:
    """Calls without ids get one each, and results by name answer the oldest call of that name."""
    call = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}
    result = {"role": "function", "name": "f", "content": "1"}
    turns = read_turns([call, result, call, result, {"role": "function", "name": "g", "content": ""}], "/messages")
    ids = [part.id if isinstance(part, ToolCall) else part.call_id for turn in turns for part in turn.parts]  # type: ignore[attr-defined]
    assert ids == ["call_0", "call_0", "call_2", "call_2", "call_4"]


@pytest.mark.parametrize(("arguments", "text"), [('{"a":1}', '{"a":1}'), ("", ""), (None, ""), ({"a": 1}, '{"a":1}')])
def test_arguments(arguments: Any, text: str) -> None:
    """Arguments stay the text they are; some callers send the object itself."""
    call = parts({"tool_calls": [{"id": "c", "function": {"name": "f", "arguments": arguments}}]})[0]
    assert isinstance(call, ToolCall)
    assert call.arguments == text


def test_other_answers() -> None:
    """Refusals in both places, sound by its id, and kinds of calls that nobody knows."""
    said = parts(
        {
            "content": [{"type": "refusal", "refusal": "no"}],
            "refusal": "never",
            "audio": {"id": "audio_1"},
            "tool_calls": [{"type": "mcp", "id": "m"}],
        }
    )
    assert [type(part) for part in said] == [Refusal, Refusal, Media, Foreign]
    assert said[2] == Media(kind="audio", source=Source(file_id="audio_1"), id="audio_1", at="/messages/0/audio")


# -- thoughts ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("member", ["reasoning_content", "reasoning"])
def test_thoughts_without_signature(member: str) -> None:
    """Plain thoughts stand before the answer, whichever member they are in."""
    assert parts({"content": "a", member: "hm"})[0] == Thinking(text="hm", at=f"/messages/0/{member}")


def test_thoughts_told_twice() -> None:
    """Some servers repeat the text in the other member: it is one thought with both places."""
    thought = Thinking(text="hm", at="/messages/0/reasoning_content /messages/0/reasoning")
    assert parts({"content": "a", "reasoning": "hm", "reasoning_content": "hm"})[0] == thought


def test_details_win() -> None:
    """Details are whole thoughts; the plain text beside them is theirs. Unsealed, they belong to nobody known."""
    detail = {"type": "reasoning.text", "text": "hm", "signature": "s", "index": 0}
    said = parts({"content": "a", "reasoning_content": "hm", "reasoning_details": [detail]})
    thought = said[0]
    assert isinstance(thought, Thinking)
    assert len(said) == 2
    assert (thought.text, thought.maker, thought.at) == ("hm", "chat", "/messages/0/reasoning_details/0")
    assert thought.signature == '{"type":"reasoning.text","text":"hm","signature":"s","index":0}'


def test_text_beside_details_without_any() -> None:
    """Encrypted details say nothing of the text, so it is a thought of its own."""
    detail = {"type": "reasoning.encrypted", "data": "x"}
    said = parts({"reasoning": "hm", "reasoning_details": [detail]})
    assert [part.text for part in said if isinstance(part, Thinking)] == ["hm", ""]


def test_seals_are_opened() -> None:
    """What a seal holds is the maker's own again; the text comes from beside it."""
    seal = signatures.seal(SEALED)
    said = parts({"content": "a", "reasoning_details": [{"type": "reasoning.encrypted", "data": seal}]})
    thought = said[0]
    assert isinstance(thought, Thinking)
    assert (thought.signature, thought.maker, thought.redacted) == ("sig", "anthropic", True)


def test_thoughts_between() -> None:
    """Our details say what they came after: the content, or a call."""

    def detail(text: str, **after: str) -> dict[str, Any]:
        return {"type": "reasoning.text", "text": text, "format": "aigw", **after}

    said = parts(
        {
            "content": "a",
            "reasoning_details": [
                detail("1"),
                detail("2", after="content"),
                detail("3", after="c1"),
                detail("4", after="gone"),
            ],
            "tool_calls": [CALL],
        }
    )
    order = [part.text if isinstance(part, Thinking) else type(part).__name__ for part in said]
    assert order == ["1", "Text", "2", "4", "ToolCall", "3"]


def test_signatures_of_calls() -> None:
    """Gemini's signature of a call stands before it, bound to it; sealed or not."""
    signed = {**CALL, "extra_content": {"google": {"thought_signature": signatures.seal(SEALED)}, "x": 1}}
    bound, call = parts({"tool_calls": [signed]})
    assert isinstance(bound, Thinking)
    assert (bound.bound, bound.signature, bound.maker) == (True, "sig", "anthropic")
    assert call.own == {"extra_content": {"x": 1}}
    raw = {**CALL, "extra_content": {"google": {"thought_signature": "raw"}}}
    thought = parts({"tool_calls": [raw]})[0]
    assert isinstance(thought, Thinking)
    assert (thought.signature, thought.maker) == ("raw", "chat")


@pytest.mark.parametrize(("content", "kinds"), [("a", [Thinking, Text, ToolCall]), (None, [Thinking, ToolCall])])
def test_signatures_of_messages(content: str | None, kinds: list[type]) -> None:
    """A signature of a message is that of its text, or else of its first call."""
    extra = {"google": {"thought_signature": "raw"}}
    assert [type(part) for part in parts({"content": content, "extra_content": extra, "tool_calls": [CALL]})] == kinds


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        (None, "messages"),
        ("a", "messages"),
        (["a"], "messages[0]"),
        ([{}], "messages[0].role"),
        ([{"role": "model"}], "messages[0].role"),
        ([{"role": "tool", "content": "a"}], "messages[0].tool_call_id"),
        ([{"role": "function", "content": "a"}], "messages[0].name"),
        ([{"role": "assistant", "tool_calls": [{"id": "a"}]}], "messages[0].tool_calls[0].function"),
        ([{"role": "assistant", "tool_calls": [{"function": {}}]}], "messages[0].tool_calls[0].id"),
        (
            [{"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": 1}}]}],
            "messages[0].tool_calls[0].function.arguments",
        ),
        ([{"role": "assistant", "audio": {}}], "messages[0].audio.id"),
        ([{"role": "user", "name": 1, "content": "a"}], "messages[0].name"),
    ],
)
def test_what_is_none(messages: Any, param: str) -> None:
    """A message that no provider could take is refused by its place."""
    with pytest.raises(InvalidBody) as refusal:
        read_turns(messages, "/messages")
    assert refusal.value.param == param
