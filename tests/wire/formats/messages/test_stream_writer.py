"""A stream for a caller: its grammar, what is held back, and that Anthropic's own SDK understands it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from anthropic._models import construct_type
from anthropic.lib.streaming._messages import accumulate_event
from anthropic.types import Message, RawMessageStreamEvent
from hypothesis import given
from hypothesis import strategies as st

from aigw.wire.deltas import Begin, Cite, Close, Delta, Finish, Grow, Odds, Open, Sign, Stopped, Tally
from aigw.wire.fold import unfolded
from aigw.wire.formats.messages import FORMAT
from aigw.wire.losses import Ledger
from aigw.wire.neutral import (
    Answer,
    Candidate,
    Citation,
    Conversation,
    Foreign,
    Logprob,
    Media,
    Part,
    Refusal,
    SearchHit,
    ServerToolCall,
    ServerToolResult,
    Source,
    Stop,
    Text,
    Thinking,
    ToolCall,
)
from aigw.wire.shapes import Usage
from aigw.wire.signatures import seal
from aigw.wire.sse import Splitter

ASKED = Conversation(model="asked", turns=[])
END = Stop(reason="end", word="stop")
LINK = Citation(kind="url", url="https://e.org", title="T")

PARTS: list[Part] = [
    Thinking(text="hm", signature="s", maker="google"),
    Thinking(text="hm", maker="deepseek"),
    Thinking(signature="q", maker="openai", id="rs_1"),
    Thinking(maker="p"),
    Text(text="a", citations=[LINK], logprobs=[Logprob(token="a", logprob=0)]),
    Text(text="", citations=[LINK]),
    Text(text=""),
    ToolCall(id="c1", name="f", arguments='{"a": 1}'),
    ToolCall(id="c2", name="g", arguments='say "hi"\n', custom=True),
    ToolCall(id="c3", name="h", arguments=""),
    ServerToolCall(id="w", name="web_search", arguments='{"query":"x"}', maker="openai"),
    ServerToolCall(id="x", name="image_generation", arguments='{"a":1}', maker="openai"),
    ServerToolResult(call_id="w", name="web_search", hits=[SearchHit(url="https://e.org")], maker="openai"),
    Refusal(text="no"),
    Media(kind="audio", source=Source(data="AA=="), transcript="la"),
    Media(kind="image", source=Source(data="AA==")),
    Foreign(format="gemini", value={}),
]


def told(deltas: list[Delta], ledger: Ledger | None = None) -> list[tuple[str, dict[str, Any]]]:
    """The events of deltas, names and data."""
    stream = FORMAT.stream_writer(ASKED, Ledger() if ledger is None else ledger).write(deltas)
    return events(stream)


def events(stream: bytes) -> list[tuple[str, dict[str, Any]]]:
    """Names and data; each name is the type within the data."""
    found = [(event.event or "", json.loads(event.data)) for event in Splitter().feed(stream)]
    assert all(name == data["type"] for name, data in found)
    return found


def understood(stream: list[tuple[str, dict[str, Any]]]) -> Message:
    """The message that Anthropic's SDK makes of it."""
    message: Any = None
    buffers: dict[Any, Any] = {}
    for _, data in stream:
        event: Any = construct_type(type_=RawMessageStreamEvent, value=data)
        message = accumulate_event(event=event, current_snapshot=message, json_bufs=buffers)
    assert isinstance(message, Message)
    return message


def test_the_least() -> None:
    """A text from beginning to end, byte for byte."""
    deltas = [
        Begin("i", "m"),
        Open(0, Text(text="")),
        Grow(0, 'a"'),
        Close(0),
        Stopped(END),
        Tally(Usage(1, 2)),
        Finish(),
    ]
    assert FORMAT.stream_writer(ASKED, Ledger()).write(deltas).decode() == (
        'event: message_start\ndata: {"type":"message_start","message":{"id":"i","type":"message","role":"assistant",'
        '"model":"m","content":[],"stop_reason":null,"stop_sequence":null,'
        '"usage":{"input_tokens":0,"output_tokens":0}}}\n\n'
        'event: content_block_start\ndata: {"type":"content_block_start","index":0,'
        '"content_block":{"type":"text","text":""}}\n\n'
        'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
        '"delta":{"type":"text_delta","text":"a\\""}}\n\n'
        'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
        'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},'
        '"usage":{"input_tokens":1,"output_tokens":2}}\n\n'
        'event: message_stop\ndata: {"type":"message_stop"}\n\n'
    )


def test_the_sdk_understands() -> None:
    """The message that the SDK makes of a stream is the one that is told whole, with the same losses."""
    answer = Answer(
        candidates=[Candidate(parts=PARTS, stop=END), Candidate(parts=[Text(text="b")], index=1)],
        id="i",
        model="m",
        usage=Usage(100, 20, 30, 10, None, 5),
        own={"system_fingerprint": "x"},
        own_format="chat",
    )
    streamed, whole = Ledger(), Ledger()
    expected = json.loads(FORMAT.write_answer(answer, ASKED, whole))
    message = json.loads(understood(told(unfolded(answer), streamed)).to_json())
    for block, other in zip(message["content"], expected["content"], strict=True):
        assert {name: block.get(name) for name in other} == other
    assert {name: message["usage"].get(name) for name in expected["usage"]} == expected["usage"]
    assert message["stop_reason"] == expected["stop_reason"] == "refusal"
    assert {entry.pointer for entry in streamed.entries} == {entry.pointer for entry in whole.entries}


def test_seals() -> None:
    """A signature that comes last, in pieces, is sealed with the thought it belongs to."""
    head = Thinking(maker="p")
    stream = told([Begin(), Open(0, head), Grow(0, "t"), Sign(0, "si"), Sign(0, "g"), Close(0)])
    assert [data["delta"] for name, data in stream if name == "content_block_delta"] == [
        {"type": "thinking_delta", "thinking": "t"},
        {"type": "signature_delta", "signature": seal(Thinking(text="t", signature="sig", maker="p"))},
    ]
    stream = told([Begin(), Open(0, head), Sign(0, "sig"), Close(0)])
    block = {"type": "redacted_thinking", "data": seal(Thinking(signature="sig", maker="p"))}
    assert stream[1][1]["content_block"] == block


@pytest.mark.parametrize(
    ("deltas", "names"),
    [
        ([Begin()], ["message_start"]),
        ([Begin(), Tally(Usage(5, 0))], ["message_start"]),
        ([Begin(), Open(0, Text(text=""))], ["message_start"]),
        ([Begin(), Open(0, Text(text="")), Close(0)], ["message_start"]),
        ([Begin(), Stopped(END)], ["message_start"]),
        ([Begin(), Stopped(END), Finish()], ["message_start", "message_delta", "message_stop"]),
        ([Begin(), Stopped(END), Finish(), Finish()], ["message_start", "message_delta", "message_stop"]),
        ([Begin(), Stopped(Stop(reason="error", word="error")), Finish()], ["message_start", "error"]),
        ([Begin(), Open(0, Foreign(format="x", value={})), Grow(0, "a"), Cite(0, LINK), Close(0)], ["message_start"]),
    ],
)
def test_what_is_held_back(deltas: list[Delta], names: list[str]) -> None:
    """The stop waits for the end, a block for its first content; an error is no clean end."""
    assert [name for name, _ in told(deltas)] == names


def test_usage_that_is_known_early() -> None:
    """Stands in the message's beginning; later figures in its end."""
    stream = told([Begin(), Tally(Usage(5, 0)), Open(0, Text(text="a")), Tally(Usage(5, 9)), Stopped(END), Finish()])
    assert stream[0][1]["message"]["usage"]["input_tokens"] == 5
    assert stream[-2][1]["usage"] == {"input_tokens": 5, "output_tokens": 9}


def test_no_stop() -> None:
    """No reason is made up where the upstream gave none."""
    assert told([Begin(), Finish()])[1][1]["delta"]["stop_reason"] is None


def test_losses() -> None:
    """Further candidates, members of other formats and log probabilities are reported."""
    ledger = Ledger()
    deltas = [
        Begin(own={"a": 1}, own_format="chat"),
        Open(0, Text(text="")),
        Odds(0, [Logprob(token="a", logprob=0)]),
        Open(0, Text(text=""), 1),
        Grow(0, "b", 1),
        Stopped(END, 1),
        Stopped(END, 0, {"b": 1}),
        Finish({"c": 1}),
    ]
    assert len(told(deltas, ledger)) == 3
    assert {entry.pointer for entry in ledger.entries} == {
        "answer:/a",
        "answer:/c",
        "answer:/candidates/0/b",
        "answer:/candidates/0/logprobs",
        "answer:/candidates/1",
    }


@given(st.data())
def test_any_slicing(data: st.DataObject) -> None:
    """Deltas that come one by one or many at once give the same events but for the usage in the beginning."""
    answer = Answer(candidates=[Candidate(parts=PARTS, stop=END)], id="i", model="m", usage=Usage(1, 2))
    deltas = unfolded(answer)
    writer, stream = FORMAT.stream_writer(ASKED, Ledger()), b""
    while deltas:
        size = data.draw(st.integers(1, len(deltas)))
        stream += writer.write(deltas[:size])
        deltas = deltas[size:]
    assert stream == FORMAT.stream_writer(ASKED, Ledger()).write(unfolded(answer))
