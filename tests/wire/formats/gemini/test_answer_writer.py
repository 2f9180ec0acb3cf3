"""A whole answer for a caller."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from aigw.wire.dialect import Dialect
from aigw.wire.formats.gemini import FORMAT
from aigw.wire.losses import Ledger
from aigw.wire.neutral import (
    Answer,
    Candidate,
    Citation,
    Conversation,
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
from aigw.wire.shapes import Usage
from aigw.wire.signatures import seal

ASKED = Conversation(model="asked", turns=[])
END = Stop(reason="end", word="stop")


def write(answer: Answer) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    ledger = Ledger()
    body = msgspec.json.decode(FORMAT.write_answer(answer, ASKED, ledger))
    return body, [(entry.pointer, entry.action) for entry in ledger.entries]


def candidate(*parts: Any, stop: Stop | None = END, **members: Any) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    body, losses = write(Answer(candidates=[Candidate(parts=list(parts), stop=stop)], **members))
    return body["candidates"][0], losses


def test_a_whole_answer() -> None:
    """Names, time and usage in Gemini's words."""
    body, losses = write(
        Answer(
            candidates=[Candidate(parts=[Text(text="a")], stop=END), Candidate(parts=[], stop=END, index=1)],
            id="x",
            model="gpt",
            created=1779202782,
            usage=Usage(input_tokens=7, output_tokens=5, reasoning_tokens=2, cache_read_tokens=3, cache_write_tokens=1),
        )
    )
    assert body == {
        "candidates": [
            {"content": {"parts": [{"text": "a"}], "role": "model"}, "finishReason": "STOP", "index": 0},
            {"finishReason": "STOP", "index": 1},
        ],
        "usageMetadata": {
            "promptTokenCount": 7,
            "candidatesTokenCount": 3,
            "totalTokenCount": 12,
            "thoughtsTokenCount": 2,
            "cachedContentTokenCount": 3,
        },
        "modelVersion": "gpt",
        "createTime": "2026-05-19T14:59:42Z",
        "responseId": "x",
    }
    assert losses == [("answer:/usage/cache_write_tokens", "dropped")]


def test_names_that_nobody_said() -> None:
    """An id is made, the model is the one that was asked for."""
    body, _ = write(Answer(candidates=[]))
    assert body["modelVersion"] == "asked"
    assert len(body["responseId"]) == 32


def test_thinking() -> None:
    """Signatures travel wrapped: on the thought, or on the part that they belong to."""
    thought = Thinking(text="t", signature="A", maker="anthropic")
    bound = Thinking(signature="B", maker="google", bound=True)
    hidden = Thinking(signature="C", maker="openai", redacted=True)
    told, losses = candidate(hidden, thought, bound, ToolCall(id="c", name="f", arguments='{"a":1}'))
    assert told["content"]["parts"] == [
        {"text": "", "thoughtSignature": seal(hidden)},
        {"text": "t", "thought": True, "thoughtSignature": seal(thought)},
        {"functionCall": {"name": "f", "args": {"a": 1}, "id": "c"}, "thoughtSignature": seal(bound)},
    ]
    assert losses == []


def test_other_parts() -> None:
    """A refusal is text, media are data or an address."""
    told, losses = candidate(
        Refusal(text="no"),
        Media(kind="image", source=Source(data="aGk=", media_type="image/png")),
        Media(kind="image", source=Source(url="https://e.x/a.png")),
        ServerToolCall(id="s", name="code_execution", arguments="{}"),
    )
    assert told["content"]["parts"] == [
        {"text": "no"},
        {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
        {"fileData": {"mimeType": "image/png", "fileUri": "https://e.x/a.png"}},
    ]
    assert losses == [("answer:/candidates/0/parts/0", "approximated"), ("answer:/candidates/0/parts/3", "dropped")]


def test_a_web_search() -> None:
    """Queries, pages and citations are grounding; places are bytes, of the part that they are in."""
    told, losses = candidate(
        ServerToolCall(id="s", name="web_search", arguments='{"query":"q"}'),
        ServerToolResult(call_id="s", name="web_search", hits=[SearchHit(url="u", title="U")]),
        Text(text="Héllo", citations=[Citation(kind="url", url="u", title="U", start=1, end=5)]),
        Text(text="wörld", citations=[Citation(kind="document", title="D", cited="c")]),
    )
    assert told["content"]["parts"] == [{"text": "Héllo"}, {"text": "wörld"}]
    assert told["groundingMetadata"] == {
        "webSearchQueries": ["q"],
        "groundingChunks": [{"web": {"uri": "u", "title": "U"}}, {"retrievedContext": {"title": "D", "text": "c"}}],
        "groundingSupports": [
            {"segment": {"startIndex": 1, "endIndex": 6}, "groundingChunkIndices": [0]},
            {"segment": {"partIndex": 1, "endIndex": 6}, "groundingChunkIndices": [1]},
        ],
    }
    assert losses == []


def test_logprobs() -> None:
    """The tokens of all texts, with their alternatives."""
    one = Logprob(token="a", logprob=-1.0, bytes=[97], top=[Logprob(token="b", logprob=-2.0)])
    told, _ = candidate(Text(text="a", logprobs=[one]))
    assert told["logprobsResult"] == {
        "chosenCandidates": [{"token": "a", "logProbability": -1.0}],
        "topCandidates": [{"candidates": [{"token": "b", "logProbability": -2.0}]}],
    }


@pytest.mark.parametrize(
    ("stop", "wanted", "losses"),
    [
        (Stop(reason="end", word="end_turn"), {"finishReason": "STOP"}, []),
        (Stop(reason="tools", word="tool_calls"), {"finishReason": "STOP"}, []),
        (Stop(reason="length", word="max_tokens"), {"finishReason": "MAX_TOKENS"}, []),
        (
            Stop(reason="filter", word="content_filter", detail="d"),
            {"finishReason": "SAFETY", "finishMessage": "d"},
            [],
        ),
        (Stop(reason="filter", word="RECITATION"), {"finishReason": "RECITATION"}, []),
        (
            Stop(reason="sequence", word="stop_sequence", sequence="X"),
            {"finishReason": "STOP"},
            [("answer:/candidates/0/stop/sequence", "dropped")],
        ),
        (None, {}, []),
    ],
)
def test_stops(stop: Stop | None, wanted: dict[str, Any], losses: list[Any]) -> None:
    """The upstream's reason in Gemini's words; none where it gave none."""
    told, found = candidate(Text(text="a"), stop=stop)
    assert {name: value for name, value in told.items() if name.startswith("finish")} == wanted
    assert found == losses


WHOLE: list[dict[str, Any]] = [
    {
        "candidates": [
            {
                "content": {
                    "parts": [
                        {"executableCode": {"language": "PYTHON", "code": "1", "id": "e"}},
                        {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1", "id": "e"}},
                        {"text": "Höllo"},
                        {"newThing": 1},
                        {"functionCall": {"name": "f", "args": {}, "id": "1"}},
                    ],
                    "role": "model",
                },
                "finishReason": "STOP",
                "index": 0,
                "logprobsResult": {"chosenCandidates": [{"token": "H", "logProbability": -1.0}]},
                "groundingMetadata": {
                    "groundingChunks": [
                        {"web": {"uri": "u", "title": "t", "domain": "d"}},
                        {"retrievedContext": {"title": "t", "text": "x", "fileSearchStore": "s"}},
                        {"maps": {"uri": "m", "placeId": "p"}},
                    ],
                    "groundingSupports": [
                        {
                            "segment": {"partIndex": 2, "startIndex": 1, "endIndex": 6},
                            "groundingChunkIndices": [0, 1],
                        }
                    ],
                    "webSearchQueries": ["q"],
                },
                "safetyRatings": [{"category": "c", "probability": "LOW"}],
            }
        ],
        "usageMetadata": {
            "promptTokenCount": 5,
            "candidatesTokenCount": 4,
            "totalTokenCount": 9,
            "promptTokensDetails": [
                {"modality": "TEXT", "tokenCount": 3},
                {"modality": "AUDIO", "tokenCount": 2},
            ],
        },
        "modelVersion": "gem",
        "createTime": "2026-05-19T14:59:42Z",
        "responseId": "r",
        "modelStatus": {"stage": "s"},
    },
    {
        "modelVersion": "gem",
        "responseId": "r",
        "promptFeedback": {"blockReason": "SAFETY", "safetyRatings": []},
    },
]


@pytest.mark.parametrize("body", WHOLE, ids=["answer", "block"])
def test_a_whole_answer_stays(body: dict[str, Any]) -> None:
    """What Gemini says comes out as it went in."""
    ledger = Ledger()
    answer = FORMAT.read_answer(msgspec.json.encode(body), Dialect(maker="google"))
    assert msgspec.json.decode(FORMAT.write_answer(answer, ASKED, ledger)) == body
    assert ledger.entries == []


@pytest.mark.parametrize(
    ("stop", "finish", "losses"),
    [
        (Stop(reason="pause", word="pause_turn"), "OTHER", ["stop"]),
        (Stop(reason="context", word="model_length"), "MAX_TOKENS", ["stop"]),
        (Stop(reason="refusal", word="refusal"), "SAFETY", ["stop"]),
        (Stop(reason="other", word="new"), "OTHER", ["stop"]),
        (Stop(reason="other"), "OTHER", []),
        (Stop(reason="error", word="MALFORMED_FUNCTION_CALL"), "MALFORMED_FUNCTION_CALL", []),
        (Stop(reason="filter", word="content_filter"), "SAFETY", []),
        (Stop(reason="sequence", word="stop_sequence", sequence="x"), "STOP", ["stop/sequence"]),
    ],
)
def test_stops_that_have_no_word(stop: Stop, finish: str, losses: list[str]) -> None:
    """A reason for which Gemini has another's word is told so, and reported."""
    told, found = candidate(Text(text="a"), stop=stop)
    assert told["finishReason"] == finish
    assert [pointer for pointer, _ in found] == [f"answer:/candidates/0/{place}" for place in losses]


def test_members_of_another_format() -> None:
    """What only the provider's format says of answer, candidate or part is reported; its own stands again."""
    answer = Answer(
        candidates=[Candidate(parts=[Text(text="a", own={"p": 1})], stop=END, own={"c": 1})],
        own={"a": 1},
        own_format="chat",
    )
    body, losses = write(answer)
    assert not {"a"} & body.keys()
    assert [pointer for pointer, _ in losses] == [
        "answer:/a",
        "answer:/candidates/0/parts/0/p",
        "answer:/candidates/0/c",
    ]
    answer.own_format = "gemini"
    body, losses = write(answer)
    assert (body["a"], body["candidates"][0]["c"], losses) == (1, 1, [])


@pytest.mark.parametrize(
    ("part", "metadata", "losses"),
    [
        (
            ServerToolCall(id="s", name="web_search", arguments='{"query":"a","queries":["a","b"],"x":1}'),
            {"webSearchQueries": ["a", "b"]},
            ["parts/0/arguments/x"],
        ),
        (ServerToolCall(id="s", name="web_search", arguments="{"), None, ["parts/0/arguments"]),
        (
            ServerToolResult(call_id="s", name="web_search", hits=[SearchHit(url="u", sealed="S"), SearchHit(url="v")]),
            {"groundingChunks": [{"web": {"uri": "u"}}, {"web": {"uri": "v"}}]},
            ["parts/0/hits"],
        ),
        (ServerToolResult(call_id="s", name="web_search", error="busy"), None, ["parts/0/error"]),
        (
            Text(text="a", citations=[Citation(kind="url", url="u", cited="words")]),
            {"groundingChunks": [{"web": {"uri": "u"}}]},
            ["citations"],
        ),
        (
            Text(text="a", citations=[Citation(kind="document", document=1, cited="words", own={"x": 1})]),
            {"groundingChunks": [{"retrievedContext": {"text": "words"}}]},
            ["citations"],
        ),
        (
            Text(text="a", citations=[Citation(kind="file", file_id="f", cited="words")]),
            {"groundingChunks": [{"retrievedContext": {"uri": "f", "text": "words"}}]},
            [],
        ),
    ],
)
def test_what_sources_do_not_say(part: Any, metadata: Any, losses: list[str]) -> None:
    """Searches and citations are told as far as the metadata have a place; the rest is reported."""
    told, found = candidate(part)
    assert told.get("groundingMetadata") == metadata
    assert found == [(f"answer:/candidates/0/{place}", "dropped") for place in losses]
