from __future__ import annotations

import base64
import json
import struct
from typing import Any

import pytest

from aigw.errors import InvalidBody
from aigw.wire.embeddings import SURFACES
from aigw.wire.losses import Ledger
from aigw.wire.places import dotted

OPENAI, GEMINI = SURFACES["chat"], SURFACES["gemini"]


def asked_of_openai(**members: Any) -> Any:
    return OPENAI.read_request({"model": "m", **members}, "m", Ledger())


def losses(ledger: Ledger) -> list[tuple[str, str]]:
    return [(entry.pointer, entry.action) for entry in ledger.entries]


@pytest.mark.parametrize("texts", ["one", ["one"], ["one", "two", ""]])
def test_openai_becomes_a_batch(texts: str | list[str]) -> None:
    """Each text becomes a request of Gemini's batch, with the model and the number of dimensions."""
    ledger = Ledger()
    body = json.loads(GEMINI.write_request(asked_of_openai(input=texts, dimensions=8), "emb", ledger))
    assert body == {
        "requests": [
            {"model": "models/emb", "content": {"parts": [{"text": text}]}, "outputDimensionality": 8}
            for text in ([texts] if isinstance(texts, str) else texts)
        ]
    }
    assert not ledger


def test_openai_extras_are_reported() -> None:
    """What Gemini has no place for is told with its pointer; null says nothing."""
    ledger = Ledger()
    GEMINI.write_request(asked_of_openai(input="a", user="u", input_type="query", x=None), "emb", ledger)
    assert losses(ledger) == [("/input_type", "dropped"), ("/user", "dropped")]


@pytest.mark.parametrize(
    ("members", "place"),
    [
        ({}, "/input"),
        ({"input": []}, "/input"),
        ({"input": 5}, "/input"),
        ({"input": [1, 2, 3]}, "/input/0"),
        ({"input": [[1, 2], [3]]}, "/input/0"),
        ({"input": ["a", None]}, "/input/1"),
        ({"input": ["a", True]}, "/input/1"),
        ({"input": "a", "dimensions": 0}, "/dimensions"),
        ({"input": "a", "dimensions": True}, "/dimensions"),
        ({"input": "a", "dimensions": "8"}, "/dimensions"),
        ({"input": "a", "encoding_format": "int8"}, "/encoding_format"),
        ({"input": "a", "user": 5}, "/user"),
    ],
)
def test_openai_requests_that_cannot_be_carried(members: dict[str, Any], place: str) -> None:
    """Tokens of another model's tokenizer and wrong types are refused, by their place."""
    with pytest.raises(InvalidBody) as caught:
        asked_of_openai(**members)
    assert caught.value.param == dotted(place)


def gemini_request(text: str = "a", **members: Any) -> dict[str, Any]:
    return {"model": "models/x", "content": {"parts": [{"text": text}], "role": "user"}, **members}


@pytest.mark.parametrize(
    ("body", "texts", "dimensions"),
    [
        (gemini_request(), ["a"], None),
        (gemini_request(outputDimensionality=4), ["a"], 4),
        (gemini_request(output_dimensionality=4), ["a"], 4),
        (gemini_request(embedContentConfig={"outputDimensionality": 4}), ["a"], 4),
        ({"requests": [gemini_request("a"), gemini_request("b")]}, ["a", "b"], None),
        ({"content": {"parts": {"text": "a"}}}, ["a"], None),
    ],
)
def test_gemini_becomes_a_list(body: dict[str, Any], texts: list[str], dimensions: int | None) -> None:
    """One request or a batch becomes OpenAI's list of texts, in protobuf's both spellings."""
    ledger = Ledger()
    written = json.loads(OPENAI.write_request(GEMINI.read_request(body, "x", ledger), "emb", ledger))
    expected: dict[str, Any] = {"model": "emb", "input": texts}
    assert written == (expected if dimensions is None else expected | {"dimensions": dimensions})
    assert not ledger


def test_gemini_purposes_are_reported() -> None:
    """What a text is embedded for, its title and unknown members cannot be said to OpenAI, and it is told."""
    ledger = Ledger()
    body = {
        "requests": [
            gemini_request(taskType="RETRIEVAL_DOCUMENT", title="t"),
            gemini_request(embedContentConfig={"taskType": "CLUSTERING", "autoTruncate": True}),
        ],
        "more": 1,
    }
    OPENAI.write_request(GEMINI.read_request(body, "x", ledger), "emb", ledger)
    assert sorted(losses(ledger)) == [
        ("/more", "dropped"),
        ("/requests/0/taskType", "dropped"),
        ("/requests/0/title", "dropped"),
        ("/requests/1/embedContentConfig/autoTruncate", "dropped"),
        ("/requests/1/embedContentConfig/taskType", "dropped"),
    ]


def test_gemini_parts_become_one_text() -> None:
    """Several parts are one embedding, so they become one text; that this is not the same is told."""
    ledger = Ledger()
    asked = GEMINI.read_request({"content": {"parts": [{"text": "a"}, {"text": "b"}]}}, "x", ledger)
    assert [item.text for item in asked.inputs] == ["a\nb"]
    assert losses(ledger) == [("/content/parts", "approximated")]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "/content"),
        ({"content": {"parts": []}}, "/content"),
        ({"content": "a"}, "/content"),
        ({"content": {"parts": [{"inlineData": {}}]}}, "/content/parts/0"),
        ({"content": {"parts": ["a"]}}, "/content/parts/0"),
        ({"requests": []}, "/requests"),
        ({"requests": {}}, "/requests"),
        ({"requests": ["a"]}, "/requests/0"),
        ({"requests": [gemini_request(outputDimensionality="many")]}, "/requests/0/outputDimensionality"),
        ({"requests": [gemini_request(title=5)]}, "/requests/0/title"),
    ],
)
def test_gemini_requests_that_cannot_be_carried(body: dict[str, Any], place: str) -> None:
    """Anything but text is refused, by its place."""
    with pytest.raises(InvalidBody) as caught:
        GEMINI.read_request(body, "x", Ledger())
    assert caught.value.param == dotted(place)


def test_different_dimensions_need_several_requests() -> None:
    """OpenAI takes one number of dimensions for all texts: a batch with several is refused at the odd one."""
    body = {"requests": [gemini_request(outputDimensionality=4), gemini_request(outputDimensionality=5)]}
    with pytest.raises(InvalidBody) as caught:
        OPENAI.write_request(GEMINI.read_request(body, "x", Ledger()), "emb", Ledger())
    assert caught.value.param == "requests[1].outputDimensionality"


@pytest.mark.parametrize(
    "data",
    [
        {"embedding": {"values": [0.5, -1]}},
        {"embeddings": [{"values": [0.5, -1], "statistics": {}}]},
    ],
)
def test_an_answer_of_gemini_for_openai(data: dict[str, Any]) -> None:
    """Numbers stay the numbers they are; the model is the one asked for; the usage is Gemini's."""
    ledger = Ledger()
    asked = asked_of_openai(input="a")
    embedded = GEMINI.read_answer(json.dumps(data | {"usageMetadata": {"promptTokenCount": 7}}).encode(), asked)
    assert json.loads(OPENAI.write_answer(embedded, asked, ledger)) == {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5, -1]}],
        "model": "m",
        "usage": {"prompt_tokens": 7, "total_tokens": 7},
    }
    assert not ledger


def test_base64_as_official_sdks_ask_for_it() -> None:
    """Packed vectors are float32, little-endian; a usage that is not told is an estimate, and told to be one."""
    ledger = Ledger()
    asked = asked_of_openai(input=["a", "b"], encoding_format="base64")
    embedded = GEMINI.read_answer(b'{"embeddings":[{"values":[1,2.5]},{"values":[0]}]}', asked)
    written = json.loads(OPENAI.write_answer(embedded, asked, ledger))
    assert struct.unpack("<2f", base64.b64decode(written["data"][0]["embedding"])) == (1.0, 2.5)
    assert written["usage"] == {"prompt_tokens": 2, "total_tokens": 2}
    assert losses(ledger) == [("answer:/usage", "approximated")]


def test_an_answer_of_openai_for_gemini() -> None:
    """Vectors come in the order of their index, from numbers or base64, in the shape that was asked for."""
    packed = base64.b64encode(struct.pack("<2f", 1.0, 2.5)).decode()
    data = {
        "data": [{"index": 1, "embedding": packed}, {"index": 0, "embedding": [3.25]}],
        "usage": {"total_tokens": 9},
    }
    batch = GEMINI.read_request({"requests": [gemini_request(), gemini_request()]}, "x", Ledger())
    embedded = OPENAI.read_answer(json.dumps(data).encode(), batch)
    assert json.loads(GEMINI.write_answer(embedded, batch, Ledger())) == {
        "embeddings": [{"values": [3.25]}, {"values": [1.0, 2.5]}],
        "usageMetadata": {"promptTokenCount": 9, "totalTokenCount": 9},
    }
    single = GEMINI.read_request(gemini_request(), "x", Ledger())
    embedded = OPENAI.read_answer(b'{"data":[{"embedding":[1]}]}', single)
    assert json.loads(GEMINI.write_answer(embedded, single, Ledger())) == {"embedding": {"values": [1.0]}}


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("chat", b"{}"),
        ("chat", b"not JSON"),
        ("chat", b'{"data":[]}'),
        ("chat", b'{"data":[{"embedding":"!"}]}'),
        ("chat", b'{"data":[{"embedding":"AAAA"}]}'),
        ("chat", b'{"data":[{"embedding":[null]}]}'),
        ("gemini", b"{}"),
        ("gemini", b"[]"),
        ("gemini", b'{"embedding":{}}'),
        ("gemini", b'{"embeddings":[{"values":[1]},{"values":[1]}]}'),
    ],
)
def test_answers_that_are_none(name: str, data: bytes) -> None:
    """An answer that is broken or short of a vector is an error, never an empty success."""
    with pytest.raises(ValueError):  # noqa: PT011
        SURFACES[name].read_answer(data, asked_of_openai(input="a"))


@pytest.mark.parametrize(
    ("name", "body"),
    [
        (
            "chat",
            {"model": "m", "input": ["a", "b"], "encoding_format": "base64", "dimensions": 3, "user": "u", "own": 1},
        ),
        ("gemini", {"requests": [{**gemini_request("a"), "taskType": "CLUSTERING", "outputDimensionality": 3}]}),
    ],
)
def test_the_same_dialect_says_the_same(name: str, body: dict[str, Any]) -> None:
    """Reading and writing in one dialect keeps what was said."""
    surface = SURFACES[name]
    ledger = Ledger()
    written = json.loads(surface.write_request(surface.read_request(body, "m", ledger), "m", ledger))
    again = surface.write_request(surface.read_request(written, "m", ledger), "m", ledger)
    assert json.loads(again) == written
    if name == "chat":
        assert written == body
    assert not ledger
