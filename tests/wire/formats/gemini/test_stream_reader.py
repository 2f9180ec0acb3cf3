"""A provider's stream."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.wire.deltas import Begin, Close, Delta, Fail, Finish, Grow, Open, Sign, Stopped, Tally
from aigw.wire.dialect import Dialect
from aigw.wire.fold import folded
from aigw.wire.formats.gemini import FORMAT
from aigw.wire.formats.gemini.stream_reader import StreamReader
from aigw.wire.neutral import Answer, Citation, Foreign, Media, Stop, Text, Thinking, ToolCall
from aigw.wire.sequence import Sequencer
from aigw.wire.shapes import Usage
from aigw.wire.sse import Event, Splitter


def chunk(*parts: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": list(parts), "role": "model"}, "index": 0, **members}]}


def reader() -> StreamReader:
    return FORMAT.stream_reader(Dialect(maker="google"))


def deltas(*chunks: Any) -> list[Delta]:
    reading = reader()
    found = [delta for one in chunks for delta in reading.read(Event("event", msgspec.json.encode(one)))]
    return found + reading.finish()


def answer(*chunks: Any) -> Answer:
    return folded(Sequencer().put(deltas(*chunks)))


def test_texts_and_thoughts() -> None:
    """Each grows while it comes; the other one closes it."""
    assert deltas(
        {**chunk({"text": "a", "thought": True}), "modelVersion": "gem", "responseId": "r"},
        chunk({"text": "b", "thought": True}, {"text": "c"}),
        chunk({"text": ""}),
        chunk({"text": "d"}, finishReason="STOP"),
    ) == [
        Begin("r", "gem", None, None, "gemini"),
        Open(0, Thinking(maker="google")),
        Grow(0, "a"),
        Grow(0, "b"),
        Close(0),
        Open(1, Text(text="")),
        Grow(1, "c"),
        Grow(1, "d"),
        Close(1),
        Stopped(Stop(reason="end", word="STOP")),
        Finish(),
    ]


def test_calls() -> None:
    """They come whole; a signature stands before its call, and STOP means that results are waited for."""
    found = deltas(
        chunk({"functionCall": {"name": "f", "args": {"a": 1.0}, "id": "1"}, "thoughtSignature": "S"}),
        chunk({"functionCall": {"name": "g"}}, finishReason="STOP"),
    )
    assert found[1:7] == [
        Open(0, Thinking(maker="google", bound=True)),
        Sign(0, "S"),
        Close(0),
        Open(1, ToolCall(id="1", name="f", arguments="")),
        Grow(1, '{"a":1.0}'),
        Close(1),
    ]
    assert isinstance(found[7], Open)
    assert isinstance(found[7].head, ToolCall)
    assert found[7].head.id.startswith("call_")
    assert found[8] == Grow(2, "{}")
    assert Stopped(Stop(reason="tools", word="STOP")) in found


@pytest.mark.parametrize(
    ("parts", "wanted"),
    [
        (
            [{"text": "t", "thought": True}, {"text": "u", "thought": True, "thoughtSignature": "S"}],
            [Thinking(text="tu", signature="S", maker="google")],
        ),
        (
            [{"text": "t", "thought": True}, {"text": "", "thought": True, "thoughtSignature": "S"}],
            [Thinking(text="t", signature="S", maker="google")],
        ),
        (
            [{"text": "", "thought": True, "thoughtSignature": "S"}],
            [Thinking(text="", signature="S", maker="google")],
        ),
        (
            [{"text": "a"}, {"text": "b", "thoughtSignature": "S"}, {"text": "c"}],
            [Text(text="a"), Thinking(signature="S", maker="google", bound=True), Text(text="bc")],
        ),
        (
            [{"text": "a"}, {"text": "", "thoughtSignature": "S"}],
            [Text(text="a"), Thinking(signature="S", maker="google")],
        ),
    ],
)
def test_signatures(parts: list[dict[str, Any]], wanted: list[Any]) -> None:
    """A signature belongs to the thought, to the part it stands on, or to nothing, in one chunk or in many."""
    assert answer(chunk(*parts, finishReason="STOP")).candidates[0].parts == wanted
    assert answer(*map(chunk, parts), chunk(finishReason="STOP")).candidates[0].parts == wanted


def test_parts_that_come_whole() -> None:
    """Media, executed code and what is new are opened complete."""
    found = answer(
        chunk({"text": "a"}),
        chunk({"inlineData": {"mimeType": "image/png", "data": "aGk="}, "thoughtSignature": "S"}),
        chunk({"executableCode": {"language": "PYTHON", "code": "1"}}),
        chunk({"codeExecutionResult": {"outcome": "OUTCOME_OK"}}),
        chunk({"newThing": {"x": 1}}, {}),
        chunk(finishReason="STOP"),
    ).candidates[0]
    kinds = ["Text", "Thinking", "Media", "ServerToolCall", "ServerToolResult", "Foreign"]
    assert [type(part).__name__ for part in found.parts] == kinds
    assert isinstance(found.parts[2], Media)
    assert found.parts[3].arguments == '{"code":"1","language":"PYTHON"}'  # type: ignore[attr-defined]
    assert found.parts[5] == Foreign(format="gemini", value={"newThing": {"x": 1}})


def test_usage() -> None:
    """The first chunk tells of the prompt, the end of everything; counts that are left out later stay."""
    first = {**chunk({"text": "a"}), "usageMetadata": {"promptTokenCount": 5, "totalTokenCount": 5}}
    last = {
        **chunk(finishReason="STOP"),
        "usageMetadata": {"candidatesTokenCount": 2, "thoughtsTokenCount": 3, "totalTokenCount": 10},
    }
    tallies = [delta.usage for delta in deltas(first, last) if isinstance(delta, Tally)]
    assert tallies == [Usage(5, 0), Usage(5, 5, reasoning_tokens=3)]


def test_candidates() -> None:
    """Several come side by side; the stream is complete when each has finished."""
    both = {
        "candidates": [
            {"content": {"parts": [{"text": "a"}]}, "index": 0},
            {"content": {"parts": [{"text": "b"}]}, "index": 1, "finishReason": "STOP"},
        ]
    }
    assert not any(isinstance(delta, Finish | Stopped) for delta in deltas(both))
    found = answer(both, chunk(finishReason="MAX_TOKENS", safetyRatings=[1]))
    assert [one.parts for one in found.candidates] == [[Text(text="a")], [Text(text="b")]]
    assert [one.stop.reason for one in found.candidates if one.stop] == ["length", "end"]
    assert found.candidates[0].own == {"safetyRatings": [1]}


def test_the_reason_in_every_chunk() -> None:
    """Some models repeat it: it is told once, at the end."""
    found = deltas(chunk({"text": "a"}, finishReason="STOP"), chunk({"text": "b"}, finishReason="STOP"))
    assert [type(delta).__name__ for delta in found] == ["Begin", "Open", "Grow", "Grow", "Close", "Stopped", "Finish"]


def test_a_blocked_prompt() -> None:
    """It is a candidate that was filtered before it began."""
    feedback = {"blockReason": "SAFETY", "blockReasonMessage": "No."}
    assert deltas({"promptFeedback": feedback})[1:] == [
        Stopped(Stop(reason="filter", word="SAFETY", detail="No.")),
        Finish({"promptFeedback": feedback}),
    ]


@pytest.mark.parametrize("chunks", [[], [chunk({"text": "a"})], [{"usageMetadata": {}}], [{"promptFeedback": {}}]])
def test_a_cut_stream(chunks: list[Any]) -> None:
    """Where no reason was told, there is no end."""
    assert not any(isinstance(delta, Finish | Stopped) for delta in deltas(*chunks))


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b'{"error":{"code":503,"message":"m","status":"UNAVAILABLE"}}', 503, "UNAVAILABLE"),
        (b'{"error":"m"}', 502, "upstream_error"),
        (b"no json", 502, "upstream_error"),
        (b'{"candidates":5}', 502, "upstream_error"),
    ],
)
def test_errors(data: bytes, status: int, code: str) -> None:
    """An error within the stream, or what is no chunk, fails it; nothing is said after that."""
    reading = reader()
    (fail,) = reading.read(Event("event", data))
    assert isinstance(fail, Fail)
    assert (fail.trouble.status, fail.trouble.code) == (status, code)
    assert reading.read(Event("event", msgspec.json.encode(chunk(finishReason="STOP")))) == []
    assert reading.finish() == []


def test_nothing() -> None:
    """An empty event says nothing."""
    assert reader().read(Event("event", b"")) == []


GROUNDED = {
    "groundingChunks": [{"web": {"uri": "u"}}, {"web": {"uri": "v"}}],
    "groundingSupports": [{"segment": {"startIndex": 3, "endIndex": 5}, "groundingChunkIndices": [0]}],
    "searchEntryPoint": {"renderedContent": "x"},
}


@pytest.mark.parametrize(
    "chunks",
    [
        [chunk({"text": "€a"}), chunk({"text": "b"}, finishReason="STOP", groundingMetadata=GROUNDED)],
        [
            chunk({"text": "€ab"}),
            chunk({"text": "", "thoughtSignature": "S"}, finishReason="STOP", groundingMetadata=GROUNDED),
        ],
        [chunk({"text": "€ab"}), chunk(finishReason="STOP", groundingMetadata=GROUNDED)],
    ],
    ids=["with text", "with a signature", "alone"],
)
def test_citations(chunks: list[Any]) -> None:
    """They belong to the text that came before or with them, in its characters; sources without a place come too."""
    found = answer(*chunks).candidates[0]
    text = found.parts[0]
    assert isinstance(text, Text)
    assert text.citations == [Citation(kind="url", url="u", start=1, end=3), Citation(kind="url", url="v")]
    assert found.own == {"groundingMetadata": {"searchEntryPoint": {"renderedContent": "x"}}}


def test_logprobs() -> None:
    """They are told while the text is open."""
    result = {"chosenCandidates": [{"token": "a", "logProbability": -1}]}
    found = answer(chunk({"text": "a"}, finishReason="STOP", logprobsResult=result)).candidates[0]
    (text,) = found.parts
    assert isinstance(text, Text)
    assert [one.token for one in text.logprobs or ()] == ["a"]


def call(**members: Any) -> dict[str, Any]:
    return chunk({"functionCall": members})


def test_arguments_in_pieces() -> None:
    """Arguments that come with their paths are put together; the call is told when it is complete."""
    found = answer(
        chunk({"functionCall": {"name": "f", "willContinue": True}, "thoughtSignature": "S"}),
        call(partialArgs=[{"jsonPath": "$.a[0].b", "stringValue": "x", "willContinue": True}], willContinue=True),
        call(partialArgs=[{"jsonPath": "$.a[0].b", "stringValue": "y"}], willContinue=True),
        call(partialArgs=[{"jsonPath": "$.a[0].n", "numberValue": 0.5}]),
        chunk({"functionCall": {"name": "g", "args": {}}}),
        chunk(finishReason="STOP"),
    ).candidates[0]
    bound, first, second = found.parts
    assert bound == Thinking(signature="S", maker="google", bound=True)
    assert isinstance(first, ToolCall)
    assert isinstance(second, ToolCall)
    assert (first.name, first.arguments) == ("f", '{"a":[{"b":"xy","n":0.5}]}')
    assert (second.name, second.arguments) == ("g", "{}")


STREAM = b"".join(
    b"data: " + msgspec.json.encode(one) + b"\r\n\r\n"
    for one in (
        chunk({"text": "t", "thought": True}),
        chunk({"text": "Hé"}),
        chunk({"text": "llo"}, {"functionCall": {"name": "f", "id": "1"}, "thoughtSignature": "S"}),
        chunk(finishReason="STOP"),
    )
)


@given(st.lists(st.integers(0, len(STREAM)), max_size=6))
def test_any_slicing(cuts: list[int]) -> None:
    """However the bytes arrive, the same is read."""
    reading, splitter = reader(), Splitter()
    bounds = [0, *sorted(cuts), len(STREAM)]
    events = [event for a, b in itertools.pairwise(bounds) for event in splitter.feed(STREAM[a:b])]
    found = [delta for event in [*events, *splitter.finish()] for delta in reading.read(event)] + reading.finish()
    assert [part.__class__.__name__ for part in folded(Sequencer().put(found)).candidates[0].parts] == [
        "Thinking",
        "Text",
        "Thinking",
        "ToolCall",
    ]


@pytest.mark.parametrize(
    "passed_over",
    [
        pytest.param(b'"\xff": 1', id="a name that is no text"),
        pytest.param(b'"deep": ' + b"[" * 5000 + b"]" * 5000, id="too deep"),
    ],
)
def test_what_is_read_once_more(passed_over: bytes) -> None:
    """A part of an unusual kind is looked up in the whole event; where that cannot be read, the stream has failed."""
    reading = reader()
    part = b'{"inlineData": {"mimeType": "image/png", "data": "AA=="}}'
    event = b'{"candidates": [{"index": 0, "content": {"parts": [' + part + b"]}}], " + passed_over + b"}"
    assert isinstance(reading.read(Event("event", event))[-1], Fail)
    assert reading.read(Event("event", msgspec.json.encode(chunk({"text": "a"}, finishReason="STOP")))) == []
    assert reading.finish() == []
