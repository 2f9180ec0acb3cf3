"""Streams read back with an independent server-sent-events client."""

from typing import Any

import aiohttp
import orjson
from aiohttp_sse_client.client import EventSource, MessageEvent

_LAST = ("response.completed", "response.incomplete", "response.failed", "message_stop", "error")


async def consume(client: aiohttp.ClientSession, url: str, body: dict[str, Any], fault: str = "") -> list[MessageEvent]:
    """The events of a streamed answer up to its terminal one; at the end this client would reconnect."""
    headers = {"authorization": "Bearer sk-test", **({"x-sandbox-fault": fault} if fault else {})}
    found = []
    async with EventSource(url, {"method": "POST"}, session=client, json=body, headers=headers) as source:
        async for event in source:
            found.append(event)
            if event.type in _LAST or event.data == "[DONE]" or event.data.startswith('{"error":'):
                break
            if '"finishReason"' in event.data:
                break
    return found


def payloads(events: list[MessageEvent]) -> list[Any]:
    """The events' JSON; a `[DONE]` mark is left out."""
    return [orjson.loads(event.data) for event in events if event.data != "[DONE]"]
