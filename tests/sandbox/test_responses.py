"""OpenAI Responses."""

from typing import Any

import aiohttp
import orjson
import pytest

from aigw.sandbox.server import Running

from .conftest import Schema
from .events import consume, payloads

PATH = "/v1/responses"
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
TIME = {"type": "function", "name": "get_time", "parameters": {"type": "object", "properties": {}}}
SCHEMA = {"type": "object", "properties": {"say": {"type": "string"}}, "required": ["say"]}

BODIES: dict[str, dict[str, Any]] = {
    "text": {},
    "tools": {"tools": [WEATHER, TIME], "input": "get_weather and get_time"},
    "thinking": {
        "reasoning": {"effort": "low", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
    },
    "thinking unseen": {"reasoning": {"effort": "low"}},
    "structured": {"text": {"format": {"type": "json_schema", "name": "s", "schema": SCHEMA}}},
    "limited": {"max_output_tokens": 2},
    "refused": {"model": "sandbox-small!refusal"},
}


def _body(**members: Any) -> dict[str, Any]:
    return {"model": "sandbox-small", "input": "hello canary", **members}


async def _post(client: aiohttp.ClientSession, body: dict[str, Any], path: str = PATH) -> Any:
    async with client.post(path, json=body) as answer:
        return await answer.json()


async def _get(client: aiohttp.ClientSession, path: str) -> tuple[int, Any]:
    async with client.get(path) as answer:
        return answer.status, await answer.json()


async def _stream(client: aiohttp.ClientSession, sandbox: Running, body: dict[str, Any]) -> list[Any]:
    return payloads(await consume(client, sandbox.base_url + PATH, {**body, "stream": True}))


def _without_ids(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_ids(one) for one in value]
    if isinstance(value, dict):
        # Encrypted content is sealed for its item.
        idle = ("id", "call_id", "created_at", "completed_at", "encrypted_content")
        return {key: _without_ids(inner) for key, inner in value.items() if key not in idle}
    return value


@pytest.mark.parametrize("case", BODIES)
async def test_answers_are_what_the_api_describes(
    sandbox: Running, client: aiohttp.ClientSession, schema: Schema, case: str
) -> None:
    """Whole answers and every event satisfy the published description."""
    schema("sdk.openai.Response")(await _post(client, _body(**BODIES[case])))
    check = schema("sdk.openai.ResponseStreamEvent")
    for event in await _stream(client, sandbox, _body(**BODIES[case])):
        check(event)


@pytest.mark.parametrize("case", BODIES)
async def test_the_grammar_of_events(sandbox: Running, client: aiohttp.ClientSession, case: str) -> None:
    """Numbers run without a gap; each item opens, fills and closes; the end holds the plain answer."""
    events = await _stream(client, sandbox, _body(**BODIES[case]))
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    whole = await _post(client, _body(**BODIES[case]))
    assert events[-1]["type"] == f"response.{whole['status']}"
    assert _without_ids(events[-1]["response"]) == _without_ids(whole)
    open_items: dict[int, Any] = {}
    filled: dict[int, str] = {}
    for event in events[2:-1]:
        index = event["output_index"]
        if event["type"] == "response.output_item.added":
            assert index == len(filled)
            open_items[index], filled[index] = event["item"], ""
        elif event["type"].endswith(".delta"):
            filled[index] += event["delta"]
        elif event["type"] == "response.output_item.done":
            assert open_items.pop(index)["id"] == event["item"]["id"]
            assert filled[index] in orjson.dumps(event["item"]).decode().replace("\\", "")
    assert not open_items
    assert len(filled) == len(whole["output"])


async def test_events_are_named_as_their_type(sandbox: Running, client: aiohttp.ClientSession) -> None:
    """Each event's name is its payload's type."""
    events = await consume(client, sandbox.base_url + PATH, _body(stream=True))
    assert [event.type for event in events] == [payload["type"] for payload in payloads(events)]


async def test_a_tools_result_is_quoted(client: aiohttp.ClientSession) -> None:
    """After function call outputs the answer is text that holds them."""
    items = [
        {"role": "user", "content": "use the tool"},
        {"type": "function_call", "call_id": "c", "name": "get_weather", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "12 degrees"},
    ]
    answer = await _post(client, _body(input=items, tools=[WEATHER]))
    assert "12 degrees" in answer["output"][0]["content"][0]["text"]


async def test_images_are_seen(client: aiohttp.ClientSession) -> None:
    """Input images are counted."""
    content = [{"type": "input_image", "image_url": "data:image/png;base64,AA=="}]
    answer = await _post(client, _body(input=[{"role": "user", "content": content}]))
    assert answer["output"][0]["content"][0]["text"] == "I see 1 image(s)."


async def test_a_stored_response_can_be_read_and_forgotten(client: aiohttp.ClientSession) -> None:
    """What was answered can be fetched with its input items, until it is deleted."""
    made = await _post(client, _body())
    path = f"{PATH}/{made['id']}"
    assert await _get(client, path) == (200, made)
    status, items = await _get(client, path + "/input_items")
    assert (status, items["data"][0]["content"][0]["text"]) == (200, "hello canary")
    async with client.delete(path) as answer:
        assert (await answer.json())["deleted"] is True
    assert (await _get(client, path))[0] == 404
    assert (await _get(client, path + "/input_items"))[0] == 404


async def test_a_response_is_not_stored_against_the_callers_wish(client: aiohttp.ClientSession) -> None:
    """`store: false` leaves nothing behind."""
    made = await _post(client, _body(store=False))
    assert (await _get(client, f"{PATH}/{made['id']}"))[0] == 404


async def test_a_background_response_is_queued_then_done(client: aiohttp.ClientSession) -> None:
    """In the background the first answer says queued, a later look completed; it can be cancelled."""
    made = await _post(client, _body(background=True))
    assert (made["status"], made["output"]) == ("queued", [])
    assert (await _get(client, f"{PATH}/{made['id']}"))[1]["status"] == "completed"
    assert (await _post(client, {}, f"{PATH}/{made['id']}/cancel"))["status"] == "cancelled"


async def test_only_background_responses_can_be_cancelled(client: aiohttp.ClientSession) -> None:
    """Cancelling an ordinary response is refused."""
    made = await _post(client, _body())
    assert "synchronous" in (await _post(client, {}, f"{PATH}/{made['id']}/cancel"))["error"]["message"]


async def test_a_conversation_goes_on_from_a_stored_response(client: aiohttp.ClientSession) -> None:
    """A previous response must be one the sandbox has."""
    made = await _post(client, _body())
    assert (await _post(client, _body(previous_response_id=made["id"])))["status"] == "completed"
    error = (await _post(client, _body(previous_response_id="resp_unknown")))["error"]
    assert error["code"] == "previous_response_not_found"


@pytest.mark.parametrize("body", [{"model": "m"}, {"input": "x"}, {"model": "m", "input": 5}])
async def test_what_is_wrong_is_named(client: aiohttp.ClientSession, body: dict[str, Any]) -> None:
    """A request that lacks or misuses a field gets a 400 in OpenAI's shape."""
    async with client.post(PATH, json=body) as answer:
        error = (await answer.json())["error"]
    assert (answer.status, error["type"]) == (400, "invalid_request_error")


@pytest.mark.parametrize("fault", ["error-first", "error-mid"])
async def test_failures_inside_a_stream(
    sandbox: Running, client: aiohttp.ClientSession, schema: Schema, fault: str
) -> None:
    """A Responses stream reports a failure as a typed, numbered event."""
    events = await consume(client, sandbox.base_url + PATH, _body(stream=True), fault)
    error = orjson.loads(events[-1].data)
    schema("sdk.openai.ResponseStreamEvent")(error)
    assert (events[-1].type, error["sequence_number"]) == ("error", len(events) - 1)
    assert (len(events) == 1) is (fault == "error-first")
