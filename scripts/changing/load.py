"""A steady load of small requests, and what became of each."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from time import monotonic

import attrs

BODY = json.dumps({"model": "sandbox-small", "messages": [{"role": "user", "content": "Say hello"}]}).encode()
# Connections that are kept to each gateway: some hold a request each, none is waited for at these rates.
CONNECTIONS = 32
OK, REFUSED = 200, 401


@attrs.frozen
class Asked:
    """One request: when it began and ended (monotonic), with which token, and its status; 0 for none at all."""

    began: float
    ended: float
    token: str = attrs.field(repr=False)
    status: int
    error: str = ""


class Caller:
    """A connection of an app to one gateway, opened again when it ended."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, token: str) -> Asked:
        """One request."""
        began = monotonic()
        try:
            status, error = await self._ask(token), ""
        except (OSError, ValueError, asyncio.IncompleteReadError) as failure:
            self.close()
            status, error = 0, repr(failure)
        return Asked(began, monotonic(), token, status, error)

    async def _ask(self, token: str) -> int:
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._address)
        reader, writer = self._streams
        head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: trial\r\nauthorization: Bearer {token}\r\n"
        head += f"content-type: application/json\r\ncontent-length: {len(BODY)}\r\n\r\n"
        writer.write(head.encode() + BODY)
        status, length, last = parsed(await reader.readuntil(b"\r\n\r\n"))
        await reader.readexactly(length)
        if last:
            self.close()
        return status

    def close(self) -> None:
        """Leave the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


def parsed(head: bytes) -> tuple[int, int, bool]:
    """Status, length of the body, whether the connection ends with it."""
    fields = dict(line.split(": ", 1) for line in head.decode("latin-1").lower().split("\r\n")[1:] if line)
    return int(head.split(b" ", 2)[1]), int(fields.get("content-length", 0)), fields.get("connection") == "close"


class Load:
    """Requests at a steady rate, each gateway and each of `tokens` in turn. The tokens may change meanwhile."""

    def __init__(self, addresses: Sequence[tuple[str, int]], tokens: list[str], rate: float) -> None:
        self.tokens = tokens
        self.asked: list[Asked] = []
        self._rate = rate
        self._callers: asyncio.Queue[Caller] = asyncio.Queue()
        for number in range(CONNECTIONS * len(addresses)):
            self._callers.put_nowait(Caller(addresses[number % len(addresses)]))

    async def run(self, seconds: float = float("inf")) -> None:
        """Ask for so long, and wait for the last answers."""
        began, number = monotonic(), 0
        async with asyncio.TaskGroup() as group:
            while (since := monotonic() - began) < seconds:
                for _ in range(int(since * self._rate) - number):
                    group.create_task(self._one(self.tokens[number % len(self.tokens)]))
                    number += 1
                await asyncio.sleep(0.002)
        while not self._callers.empty():
            self._callers.get_nowait().close()

    async def _one(self, token: str) -> None:
        caller = await self._callers.get()
        try:
            self.asked.append(await caller.ask(token))
        finally:
            self._callers.put_nowait(caller)

    def of(self, token: str, *, since: float = 0.0, until: float = float("inf")) -> list[Asked]:
        """The requests with a token that began in this time."""
        return [each for each in self.asked if each.token == token and since <= each.began < until]


@contextlib.asynccontextmanager
async def under(load: Load) -> AsyncIterator[Load]:
    """While this load goes on."""
    stop = asyncio.Event()

    async def run() -> None:
        running = asyncio.create_task(load.run())
        await stop.wait()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    task = asyncio.create_task(run())
    try:
        yield load
    finally:
        stop.set()
        await task


def p99(asked: Sequence[Asked]) -> float:
    """Seconds that all but a hundredth of them took at most."""
    took = sorted(each.ended - each.began for each in asked)
    return took[int(len(took) * 0.99)] if took else 0.0
