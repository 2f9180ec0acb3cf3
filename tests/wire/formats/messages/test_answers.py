"""Whole answers, read and written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aigw.wire.dialect import Dialect
from aigw.wire.fold import folded, unfolded
from aigw.wire.formats.messages import FORMAT
from aigw.wire.formats.messages.sent_output import WRAPPED
from aigw.wire.losses import Ledger
from aigw.wire.neutral import (
    Answer,
    Candidate,
    Conversation,
    Part,
    Refusal,
    ServerToolResult,
    Stop,
    Text,
    Thinking,
    ToolCall,
)
from aigw.wire.sequence import Sequencer
from aigw.wire.shapes import Usage
from aigw.wire.sse import Splitter
from aigw.wire.structured import STRUCTURED_TOOL

DIALECT = Dialect(maker="p")
ASKED = Conversation(model="asked", turns=[])
CORPUS = Path(__file__).parents[5] / "shared" / "corpus"


def message(*content: dict[str, Any], **members: Any) -> bytes:
    """A provider's message."""
    return json.dumps({"id": "msg_1", "type": "message", "model": "m", "content": content, **members}).encode()


def read(*content: dict[str, Any], **members: Any) -> Answer:
    """What is read of it."""
    return FORMAT.read_answer(message(*content, **members), DIALECT)


def call(name: str, value: Any) -> dict[str, Any]:
    """A block of a call."""
    return {"type": "tool_use", "id": "i", "name": name, "input": value}


def test_reading() -> None:
    """Parts, stop, usage, id and model; signatures are the provider's as they are."""
    answer = read(
        {"type": "thinking", "thinking": "t", "signature": "s"},
        {"type": "text", "text": "a"},
        stop_reason="stop_sequence",
        stop_sequence="END",
        usage={"input_tokens": 1, "cache_read_input_tokens": 2, "output_tokens": 3},
        container={"id": "c"},
        context_management=None,
    )
    assert answer == Answer(
        candidates=[
            Candidate(
                parts=[Thinking(text="t", signature="s", maker="p"), Text(text="a")],
                stop=Stop(reason="sequence", word="stop_sequence", sequence="END"),
            )
        ],
        id="msg_1",
        model="m",
        usage=Usage(3, 3, 2),
        own={"container": {"id": "c"}},
        own_format="messages",
    )


@pytest.mark.parametrize(
    ("content", "parts", "reason"),
    [
        ([call(STRUCTURED_TOOL, {"a": 1})], [Text(text='{"a":1}')], "end"),
        ([call(WRAPPED, {"value": [1]})], [Text(text="[1]")], "end"),
        ([call(WRAPPED, {"odd": 1})], [Text(text='{"odd":1}')], "end"),
        (
            [call(STRUCTURED_TOOL, {}), call("f", {})],
            [Text(text="{}"), ToolCall(id="i", name="f", arguments="{}")],
            "tools",
        ),
        ([call("f", {"b": 1, "a": 2})], [ToolCall(id="i", name="f", arguments='{"b":1,"a":2}')], "tools"),
    ],
)
def test_structured_output(content: list[Any], parts: list[Part], reason: str) -> None:
    """A call of the reserved tool is the text that it was made for."""
    candidate = read(*content, stop_reason="tool_use").candidates[0]
    assert candidate.parts == parts
    assert candidate.stop is not None
    assert candidate.stop.reason == reason


def test_no_stop() -> None:
    """Where the upstream said nothing of why it stopped, neither do we."""
    assert read(stop_reason=None).candidates[0].stop is None


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"[]",
        b'{"type":"error","error":{"type":"api_error"}}',
        b'{"content":"text"}',
        b'{"content":["text"]}',
        b'{"content":[{"type":"text","text":5}]}',
    ],
)
def test_no_message(data: bytes) -> None:
    """What is no message is an error, of one kind."""
    with pytest.raises(ValueError, match="answer"):
        FORMAT.read_answer(data, DIALECT)


def written(answer: Answer) -> tuple[dict[str, Any], list[str]]:
    """The message for a caller, and the ledger's pointers."""
    ledger = Ledger()
    body = json.loads(FORMAT.write_answer(answer, ASKED, ledger))
    return body, [entry.pointer for entry in ledger.entries]


def test_writing() -> None:
    """A message with all its members, in one order."""
    answer = Answer(
        candidates=[Candidate(parts=[Text(text="a")], stop=Stop(reason="end"))],
        id="x",
        model="m",
        created=5,
        usage=Usage(1, 2),
    )
    body, losses = written(answer)
    assert body == {
        "id": "x",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "a"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 2},
    }
    assert losses == []


def test_what_nobody_said() -> None:
    """An id is made, the model is the one that was asked for."""
    body, _ = written(Answer())
    assert body["id"].startswith("msg_")
    assert (body["model"], body["content"], body["stop_reason"]) == ("asked", [], None)


def test_a_refusal() -> None:
    """Is text, and the reason why the answer ended."""
    body, _ = written(Answer(candidates=[Candidate(parts=[Refusal(text="no")], stop=Stop(reason="end"))]))
    assert (body["content"][0]["text"], body["stop_reason"]) == ("no", "refusal")


def test_losses() -> None:
    """Further candidates and members of other formats are reported; its own members are not."""
    answer = Answer(
        candidates=[Candidate(own={"safety": 1}), Candidate(index=1)],
        own={"system_fingerprint": "x"},
        own_format="chat",
    )
    assert written(answer)[1] == [
        "answer:/candidates/1",
        "answer:/system_fingerprint",
        "answer:/candidates/0/safety",
    ]


@pytest.mark.parametrize(
    "members",
    [
        {"content": [], "container": {"id": "c"}, "context_management": {"applied_edits": []}},
        {
            "content": [],
            "stop_reason": "refusal",
            "stop_details": {"type": "refusal", "category": "cyber", "explanation": None},
        },
        {
            "content": [],
            "stop_reason": "refusal",
            "stop_details": {"type": "refusal", "category": None, "explanation": "No."},
        },
        {"content": [{"type": "text", "text": "a", "odd": 1}]},
        {"content": [{"type": "text", "text": "a", "citations": [{"type": "new", "cited_text": "c", "x": 1}]}]},
        {"content": [{**call("f", {}), "caller": {"type": "direct"}}]},
        {"content": [{"type": "mcp_tool_use", "id": "i", "name": "ask", "server_name": "s", "input": {}}]},
        {"content": [{"type": "mcp_tool_result", "tool_use_id": "i", "is_error": False, "content": []}]},
        {"content": [{"type": "web_fetch_tool_result", "tool_use_id": "i", "content": {"url": "u"}}]},
        {"content": [{"type": "container_upload", "file_id": "f"}]},
    ],
)
def test_own_members(members: dict[str, Any]) -> None:
    """What only this format has reaches a caller of this format, whole and as a stream."""
    given = json.loads(message(*members.pop("content"), **members))
    answer = FORMAT.read_answer(json.dumps(given).encode(), DIALECT)
    body, losses = written(answer)
    assert {name: body[name] for name in given} == given
    assert losses == []
    events = Splitter().feed(FORMAT.stream_writer(ASKED, Ledger()).write(unfolded(answer)))
    reader = FORMAT.stream_reader(DIALECT)
    again = folded(Sequencer().put([delta for event in events for delta in reader.read(event)]))
    assert written(again) == (body, [])


@pytest.mark.skipif(not CORPUS.exists(), reason="the recorded traffic is not here")
def test_recorded_answers() -> None:
    """Recorded answers are read with their text, their reasoning and the word why they ended."""
    seen = 0
    for path in sorted(CORPUS.glob("*/anthropic-messages/*/response.json")):
        expected = json.loads(path.with_name("expect.json").read_bytes())
        if expected.get("error"):
            continue
        candidate = FORMAT.read_answer(path.read_bytes(), DIALECT).candidates[0]
        texts = [part.text for part in candidate.parts if isinstance(part, Text)]
        thoughts = [part.text for part in candidate.parts if isinstance(part, Thinking)]
        calls = [json.loads(part.arguments) for part in candidate.parts if isinstance(part, ToolCall)]
        assert "".join(texts) == expected.get("text", ""), path
        assert "".join(thoughts) == expected.get("reasoning", ""), path
        assert calls == [each["arguments"] for each in expected.get("tool_calls", ())], path
        assert candidate.stop is not None
        assert [candidate.stop.word] == expected["finish"]
        assert all(part.name for part in candidate.parts if isinstance(part, ServerToolResult))
        seen += 1
    assert seen
