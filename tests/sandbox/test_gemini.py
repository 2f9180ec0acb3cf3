"""Google Gemini."""

from typing import Any

import aiohttp
import orjson
import pytest

from aigw.sandbox.server import Running

from .conftest import Schema
from .events import consume, payloads
from .raw import Exchange, ask

MODEL = "/v1beta/models/sandbox-small"
WEATHER = {
    "name": "get_weather",
    "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING"}}},
}
TIME = {"name": "get_time", "parameters": {"type": "OBJECT", "properties": {}}}
TOOLS = [{"functionDeclarations": [WEATHER, TIME]}]
SCHEMA = {"type": "OBJECT", "properties": {"say": {"type": "STRING"}}, "required": ["say"]}
THINKING: dict[str, Any] = {"generationConfig": {"thinkingConfig": {"includeThoughts": True}}}

BODIES: dict[str, dict[str, Any]] = {
    "text": {},
    "tools": {"tools": TOOLS, "toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
    "thinking": THINKING,
    "thinking unseen": {"generationConfig": {"thinkingConfig": {"thinkingBudget": 100}}},
    "thinking and tools": {
        **THINKING,
        "tools": TOOLS,
        "toolConfig": {"functionCallingConfig": {"mode": "ANY"}},
    },
    "structured": {"generationConfig": {"responseMimeType": "application/json", "responseSchema": SCHEMA}},
    "snake case": {"generation_config": {"response_mime_type": "application/json", "response_schema": SCHEMA}},
    "limited": {"generationConfig": {"maxOutputTokens": 2}},
}


def _body(text: str = "hello canary", /, **members: Any) -> dict[str, Any]:
    return {"contents": [{"role": "user", "parts": [{"text": text}]}], **members}


async def _post(client: aiohttp.ClientSession, verb: str, body: dict[str, Any], model: str = MODEL) -> Any:
    async with client.post(f"{model}:{verb}", json=body) as answer:
        return await answer.json()


async def _stream(client: aiohttp.ClientSession, sandbox: Running, body: dict[str, Any]) -> list[Any]:
    return payloads(await consume(client, f"{sandbox.base_url}{MODEL}:streamGenerateContent?alt=sse", body))


def _parts(answer: Any) -> list[Any]:
    found: list[Any] = answer["candidates"][0].get("content", {}).get("parts", [])
    return found


def _texts(parts: list[Any]) -> tuple[str, str]:
    """The visible text and the thoughts."""
    said = "".join(part.get("text", "") for part in parts if "thought" not in part)
    return said, "".join(part["text"] for part in parts if "thought" in part)


@pytest.mark.parametrize("case", BODIES)
async def test_answers_are_what_the_api_describes(
    sandbox: Running, client: aiohttp.ClientSession, schema: Schema, case: str
) -> None:
    """Whole answers and every chunk satisfy the published description."""
    check = schema("sdk.google.GenerateContentResponse")
    check(await _post(client, "generateContent", _body(**BODIES[case])))
    for chunk in await _stream(client, sandbox, _body(**BODIES[case])):
        check(chunk)


@pytest.mark.parametrize("case", BODIES)
async def test_a_stream_says_what_a_plain_answer_says(
    sandbox: Running, client: aiohttp.ClientSession, case: str
) -> None:
    """Texts, thoughts, signatures, calls, the reason for ending and the usage are the same either way."""
    whole = await _post(client, "generateContent", _body(**BODIES[case]))
    chunks = await _stream(client, sandbox, _body(**BODIES[case]))
    parts = [part for chunk in chunks for part in _parts(chunk)]
    assert _texts(parts) == _texts(_parts(whole))
    for key in ("functionCall", "thoughtSignature"):
        found = [part[key] for part in parts if key in part]
        wanted = [part[key] for part in _parts(whole) if key in part]
        assert orjson.dumps(found).count(b'"name"') == orjson.dumps(wanted).count(b'"name"')
        assert len(found) == len(wanted)
    assert chunks[-1]["usageMetadata"] == whole["usageMetadata"]
    assert [chunk["candidates"][0].get("finishReason") for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1]["candidates"][0]["finishReason"] == whole["candidates"][0]["finishReason"]


async def test_counts_add_up(client: aiohttp.ClientSession) -> None:
    """Thoughts stand beside the candidates' tokens, and the total is the sum of all."""
    usage = (await _post(client, "generateContent", _body(**THINKING)))["usageMetadata"]
    parts = ("promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount")
    assert usage["totalTokenCount"] == sum(usage[name] for name in parts)


async def test_parallel_calls_carry_one_signature(client: aiohttp.ClientSession) -> None:
    """Two tools named are two calls; the first one's part is signed; the reason for ending stays STOP."""
    answer = await _post(client, "generateContent", _body("get_weather and get_time", tools=TOOLS, **THINKING))
    calls = [part for part in _parts(answer) if "functionCall" in part]
    assert [part["functionCall"]["name"] for part in calls] == ["get_weather", "get_time"]
    assert ["thoughtSignature" in part for part in calls] == [True, False]
    assert answer["candidates"][0]["finishReason"] == "STOP"


async def test_a_tools_result_is_quoted(client: aiohttp.ClientSession) -> None:
    """After a function response the answer is text that holds it."""
    contents = [
        {"role": "user", "parts": [{"text": "use the tool"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "get_weather", "args": {}}}]},
        {
            "role": "user",
            "parts": [{"functionResponse": {"name": "get_weather", "response": {"output": "12 degrees"}}}],
        },
    ]
    answer = await _post(client, "generateContent", {"contents": contents, "tools": TOOLS})
    assert "12 degrees" in _parts(answer)[0]["text"]


async def test_images_and_files_are_seen(client: aiohttp.ClientSession) -> None:
    """Inline and linked data are counted by their type."""
    parts = [
        {"inlineData": {"mimeType": "image/png", "data": "AA=="}},
        {"file_data": {"mime_type": "application/pdf", "file_uri": "x"}},
    ]
    answer = await _post(client, "generateContent", {"contents": [{"parts": parts}]})
    assert _parts(answer)[0]["text"] == "I see 1 image(s). I read 1 file(s)."


async def test_lines_end_as_googles_do(sandbox: Running) -> None:
    """Google's events end with CRLF, and nothing marks the end of the stream."""
    answer = await ask(sandbox.port, f"{MODEL}:streamGenerateContent?alt=sse", _body())
    assert all(chunk.endswith(b"\r\n\r\n") for chunk in answer.chunks[:-1])
    assert b"[DONE]" not in answer.body


async def test_without_sse_a_stream_is_one_array(sandbox: Running) -> None:
    """The older way of streaming: chunks of one JSON array."""
    answer = await ask(sandbox.port, f"{MODEL}:streamGenerateContent", _body())
    assert len(answer.chunks) > 3
    assert orjson.loads(answer.body)[-1]["candidates"][0]["finishReason"] == "STOP"


@pytest.mark.parametrize("query", ["", "?alt=sse"])
async def test_failures_inside_a_stream(sandbox: Running, query: str) -> None:
    """A Gemini stream reports a failure as an error object in the place of a chunk."""
    answer: Exchange = await ask(sandbox.port, f"{MODEL}:streamGenerateContent{query}", _body(), "error-mid")
    if query:
        error = orjson.loads(answer.body.split(b"\r\n\r\n")[-2].removeprefix(b"data: "))
    else:
        error = orjson.loads(answer.body)[-1]
    assert error["error"]["status"] == "INTERNAL"


async def test_a_blocked_answer_has_no_content(client: aiohttp.ClientSession) -> None:
    """A refusal is a candidate without content that ends with SAFETY."""
    answer = await _post(client, "generateContent", _body(), MODEL + "!refusal")
    assert answer["candidates"] == [{"index": 0, "finishReason": "SAFETY"}]


async def test_counting_agrees_with_usage(client: aiohttp.ClientSession) -> None:
    """`countTokens` says what the answer's usage will say, for contents alone or a whole request."""
    usage = (await _post(client, "generateContent", _body()))["usageMetadata"]
    alone = await _post(client, "countTokens", _body())
    inside = await _post(client, "countTokens", {"generateContentRequest": _body()})
    assert alone["totalTokens"] == inside["totalTokens"] == usage["promptTokenCount"]


async def test_embeddings(client: aiohttp.ClientSession) -> None:
    """One text or a batch; the same text gives the same vector, of the length asked for."""
    content = {"content": {"parts": [{"text": "x"}]}, "outputDimensionality": 4}
    one = await _post(client, "embedContent", content)
    batch = await _post(client, "batchEmbedContents", {"requests": [content, content]})
    assert len(one["embedding"]["values"]) == 4
    assert batch["embeddings"] == [one["embedding"]] * 2


@pytest.mark.parametrize(
    ("verb", "body"),
    [
        ("generateContent", {}),
        ("embedContent", {}),
        ("batchEmbedContents", {}),
        ("countTokens", {"contents": []}),
    ],
)
async def test_what_is_wrong_is_named(client: aiohttp.ClientSession, verb: str, body: dict[str, Any]) -> None:
    """A request that lacks a field gets a 400 in Google's shape."""
    error = (await _post(client, verb, body))["error"]
    assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    assert "is not specified" in error["message"]
