"""OpenAI Chat Completions."""

from collections import Counter
from typing import Any

import aiohttp
import orjson
import pytest

from aigw.sandbox.server import Running

from .conftest import Schema
from .events import consume, payloads

PATH = "/v1/chat/completions"
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
TIME = {
    "type": "function",
    "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}},
}
SCHEMA = {"type": "object", "properties": {"say": {"type": "string"}}, "required": ["say"]}

BODIES: dict[str, dict[str, Any]] = {
    "text": {},
    "tools": {"tools": [WEATHER, TIME], "tool_choice": "required"},
    "thinking": {"model": "sandbox-think", "reasoning_effort": "high"},
    "structured": {
        "response_format": {"type": "json_schema", "json_schema": {"name": "s", "schema": SCHEMA}},
    },
    "several": {"n": 3},
    "logprobs": {"logprobs": True, "top_logprobs": 1},
    "limited": {"max_completion_tokens": 2},
    "refused": {"model": "sandbox-small!refusal"},
}


def _body(text: str = "hello canary", **members: Any) -> dict[str, Any]:
    return {"model": "sandbox-small", "messages": [{"role": "user", "content": text}], **members}


async def _post(client: aiohttp.ClientSession, body: dict[str, Any]) -> Any:
    async with client.post(PATH, json=body) as answer:
        return await answer.json()


async def _stream(client: aiohttp.ClientSession, sandbox: Running, body: dict[str, Any]) -> list[Any]:
    usage = {"stream": True, "stream_options": {"include_usage": True}}
    return payloads(await consume(client, sandbox.base_url + PATH, {**body, **usage}))


def _joined(chunks: list[Any], field: str, index: int = 0) -> str:
    choices = [choice for chunk in chunks for choice in chunk["choices"] if choice["index"] == index]
    return "".join(choice["delta"].get(field) or "" for choice in choices)


@pytest.mark.parametrize("case", BODIES)
async def test_answers_are_what_the_api_describes(
    sandbox: Running, client: aiohttp.ClientSession, schema: Schema, case: str
) -> None:
    """Whole answers and every chunk satisfy the published description."""
    body = _body(**BODIES[case])
    schema("sdk.openai.ChatCompletion")(await _post(client, body))
    check = schema("sdk.openai.ChatCompletionChunk")
    for chunk in await _stream(client, sandbox, body):
        check(chunk)


@pytest.mark.parametrize("case", BODIES)
async def test_a_stream_says_what_a_plain_answer_says(
    sandbox: Running, client: aiohttp.ClientSession, case: str
) -> None:
    """Text, thinking, refusal, finish reason and usage are the same either way."""
    body = _body(**BODIES[case])
    whole, chunks = await _post(client, body), await _stream(client, sandbox, body)
    for choice in whole["choices"]:
        for field in ("content", "refusal", "reasoning_content"):
            assert _joined(chunks, field, choice["index"]) == (choice["message"].get(field) or "")
    ended = [choice["finish_reason"] for chunk in chunks for choice in chunk["choices"] if choice["finish_reason"]]
    assert ended == [choice["finish_reason"] for choice in whole["choices"]]
    assert (chunks[-1]["choices"], chunks[-1]["usage"]) == ([], whole["usage"])


async def test_usage_is_streamed_on_demand_only(sandbox: Running, client: aiohttp.ClientSession) -> None:
    """Without `include_usage` no chunk speaks of usage and none has empty choices."""
    chunks = payloads(await consume(client, sandbox.base_url + PATH, _body(stream=True)))
    assert all("usage" not in chunk and chunk["choices"] for chunk in chunks)


async def test_the_role_comes_first_and_the_mark_last(sandbox: Running, client: aiohttp.ClientSession) -> None:
    """A stream opens with the assistant's role and closes with `[DONE]`; it carries no event names."""
    events = await consume(client, sandbox.base_url + PATH, _body(stream=True))
    assert orjson.loads(events[0].data)["choices"][0]["delta"]["role"] == "assistant"
    assert events[-1].data == "[DONE]"
    assert {event.type for event in events} == {None}


async def test_parallel_tool_calls(sandbox: Running, client: aiohttp.ClientSession) -> None:
    """Two tools named are two calls, streamed one after the other in fragments that join to the arguments."""
    body = _body("get_weather and get_time", tools=[WEATHER, TIME])
    calls = (await _post(client, body))["choices"][0]["message"]["tool_calls"]
    assert [call["function"]["name"] for call in calls] == ["get_weather", "get_time"]
    arguments = ["", ""]
    pieces: Counter[int] = Counter()
    for chunk in await _stream(client, sandbox, body):
        for delta in (choice["delta"] for choice in chunk["choices"]):
            for entry in delta.get("tool_calls", ()):
                arguments[entry["index"]] += entry["function"]["arguments"]
                pieces[entry["index"]] += 1
    assert arguments == [call["function"]["arguments"] for call in calls]
    assert pieces[0] > 3


async def test_a_tools_result_is_quoted(client: aiohttp.ClientSession) -> None:
    """After a tool message the answer is text that holds the result."""
    call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": "{}"}}
    messages = [
        {"role": "user", "content": "use the tool"},
        {"role": "assistant", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_1", "content": "12 degrees"},
    ]
    answer = await _post(client, {"model": "sandbox-small", "messages": messages, "tools": [WEATHER]})
    assert "12 degrees" in answer["choices"][0]["message"]["content"]


async def test_a_named_tool_is_called(client: aiohttp.ClientSession) -> None:
    """A forced choice names its tool, whatever the text says."""
    choice = {"type": "function", "function": {"name": "get_time"}}
    answer = await _post(client, _body(tools=[WEATHER, TIME], tool_choice=choice))
    assert answer["choices"][0]["message"]["tool_calls"][0]["function"]["name"] == "get_time"


async def test_images_are_seen(client: aiohttp.ClientSession) -> None:
    """Image parts are counted, text parts are read."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}
    content = [image, {"type": "text", "text": "what?"}, image]
    answer = await _post(client, _body(messages=[{"role": "user", "content": content}]))
    assert answer["choices"][0]["message"]["content"] == "I see 2 image(s). You said: what?"


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({"messages": []}, "model", "missing_required_parameter"),
        ({"model": "m"}, "messages", "missing_required_parameter"),
        ({"model": "m", "messages": "x"}, "messages", "invalid_type"),
        ({"model": "m", "messages": []}, "messages", "empty_array"),
        ({"model": 5, "messages": []}, None, "invalid_type"),
        ({"model": "m", "messages": ["x"]}, None, "invalid_type"),
    ],
)
async def test_what_is_wrong_is_named(
    client: aiohttp.ClientSession, body: dict[str, Any], param: str | None, code: str
) -> None:
    """A request that lacks or misuses a field gets a 400 in OpenAI's shape."""
    async with client.post(PATH, json=body) as answer:
        error = (await answer.json())["error"]
    assert (answer.status, error["type"], error["code"]) == (400, "invalid_request_error", code)
    assert param in (error["param"], None)


@pytest.mark.parametrize("fault", ["error-first", "error-mid"])
async def test_failures_inside_a_stream(sandbox: Running, client: aiohttp.ClientSession, fault: str) -> None:
    """A chat stream reports a failure as a bare error object, and no `[DONE]` follows."""
    events = await consume(client, sandbox.base_url + PATH, _body(stream=True), fault)
    assert orjson.loads(events[-1].data)["error"]["type"] == "server_error"
    assert (len(events) == 1) is (fault == "error-first")
