"""Streams of every server: where they begin, what they use, how they end and fail."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.wire.deltas import Begin, Delta, Fail, Finish, Stopped, Tally
from aigw.wire.dialect import PLAIN, Dialect
from aigw.wire.fold import folded
from aigw.wire.formats.chat import FORMAT
from aigw.wire.neutral import Answer, Citation, Text, Thinking, ToolCall
from aigw.wire.sequence import Sequencer
from aigw.wire.shapes import Usage
from aigw.wire.sse import Event, Splitter

CORPUS = Path(__file__).parents[5] / "shared" / "corpus"
STOP = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
A = {"id": "x", "model": "m", "created": 7, "choices": [{"index": 0, "delta": {"content": "a"}}]}
USED = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}


def deltas(*chunks: Any, done: bool = True, dialect: Dialect = PLAIN) -> list[Delta]:
    """What a stream of chunks says."""
    reader = FORMAT.stream_reader(dialect)
    out: list[Delta] = []
    for chunk in (*chunks, *(["[DONE]"] if done else [])):
        out += reader.read(Event("event", chunk.encode() if isinstance(chunk, str) else json.dumps(chunk).encode()))
    return out + reader.finish()


def answer(*chunks: Any, **how: Any) -> Answer:
    """The answer that they amount to."""
    return folded(Sequencer().put(deltas(*chunks, **how)))


def failure(*chunks: Any) -> Fail:
    """The last delta, which is a failure."""
    last = deltas(*chunks)[-1]
    assert isinstance(last, Fail)
    return last


def test_a_stream() -> None:
    """Its head, text, stop, usage and end."""
    found = answer(
        {**A, "service_tier": "default", "system_fingerprint": "fp"}, A, STOP, {"choices": [], "usage": USED}
    )
    assert (found.id, found.model, found.created, found.usage) == ("x", "m", 7, Usage(3, 4))
    assert (found.own, found.own_format) == ({"service_tier": "default", "system_fingerprint": "fp"}, "chat")
    candidate = found.candidates[0]
    assert candidate.parts == [Text(text="aa")]
    assert candidate.stop is not None
    assert (candidate.stop.reason, candidate.stop.word) == ("end", "stop")


def test_a_beginning_without_choices() -> None:
    """Azure sends filter results first; what is empty there is not the answer's head. Nor are empty names."""
    filtered = {"id": "", "model": "", "choices": [], "prompt_filter_results": [{}]}
    assert deltas(filtered, done=False) == []
    first = deltas(filtered, {**A, "id": "", "model": "", "created": 0})[0]
    assert first == Begin(own_format="chat")


@pytest.mark.parametrize(
    "chunks",
    [
        [A, STOP, {"choices": [], "usage": USED}],
        [A, {**STOP, "usage": USED}],
        [A, STOP, {"usage": USED}],
        [{**A, "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}}, {**STOP, "usage": USED}],
        [A, {"choices": [{**STOP["choices"][0], "usage": USED}]}],
        [A, {**STOP, "x_groq": {"id": "r", "usage": USED}}],
        [A, STOP, {"choices": [], "usage": USED}, {"choices": [], "usage": {"prompt_tokens": 0}}],
    ],
)
def test_usage(chunks: list[Any]) -> None:
    """In a chunk of its own, beside or within a choice, in every chunk, or in Groq's member: told once, at the end."""
    found = deltas(*chunks)
    assert [delta.usage for delta in found if isinstance(delta, Tally)] == [Usage(3, 4)]
    assert isinstance(found[-1], Finish)


def test_reasons_that_come_again() -> None:
    """A choice stops once, with the last word that says something, and what comes after it is not lost."""
    found = deltas(A, STOP, {"choices": [{"index": 0, "delta": {"content": "b"}, "finish_reason": ""}]}, STOP)
    assert [delta.stop.word for delta in found if isinstance(delta, Stopped)] == ["stop"]
    assert folded(Sequencer().put(found)).candidates[0].parts == [Text(text="ab")]


def test_several_choices() -> None:
    """Each has its own parts and stop; one that has no number is the first."""
    second = {"choices": [{"index": 1, "delta": {"content": "b"}, "finish_reason": "length"}]}
    found = answer({"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]}, second)
    assert [candidate.parts for candidate in found.candidates] == [[Text(text="a")], [Text(text="b")]]
    assert [candidate.stop and candidate.stop.reason for candidate in found.candidates] == ["end", "length"]


@pytest.mark.parametrize(
    ("chunks", "ended"),
    [
        ([A, STOP], True),
        ([A], False),
        ([A, STOP, {"choices": [{"index": 1, "delta": {"content": "b"}}]}], False),
        ([], False),
    ],
)
def test_a_stream_without_its_end(chunks: list[Any], ended: bool) -> None:
    """It is complete if every choice that began had its reason; else nothing is said of an end."""
    found = deltas(*chunks, done=False)
    assert any(isinstance(delta, Finish) for delta in found) == ended
    assert any(isinstance(delta, Stopped) for delta in found) == ended


def test_an_end_without_reasons() -> None:
    """Servers that send `[DONE]` alone say that the answer is whole, and not why."""
    found = answer(A)
    assert found.candidates[0].stop is not None
    assert found.candidates[0].stop.reason == "other"
    assert deltas("[DONE]") == [Begin(own_format="chat"), Finish()]


def test_nothing_after_the_end() -> None:
    """What comes after it is not heard."""
    assert deltas(A, STOP, "[DONE]", A)[-1] == Finish()


def test_whole_messages_in_a_stream() -> None:
    """Some servers answer a stream with one whole message; Perplexity repeats it beside its deltas."""
    assert answer({"choices": [{"message": {"content": "a"}, "finish_reason": "stop"}]}).candidates[0].parts == [
        Text(text="a")
    ]
    both = {"choices": [{"message": {"content": "aa"}, "delta": {"content": "a"}, "finish_reason": "stop"}]}
    assert answer(A, both, done=False).candidates[0].parts == [Text(text="aa")]
    assert answer({"choices": [{"text": "a", "finish_reason": "stop"}]}).candidates[0].parts == [Text(text="a")]


def test_pages_of_a_search() -> None:
    """Perplexity's stand in every chunk; they are told once."""
    cited = {"citations": ["u"], "search_results": [{"url": "u", "title": "t"}]}
    text = answer({**A, **cited}, {**A, **cited}, STOP).candidates[0].parts[0]
    assert text == Text(text="aa", citations=[Citation(kind="url", url="u", title="t")])


# -- failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chunk", "status", "code", "message"),
    [
        ({"error": {"message": "Slow.", "code": 429}}, 429, "upstream_error", "Slow."),
        ({"error": {"message": "Compute error."}, "message": "Compute error."}, 502, "upstream_error",
         "Compute error."),
        ({"error": "No.", "choices": [{"delta": {"content": ""}}]}, 502, "upstream_error", "No."),
        ({"object": "error", "message": "No.", "type": "server_error", "code": 500}, 500, "server_error", "No."),
        ({"detail": "No."}, 502, "upstream_error", "No."),
        ({"choices": [{"delta": {}, "error": {"code": 502, "message": "No."}, "finish_reason": "error"}]}, 502,
         "upstream_error", "No."),
        ({"choices": [], "x_groq": {"error": "No."}}, 502, "upstream_error", "No."),
        ({"choices": [{"delta": {}}], "x_groq": {"error": "No."}}, 502, "upstream_error", "No."),
    ],
)  # fmt: skip
def test_failures(chunk: Any, status: int, code: str, message: str) -> None:
    """An error is one wherever it stands; nothing is heard after it, and nothing is said of an end."""
    trouble = failure(A, chunk, STOP).trouble
    assert (trouble.status, trouble.code, trouble.message) == (status, code, message)


@pytest.mark.parametrize("data", ["oops", '{"choices":', '{"choices":[{"delta":{"tool_calls":7}}]}', "[1]"])
def test_what_is_no_chunk(data: str) -> None:
    """It fails the stream, with the beginning of what came."""
    assert data in failure(A, data).trouble.message


def test_an_event_named_error() -> None:
    """Some servers name it, as Anthropic does."""
    found = FORMAT.stream_reader(PLAIN).read(Event("event", b'{"message":"No."}', "error"))
    assert isinstance(found[-1], Fail)


def test_what_was_used_before_a_failure() -> None:
    """It is told: it is paid for."""
    found = deltas(A, {"error": {"message": "No."}, "usage": USED})
    assert [type(delta) for delta in found[-2:]] == [Tally, Fail]


@pytest.mark.parametrize("data", ["", " ", '{"object":"ping"}'])
def test_what_says_nothing(data: str) -> None:
    """Empty events and pings are stepped over."""
    assert deltas(data, done=False) == []


# -- recorded ---------------------------------------------------------------------------------------------------------


def recorded() -> list[Path]:
    """The folders of recorded streams."""
    return sorted(path.parent for path in CORPUS.glob("*/openai-chat/*/response.sse"))


def read(data: bytes, cuts: list[int]) -> list[Delta]:
    """A stream in pieces."""
    reader, splitter, out = FORMAT.stream_reader(PLAIN), Splitter(), list[Delta]()
    edges = [0, *sorted(cuts), len(data)]
    events = [event for a, b in pairwise(edges) for event in splitter.feed(data[a:b])]
    for event in (*events, *splitter.finish()):
        if event.kind == "event":
            out += reader.read(event)
    return out + reader.finish()


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the recorded traffic is not here")
@pytest.mark.parametrize("case", recorded(), ids=lambda path: "/".join(path.parts[-3::2]))
def test_recorded_streams(case: Path) -> None:
    """Text, thoughts, calls, reasons and the fact of usage and errors are what the case expects."""
    expect = json.loads((case / "expect.json").read_bytes())
    found = read((case / "response.sse").read_bytes(), [])
    if expect.get("error"):
        assert isinstance(found[-1], Fail)
        return
    whole = folded(Sequencer().put(found))
    parts = [part for candidate in whole.candidates for part in candidate.parts]
    assert "".join(part.text for part in parts if isinstance(part, Text)) == "".join(expect.get("text", ""))
    if "reasoning" in expect:
        assert "".join(part.text for part in parts if isinstance(part, Thinking)) == expect["reasoning"]
    calls = [(part.name, json.loads(part.arguments or "{}")) for part in parts if isinstance(part, ToolCall)]
    assert calls == [(call["name"], call["arguments"]) for call in expect.get("tool_calls", ())]
    words = [candidate.stop.word for candidate in whole.candidates if candidate.stop]
    assert words == expect.get("finish", [""])
    assert bool(whole.usage) == bool(expect.get("usage"))


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the recorded traffic is not here")
@given(data=st.data())
def test_any_slicing(data: st.DataObject) -> None:
    """However the bytes arrive, the stream says the same."""
    stream = (data.draw(st.sampled_from(recorded())) / "response.sse").read_bytes()
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=5))
    whole, sliced = read(stream, []), read(stream, cuts)
    assert len(whole) == len(sliced)
    assert [type(delta) for delta in whole] == [type(delta) for delta in sliced]
