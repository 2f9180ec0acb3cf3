"""A WebSocket conversation on a connection, broken where a fault says so."""

import asyncio

import orjson
from aiohttp import WSMsgType, web

from .delivery import Sent, Wire, silenced
from .faults import Faults, Place
from .reply import Dialogue, Json

# The longest message taken: audio in base64 comes in large ones.
_MESSAGE_BYTES = 16 * 1024 * 1024


async def talk(request: web.BaseRequest, wire: Wire, dialogue: Dialogue, faults: Faults) -> web.StreamResponse:
    """Upgrade, greet, and answer each event until the caller closes or a fault ends it.

    Places count the sandbox's own events; `cut` closes without a close frame.
    """
    if await silenced(wire, faults):
        return Sent(False)
    socket = web.WebSocketResponse(protocols=("realtime",), max_msg_size=_MESSAGE_BYTES)
    await socket.prepare(request)
    speaker = _Speaker(socket, wire, faults)
    if not await speaker.say(dialogue.greet()):
        return socket
    async for message in socket:
        if message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data)
        elif message.type is WSMsgType.TEXT and not await speaker.say(dialogue.hear(message.data)):
            break
    return socket


class _Speaker:
    """Sends events and counts them."""

    def __init__(self, socket: web.WebSocketResponse, wire: Wire, faults: Faults) -> None:
        self._socket = socket
        self._wire = wire
        self._faults = faults
        self._sent = 0
        self._content = 0

    async def say(self, events: list[Json]) -> bool:
        """Send events one by one; False when a fault has broken the connection."""
        for event in events:
            content = event["type"].endswith(".delta")
            if await self._stopped(content):
                return False
            if self._faults.delay is not None and self._sent:
                await asyncio.sleep(self._faults.delay)
            await self._socket.send_str(orjson.dumps(event).decode())
            self._sent, self._content = self._sent + 1, self._content + content
        return True

    async def _stopped(self, content: bool) -> bool:
        if self._at(self._faults.stall, content):
            await asyncio.Event().wait()
        if self._at(self._faults.reset, content):
            await self._wire.reset()
            return True
        if self._at(self._faults.cut_events, content):
            self._wire.cut()
            return True
        return False

    def _at(self, place: Place | None, content: bool) -> bool:
        return place is not None and place.reached(self._sent, self._content, content)
