"""A caller that costs little: one keep-alive connection, one request at a time, left at any point."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import random
import socket

import attrs

from .asks import Ask

# Longer than every time limit of the gateway under test: a caller that waits longer waits for nothing.
PATIENCE = 30.0
_LINGER_ZERO = b"\x01\0\0\0\0\0\0\0"


class End(enum.Enum):
    """How an exchange ended: as its framing promised, before that, by the caller's leaving, or never."""

    COMPLETE = "complete"
    BROKEN = "broken"
    LEFT = "left"
    HUNG = "hung"


class Point(enum.Enum):
    """Where a caller left."""

    SENDING = "while it sent"
    HEAD = "before the head of a stream"
    PLAIN = "before a plain answer"
    CONTENT = "before the first content"
    AMID = "amid the answer"


@attrs.define
class Answer:
    """What came back; `status` 0 when nothing did. The body is without its framing; of one that was left, with all."""

    status: int = 0
    request_id: bytes = b""
    body: bytes = b""
    end: End = End.BROKEN


@attrs.frozen
class Leaving:
    """When a caller goes away: after `sent` bytes of its request (None: all), then after `read` bytes of the answer.

    It waits for those `within` so many seconds; `reset` breaks the connection off instead of closing it.
    """

    sent: int | None
    read: int
    within: float
    reset: bool


def leaving(ask: Ask, rng: random.Random) -> Leaving:
    """A random point to leave at, within the request or the answer."""
    draw = rng.random()
    if draw < 0.15:
        return Leaving(rng.randrange(1, len(ask.data)), 0, 0.0, rng.random() < 0.5)
    read = 0 if draw < 0.4 else int(rng.expovariate(1 / 1500))
    return Leaving(None, read, rng.expovariate(20), rng.random() < 0.5)


def point(ask: Ask, leave: Leaving, answer: Answer) -> Point:
    """Where it was that this caller left."""
    if leave.sent is not None:
        return Point.SENDING
    if not answer.body:
        return Point.HEAD if ask.streamed else Point.PLAIN
    return Point.AMID if ask.canary in answer.body.partition(b"\r\n\r\n")[2] else Point.CONTENT


class Caller:
    """One connection at a time to one address; opened again when it is gone."""

    def __init__(self, host: str, port: int) -> None:
        self._address = host, port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._raw = b""

    async def ask(self, ask: Ask, leave: Leaving | None, slow: float = 0.0) -> Answer:
        """One exchange; `slow` is a pause in seconds before the answer is read."""
        answer = Answer()
        try:
            async with asyncio.timeout(PATIENCE):
                await self._exchange(ask, leave, slow, answer)
        except TimeoutError:
            answer.end = End.HUNG
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            answer.body += getattr(error, "partial", b"")
        if answer.end is not End.COMPLETE:
            self.close(reset=leave is not None and leave.reset)
        return answer

    async def _exchange(self, ask: Ask, leave: Leaving | None, slow: float, answer: Answer) -> None:
        reader, writer = await self._open()
        writer.write(ask.data if leave is None else ask.data[: leave.sent])
        await writer.drain()
        if leave is not None and leave.sent is not None:
            answer.end = End.LEFT
            return
        if slow:
            await asyncio.sleep(slow)
        if leave is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(leave.within):
                    await _some(reader, leave.read, answer)
            answer.end = End.LEFT
            return
        headers = await self._head(reader, answer)
        await self._body(reader, headers, answer)
        answer.end = End.COMPLETE
        if headers.get(b"connection") == b"close":
            self.close()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._reader is None or self._writer is None or self._writer.is_closing() or self._reader.at_eof():
            self.close()
            self._reader, self._writer = await asyncio.open_connection(*self._address, limit=2**20)
        return self._reader, self._writer

    async def _head(self, reader: asyncio.StreamReader, answer: Answer) -> dict[bytes, bytes]:
        head = await reader.readuntil(b"\r\n\r\n")
        line, *fields = head[:-4].split(b"\r\n")
        answer.status = int(line.split(b" ", 2)[1])
        headers = {name.lower(): value.strip() for name, _, value in (field.partition(b":") for field in fields)}
        answer.request_id = headers.get(b"x-request-id", b"")
        return headers

    async def _body(self, reader: asyncio.StreamReader, headers: dict[bytes, bytes], answer: Answer) -> None:
        if headers.get(b"transfer-encoding") != b"chunked":
            answer.body = await reader.readexactly(int(headers[b"content-length"]))
            return
        while size := int(await reader.readuntil(b"\r\n"), 16):
            answer.body += (await reader.readexactly(size + 2))[:-2]
        await reader.readexactly(2)

    def close(self, *, reset: bool = False) -> None:
        """Close the connection, or break it off."""
        writer, self._reader, self._writer = self._writer, None, None
        if writer is None:
            return
        sock = writer.get_extra_info("socket")
        if reset and sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        writer.transport.abort() if reset else writer.close()


async def _some(reader: asyncio.StreamReader, most: int, answer: Answer) -> None:
    """Up to `most` bytes as they come, framing included."""
    while len(answer.body) < most:
        data = await reader.read(most - len(answer.body))
        if not data:
            return
        answer.body += data
