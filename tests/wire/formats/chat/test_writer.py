"""Streams for callers, as OpenAI's own SDK gathers them."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from openai.lib.streaming.chat._completions import ChatCompletionStreamState
from openai.types.chat import ChatCompletionChunk

from aigw.wire import signatures
from aigw.wire.deltas import Begin, Close, Delta, Finish, Grow, Odds, Open, Sign, Stopped, Tally
from aigw.wire.dialect import PLAIN
from aigw.wire.fold import folded, unfolded
from aigw.wire.formats.chat import FORMAT
from aigw.wire.formats.chat.writer import Writer
from aigw.wire.losses import Ledger
from aigw.wire.neutral import (
    Answer,
    Candidate,
    Citation,
    Conversation,
    Logprob,
    Media,
    Part,
    Refusal,
    ServerToolCall,
    Settings,
    Source,
    Stop,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
)
from aigw.wire.sequence import Sequencer
from aigw.wire.shapes import Usage
from aigw.wire.sse import Event, Splitter

ASKED = Conversation(model="asked", turns=[])
METERED = Conversation(model="asked", turns=[], settings=Settings(include_usage=True))
OLD = Conversation(model="m", turns=[], tools=[Tool(name="f", at="/functions/0")])
SIGNED = Thinking(text="hm", signature="s", maker="p", id="rs")
SECRET = Thinking(signature="x", maker="p", redacted=True)
BOUND = Thinking(signature="s", maker="p", bound=True)
CALL = ToolCall(id="c", name="f", arguments='{"a":1}')
END = Stop(reason="end")


def events(stream: bytes) -> list[Any]:
    """The data of a stream's events; each is a chunk to OpenAI's SDK, but the last."""
    found = [event.data for event in Splitter().feed(stream)]
    if found and found[-1] == b"[DONE]":
        found.pop()
    return [ChatCompletionChunk.model_validate_json(data) and json.loads(data) for data in found]


def written(parts: list[Part], asked: Conversation = ASKED, ledger: Ledger | None = None, **answer: Any) -> bytes:
    """The stream of one candidate."""
    whole = Answer(candidates=[Candidate(parts=parts, stop=END)], id="x", model="m", created=1, **answer)
    return Writer(asked, Ledger() if ledger is None else ledger).write(unfolded(whole))


def gathered(stream: bytes) -> dict[str, Any]:
    """The message that OpenAI's SDK makes of a stream."""
    state: Any = ChatCompletionStreamState()
    for event in events(stream):
        state.handle_chunk(ChatCompletionChunk.model_validate(event))
    message: dict[str, Any] = state.current_completion_snapshot.choices[0].message.to_dict()
    return message


def heard(stream: bytes) -> Answer:
    """What our own reader makes of it."""
    reader = FORMAT.stream_reader(PLAIN)
    deltas = [delta for event in Splitter().feed(stream) for delta in reader.read(event)]
    return folded(Sequencer().put(deltas))


def test_a_stream() -> None:
    """The role first, text piece by piece, the reason, the end; usage only for those who asked."""
    frame = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}

    def chunk(delta: dict[str, Any], reason: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return {**frame, "choices": [choice]}

    chunks = [chunk({"role": "assistant", "content": ""}), chunk({"content": "a\n"}), chunk({}, "stop")]
    stream = written([Text(text="a\n")], usage=Usage(3, 4))
    assert events(stream) == chunks
    assert stream.endswith(b"data: [DONE]\n\n")
    usage = {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7}
    metered = [{**each, "usage": None} for each in chunks]
    assert events(written([Text(text="a\n")], METERED, usage=Usage(3, 4))) == [
        *metered,
        {**frame, "choices": [], "usage": usage},
    ]
    assert events(written([Text(text="a\n")], METERED)) == metered


def test_nothing_is_made_up() -> None:
    """Without the upstream's reason there is none, without its end no `[DONE]`."""
    writer = Writer(ASKED, Ledger())
    begun: list[Delta] = [Begin("x"), Open(0, Text(text="")), Grow(0, "a"), Close(0)]
    stream = writer.write(begun)
    assert [event["choices"][0]["finish_reason"] for event in events(stream)] == [None, None]
    assert b"[DONE]" not in stream
    assert writer.write([Stopped(END), Finish()]).endswith(b'"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n')


def test_an_answer_without_parts() -> None:
    """It has its role and its reason."""
    assert [event["choices"][0]["delta"] for event in events(written([]))] == [{"role": "assistant", "content": ""}, {}]


ANSWERS: list[list[Part]] = [
    [Text(text="a")],
    [Refusal(text="no")],
    [Text(text="a"), Refusal(text="no")],
    [CALL],
    [Text(text="a"), CALL, ToolCall(id="d", name="g", arguments="{}")],
    [ToolCall(id="d", name="g", arguments="free", custom=True)],
    [Thinking(text="hm"), Text(text="a")],
    [Text(text="a", logprobs=[Logprob(token="a", logprob=-1, bytes=[97], top=[Logprob(token="b", logprob=-2)])])],
    [Text(text="abc", citations=[Citation(kind="url", url="u", title="t", start=1, end=2)])],
    [Media(kind="audio", source=Source(data="QUJD"), id="a1", transcript="Hi")],
    [Media(kind="image", source=Source(data="QUJD", media_type="image/png"))],
]


@pytest.mark.parametrize("parts", ANSWERS)
def test_our_reader_understands(parts: list[Part]) -> None:
    """What is written is read as the same."""
    answer = heard(written(parts))
    assert answer.candidates[0].parts == parts
    assert (answer.id, answer.model, answer.created) == ("x", "m", 1)


# The SDK's own types know no pieces of calls of custom tools.
@pytest.mark.parametrize("parts", [parts for parts in ANSWERS if not getattr(parts[0], "custom", False)])
def test_openais_sdk_understands(parts: list[Part]) -> None:
    """Its message of the stream is the one of the whole answer."""
    whole = Answer(candidates=[Candidate(parts=parts, stop=END)], id="x", model="m", created=1)
    message = json.loads(FORMAT.write_answer(whole, ASKED, Ledger()))["choices"][0]["message"]
    said = gathered(written(parts))
    for name, value in message.items():
        assert _bare(said.get(name)) == _bare(value), name


def _bare(value: Any) -> Any:
    """Without the numbers that only streams have, and what the SDK adds of its own."""
    if isinstance(value, list):
        return [_bare(each) for each in value] or None
    if isinstance(value, dict):
        return {name: _bare(inner) for name, inner in value.items() if name not in ("index", "parsed_arguments")}
    return value or None


def test_arguments_that_never_come() -> None:
    """Callers parse them, so a call without any has an empty object."""
    assert heard(written([ToolCall(id="c", name="f", arguments="")])).candidates[0].parts == [
        ToolCall(id="c", name="f", arguments="{}")
    ]


def test_several_candidates() -> None:
    """Each has its number, its role and its reason."""
    writer = Writer(ASKED, Ledger())
    deltas: list[Delta] = [Begin("x"), Open(0, Text(text=""), 0), Open(0, Text(text="b"), 1), Grow(0, "a", 0)]
    deltas += [Close(0, 1), Stopped(END, 1), Close(0, 0), Stopped(Stop(reason="length"), 0), Finish()]
    answer = heard(writer.write(deltas))
    assert [candidate.parts for candidate in answer.candidates] == [[Text(text="a")], [Text(text="b")]]
    assert [candidate.stop and candidate.stop.word for candidate in answer.candidates] == ["length", "stop"]


# -- thoughts ---------------------------------------------------------------------------------------------------------


def returned(message: dict[str, Any]) -> list[Part]:
    """What the caller's next request says of the answer."""
    body = {"messages": [message]}
    parts = FORMAT.read_request(body, "m", Ledger(), stream=False).turns[0].parts
    for part in parts:
        part.at = ""
    return parts


LOOPS: list[list[Part]] = [
    [SIGNED, Text(text="a"), CALL],
    [SECRET, CALL],
    [Thinking(text="1", signature="s1", maker="p"), Thinking(text="2", signature="s2", maker="p"), CALL],
    [Text(text="a"), SIGNED, CALL, SECRET],
    [BOUND, CALL, ToolCall(id="d", name="g", arguments="{}")],
    [BOUND, Text(text="a"), CALL],
]


@pytest.mark.parametrize("parts", LOOPS)
def test_signatures_survive_openais_sdk(parts: list[Part]) -> None:
    """A message as the SDK gathered it, sent back, has every thought, signature and call in its place."""
    assert returned(gathered(written(parts))) == parts


@pytest.mark.parametrize("parts", LOOPS)
def test_signatures_survive_simple_callers(parts: list[Part]) -> None:
    """So has one of a caller that joins texts and puts the entries of lists behind one another."""
    message: dict[str, Any] = {"role": "assistant", "content": "", "reasoning_details": [], "tool_calls": []}
    arguments: dict[int, str] = {}
    for event in events(written(parts)):
        delta = event["choices"][0]["delta"]
        message["content"] += delta.get("content") or ""
        message["reasoning_details"] += delta.get("reasoning_details", ())
        message.update({name: delta[name] for name in ("extra_content",) if name in delta})
        for call in delta.get("tool_calls", ()):
            arguments[call["index"]] = arguments.get(call["index"], "") + call["function"]["arguments"]
            if "id" in call:
                message["tool_calls"].append(call)
    for call in message["tool_calls"]:
        call["function"]["arguments"] = arguments[call["index"]]
    message["content"] = message["content"] or None
    assert returned(message) == parts


def test_a_signature_that_comes_in_pieces() -> None:
    """It is sealed once it is whole."""
    deltas: list[Delta] = [
        Begin("x"),
        Open(0, Thinking(maker="p")),
        Grow(0, "h"),
        Grow(0, "m"),
        Sign(0, "s"),
        Sign(0, "t"),
    ]
    stream = Writer(ASKED, Ledger()).write([*deltas, Close(0)])
    said = gathered(stream)
    thought = Thinking(text="hm", signature="st", maker="p")
    assert said["reasoning_content"] == "hm"
    assert said["reasoning_details"] == [
        {"type": "reasoning.text", "text": "hm", "format": "aigw", "index": 0, "signature": signatures.seal(thought)}
    ]


def test_one_signature_of_a_text() -> None:
    """A message has one place for it."""
    ledger = Ledger()
    written([BOUND, Text(text="a"), BOUND, Text(text="b")], ledger=ledger)
    assert [entry.action for entry in ledger.entries] == ["dropped"]


def test_a_signature_that_nothing_follows() -> None:
    """It is the message's."""
    assert returned(gathered(written([Text(text="a"), BOUND]))) == [BOUND, Text(text="a")]


def test_what_only_the_providers_format_says() -> None:
    """It is reported; a service tier that Responses tells at the end stands beside the usage."""
    ledger = Ledger()
    asked = Conversation(model="m", turns=[], settings=Settings(include_usage=True))
    deltas: list[Delta] = [Begin("x", own_format="responses"), Open(0, Text(text="", own={"phase": "x"})), Close(0)]
    deltas += [Stopped(END, own={"safety": 1}), Tally(Usage(1, 1)), Finish({"service_tier": "flex", "billing": 1})]
    told = events(Writer(asked, ledger).write(deltas))
    assert [event.get("service_tier") for event in told][-1] == "flex"
    assert {entry.pointer for entry in ledger.entries} == {
        "answer:/billing", "answer:/candidates/0/safety", "answer:/candidates/0/parts/0/phase"
    }  # fmt: skip


# -- losses -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("part", "loss"),
    [
        (ServerToolCall(id="s", name="web_search", arguments="{}"), ("answer:/candidates/0/parts/0", "dropped")),
        (ToolResult(call_id="c", parts=[]), ("answer:/candidates/0/parts/0", "dropped")),
        (Media(kind="image", source=Source(url="u")), ("answer:/candidates/0/parts/0", "approximated")),
        (
            Text(text="b", citations=[Citation(kind="file", file_id="f")]),
            ("answer:/candidates/0/parts/0/citations", "dropped"),
        ),
    ],
)
def test_what_a_caller_cannot_be_told(part: Part, loss: tuple[str, str]) -> None:
    """It is in the ledger, by its place in the answer; pieces of it are stepped over."""
    ledger = Ledger()
    written([part], ledger=ledger)
    assert [(entry.pointer, entry.action) for entry in ledger.entries] == [loss]


def test_callers_of_old() -> None:
    """They get one `function_call`, in pieces; another one is in the ledger."""
    ledger = Ledger()
    stream = written([CALL, CALL], OLD, ledger)
    deltas = [event["choices"][0]["delta"] for event in events(stream)]
    calls = [delta["function_call"] for delta in deltas if "function_call" in delta]
    assert calls == [{"name": "f", "arguments": ""}, {"arguments": '{"a":1}'}]
    assert [entry.pointer for entry in ledger.entries] == ["answer:/candidates/0/parts/1"]


def test_odds_that_came_with_the_opening() -> None:
    """They are told behind the text."""
    odds = [Logprob(token="a", logprob=-1)]
    deltas: list[Delta] = [Begin("x"), Open(0, Text(text="a", logprobs=odds)), Close(0)]
    deltas += [Open(1, Refusal(text="")), Odds(1, odds), Close(1), Tally(Usage(1, 1)), Stopped(END), Finish()]
    told = [event["choices"][0]["logprobs"] for event in events(Writer(ASKED, Ledger()).write(deltas))]
    assert [next(iter(each)) for each in told if each and each["content"]] == ["content"]
    assert len([each for each in told if each and each["refusal"]]) == 1


@pytest.mark.parametrize("head", [Text(text=""), Thinking(maker="p"), ToolCall(id="c", name="f", arguments="")])
def test_memory_is_constant(head: Part) -> None:
    """However long a part is, nothing of it is kept."""
    writer = Writer(ASKED, Ledger())
    writer.write([Begin("x"), Open(0, head), Grow(0, "a")])
    tracemalloc.start()
    for _ in range(5000):
        writer.write([Grow(0, "some text")])
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 4096


def test_a_reader_ignores_events_of_others() -> None:
    """The stream's own events are all that a writer's stream has."""
    assert all(isinstance(event, Event) and event.kind == "event" for event in Splitter().feed(written([CALL])))
