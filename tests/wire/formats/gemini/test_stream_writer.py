"""A stream for a caller."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from aigw.wire.deltas import Begin, Cite, Close, Delta, Finish, Grow, Odds, Open, Sign, Stopped, Tally
from aigw.wire.dialect import Dialect
from aigw.wire.fold import folded, unfolded
from aigw.wire.formats.gemini import FORMAT
from aigw.wire.losses import Ledger
from aigw.wire.neutral import (
    Answer,
    Candidate,
    Citation,
    Conversation,
    Foreign,
    Logprob,
    Media,
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
from aigw.wire.signatures import seal
from aigw.wire.sse import Splitter

ASKED = Conversation(model="asked", turns=[])
BEGIN = Begin("r", "gpt")
NAMED = {"modelVersion": "gpt", "responseId": "r"}
DONE: list[Delta] = [Stopped(Stop(reason="end", word="stop")), Finish()]


def events(data: bytes) -> list[Any]:
    return [msgspec.json.decode(event.data) for event in Splitter().feed(data)]


def write(*deltas: Delta) -> list[Any]:
    writer = FORMAT.stream_writer(ASKED, Ledger())
    return events(writer.write([BEGIN, *deltas]))


def parts(*deltas: Delta) -> list[Any]:
    """The parts of all events but the last."""
    return [part for event in write(*deltas, *DONE)[:-1] for part in event["candidates"][0]["content"]["parts"]]


def text(grown: str, at: int = 0) -> list[Delta]:
    return [Open(at, Text(text="")), Grow(at, grown), Close(at)]


def test_a_text() -> None:
    """Each piece is an event; the reason and the usage stand in the last, which comes with the end."""
    assert write(*text("a\n"), Tally(Usage(1, 2)), *DONE) == [
        {"candidates": [{"content": {"parts": [{"text": "a\n"}], "role": "model"}, "index": 0}], **NAMED},
        {
            "candidates": [{"content": {"parts": [{"text": ""}], "role": "model"}, "finishReason": "STOP", "index": 0}],
            "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 2, "totalTokenCount": 3},
            **NAMED,
        },
    ]


def test_nothing_is_made_up() -> None:
    """Before the upstream has ended, there is no reason; an end without one has none."""
    told = write(*text("a"), Stopped(Stop(reason="end")))
    assert len(told) == 1
    assert "finishReason" not in write(*text("a"), Finish())[-1]["candidates"][0]


def test_whole_events() -> None:
    """What is held back makes no event."""
    writer = FORMAT.stream_writer(ASKED, Ledger())
    assert writer.write([BEGIN, Open(0, ToolCall(id="c", name="f", arguments=""))]) == b""
    assert writer.write([Grow(0, '{"a":')]) == b""
    (event,) = events(writer.write([Grow(0, "1}"), Close(0)]))
    assert event["candidates"][0]["content"]["parts"] == [{"functionCall": {"name": "f", "args": {"a": 1}, "id": "c"}}]


def test_thinking() -> None:
    """A thought's signature follows it; a bound one stands on what it belongs to."""
    thought = Thinking(text="", maker="anthropic")
    bound = Thinking(maker="google", bound=True)
    hidden = Thinking(maker="openai", redacted=True)

    def sealed(thinking: Thinking, signature: str) -> str:
        return seal(msgspec.structs.replace(thinking, signature=signature))

    assert parts(
        Open(0, thought),
        Grow(0, "t"),
        Sign(0, "A1"),
        Sign(0, "A2"),
        Close(0),
        Open(1, hidden),
        Sign(1, "B"),
        Close(1),
        Open(2, bound),
        Sign(2, "C"),
        Close(2),
        Open(3, Text(text="")),
        Grow(3, "x"),
        Grow(3, "y"),
        Close(3),
        Open(4, Thinking(maker="x")),
        Grow(4, "u"),
        Close(4),
    ) == [
        {"text": "t", "thought": True},
        {"text": "", "thought": True, "thoughtSignature": sealed(thought, "A1A2")},
        {"text": "", "thoughtSignature": sealed(hidden, "B")},
        {"text": "x", "thoughtSignature": sealed(bound, "C")},
        {"text": "y"},
        {"text": "u", "thought": True},
    ]


def test_a_signature_at_the_end() -> None:
    """A bound one with nothing behind it stands on the last, empty text."""
    bound = Thinking(maker="google", bound=True)
    last = write(Open(0, bound), Sign(0, "S"), Close(0), *DONE)[-1]
    assert last["candidates"][0]["content"]["parts"] == [
        {"text": "", "thoughtSignature": seal(Thinking(signature="S", maker="google", bound=True))}
    ]


def test_what_an_answer_rests_on() -> None:
    """Searches and citations are told in the last event; places count the bytes of all texts."""
    last = write(
        Open(0, ServerToolCall(id="s", name="web_search", arguments="")),
        Grow(0, '{"query":"q"}'),
        Close(0),
        Open(1, ServerToolResult(call_id="s", name="web_search", hits=[SearchHit(url="u")])),
        Close(1),
        *text("€", 2),
        Open(3, Text(text="")),
        Cite(3, Citation(kind="url", url="u", start=0, end=2)),
        Grow(3, "é!"),
        Close(3),
        *DONE,
    )[-1]
    assert last["candidates"][0]["groundingMetadata"] == {
        "webSearchQueries": ["q"],
        "groundingChunks": [{"web": {"uri": "u"}}],
        "groundingSupports": [{"segment": {"startIndex": 3, "endIndex": 6}, "groundingChunkIndices": [0]}],
    }


def test_logprobs() -> None:
    """They are told when they come, on an empty text."""
    told = write(Open(0, Text(text="")), Odds(0, [Logprob(token="a", logprob=-1.0)]), Close(0), *DONE)[0]
    assert told["candidates"][0] == {
        "content": {"parts": [{"text": ""}], "role": "model"},
        "index": 0,
        "logprobsResult": {"chosenCandidates": [{"token": "a", "logProbability": -1.0}]},
    }


def test_what_cannot_be_said() -> None:
    """It is reported by its place in the answer."""
    ledger = Ledger()
    writer = FORMAT.stream_writer(ASKED, ledger)
    writer.write(
        [
            Open(0, Refusal(text="no")),
            Close(0),
            Open(1, ServerToolCall(id="s", name="shell", arguments="")),
            Close(1),
            Stopped(Stop(reason="sequence", sequence="X")),
            Finish(),
        ]
    )
    assert [entry.pointer for entry in ledger.entries] == [
        "answer:/candidates/0/parts/0",
        "answer:/candidates/0/parts/1",
        "answer:/candidates/0/stop/sequence",
    ]


def test_candidates() -> None:
    """Each has its index, also in the last event."""
    told = write(
        Open(0, Text(text="")),
        Grow(0, "a"),
        Open(0, Text(text=""), 1),
        Grow(0, "b", 1),
        Grow(0, "c"),
        Close(0),
        Close(0, 1),
        Stopped(Stop(reason="end")),
        Stopped(Stop(reason="length"), 1),
        Finish(),
    )
    assert [event["candidates"][0]["index"] for event in told] == [0, 1, 0, 0]
    assert [one["finishReason"] for one in told[-1]["candidates"]] == ["STOP", "MAX_TOKENS"]


def test_a_blocked_prompt() -> None:
    """Gemini's own feedback stands for it, without a candidate."""
    feedback = {"blockReason": "SAFETY"}
    writer = FORMAT.stream_writer(ASKED, Ledger())
    stop = Stop(reason="filter", word="SAFETY")
    told = events(
        writer.write([Begin("r", "gem", None, None, "gemini"), Stopped(stop), Finish({"promptFeedback": feedback})])
    )
    assert told == [{"modelVersion": "gem", "responseId": "r", "promptFeedback": feedback}]


@pytest.mark.parametrize("pieces", [0, 1, 3])
def test_an_array(pieces: int) -> None:
    """Callers that do not ask for events get the same as elements of one JSON array, as it comes."""
    deltas: list[Delta] = [BEGIN, Open(0, Text(text="")), *[Grow(0, "a")] * pieces, Close(0), *DONE]
    writer = FORMAT.stream_writer(ASKED, Ledger(), array=True)
    told = b"".join(writer.write([delta]) for delta in deltas)
    plain = FORMAT.stream_writer(ASKED, Ledger())
    assert msgspec.json.decode(told) == events(plain.write(deltas))


ANSWER = Answer(
    candidates=[
        Candidate(
            parts=[
                Thinking(text="t", signature="A", maker="google"),
                Media(kind="image", source=Source(data="aGk=", media_type="image/png")),
                ToolCall(id="1", name="f", arguments='{"a":1}'),
                ToolCall(id="2", name="f", arguments="{}"),
                Text(text="Héllo", citations=[Citation(kind="url", url="u", start=1, end=3)]),
            ],
            stop=Stop(reason="tools", word="STOP"),
        )
    ],
    id="r",
    model="gem",
    created=1779202782,
    usage=Usage(5, 4, reasoning_tokens=1),
    own_format="gemini",
)


def test_reading_what_is_written() -> None:
    """A stream that is written and read is the same answer; the signature is wrapped for the caller."""
    writer = FORMAT.stream_writer(ASKED, Ledger())
    reader = FORMAT.stream_reader(Dialect(maker="google"))
    data = writer.write(unfolded(ANSWER))
    found = [delta for event in Splitter().feed(data) for delta in reader.read(event)] + reader.finish()
    again = folded(Sequencer().put(found))
    thought = again.candidates[0].parts[0]
    assert isinstance(thought, Thinking)
    assert thought.signature == seal(Thinking(signature="A", maker="google"))
    thought.signature = "A"
    assert again == ANSWER


@pytest.mark.parametrize(
    ("own_format", "losses"),
    [
        ("gemini", []),
        (
            "chat",
            [
                ("answer:/b", "dropped"),
                ("answer:/candidates/0/parts/0/p", "dropped"),
                ("answer:/candidates/0/parts/1", "dropped"),
                ("answer:/candidates/0/c", "dropped"),
                ("answer:/f", "dropped"),
            ],
        ),
    ],
)
def test_members_of_another_format(own_format: str, losses: list[Any]) -> None:
    """What only the provider's format says is reported wherever it stands in the stream; its own is told."""
    ledger = Ledger()
    told = FORMAT.stream_writer(ASKED, ledger).write(
        [
            Begin("r", "gpt", None, {"b": 1}, own_format),
            Open(0, Text(text="", own={"p": 1})),
            Grow(0, "a"),
            Close(0),
            Open(1, Foreign(format=own_format, value={"new": 1})),
            Close(1),
            Stopped(Stop(reason="end"), own={"c": 1}),
            Finish({"f": 1}),
        ]
    )
    assert [(entry.pointer, entry.action) for entry in ledger.entries] == losses
    last = events(told)[-1]
    home = own_format == "gemini"
    assert ("b" in last, "f" in last, "c" in last["candidates"][0], b'"new"' in told) == (home, home, home, home)


def test_events_are_one_line() -> None:
    """Arguments with line ends, or cut off, are valid JSON on the one line of an event."""
    for arguments, args in (('{\n "a":\r1}', {"a": 1}), ('{\n "a"', {"INVALID_JSON": '{\n "a"'})):
        call: list[Delta] = [Open(0, ToolCall(id="c", name="f", arguments="")), Grow(0, arguments), Close(0)]
        assert parts(*call) == [{"functionCall": {"name": "f", "args": args, "id": "c"}}]
