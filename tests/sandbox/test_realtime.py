"""Realtime over a WebSocket."""

from typing import Any

import aiohttp
import pytest

from aigw.sandbox.server import Running

PATH = "/v1/realtime?model=sandbox-small"
WEATHER = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"properties": {"city": {"type": "string"}}},
}


def _said(text: str) -> dict[str, Any]:
    content = [{"type": "input_text", "text": text}]
    return {
        "type": "conversation.item.create",
        "item": {"type": "message", "role": "user", "content": content},
    }


async def _until(socket: aiohttp.ClientWebSocketResponse, kind: str) -> list[Any]:
    found = [await socket.receive_json()]
    while found[-1]["type"] != kind:
        found.append(await socket.receive_json())
    return found


async def test_a_response_is_told_in_events(client: aiohttp.ClientSession) -> None:
    """A session opens with a greeting; a response is created, filled in deltas, and done with its usage."""
    async with client.ws_connect(PATH, protocols=["realtime"]) as socket:
        assert (await socket.receive_json())["session"]["model"] == "sandbox-small"
        await socket.send_json(_said("hello canary"))
        assert [event["type"] for event in await _until(socket, "conversation.item.done")] == [
            "conversation.item.added",
            "conversation.item.done",
        ]
        await socket.send_json({"type": "response.create"})
        events = await _until(socket, "response.done")
    assert "".join(event.get("delta", "") for event in events) == "You said: hello canary"
    assert [event["type"] for event in events[:3]] == [
        "response.created",
        "response.output_item.added",
        "response.content_part.added",
    ]
    assert events[-1]["response"]["usage"]["total_tokens"] > 0
    assert len({event["event_id"] for event in events}) == len(events)


async def test_tools_of_the_session_are_called(client: aiohttp.ClientSession) -> None:
    """Tools come with the session; the call's arguments arrive in fragments; a result is quoted."""
    async with client.ws_connect(PATH) as socket:
        await _until(socket, "session.created")
        await socket.send_json({"type": "session.update", "session": {"tools": [WEATHER]}})
        await _until(socket, "session.updated")
        await socket.send_json(_said("use the tool"))
        await socket.send_json({"type": "response.create"})
        call = (await _until(socket, "response.done"))[-1]["response"]["output"][0]
        result = {"type": "function_call_output", "call_id": call["call_id"], "output": "12 degrees"}
        await socket.send_json({"type": "conversation.item.create", "item": result})
        await socket.send_json({"type": "response.create"})
        output = (await _until(socket, "response.done"))[-1]["response"]["output"][0]
    assert (call["name"], call["arguments"]) == ("get_weather", '{"city":"use the tool"}')
    assert output["content"][0]["text"] == "The tool answered: 12 degrees"


@pytest.mark.parametrize(
    ("event", "answer"),
    [
        ({"type": "nonsense"}, "error"),
        ({"type": "response.cancel"}, "error"),
        ({"type": "conversation.item.retrieve", "item_id": "x"}, "error"),
        ({"type": "conversation.item.delete", "item_id": "x"}, "conversation.item.deleted"),
        ({"type": "input_audio_buffer.clear"}, "input_audio_buffer.cleared"),
        ({"type": "input_audio_buffer.commit"}, "input_audio_buffer.committed"),
    ],
)
async def test_every_event_has_its_answer(client: aiohttp.ClientSession, event: dict[str, Any], answer: str) -> None:
    """Known events are answered, unknown and impossible ones with an error."""
    async with client.ws_connect(PATH) as socket:
        await _until(socket, "session.created")
        await socket.send_json(event)
        assert (await socket.receive_json())["type"] == answer


async def test_what_is_no_json_is_an_error(client: aiohttp.ClientSession) -> None:
    """Text that is no event is answered with an error; binary messages come back."""
    async with client.ws_connect(PATH) as socket:
        await _until(socket, "session.created")
        await socket.send_str("{")
        assert (await socket.receive_json())["error"]["code"] == "invalid_json"
        await socket.send_bytes(b"\x00\x01")
        assert await socket.receive_bytes() == b"\x00\x01"


async def test_faults_break_a_conversation(client: aiohttp.ClientSession) -> None:
    """A cut ends the connection after that many events, without a closing handshake."""
    async with client.ws_connect(PATH + "!cut=1") as socket:
        await _until(socket, "session.created")
        await socket.send_json({"type": "response.create"})
        assert (await socket.receive()).type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
        assert socket.close_code == aiohttp.WSCloseCode.ABNORMAL_CLOSURE


async def test_an_error_can_come_first(client: aiohttp.ClientSession) -> None:
    """`error-first` greets with an error event."""
    async with client.ws_connect(PATH + "!error-first") as socket:
        assert (await socket.receive_json())["type"] == "error"


async def test_an_upgrade_can_be_refused(client: aiohttp.ClientSession) -> None:
    """A status fault answers the upgrade in plain HTTP, and a plain request is told to upgrade."""
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await client.ws_connect(PATH + "!status=429")
    async with client.get(PATH) as answer:
        assert (refused.value.status, answer.status) == (429, 426)


async def test_a_finished_conversation_is_not_a_hang_up(sandbox: Running, client: aiohttp.ClientSession) -> None:
    """Closing properly ends the request without blame."""
    async with client.ws_connect(PATH) as socket:
        await _until(socket, "session.created")
    await sandbox.requests[-1].over.wait()
    assert not sandbox.requests[-1].hung_up
