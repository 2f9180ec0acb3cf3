"""Whole answers for callers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from openai.types.chat import ChatCompletion

from aigw.wire import signatures
from aigw.wire.formats.chat import FORMAT
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
    ServerToolCall,
    Source,
    Stop,
    Text,
    Thinking,
    Tool,
    ToolCall,
)
from aigw.wire.shapes import Usage

ASKED = Conversation(model="asked", turns=[])
OLD = Conversation(model="m", turns=[], tools=[Tool(name="f", at="/functions/0")])
CALL = ToolCall(id="c", name="f", arguments='{"a":1}')
CALLED = {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
SIGNED = Thinking(text="hm", signature="s", maker="p")
SECRET = Thinking(signature="x", maker="p", redacted=True)
BOUND = Thinking(signature="s", maker="p", bound=True)


def choice(parts: list[Part], asked: Conversation = ASKED) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The choice, which OpenAI's SDK understands, and the ledger."""
    ledger = Ledger()
    answer = Answer(candidates=[Candidate(parts=parts, stop=Stop(reason="end"))], id="x", created=1)
    data = FORMAT.write_answer(answer, asked, ledger)
    ChatCompletion.model_validate_json(data)
    said: dict[str, Any] = json.loads(data)["choices"][0]
    return said, [(entry.pointer, entry.action) for entry in ledger.entries]


def message(parts: list[Part], asked: Conversation = ASKED) -> dict[str, Any]:
    """The message, without what is always there."""
    said: dict[str, Any] = choice(parts, asked)[0]["message"]
    assert said.pop("role") == "assistant"
    return {name: value for name, value in said.items() if value is not None}


def test_an_answer() -> None:
    """Every member that SDKs want, in OpenAI's order."""
    candidates = [
        Candidate(parts=[Text(text="a")], stop=Stop(reason="end")),
        Candidate(parts=[Text(text="b")], stop=Stop(reason="length"), index=1),
    ]
    answer = Answer(candidates=candidates, id="x", model="m", created=1, usage=Usage(3, 4))
    assert json.loads(FORMAT.write_answer(answer, ASKED, Ledger())) == {
        "id": "x",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [
            {
                "index": index,
                "message": {"role": "assistant", "content": text, "refusal": None},
                "logprobs": None,
                "finish_reason": reason,
            }
            for index, text, reason in ((0, "a", "stop"), (1, "b", "length"))
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
    }


def test_what_the_upstream_did_not_say() -> None:
    """The model is the one asked for; the reason stays open; usage is not made up; own members are kept."""
    answer = Answer(candidates=[Candidate()], own={"service_tier": "flex"}, own_format="chat")
    said = json.loads(FORMAT.write_answer(answer, ASKED, Ledger()))
    assert (said["model"], said["choices"][0]["finish_reason"]) == ("asked", None)
    assert "usage" not in said
    assert said["service_tier"] == "flex"


def test_what_only_the_providers_format_says() -> None:
    """It is reported, of the answer, a candidate and a part; a service tier has the same words in Responses."""
    ledger = Ledger()
    parts: list[Part] = [Text(text="a", own={"phase": "x"})]
    answer = Answer(
        candidates=[Candidate(parts=parts, stop=Stop(reason="end"), own={"safety": 1})],
        own={"service_tier": "flex", "billing": 1},
        own_format="responses",
    )
    assert json.loads(FORMAT.write_answer(answer, ASKED, ledger))["service_tier"] == "flex"
    assert {entry.pointer for entry in ledger.entries} == {
        "answer:/billing", "answer:/candidates/0/safety", "answer:/candidates/0/parts/0/phase"
    }  # fmt: skip


def test_logprobs_of_a_refusal() -> None:
    """They have a list of their own."""
    odds = [Logprob(token="n", logprob=-1)]
    said, _ = choice([Refusal(text="n", logprobs=odds)])
    assert (said["logprobs"]["content"], len(said["logprobs"]["refusal"])) == (None, 1)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ([Text(text="a"), Text(text="b")], {"content": "ab"}),
        ([Refusal(text="no")], {"refusal": "no"}),
        ([CALL], {"tool_calls": [CALLED]}),
        (
            [ToolCall(id="c", name="f", arguments="")],
            {"tool_calls": [{**CALLED, "function": {"name": "f", "arguments": "{}"}}]},
        ),
        (
            [ToolCall(id="c", name="f", arguments="x", custom=True)],
            {"tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "f", "input": "x"}}]},
        ),
        ([Thinking(text="hm"), Text(text="a")], {"content": "a", "reasoning_content": "hm"}),
        (
            [SIGNED, Text(text="a")],
            {
                "content": "a",
                "reasoning_content": "hm",
                "reasoning_details": [
                    {
                        "type": "reasoning.text",
                        "text": "hm",
                        "signature": signatures.seal(SIGNED),
                        "format": "aigw",
                        "index": 0,
                    }
                ],
            },
        ),
        (
            [Thinking(text="1"), Text(text="a"), SECRET, CALL, SECRET],
            {
                "content": "a",
                "reasoning_content": "1",
                "reasoning_details": [
                    {"type": "reasoning.text", "text": "1", "format": "aigw", "index": 0},
                    {
                        "type": "reasoning.encrypted",
                        "data": signatures.seal(SECRET),
                        "format": "aigw",
                        "index": 1,
                        "after": "content",
                    },
                    {
                        "type": "reasoning.encrypted",
                        "data": signatures.seal(SECRET),
                        "format": "aigw",
                        "index": 2,
                        "after": "c",
                    },
                ],
                "tool_calls": [CALLED],
            },
        ),
        (
            [Text(text="a"), Thinking(text="hm")],
            {
                "content": "a",
                "reasoning_content": "hm",
                "reasoning_details": [
                    {"type": "reasoning.text", "text": "hm", "format": "aigw", "index": 0, "after": "content"}
                ],
            },
        ),
        (
            [BOUND, CALL],
            {"tool_calls": [{**CALLED, "extra_content": {"google": {"thought_signature": signatures.seal(BOUND)}}}]},
        ),
        (
            [BOUND, Text(text="a")],
            {"content": "a", "extra_content": {"google": {"thought_signature": signatures.seal(BOUND)}}},
        ),
        (
            [Text(text="a"), BOUND],
            {"content": "a", "extra_content": {"google": {"thought_signature": signatures.seal(BOUND)}}},
        ),
        (
            [Media(kind="audio", source=Source(data="QUJD"), id="a1")],
            {"audio": {"id": "a1", "data": "QUJD", "expires_at": 0, "transcript": ""}},
        ),
    ],
)
def test_messages(parts: list[Part], said: dict[str, Any]) -> None:
    """One text, and everything else beside it; thoughts with their seals, each in its place."""
    assert message(parts) == said


def test_citations_and_odds() -> None:
    """Pages over the whole content; tokens of all texts in a row."""
    first = Text(text="abc", logprobs=[Logprob(token="abc", logprob=-1)])
    second = Text(text="de", citations=[Citation(kind="url", url="u", title="t")])
    said, _ = choice([first, second])
    citation = {"start_index": 3, "end_index": 5, "url": "u", "title": "t"}
    assert said["message"]["annotations"] == [{"type": "url_citation", "url_citation": citation}]
    tokens = [{"token": "abc", "logprob": -1, "bytes": None, "top_logprobs": []}]
    assert said["logprobs"] == {"content": tokens, "refusal": None}


@pytest.mark.parametrize(
    ("part", "loss"),
    [
        (ServerToolCall(id="s", name="web_search", arguments="{}"), ("answer:/candidates/0/parts/1", "dropped")),
        (Foreign(format="chat", value={"type": "x"}), ("answer:/candidates/0/parts/1", "dropped")),
        (Media(kind="video", source=Source(url="u")), ("answer:/candidates/0/parts/1", "dropped")),
        (Media(kind="image", source=Source(url="u")), ("answer:/candidates/0/parts/1", "approximated")),
        (
            Text(text="b", citations=[Citation(kind="document", document=0)]),
            ("answer:/candidates/0/parts/1/citations", "dropped"),
        ),
    ],
)
def test_what_a_caller_cannot_be_told(part: Part, loss: tuple[str, str]) -> None:
    """It is in the ledger, by its place in the answer."""
    assert choice([Text(text="a"), part])[1] == [loss]


def test_one_signature_of_a_text() -> None:
    """A message has one place for it."""
    assert choice([BOUND, Text(text="a"), BOUND, Text(text="b")])[1] == [("answer:/candidates/0/parts", "dropped")]


def test_callers_of_old() -> None:
    """They get one `function_call`; another one is in the ledger."""
    said, losses = choice([CALL, CALL], OLD)
    assert said["message"]["function_call"] == {"name": "f", "arguments": '{"a":1}'}
    assert "tool_calls" not in said["message"]
    assert losses == [("answer:/candidates/0/parts/1", "dropped")]
