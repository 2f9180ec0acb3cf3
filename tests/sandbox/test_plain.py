"""OpenAI's smaller JSON surfaces."""

import base64
import math
import struct
from typing import Any

import aiohttp
import pytest

from aigw.sandbox.server import Running

from .conftest import Schema
from .events import consume, payloads


async def _post(client: aiohttp.ClientSession, path: str, body: dict[str, Any]) -> Any:
    async with client.post(path, json=body) as answer:
        return await answer.json()


async def test_a_completion_streams_what_it_says(
    sandbox: Running, client: aiohttp.ClientSession, schema: Schema
) -> None:
    """The legacy completion is valid, and its stream holds the same text and usage."""
    body: dict[str, Any] = {"model": "sandbox-small", "prompt": "hello canary"}
    whole = await _post(client, "/v1/completions", body)
    schema("sdk.openai.Completion")(whole)
    streamed = {**body, "stream": True, "stream_options": {"include_usage": True}}
    chunks = payloads(await consume(client, sandbox.base_url + "/v1/completions", streamed))
    assert "".join(choice["text"] for chunk in chunks for choice in chunk["choices"]) == whole["choices"][0]["text"]
    assert chunks[-1]["usage"] == whole["usage"]
    assert chunks[-2]["choices"][0]["finish_reason"] == "stop"


@pytest.mark.parametrize("given", ["x", ["x", "y"], [1, 2, 3], [[1, 2], [3]]])
async def test_embeddings_of_any_input(client: aiohttp.ClientSession, schema: Schema, given: Any) -> None:
    """A text, texts, tokens and lists of tokens all become unit vectors, one each."""
    answer = await _post(client, "/v1/embeddings", {"model": "sandbox-embed", "input": given, "dimensions": 8})
    schema("sdk.openai.CreateEmbeddingResponse")(answer)
    single = isinstance(given, str) or isinstance(given[0], int)
    assert len(answer["data"]) == (1 if single else len(given))
    for entry in answer["data"]:
        assert len(entry["embedding"]) == 8
        assert math.isclose(math.hypot(*entry["embedding"]), 1)


async def test_packed_embeddings_are_the_same_numbers(client: aiohttp.ClientSession) -> None:
    """Base64 holds the numbers as little-endian 32-bit floats; equal texts have equal vectors."""
    body = {"model": "sandbox-embed", "input": ["x", "x"]}
    plain = await _post(client, "/v1/embeddings", body)
    packed = await _post(client, "/v1/embeddings", {**body, "encoding_format": "base64"})
    first, second = (base64.b64decode(entry["embedding"]) for entry in packed["data"])
    assert first == second
    assert struct.unpack("<16f", first) == pytest.approx(plain["data"][0]["embedding"])


async def test_moderation_flags_violence_only(client: aiohttp.ClientSession) -> None:
    """A text that speaks of violence is flagged in that category, another is not."""
    answer = await _post(client, "/v1/moderations", {"input": ["hello", "Violence!"]})
    calm, flagged = answer["results"]
    assert (calm["flagged"], flagged["flagged"]) == (False, True)
    assert [name for name, hit in flagged["categories"].items() if hit] == ["violence"]


async def test_reranking_puts_the_closest_first(client: aiohttp.ClientSession) -> None:
    """Documents are ordered by shared words, cut to the number asked for, shown unless unwanted."""
    body = {
        "model": "sandbox-rerank",
        "query": "red cat",
        "documents": ["blue dog", {"text": "red cat"}, "red dog"],
    }
    answer = await _post(client, "/v1/rerank", {**body, "top_n": 2})
    assert [(one["index"], one["relevance_score"]) for one in answer["results"]] == [(1, 1.0), (2, 0.5)]
    assert answer["results"][0]["document"] == {"text": "red cat"}
    bare = await _post(client, "/v1/rerank", {**body, "return_documents": False})
    assert all("document" not in one for one in bare["results"])


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("/v1/completions", {"model": "m"}, "prompt"),
        ("/v1/embeddings", {"model": "m"}, "input"),
        ("/v1/embeddings", {"model": "m", "input": []}, "input"),
        ("/v1/moderations", {}, "input"),
        ("/v1/rerank", {"model": "m", "query": "x"}, "documents"),
        ("/v1/images/generations", {"model": "m"}, "prompt"),
        ("/v1/images/edits", {"model": "m", "prompt": "x"}, "image"),
        ("/v1/audio/speech", {"model": "m", "input": "x"}, "voice"),
        ("/v1/audio/transcriptions", {"model": "m"}, "file"),
    ],
)
async def test_what_is_missing_is_named(
    client: aiohttp.ClientSession, path: str, body: dict[str, Any], param: str
) -> None:
    """A request without what it needs gets a 400 that names it."""
    async with client.post(path, json=body) as answer:
        assert (answer.status, (await answer.json())["error"]["param"]) == (400, param)
