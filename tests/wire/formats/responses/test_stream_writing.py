"""A streamed answer, as the events that a caller gets."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings

from aigw.wire.deltas import Begin, Cite, Close, Delta, Finish, Grow, Odds, Open, Sign, Stopped, Tally
from aigw.wire.fold import unfolded
from aigw.wire.formats.responses import FORMAT
from aigw.wire.losses import Ledger
from aigw.wire.neutral import (
    Answer,
    Citation,
    Conversation,
    Foreign,
    Logprob,
    Media,
    SearchHit,
    ServerToolCall,
    ServerToolResult,
    Settings,
    Source,
    Stop,
    Text,
    Thinking,
    Tool,
    ToolCall,
)
from aigw.wire.shapes import Usage
from aigw.wire.signatures import unseal

from ....support.conversations import answers
from ....support.means import ANYTHING
from ....support.response_grammar import checked, events
from ....support.specs import event_checker

Json = dict[str, Any]
ASKED = Conversation(
    model="m",
    turns=[],
    tools=[Tool(name="f", parameters={"type": "object"})],
    settings=Settings(temperature=0.5),
    own_format="responses",
)
BEGIN = Begin("resp_a", "m-1", 17)
END: list[Delta] = [Stopped(Stop(reason="end")), Finish()]


def write(*deltas: Delta) -> tuple[bytes, list[str]]:
    """A stream, written delta by delta, and the places of what was lost; each event is one by the SDK's types."""
    ledger = Ledger()
    writer = FORMAT.stream_writer(ASKED, ledger)
    stream = b"".join(writer.write([delta]) for delta in deltas)
    for event in events(stream):
        assert event_checker("responses").faults(event) == []
    return stream, [entry.pointer for entry in ledger.entries]


def told(stream: bytes) -> list[str]:
    """The kinds of the events, shortened."""
    return [event["type"].removeprefix("response.") for event in events(stream)]


def test_a_text() -> None:
    """A stream by the book, and the response at its end."""
    stream, lost = write(
        BEGIN, Open(0, Text(text="")), Grow(0, "Hel"), Grow(0, "lo"), Close(0), Tally(Usage(3, 2)), *END
    )
    assert told(stream) == [
        "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta",
        "output_text.delta", "output_text.done", "content_part.done", "output_item.done", "completed",
    ]  # fmt: skip
    assert lost == []
    final = checked(stream)
    assert final["output"] == [
        {"id": "msg_aigw-a-0", "type": "message", "status": "completed", "role": "assistant",
         "content": [{"type": "output_text", "annotations": [], "logprobs": [], "text": "Hello"}]}
    ]  # fmt: skip
    assert (final["id"], final["model"], final["created_at"]) == ("resp_a", "m-1", 17)
    assert (final["usage"]["total_tokens"], final["temperature"]) == (5, 0.5)
    assert [tool["name"] for tool in final["tools"]] == ["f"]


@settings(max_examples=60)
@given(answers(ANYTHING))
def test_the_grammar_holds(answer: Answer) -> None:
    """Whatever is said, the stream keeps the grammar, holds the same answer as the whole one, and loses the same."""
    streaming, whole = Ledger(), Ledger()
    stream = FORMAT.stream_writer(ASKED, streaming).write(unfolded(answer))
    final = checked(stream)
    expected = json.loads(FORMAT.write_answer(answer, ASKED, whole))
    assert {**final, "created_at": 0} == {**expected, "created_at": 0}
    assert {entry.pointer for entry in streaming.entries} == {entry.pointer for entry in whole.entries}


def test_nothing_is_held_back() -> None:
    """Each piece of a text is an event as soon as it comes."""
    writer = FORMAT.stream_writer(ASKED, Ledger())
    writer.write([BEGIN, Open(0, Text(text=""))])
    assert told(writer.write([Grow(0, "a"), Grow(0, "b")])) == ["output_text.delta"] * 2
    assert writer.write([Tally(Usage(1, 1))]) == b""


ODDS = [Logprob(token="a", logprob=-1.0)]


@pytest.mark.parametrize(
    ("steps", "pieces"),
    [
        ([[Grow(0, "a"), Odds(0, ODDS)]], [("a", 1)]),
        ([[Grow(0, "a")], [Odds(0, ODDS)]], [("a", 0), ("", 1)]),
        ([[Odds(0, ODDS), Grow(0, "a")]], [("", 1), ("a", 0)]),
        ([[Grow(0, "a"), Grow(0, "b"), Odds(0, ODDS)]], [("a", 0), ("b", 1)]),
    ],
)
def test_log_probabilities(steps: list[list[Delta]], pieces: list[tuple[str, int]]) -> None:
    """They are told with their text, where they come with it."""
    writer = FORMAT.stream_writer(ASKED, Ledger())
    stream = writer.write([BEGIN, Open(0, Text(text=""))])
    said = b"".join(writer.write(step) for step in steps)
    assert [(event["delta"], len(event["logprobs"])) for event in events(said)] == pieces
    stream += said + writer.write([Close(0), *END])
    assert len(checked(stream)["output"][0]["content"][0]["logprobs"]) == 1


def test_a_tool_loop_s_answer() -> None:
    """Reasoning is sealed, calls have their arguments, each item has one id."""
    stream, lost = write(
        BEGIN,
        Open(0, Thinking(maker="anthropic")),
        Grow(0, "hm"),
        Sign(0, "si"),
        Sign(0, "g"),
        Close(0),
        Open(1, Text(text="")),
        Grow(1, "Let me see."),
        Close(1),
        Open(2, ToolCall(id="c", name="f", arguments="")),
        Grow(2, "{}"),
        Close(2),
        Stopped(Stop(reason="tools")),
        Finish(),
    )
    final = checked(stream)
    reasoning, message, call = final["output"]
    assert unseal(reasoning["encrypted_content"]) == Thinking(signature="sig", maker="anthropic")
    assert [item["id"] for item in final["output"]] == ["rs_aigw-a-0", "msg_aigw-a-1", "fc_aigw-a-2"]
    assert (message["content"][0]["text"], call["arguments"], call["call_id"]) == ("Let me see.", "{}", "c")
    assert lost == []


@pytest.mark.parametrize(
    ("stop", "last", "status"),
    [
        (Stop(reason="end"), "completed", "completed"),
        (Stop(reason="length"), "incomplete", "incomplete"),
        (Stop(reason="filter"), "incomplete", "incomplete"),
        (Stop(reason="error"), "failed", "incomplete"),
        (None, "incomplete", "incomplete"),
    ],
)
def test_ends(stop: Stop | None, last: str, status: str) -> None:
    """The terminal event is the upstream's own end; an answer that never stopped is incomplete."""
    stopped: list[Delta] = [] if stop is None else [Stopped(stop)]
    stream, _ = write(BEGIN, Open(0, Text(text="a")), Close(0), *stopped, Finish())
    assert told(stream)[-1] == last
    assert checked(stream)["output"][0]["status"] == status


def test_a_stream_that_was_cut() -> None:
    """Without an end there is none."""
    stream, _ = write(BEGIN, Open(0, Text(text="a")), Close(0))
    assert not {"completed", "incomplete", "failed", "output_item.done"} & set(told(stream))


def test_a_stream_without_a_beginning() -> None:
    """The frame is there, whatever comes first."""
    stream, _ = write(Open(0, Text(text="a")), Close(0), *END)
    assert told(stream)[0] == "created"
    assert checked(stream)["id"].startswith("resp_")
    assert told(write(Finish())[0]) == ["created", "in_progress", "incomplete"]


def test_what_a_search_found() -> None:
    """The pages found after a search stand in its item, which waits for them."""
    stream, lost = write(
        BEGIN,
        Open(0, ServerToolCall(id="ws_1", name="web_search", arguments="")),
        Grow(0, '{"query":"q"}'),
        Close(0),
        Open(1, ServerToolResult(call_id="ws_1", name="web_search", hits=[SearchHit(url="u")])),
        Close(1),
        Open(2, Text(text="a")),
        Cite(2, Citation(kind="url", url="u")),
        Close(2),
        *END,
    )
    search, message = checked(stream)["output"]
    assert search["action"] == {"type": "search", "query": "q", "sources": [{"type": "url", "url": "u"}]}
    assert message["content"][0]["annotations"][0]["url"] == "u"
    assert lost == []


PART = "answer:/candidates/0/parts/0"


def test_the_words_of_a_sound() -> None:
    """There is no sound in a response: its words are told where they are known, as a text among the others."""
    sound = Media(kind="audio", source=Source(data="AAAA"), transcript="Hello.")
    stream, lost = write(BEGIN, Open(0, sound), Close(0), Open(1, Text(text="a")), Close(1), *END)
    (message,) = checked(stream)["output"]
    assert [content["text"] for content in message["content"]] == ["Hello.", "a"]
    assert lost == [PART]


def test_usage_that_is_split_further() -> None:
    """Figures that a response has no place for are reported."""
    _, lost = write(BEGIN, Tally(Usage(9, 2, output_audio_tokens=2)), *END)
    assert lost == ["answer:/usage/output_audio_tokens"]


@pytest.mark.parametrize(
    ("deltas", "lost"),
    [
        ([Open(0, Media(kind="audio", source=Source(data="AAAA"))), Close(0)], PART),
        ([Open(0, ServerToolCall(id="s", name="code_execution", arguments="")), Grow(0, "{}"), Close(0)], PART),
        ([Open(0, ServerToolResult(call_id="s", name="code_execution")), Close(0)], PART),
        ([Open(0, Foreign(format="gemini", value={})), Close(0)], PART),
        ([Open(0, Text(text="a", own={"partMetadata": 1})), Close(0)], f"{PART}/partMetadata"),
        ([Open(0, Text(text="a")), Cite(0, Citation(kind="document")), Close(0)], f"{PART}/citations"),
        ([Open(0, Text(text="a")), Cite(0, Citation(kind="url", own={"x": 1})), Close(0)], f"{PART}/citations"),
        ([Open(0, ToolCall(id="c", name="f", arguments="")), Grow(0, "{}"), Odds(0, ODDS), Close(0)],
         f"{PART}/logprobs"),
        ([Open(0, Text(text="b"), 1), Grow(0, "b", 1), Close(0, 1), Stopped(Stop(reason="end"), 1)],
         "answer:/candidates/1"),
    ],
)  # fmt: skip
def test_what_cannot_be_told(deltas: list[Delta], lost: str) -> None:
    """What has no event is reported once, and the grammar holds."""
    stream, pointers = write(BEGIN, *deltas, *END)
    assert pointers == [lost]
    checked(stream)


SEARCHED = {"id": "fs_1", "type": "file_search_call", "status": "completed", "queries": ["q"], "results": None}


def test_in_its_own_format() -> None:
    """What a provider of this format says beside comes back at the end; its other items come whole."""
    stream, lost = write(
        Begin("resp_a", "m", 17, {"service_tier": "flex"}, "responses"),
        Open(0, Text(text="a", own={"phase": "commentary"})),
        Close(0),
        Open(1, Text(text="b", own={"phase": "final_answer"})),
        Close(1),
        Open(2, Foreign(format="responses", value={"id": "c_1", "type": "compaction", "encrypted_content": "x"})),
        Close(2),
        Open(3, Foreign(format="responses", value=SEARCHED)),
        Close(3),
        Stopped(Stop(reason="end")),
        Finish({"note": 1}),
    )
    final = checked(stream)
    assert [item.get("phase") for item in final["output"][:2]] == ["commentary", "final_answer"]
    assert [item.get("status") for item in final["output"][2:]] == [None, "completed"]
    assert (final["service_tier"], final["note"], lost) == ("flex", 1, [])


def test_members_of_other_formats() -> None:
    """What only another format says of an answer is reported."""
    _, lost = write(
        Begin("a", "m", 17, {"system_fingerprint": "fp"}, "chat"),
        Stopped(Stop(reason="end"), 0, {"safety": []}),
        Finish({"x": 1}),
    )
    assert lost == ["answer:/system_fingerprint", "answer:/candidates/0/safety", "answer:/x"]
