"""A provider's stream, read: every event, and what servers do differently."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aigw.wire.deltas import Begin, Cite, Close, Delta, Fail, Finish, Grow, Open, Sign, Stopped, Tally
from aigw.wire.dialect import Dialect
from aigw.wire.fold import folded
from aigw.wire.formats.messages import FORMAT
from aigw.wire.formats.messages.sent_output import WRAPPED
from aigw.wire.neutral import Citation, Foreign, ServerToolCall, ServerToolResult, Stop, Text, Thinking, ToolCall
from aigw.wire.sequence import Sequencer
from aigw.wire.shapes import Usage
from aigw.wire.sse import Event, Splitter
from aigw.wire.structured import STRUCTURED_TOOL

CORPUS = Path(__file__).parents[5] / "shared" / "corpus"
START = {
    "type": "message_start",
    "message": {"id": "i", "model": "m", "usage": {"input_tokens": 3, "output_tokens": 1}},
}
STOP = {"type": "message_stop"}
BEGIN = [Begin("i", "m", None, None, "messages"), Tally(Usage(3, 1))]


def start(block: dict[str, Any], index: int = 0) -> dict[str, Any]:
    """A block begins."""
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(kind: str, index: int = 0, **members: Any) -> dict[str, Any]:
    """A block goes on."""
    return {"type": "content_block_delta", "index": index, "delta": {"type": f"{kind}_delta", **members}}


def stop(index: int = 0) -> dict[str, Any]:
    """A block ends."""
    return {"type": "content_block_stop", "index": index}


def ends(reason: str, **usage: int) -> dict[str, Any]:
    """The message ends."""
    return {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage}


def call(name: str = "f", **members: Any) -> dict[str, Any]:
    """A block of a call."""
    return {"type": "tool_use", "id": "c", "name": name, **members}


def read(*events: Any) -> list[Delta]:
    """What a stream of these events says."""
    reader = FORMAT.stream_reader(Dialect(maker="p"))
    deltas: list[Delta] = []
    for event in events:
        deltas += reader.read(event if isinstance(event, Event) else Event("event", json.dumps(event).encode()))
    return deltas + reader.finish()


def test_a_text() -> None:
    """From its beginning to its end."""
    deltas = read(
        START,
        start({"type": "text", "text": ""}),
        {"type": "ping"},
        delta("text", text="a"),
        delta("text", text=""),
        delta("citations", citation={"type": "x", "cited_text": "c"}),
        stop(),
        ends("end_turn", output_tokens=5),
        STOP,
    )
    assert deltas == [
        *BEGIN,
        Open(0, Text(text="")),
        Grow(0, "a"),
        Cite(0, Citation(kind="document", cited="c", own={"type": "x"})),
        Close(0),
        Tally(Usage(3, 5)),
        Stopped(Stop(reason="end", word="end_turn")),
        Finish(),
    ]


@pytest.mark.parametrize(
    ("events", "deltas"),
    [
        (
            [
                start({"type": "thinking", "thinking": "", "signature": ""}),
                delta("thinking", thinking="t"),
                delta("signature", signature="s"),
                stop(),
            ],
            [Open(0, Thinking(maker="p")), Grow(0, "t"), Sign(0, "s"), Close(0)],
        ),
        (
            [start({"type": "redacted_thinking", "data": "d"}), stop()],
            [Open(0, Thinking(signature="d", maker="p", redacted=True)), Close(0)],
        ),
        (
            [
                start(call(input={})),
                delta("input_json", partial_json=""),
                delta("input_json", partial_json='{"a":1}'),
                stop(),
            ],
            [Open(0, ToolCall(id="c", name="f", arguments="")), Grow(0, '{"a":1}'), Close(0)],
        ),
        (
            [start(call(input={})), stop()],
            [Open(0, ToolCall(id="c", name="f", arguments="")), Grow(0, "{}"), Close(0)],
        ),
        (
            [start(call(input={"a": 1})), stop()],
            [Open(0, ToolCall(id="c", name="f", arguments="")), Grow(0, '{"a":1}'), Close(0)],
        ),
        (
            [start(call(input={"a": 1})), delta("input_json", partial_json='{"a":1}'), stop()],
            [Open(0, ToolCall(id="c", name="f", arguments="")), Grow(0, '{"a":1}'), Close(0)],
        ),
        (
            [start(call(STRUCTURED_TOOL, input={})), delta("input_json", partial_json='{"a":1}'), stop()],
            [Open(0, Text(text="")), Grow(0, '{"a":1}'), Close(0)],
        ),
        (
            [
                start(call(WRAPPED, input={})),
                delta("input_json", partial_json='{"value":'),
                delta("input_json", partial_json="[1]}"),
                stop(),
            ],
            [Open(0, Text(text="")), Grow(0, "[1]"), Close(0)],
        ),
        (
            [start(call(WRAPPED, input={"value": 5})), stop()],
            [Open(0, Text(text="")), Grow(0, "5"), Close(0)],
        ),
        (
            [
                start({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}),
                delta("input_json", partial_json='{"query":"q"}'),
                stop(),
                start({"type": "web_search_tool_result", "tool_use_id": "s", "content": []}, 1),
                stop(1),
            ],
            [
                Open(0, ServerToolCall(id="s", name="web_search", arguments="", maker="p")),
                Grow(0, '{"query":"q"}'),
                Close(0),
                Open(1, ServerToolResult(call_id="s", name="web_search", maker="p", hits=[])),
                Close(1),
            ],
        ),
        (
            [
                start({"type": "compaction", "content": None}),
                delta("compaction", content="a", sealed="x"),
                delta("compaction", content="b"),
                stop(),
            ],
            [
                Open(0, Foreign(format="messages", value={"type": "compaction", "content": "ab", "sealed": "x"})),
                Close(0),
            ],
        ),
        (
            [start({"type": "odd_use", "input": {}}), delta("input_json", partial_json="{}"), stop()],
            [Open(0, Foreign(format="messages", value={"type": "odd_use", "input": "{}"})), Close(0)],
        ),
        ([delta("odd", x=1), {"type": "odd"}, {"type": "odd", "delta": "text"}, {"x": 1}], []),
        ([{"type": "content_block_delta"}, {"type": "content_block_stop"}, {"type": "content_block_start"}], []),
        ([Event("event", b""), Event("event", b"[DONE]", "data")], []),
    ],
)  # fmt: skip
def test_blocks(events: list[Any], deltas: list[Delta]) -> None:
    """Each kind of block, whole or in pieces; what is not known is kept, or says nothing."""
    assert read(START, *events) == [*BEGIN, *deltas]


def test_the_name_of_the_event_will_do() -> None:
    """Some servers name the kind of an event in its name alone."""
    assert read(Event("event", b"{}", "message_stop")) == [Finish()]


def test_blocks_that_nobody_ends() -> None:
    """A call or a block of an unknown kind is told at the message's end; a call's input is not made up."""
    deltas = read(START, start({"type": "odd"}), start(call(input={"a": 1}), 1), start(call(), 2), ends("tool_use"))
    assert deltas[2:] == [
        Open(1, ToolCall(id="c", name="f", arguments="")),
        Open(2, ToolCall(id="c", name="f", arguments="")),
        Open(0, Foreign(format="messages", value={"type": "odd"})),
        Close(0),
        Grow(1, '{"a":1}'),
        Close(1),
        Close(2),
        Tally(Usage(3, 1)),
        Stopped(Stop(reason="tools", word="tool_use")),
    ]


@pytest.mark.parametrize(
    ("names", "reason"),
    [([STRUCTURED_TOOL], "end"), ([STRUCTURED_TOOL, "f"], "tools"), (["f"], "tools")],
)
def test_structured_output_is_no_call(names: list[str], reason: str) -> None:
    """The model was done if it called nothing but the reserved tool."""
    events = [event for index, name in enumerate(names) for event in (start(call(name), index), stop(index))]
    stopped = [each for each in read(START, *events, ends("tool_use")) if isinstance(each, Stopped)]
    assert [each.stop.reason for each in stopped] == [reason]


def test_usage() -> None:
    """Figures are cumulative; zeros of a prompt stand for what is not repeated, and nothing but zeros for nothing."""
    nothing = {"type": "message_start", "message": {"usage": {"input_tokens": 0, "output_tokens": 0}}}
    assert read(nothing) == [Begin(own_format="messages")]
    deltas = read(START, ends("end_turn", input_tokens=0, cache_read_input_tokens=4, output_tokens=9))
    assert [each.usage for each in deltas if isinstance(each, Tally)] == [Usage(3, 1), Usage(7, 9, 4)]
    assert read({**ends("end_turn"), "usage": "odd", "delta": None}) == []


def test_a_message_that_begins_twice() -> None:
    """Begins once."""
    assert [type(each) for each in read(START, START)] == [Begin, Tally, Tally]


def test_details_of_a_refusal() -> None:
    """What explains a refusal goes along; its category is this format's own."""
    details = {"type": "refusal", "category": None, "explanation": "No."}
    event = {"type": "message_delta", "delta": {"stop_reason": "refusal", "stop_details": details}, "usage": None}
    stopped = Stop(reason="refusal", word="refusal", detail="No.")
    assert read(event) == [Stopped(stopped)]
    details["category"] = "bio"
    assert read(event) == [Stopped(stopped, 0, {"stop_details": details})]


def test_own_members_at_the_end() -> None:
    """What only this format says of the whole message may come with its end."""
    end = {**ends("end_turn"), "context_management": {"applied_edits": []}}
    end["delta"] = {**end["delta"], "container": {"id": "c"}}
    own = {"context_management": {"applied_edits": []}, "container": {"id": "c"}}
    assert read(end, STOP)[-1] == Finish(own)


@pytest.mark.parametrize(
    ("event", "status", "code"),
    [
        ({"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}}, 529, "overloaded_error"),
        ({"error": {"code": "odd", "message": "Busy"}}, 502, "odd"),
        (Event("event", b'{"error":"Busy"}', "error"), 502, "upstream_error"),
        (Event("event", b"{", None), 502, "upstream_error"),
        ({"type": "content_block_delta", "delta": "x"}, 502, "upstream_error"),
        (start({"type": "text", "text": 5}), 502, "upstream_error"),
        ({"type": "content_block_start", "index": 0}, 502, "upstream_error"),
    ],
)
def test_errors(event: Any, status: int, code: str) -> None:
    """An error, or what cannot be read, is the end; nothing after it counts."""
    deltas = read(START, event, STOP)
    assert deltas[:-1] == BEGIN
    assert isinstance(deltas[-1], Fail)
    assert (deltas[-1].trouble.status, deltas[-1].trouble.code) == (status, code)


def test_a_stream_that_is_cut() -> None:
    """Has no end, and none is made."""
    assert not any(
        isinstance(each, Finish) for each in read(START, start({"type": "text", "text": ""}), ends("end_turn"))
    )


@pytest.mark.skipif(not CORPUS.exists(), reason="the recorded traffic is not here")
def test_recorded_streams() -> None:
    """Recorded streams are read with their text, their reasoning, their calls and the word why they ended."""
    seen = 0
    for path in sorted(CORPUS.glob("*/anthropic-messages/*/response.sse")):
        expected = json.loads(path.with_name("expect.json").read_bytes())
        splitter = Splitter()
        events = [*splitter.feed(path.read_bytes()), *splitter.finish()]
        deltas = read(*(event for event in events if event.kind == "event"))
        if expected.get("error"):
            assert isinstance(deltas[-1], Fail), path
            continue
        candidate = folded(Sequencer().put(deltas)).candidates[0]
        texts = [part.text for part in candidate.parts if isinstance(part, Text)]
        thoughts = [part.text for part in candidate.parts if isinstance(part, Thinking)]
        calls = [part.name for part in candidate.parts if isinstance(part, ToolCall)]
        assert "".join(texts) == expected.get("text", ""), path
        assert "".join(thoughts) == expected.get("reasoning", ""), path
        assert calls == [each["name"] for each in expected.get("tool_calls", ())], path
        assert candidate.stop is not None
        assert [candidate.stop.word] == expected["finish"]
        seen += 1
    assert seen
