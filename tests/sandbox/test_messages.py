"""Anthropic Messages."""

from typing import Any

import aiohttp
import orjson
import pytest

from aigw.sandbox.server import Running

from .conftest import Schema
from .events import consume, payloads

PATH = "/v1/messages"
WEATHER = {
    "name": "get_weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}},
}
TIME = {"name": "get_time", "input_schema": {"type": "object", "properties": {}}}
THINKING: dict[str, Any] = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
SCHEMA = {"type": "object", "properties": {"say": {"type": "string"}}, "required": ["say"]}

BODIES: dict[str, dict[str, Any]] = {
    "text": {},
    "tools": {"tools": [WEATHER, TIME], "tool_choice": {"type": "any"}},
    "thinking": THINKING,
    "thinking unseen": {"thinking": {"type": "adaptive", "display": "omitted"}},
    "thinking and tools": {
        **THINKING,
        "tools": [WEATHER],
        "tool_choice": {"type": "tool", "name": "get_weather"},
    },
    "structured": {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
    "limited": {"max_tokens": 2},
    "stopped": {"stop_sequences": ["canary"]},
    "refused": {"model": "sandbox-small!refusal"},
}


def _body(text: str = "hello canary", **members: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": text}]
    return {"model": "sandbox-small", "max_tokens": 4096, "messages": messages, **members}


async def _post(client: aiohttp.ClientSession, body: dict[str, Any], path: str = PATH, **headers: str) -> Any:
    async with client.post(path, json=body, headers={"anthropic-version": "2023-06-01", **headers}) as answer:
        return await answer.json()


async def _stream(client: aiohttp.ClientSession, sandbox: Running, body: dict[str, Any]) -> list[Any]:
    return payloads(await consume(client, sandbox.base_url + PATH, {**body, "stream": True}))


def _folded(events: list[Any]) -> dict[str, Any]:
    """The message a stream adds up to, by the rules of the API's streaming page."""
    message: dict[str, Any] = events[0]["message"]
    for event in events[1:]:
        delta = event.get("delta") or {}
        if event["type"] == "content_block_start":
            assert event["index"] == len(message["content"])
            message["content"].append({**event["content_block"], "_json": ""})
        elif event["type"] == "content_block_delta":
            block = message["content"][event["index"]]
            kind = delta["type"].removesuffix("_delta")
            field = {"input_json": "_json"}.get(kind, kind)
            block[field] += delta.get("partial_json", delta.get(kind, ""))
        elif event["type"] == "message_delta":
            message |= delta
            message["usage"] |= event["usage"]
    for block in message["content"]:
        arguments = block.pop("_json")
        if block["type"] == "tool_use":
            block["input"] = orjson.loads(arguments)
    return message


def _without_ids(message: dict[str, Any]) -> dict[str, Any]:
    blocks = [{key: value for key, value in block.items() if key != "id"} for block in message["content"]]
    return {**message, "id": "", "content": blocks}


@pytest.mark.parametrize("case", BODIES)
async def test_answers_are_what_the_api_describes(
    sandbox: Running, client: aiohttp.ClientSession, schema: Schema, case: str
) -> None:
    """Whole answers and every event but the ping satisfy the published description."""
    schema("sdk.anthropic.Message")(await _post(client, _body(**BODIES[case])))
    check = schema("sdk.anthropic.RawMessageStreamEvent")
    for event in await _stream(client, sandbox, _body(**BODIES[case])):
        if event["type"] != "ping":
            check(event)


@pytest.mark.parametrize("case", BODIES)
async def test_a_stream_says_what_a_plain_answer_says(
    sandbox: Running, client: aiohttp.ClientSession, case: str
) -> None:
    """Put together, a stream is the plain answer, usage and stop reason included."""
    whole = await _post(client, _body(**BODIES[case]))
    folded = _folded(await _stream(client, sandbox, _body(**BODIES[case])))
    assert _without_ids(folded) == _without_ids(whole)


async def test_the_order_of_events(sandbox: Running, client: aiohttp.ClientSession) -> None:
    """Events are named as their type, blocks never overlap, a ping follows the first block's start."""
    events = await consume(client, sandbox.base_url + PATH, _body(stream=True, **THINKING))
    kinds = [event.type for event in events]
    assert kinds == [payload["type"] for payload in payloads(events)]
    assert kinds[:3] == ["message_start", "content_block_start", "ping"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]


async def test_thinking_is_signed(client: aiohttp.ClientSession) -> None:
    """A thinking block comes first and has a signature."""
    thinking, text = (await _post(client, _body(**THINKING)))["content"]
    assert (thinking["type"], text["type"]) == ("thinking", "text")
    assert thinking["signature"]


async def test_parallel_tool_use(client: aiohttp.ClientSession) -> None:
    """Two tools named are two blocks, unless parallel use is disabled."""
    body = _body("get_weather, get_time", tools=[WEATHER, TIME])
    both = await _post(client, body)
    one = await _post(client, {**body, "tool_choice": {"type": "auto", "disable_parallel_tool_use": True}})
    assert [block["name"] for block in both["content"]] == ["get_weather", "get_time"]
    assert [block["name"] for block in one["content"]] == ["get_weather"]
    assert (both["stop_reason"], both["content"][0]["input"]) == (
        "tool_use",
        {"city": "get_weather, get_time"},
    )


@pytest.mark.parametrize("result", ["12 degrees", [{"type": "text", "text": "12 degrees"}]])
async def test_a_tools_result_is_quoted(client: aiohttp.ClientSession, result: object) -> None:
    """After a tool result, text or blocks, the answer is text that holds it."""
    messages = [
        {"role": "user", "content": "use the tool"},
        {
            "role": "assistant",
            "content": [{"type": "tool_use", "id": "t", "name": "get_weather", "input": {}}],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": result}]},
    ]
    answer = await _post(client, _body(messages=messages, tools=[WEATHER]))
    assert "12 degrees" in answer["content"][0]["text"]


async def test_images_and_documents_are_seen(client: aiohttp.ClientSession) -> None:
    """Images and documents are counted apart."""
    source = {"type": "base64", "media_type": "image/png", "data": "AA=="}
    blocks = [{"type": "image", "source": source}, {"type": "document", "source": source}]
    answer = await _post(client, _body(messages=[{"role": "user", "content": blocks}]))
    assert answer["content"][0]["text"] == "I see 1 image(s). I read 1 file(s)."


async def test_cached_tokens_stand_beside_the_input(client: aiohttp.ClientSession) -> None:
    """`input_tokens` leaves out what was read from or written to the cache."""
    fault = {"x-sandbox-fault": "input-tokens=100,cached=60,cache-write=30"}
    usage = (await _post(client, _body(), **fault))["usage"]
    counted = (usage["input_tokens"], usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"])
    assert counted == (10, 60, 30)


async def test_counting_agrees_with_usage(client: aiohttp.ClientSession, schema: Schema) -> None:
    """`count_tokens` says what the message's usage will say."""
    body = _body(system="be brief", tools=[WEATHER])
    counted = await _post(client, {k: v for k, v in body.items() if k != "max_tokens"}, PATH + "/count_tokens")
    schema("sdk.anthropic.MessageTokensCount")(counted)
    assert counted["input_tokens"] == (await _post(client, body))["usage"]["input_tokens"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"max_tokens": None}, "max_tokens: Field required"),
        ({"messages": None}, "messages: Field required"),
        ({"messages": []}, "messages: at least one message is required"),
        (
            {"messages": [{"role": "tool", "content": "x"}]},
            "messages.0.role: Input should be 'user' or 'assistant'",
        ),
        ({"messages": [{"role": "user"}]}, "messages.0.content: Field required"),
    ],
)
async def test_what_is_wrong_is_named(client: aiohttp.ClientSession, change: dict[str, Any], message: str) -> None:
    """A request that lacks or misuses a field gets a 400 in Anthropic's shape, with the request's id."""
    async with client.post(PATH, json={**_body(), **change}) as answer:
        error = await answer.json()
    assert (answer.status, error["type"], error["error"]["type"]) == (400, "error", "invalid_request_error")
    assert (error["error"]["message"], error["request_id"]) == (message, answer.headers["request-id"])


_CITED = {"type": "text", "text": "x", "citations": [{"type": "char_location"}]}
_DOCUMENT = {"type": "document", "source": {}}


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 1.0},
        {"top_p": 1.0},
        {"top_k": 5},
        {"messages": [{"role": "user", "content": [_CITED]}]},
        {"messages": [{"role": "assistant", "content": [_DOCUMENT]}, {"role": "user", "content": "x"}]},
    ],
)
async def test_the_newer_version_refuses_what_the_older_takes(
    client: aiohttp.ClientSession, change: dict[str, Any]
) -> None:
    """Sampling parameters, cited user text and assistants' documents are refused since 2026-10-21."""
    old = await _post(client, _body(**change))
    new = await _post(client, _body(**change), **{"anthropic-version": "2026-10-21"})
    assert (old["type"], new["type"]) == ("message", "error")


async def test_which_failure_it_is_can_be_said(sandbox: Running, client: aiohttp.ClientSession) -> None:
    """The error inside a stream is the one asked for, under the API's name."""
    events = await consume(client, sandbox.base_url + PATH, _body(stream=True), "error-mid,error-status=529")
    assert orjson.loads(events[-1].data)["error"]["type"] == "overloaded_error"


@pytest.mark.parametrize("fault", ["error-first", "error-mid"])
async def test_failures_inside_a_stream(sandbox: Running, client: aiohttp.ClientSession, fault: str) -> None:
    """A Messages stream reports a failure as an event named `error`, and no end follows."""
    events = await consume(client, sandbox.base_url + PATH, _body(stream=True), fault)
    assert events[-1].type == "error"
    assert orjson.loads(events[-1].data)["error"]["type"] == "api_error"
    assert (len(events) == 1) is (fault == "error-first")
