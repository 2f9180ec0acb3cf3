"""An upstream that is well, or fails in one way altogether."""

from __future__ import annotations

import asyncio
import enum
import json

_SAID = {"index": 0, "message": {"role": "assistant", "content": "well"}, "finish_reason": "stop"}
_USED = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
_ANSWER = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "model"}
_OK = json.dumps({**_ANSWER, "choices": [_SAID], "usage": _USED}).encode()
_ERROR = b'{"error":{"message":"a bad day","type":"server_error","param":null,"code":null}}'


# What an upstream says that is busy and says how long.
TOLD_SECONDS = 1


class Way(enum.Enum):
    """How an upstream fails."""

    REFUSES = "refuses connections"
    ERRORS = "answers 500"
    HANGS = "never answers"
    BUSY = "answers 429"
    BUSY_TOLD = f"answers 429, retry-after: {TOLD_SECONDS}"


_ANSWERS = {
    None: (b"200 OK", b"", _OK),
    Way.ERRORS: (b"500 Internal Server Error", b"", _ERROR),
    Way.BUSY: (b"429 Too Many Requests", b"", _ERROR),
    Way.BUSY_TOLD: (b"429 Too Many Requests", b"retry-after: %d\r\n" % TOLD_SECONDS, _ERROR),
}


class Upstream:
    """A chat completions server on loopback; `asked` counts the requests that reached it."""

    def __init__(self) -> None:
        self.asked = 0
        self.port = 0
        self._way: Way | None = None
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen, on the same port as before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def fail(self, way: Way) -> None:
        """From now on, for new requests and for those under way."""
        self._way = way
        if way is Way.REFUSES:
            self.stop()

    async def heal(self) -> None:
        """Be well again; what hangs goes on hanging."""
        self._way = None
        if self._server is None:
            await self.start()

    def stop(self) -> None:
        """Listen no more, and break every connection off."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for writer in self._open:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0]))
                self.asked += 1
                if self._way is Way.HANGS:
                    await reader.read()
                    return
                if self._way is Way.REFUSES:
                    return  # it was on its way when the door was closed
                status, more, body = _ANSWERS[self._way]
                kind = b"content-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
                writer.write(b"HTTP/1.1 %b\r\n%b%b%b" % (status, more, kind, body))
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the gateway left, or all is over
        finally:
            self._open.discard(writer)
            writer.close()
