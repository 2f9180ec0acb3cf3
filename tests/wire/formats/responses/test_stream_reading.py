"""A provider's stream, as deltas: what is said is told once, whichever event says it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from aigw.wire.deltas import Begin, Close, Delta, Fail, Finish, Grow, Odds, Open, Sign, Stopped, Tally
from aigw.wire.dialect import Dialect
from aigw.wire.fold import folded
from aigw.wire.formats.responses import FORMAT
from aigw.wire.neutral import (
    Answer,
    Candidate,
    Citation,
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
from aigw.wire.sequence import Sequencer
from aigw.wire.shapes import Usage
from aigw.wire.sse import Event, Splitter

P = Dialect(maker="p")
URL = "https://example.org/"
Json = dict[str, Any]
CREATED: Json = {"type": "response.created", "response": {"id": "resp_1", "model": "m-1", "created_at": 17}}


def deltas(*events: Json | bytes) -> list[Delta]:
    """What a stream of these events says."""
    reader = FORMAT.stream_reader(P)
    said: list[Delta] = []
    for event in events:
        said += reader.read(Event("event", event if isinstance(event, bytes) else json.dumps(event).encode()))
    return said + reader.finish()


def completed(*output: Json, **members: Any) -> Json:
    """The event at the end."""
    return {"type": "response.completed", "response": {"status": "completed", "output": list(output), **members}}


def answer(*events: Json) -> Answer:
    """The answer that a stream amounts to, from its opening to its end."""
    return folded(Sequencer().put(deltas(CREATED, *events)))


def parts(*events: Json) -> list[Part]:
    """The parts of an answer."""
    (candidate,) = answer(*events).candidates
    return candidate.parts


def event(kind: str, **members: Any) -> Json:
    """An event of the first item."""
    return {"type": f"response.{kind}", "output_index": 0, "item_id": "i", **members}


def item(step: str, value: Json, index: int = 0) -> Json:
    """The beginning or the end of an item."""
    return {"type": f"response.output_item.{step}", "output_index": index, "item": value}


def words(text: str, **members: Any) -> Json:
    """More of a text."""
    return event("output_text.delta", content_index=0, delta=text, **members)


TEXT = {"type": "output_text", "text": "ab", "annotations": [], "logprobs": []}
MESSAGE = {"type": "message", "id": "i", "role": "assistant", "content": [TEXT]}
CALL = {"type": "function_call", "id": "i", "call_id": "c", "name": "f", "arguments": '{"a":1}'}
CUSTOM = {"type": "custom_tool_call", "id": "i", "call_id": "c", "name": "f", "input": "4 + 4"}
REASONING = {"type": "reasoning", "id": "i", "summary": [{"type": "summary_text", "text": "hm"}]}
EMPTY = {**MESSAGE, "content": []}
NAMELESS = event("function_call_arguments.delta", delta='{"a":')
STARTED = {**CALL, "arguments": ""}

# what is said of a text, a call or a thought, in all the ways that servers leave something out
WAYS: list[tuple[str, list[Json], list[Part]]] = [
    ("by the book", [
        item("added", EMPTY),
        event("content_part.added", content_index=0, part={**TEXT, "text": ""}),
        words("a"), words("b"),
        event("output_text.done", content_index=0, text="ab"),
        event("content_part.done", content_index=0, part=TEXT),
        item("done", MESSAGE), completed(MESSAGE),
    ], [Text(text="ab")]),
    ("only deltas", [words("a"), words("b"), completed()], [Text(text="ab")]),
    ("only the text's end", [event("output_text.done", content_index=0, text="ab"), completed()], [Text(text="ab")]),
    ("only the part's end", [event("content_part.done", content_index=0, part=TEXT), completed()], [Text(text="ab")]),
    ("only the item's end", [item("done", MESSAGE), completed()], [Text(text="ab")]),
    ("only the end", [completed(MESSAGE)], [Text(text="ab")]),
    ("some deltas", [words("a"), item("done", MESSAGE), completed(MESSAGE)], [Text(text="ab")]),
    ("no index", [
        {"type": "response.output_text.delta", "item_id": "i", "delta": "a"},
        {"type": "response.output_text.delta", "item_id": "i", "delta": "b"},
        {"type": "response.output_item.done", "item": MESSAGE}, completed(MESSAGE),
    ], [Text(text="ab")]),
    ("no id", [
        {"type": "response.output_text.delta", "output_index": 0, "delta": "a"},
        {"type": "response.output_text.delta", "output_index": 0, "delta": "b"},
        completed({"type": "message", "content": "ab"}),
    ], [Text(text="ab")]),
    ("a call by the book", [
        item("added", STARTED), NAMELESS, event("function_call_arguments.delta", delta="1}"),
        event("function_call_arguments.done", arguments='{"a":1}'), item("done", CALL), completed(CALL),
    ], [ToolCall(id="c", name="f", arguments='{"a":1}')]),
    ("arguments only at their end", [
        item("added", STARTED), event("function_call_arguments.done", arguments='{"a":1}'), completed(),
    ], [ToolCall(id="c", name="f", arguments='{"a":1}')]),
    ("arguments already at the beginning", [item("added", CALL), item("done", CALL), completed()],
     [ToolCall(id="c", name="f", arguments='{"a":1}')]),
    ("arguments before the name", [NAMELESS, item("done", CALL), completed()],
     [ToolCall(id="c", name="f", arguments='{"a":1}')]),
    ("a call only at the end", [completed(CALL)], [ToolCall(id="c", name="f", arguments='{"a":1}')]),
    ("a custom call", [
        item("added", {**CUSTOM, "input": ""}), event("custom_tool_call_input.delta", delta="4 + "),
        event("custom_tool_call_input.done", input="4 + 4"), item("done", CUSTOM), completed(CUSTOM),
    ], [ToolCall(id="c", name="f", arguments="4 + 4", custom=True)]),
    ("a refusal", [
        event("refusal.delta", content_index=0, delta="n"), event("refusal.done", content_index=0, refusal="no"),
        completed(),
    ], [Refusal(text="no")]),
    ("a summary", [
        item("added", {"type": "reasoning", "id": "i", "summary": []}),
        event("reasoning_summary_part.added", summary_index=0),
        event("reasoning_summary_text.delta", summary_index=0, delta="a"),
        event("reasoning_summary_text.delta", summary_index=0, delta="b"),
        event("reasoning_summary_text.delta", summary_index=1, delta="c"),
        item("done", {"type": "reasoning", "id": "i", "summary": [{"text": "ab"}, {"text": "c"}],
                      "encrypted_content": "x"}),
        completed(),
    ], [Thinking(text="ab\n\nc", signature="x", maker="p", id="i", summary=True)]),
    ("raw reasoning", [
        item("added", {"type": "reasoning", "id": "i", "summary": [], "content": []}),
        event("content_part.added", content_index=0, part={"type": "reasoning_text", "text": ""}),
        event("reasoning_text.delta", content_index=0, delta="a"),
        event("reasoning_text.delta", content_index=0, delta="b"),
        event("content_part.done", content_index=0, part={"type": "reasoning_text", "text": "ab"}),
        item("done", {"type": "reasoning", "id": "i", "summary": [], "content": [{"text": "ab"}]}), completed(),
    ], [Thinking(text="ab", maker="p", id="i")]),
    ("reasoning only at its end", [item("done", REASONING), completed()],
     [Thinking(text="hm", maker="p", id="i", summary=True)]),
    ("sealed reasoning", [item("done", {"type": "reasoning", "id": "i", "summary": [], "encrypted_content": "x"}),
                          completed()],
     [Thinking(signature="x", maker="p", id="i", redacted=True, summary=True)]),
    ("reasoning of nothing", [item("added", {"type": "reasoning", "id": "i"}),
                              item("done", {"type": "reasoning", "id": "i", "summary": []}), completed(MESSAGE)], []),
    ("a search", [
        item("added", {"type": "web_search_call", "id": "i", "status": "in_progress"}),
        event("web_search_call.searching"),
        item("done", {"type": "web_search_call", "id": "i", "status": "completed", "action": {
            "type": "search", "query": "q", "sources": [{"type": "url", "url": URL}]}}),
        completed(),
    ], [ServerToolCall(id="i", name="web_search", arguments='{"query":"q"}', maker="p"),
        ServerToolResult(call_id="i", name="web_search", hits=[SearchHit(url=URL)], maker="p")]),
    ("a picture", [
        event("image_generation_call.partial_image", partial_image_b64="AA"),
        item("done", {"type": "image_generation_call", "id": "i", "result": "AAAA"}), completed(),
    ], [Media(kind="image", source=Source(data="AAAA", media_type="image/png"), id="i")]),
    ("another item", [item("done", {"type": "mcp_call", "id": "i"}), completed()],
     [Foreign(format="responses", value={"type": "mcp_call", "id": "i"})]),
    ("a message with a phase", [item("added", {**EMPTY, "phase": "commentary"}), words("ab"), completed()],
     [Text(text="ab", own={"phase": "commentary"})]),
]  # fmt: skip


@pytest.mark.parametrize(("events", "expected"), [way[1:] for way in WAYS], ids=[way[0] for way in WAYS])
def test_ways_to_say_it(events: list[Json], expected: list[Part]) -> None:
    """Whatever a server leaves out, the parts are the same, and nothing is told twice."""
    assert parts(*events) == expected


CITATION = {"type": "url_citation", "url": URL, "title": "t", "start_index": 0, "end_index": 1}
CITED = Citation(kind="url", url=URL, title="t", start=0, end=1)
ODDS = {"token": "a", "bytes": [97], "logprob": -1.0, "top_logprobs": []}


def test_citations_and_odds() -> None:
    """They are told as they come, or at the end of their text, and never twice."""
    whole = {**MESSAGE, "content": [{**TEXT, "annotations": [CITATION], "logprobs": [ODDS, ODDS]}]}
    expected = Text(text="ab", citations=[CITED], logprobs=[Logprob(token="a", logprob=-1.0, bytes=[97])] * 2)
    added = event("output_text.annotation.added", content_index=0, annotation_index=0, annotation=CITATION)
    assert parts(
        words("a", logprobs=[ODDS]), words("b", logprobs=[ODDS]), added, item("done", whole), completed(whole)
    ) == [expected]
    assert parts(words("ab"), item("done", whole), completed(whole)) == [expected]


def test_texts_of_one_message() -> None:
    """Each content of a message is a part of its own."""
    events = [event("output_text.delta", content_index=at, delta=each) for at, each in ((0, "a"), (0, "b"), (1, "c"))]
    assert parts(*events, completed()) == [Text(text="ab"), Text(text="c")]


def test_items_side_by_side() -> None:
    """Items that grow in turns are told in turns; whoever puts them in order comes later."""
    second = {**STARTED, "id": "j", "call_id": "d"}
    more = {"type": "response.function_call_arguments.delta", "output_index": 1, "item_id": "j", "delta": "{}"}
    found = parts(
        item("added", STARTED), item("added", second, 1), NAMELESS, more,
        event("function_call_arguments.delta", delta="1}"), completed(),
    )  # fmt: skip
    assert found == [
        ToolCall(id="c", name="f", arguments='{"a":1}'), ToolCall(id="d", name="f", arguments="{}"),
    ]  # fmt: skip


def test_the_frame() -> None:
    """A stream begins once, with what is known, and ends with the stop, the usage and what is said beside."""
    usage = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3}
    said = deltas(
        CREATED,
        {**CREATED, "type": "response.in_progress"},
        words("a"),
        completed(usage=usage, service_tier="flex"),
        b"[DONE]",
    )
    assert said == [
        Begin("resp_1", "m-1", 17, None, "responses"),
        Open(0, Text(text="")),
        Grow(0, "a"),
        Close(0),
        Stopped(Stop(reason="end", word="completed")),
        Tally(Usage(1, 2)),
        Finish({"service_tier": "flex"}),
    ]


@pytest.mark.parametrize(
    ("last", "stop"),
    [
        ({"type": "response.incomplete",
          "response": {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}},
         Stop(reason="length", word="max_output_tokens")),
        ({"type": "response.incomplete"}, Stop(reason="other", word="incomplete")),
        (completed(CALL), Stop(reason="tools", word="completed")),
        (completed({"type": "message", "content": [{"type": "refusal", "refusal": "no"}]}),
         Stop(reason="refusal", word="completed")),
    ],
)  # fmt: skip
def test_stops(last: Json, stop: Stop) -> None:
    """Why it ended is what the last event says, and what was said before."""
    assert answer(last).candidates[0].stop == stop


@pytest.mark.parametrize(
    ("event", "status", "code"),
    [
        ({"type": "error", "error": {"code": "rate_limit_exceeded", "message": "Slow."}}, 429, "rate_limit_exceeded"),
        ({"type": "error", "code": "server_error", "message": "Slow.", "param": None}, 502, "server_error"),
        ({"type": "response.failed", "response": {"error": {"code": "server_error", "message": "Slow."}}}, 502,
         "server_error"),
        ({"error": {"code": 503, "message": "Slow."}}, 503, "503"),
        (completed(status="failed", error={"code": "server_error", "message": "Slow."}), 502, "server_error"),
        (b"<html>", 502, "upstream_error"),
        pytest.param(b'{"a":' * 20_000, 502, "upstream_error", id="nested"),
    ],
)  # fmt: skip
def test_failures(event: Json | bytes, status: int, code: str) -> None:
    """An error within the stream is told, and nothing after it."""
    said = deltas(CREATED, words("a"), event, words("b"), completed())
    (fail,) = [delta for delta in said if isinstance(delta, Fail)]
    assert said[-1] is fail
    assert (fail.trouble.status, fail.trouble.code) == (status, code)


def test_a_stream_that_was_cut() -> None:
    """The end of the bytes is no end of the answer."""
    assert not [delta for delta in deltas(CREATED, words("a")) if isinstance(delta, Close | Stopped | Finish)]


@pytest.mark.parametrize(
    "odd",
    [
        {}, {"type": 7}, {"type": "response.output_text.delta"}, words(7),  # type: ignore[arg-type]
        item("added", None), item("done", 7), {"type": "response.output_item.done"},  # type: ignore[arg-type]
        event("output_text.done", content_index=0), event("content_part.done", part=7),
        event("output_text.annotation.added", annotation=7), event("function_call_arguments.done", arguments="{}"),
        {"type": "response.tomorrow"}, {"type": "keepalive"}, b"", b"7",
        {"type": "response.output_item.added", "output_index": [], "item_id": {}, "item": {"id": ["x"]}},
    ],
)  # fmt: skip
def test_odd_events(odd: Json | bytes) -> None:
    """What means nothing says nothing, and is no reason to raise."""
    said = deltas(CREATED, odd, words("a"), completed())
    texts = [delta.text for delta in said if isinstance(delta, Grow)]
    assert texts in (["a"], [])
    assert not texts or isinstance(said[-1], Finish)


def test_deltas_are_told_at_once() -> None:
    """Each delta of a text is one step, with nothing held back."""
    reader = FORMAT.stream_reader(P)
    steps = [reader.read(Event("event", json.dumps(words(each)).encode())) for each in ("a", "b", "c")]
    assert steps[1:] == [[Grow(0, "b")], [Grow(0, "c")]]
    odd = reader.read(Event("event", json.dumps(words("d", logprobs=[ODDS])).encode()))
    assert odd == [Grow(0, "d"), Odds(0, [Logprob(token="a", logprob=-1.0, bytes=[97])])]


def test_signatures_come_last() -> None:
    """The seal is that of the item when it is done: before, it may be of less."""
    said = deltas(
        item("added", {**REASONING, "encrypted_content": "early"}),
        item("done", {**REASONING, "encrypted_content": "late"}),
    )
    assert [delta.signature for delta in said if isinstance(delta, Sign)] == ["late"]


_SHARED = Path(os.environ.get("AIGW_SHARED", Path(__file__).resolve().parents[5] / "shared"))
RECORDED = sorted((_SHARED / "corpus").glob("*/openai-responses/*/response.sse"))


@pytest.mark.parametrize("path", RECORDED, ids=[path.parent.name for path in RECORDED])
def test_recorded_streams(path: Path) -> None:
    """The stream of a provider amounts to the answer that it holds at its end."""
    reader, said = FORMAT.stream_reader(P), []
    last: Json = {}
    for each in Splitter().feed(path.read_bytes()):
        said += reader.read(each)
        if b'"response"' in each.data:
            last = json.loads(each.data)["response"]
    if any(isinstance(delta, Fail) for delta in said):
        assert last["status"] == "failed"
        return
    whole = FORMAT.read_answer(json.dumps(last).encode(), P)
    assert _comparable(folded(Sequencer().put(said))) == _comparable(whole)


def _comparable(answer: Answer) -> list[Candidate]:
    """Without what a provider says otherwise at the end: seals are made anew, odds are rounded."""
    for candidate in answer.candidates:
        for part in candidate.parts:
            if isinstance(part, Thinking):
                part.signature = None
            elif isinstance(part, Text):
                part.logprobs = None
    return answer.candidates
