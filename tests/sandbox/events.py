"""Streams read back: with an independent server-sent-events client, and with a splitter for raw bodies."""

from typing import Any

import aiohttp
import orjson
from aiohttp_sse_client.client import EventSource, MessageEvent

LAST = ("response.completed", "response.incomplete", "message_stop")


async def consume(client: aiohttp.ClientSession, path: str, body: dict[str, Any]) -> list[MessageEvent]:
    """The events of a streamed answer up to its terminal one; the client itself would reconnect at the end."""
    url = client._build_url(path)
    headers = {"authorization": "Bearer sk-test"}
    found = []
    async with EventSource(str(url), {"method": "POST"}, session=client, json=body, headers=headers) as source:
        async for event in source:
            found.append(event)
            if event.data == "[DONE]" or event.type in LAST or "finishReason" in event.data:
                return found
    return found


def payloads(events: list[MessageEvent]) -> list[Any]:
    """The events' JSON; a `[DONE]` mark is left out."""
    return [orjson.loads(event.data) for event in events if event.data != "[DONE]"]
