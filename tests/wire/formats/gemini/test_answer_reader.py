"""A provider's whole answer."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from aigw.wire.dialect import Dialect
from aigw.wire.formats.gemini import FORMAT
from aigw.wire.neutral import Answer, Citation, Logprob, Media, Source, Stop, Text, Thinking, ToolCall
from aigw.wire.shapes import Usage
from aigw.wire.signatures import seal

GOOGLE = Dialect(maker="google")


def read(body: Any) -> Answer:
    return FORMAT.read_answer(msgspec.json.encode(body), GOOGLE)


def candidate(*parts: Any, **members: Any) -> Any:
    body = {"candidates": [{"content": {"parts": list(parts), "role": "model"}, **members}]}
    return read(body).candidates[0]


def test_a_whole_answer() -> None:
    """Names, time, usage and candidates; what only Gemini has is kept."""
    answer = read(
        {
            "candidates": [
                {"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP", "avgLogprobs": -0.5},
                {"content": {"parts": [{"text": "b"}]}, "finishReason": "MAX_TOKENS", "index": 1},
            ],
            "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 2, "totalTokenCount": 9},
            "modelVersion": "gem",
            "responseId": "r",
            "createTime": "2026-05-19T14:59:42.780296Z",
            "modelStatus": {"stage": "s"},
        }
    )
    assert (answer.id, answer.model, answer.created) == ("r", "gem", 1779202782)
    assert answer.usage == Usage(7, 2)
    assert (answer.own, answer.own_format) == ({"modelStatus": {"stage": "s"}}, "gemini")
    assert [one.stop for one in answer.candidates] == [
        Stop(reason="end", word="STOP"),
        Stop(reason="length", word="MAX_TOKENS"),
    ]
    assert (answer.candidates[0].own, answer.candidates[1].own) == ({"avgLogprobs": -0.5}, None)


def test_parts() -> None:
    """Thoughts, signatures and calls as in a request; texts of nothing are none; media are media."""
    found = candidate(
        {"text": "t", "thought": True},
        {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "S"},
        {"text": ""},
        {"inlineData": {"mimeType": "image/png", "data": "aGk="}},
        finishReason="STOP",
        finishMessage="Called.",
    )
    thought, bound, call, image = found.parts
    assert thought == Thinking(text="t", maker="google")
    assert bound == Thinking(signature="S", maker="google", bound=True)
    assert isinstance(call, ToolCall)
    assert (call.name, call.arguments, len(call.id), call.id[:5]) == ("f", '{"a":1}', 29, "call_")
    assert image == Media(kind="image", source=Source(data="aGk=", media_type="image/png"))
    assert found.stop == Stop(reason="tools", word="STOP", detail="Called.")


def test_a_blocked_prompt() -> None:
    """It is a candidate that was filtered before it began."""
    answer = read({"promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "No."}})
    assert answer.candidates[0].stop == Stop(reason="filter", word="SAFETY", detail="No.")
    assert answer.candidates[0].parts == []


def test_logprobs() -> None:
    """They belong to the text."""
    found = candidate(
        {"text": "Hi"},
        logprobsResult={
            "chosenCandidates": [{"token": "Hi", "logProbability": -0.5, "tokenId": 5}],
            "topCandidates": [{"candidates": [{"token": "Hi", "logProbability": -0.5}, {"token": "Yo"}]}],
        },
    )
    top = [Logprob(token="Hi", logprob=-0.5), Logprob(token="Yo", logprob=0.0)]
    assert found.parts[0].logprobs == [Logprob(token="Hi", logprob=-0.5, top=top)]


def grounded(*segments: dict[str, Any]) -> dict[str, Any]:
    return {
        "groundingChunks": [{"web": {"uri": "https://e.x", "title": "T"}}],
        "groundingSupports": [{"segment": segment, "groundingChunkIndices": [0]} for segment in segments],
        "webSearchQueries": ["q"],
    }


@pytest.mark.parametrize(
    ("texts", "segment", "text", "start", "end"),
    [
        (["Héllo wörld"], {"endIndex": 6, "text": "Héllo"}, 0, 0, 5),
        (["Héllo wörld"], {"startIndex": 7, "endIndex": 13}, 0, 6, 11),
        (["ab", "€cd"], {"partIndex": 1, "startIndex": 3, "endIndex": 5}, 1, 1, 3),
        (["ab", "€cd"], {"startIndex": 5, "endIndex": 7, "text": "cd"}, 1, 1, 3),
        (["ab", "€cd"], {"startIndex": 40, "endIndex": 42, "text": "cd"}, 1, 1, 3),
        (["ab", "€cd"], {"startIndex": 40, "endIndex": 42, "text": "zz"}, 1, None, None),
    ],
)
def test_citations(texts: list[str], segment: dict[str, Any], text: int, start: int | None, end: int | None) -> None:
    """Bytes become characters of the part that they lie in, whichever way they are counted."""
    found = candidate(*({"text": one} for one in texts), groundingMetadata=grounded(segment))
    cited = found.parts[text].citations
    assert cited == [Citation(kind="url", url="https://e.x", title="T", start=start, end=end)]
    assert found.own == {"groundingMetadata": {"webSearchQueries": ["q"]}}


def test_a_stream_as_an_array() -> None:
    """What a provider gives without `alt=sse` is read as one answer."""
    answer = read(
        [
            {"candidates": [{"content": {"parts": [{"text": "a"}]}}], "responseId": "r"},
            {"candidates": [{"content": {"parts": [{"text": "b"}]}, "finishReason": "STOP"}]},
        ]
    )
    assert answer.candidates[0].parts == [Text(text="ab")]
    assert answer.id == "r"


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"5", b"{}", b'{"error":{"code":500}}', b"[]", b'[{"candidates":[{"content":{"parts":[]}}]}]', b"\xff"],
)
def test_what_is_no_answer(data: bytes) -> None:
    """It raises ValueError, whatever it is."""
    with pytest.raises(ValueError, match=r"answer|stream|end|upstream"):
        FORMAT.read_answer(data, GOOGLE)


@pytest.mark.parametrize(
    "broken",
    [
        {"candidates": [{"content": {"parts": [{"functionCall": {"args": 5}}]}}]},
        {"candidates": [{"content": {"parts": "x"}, "finishReason": 5, "index": "x"}]},
        {"candidates": [5], "usageMetadata": "x", "createTime": "yesterday", "promptFeedback": []},
        {"candidates": [{"groundingMetadata": {"groundingSupports": [{"groundingChunkIndices": [7, "x"]}]}}]},
    ],
)
def test_oddities_are_survived(broken: dict[str, Any]) -> None:
    """What a provider should not send is left out or kept as it is; it breaks nothing."""
    assert read(broken).own_format == "gemini"


def test_seals_stay_closed() -> None:
    """What looks like a seal in a provider's answer is that provider's own signature: it may be a gateway, too."""
    sealed = seal(Thinking(signature="S", maker="openai", id="rs_1"))
    parts = [{"text": "t", "thought": True, "thoughtSignature": sealed}, {"text": "a", "thoughtSignature": sealed}]
    assert candidate(*parts).parts == [
        Thinking(text="t", signature=sealed, maker="google"),
        Thinking(signature=sealed, maker="google", bound=True),
        Text(text="a"),
    ]
