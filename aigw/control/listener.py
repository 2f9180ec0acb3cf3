"""How is the control listener spoken to? By HTTP/1.1, one request on a connection, its body of a bounded length.

Small on purpose and without aiohttp: the parent of several workers serves this and nothing else, and aiohttp
would double its memory and the time until workers start.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import structlog

from aigw.control.framing import MAX_HEAD_BYTES, Head, Unreadable, read
from aigw.control.message import Answer, Request, refusal

# How long a client may take to send its head, its body, and to take its answer.
HEAD_SECONDS = 5.0
BODY_SECONDS = 10.0
SEND_SECONDS = 10.0
# How long what a client still sends is thrown away, so that closing does not take the answer with it.
LINGER_SECONDS = 1.0
# Connections at once. Of more the one that has kept this side waiting for longest is closed: who holds connections
# without saying anything does not keep probes out.
MAX_CONNECTIONS = 128
# Bodies beyond this are few at a time, 16 MiB in all: they are read before it is known who sends them.
SMALL_BODY_BYTES = 64 * 1024
MAX_LARGE_BODIES = 16

_LATER = ("retry-after", "1")

Answering = Callable[[Request], Awaitable[Answer]]


class Listener:
    """Serves one bound socket until it is closed. `answer` is given each request with its body."""

    def __init__(self, answer: Answering) -> None:
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()
        # Those that wait for their client, the longest waiting first, for want of an ordered set.
        self._waiting: dict[asyncio.Task[None], None] = {}
        self._large = 0

    async def listen(self, sock: socket.socket) -> None:
        """Take connections from now on."""
        self._server = await asyncio.start_server(self._serve, sock=sock, limit=MAX_HEAD_BYTES)

    async def close(self) -> None:
        """Take no more connections, and end those that are open."""
        if self._server is not None:
            self._server.close()
        for task in list(self._serving):
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._serving) >= MAX_CONNECTIONS and not self._make_room():
            writer.transport.abort()
            return
        self._serving.add(task)
        self._waiting[task] = None
        try:
            await self._converse(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client left, or did not say all it wanted to in time (a timeout is an OSError)
        except asyncio.CancelledError:
            # By `close`, and nothing waits for this task but asyncio's streams, which take a cancelled one for a bug
            # and report it (Python 3.11, gh-110378).
            pass
        finally:
            self._serving.discard(task)
            self._waiting.pop(task, None)
            writer.transport.abort()

    def _make_room(self) -> bool:
        """Close the connection that has waited for its client for longest, if there is one."""
        for task in self._waiting:
            del self._waiting[task]
            self._serving.discard(task)
            return task.cancel()
        return False

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # What is written has left once `drain` returns.
        writer.transport.set_write_buffer_limits(0)
        head_only, answer = await self._answered(reader, writer)
        bare = head_only or answer.status == HTTPStatus.NO_CONTENT
        writer.write(_head(answer) + (b"" if bare else answer.body))
        async with asyncio.timeout(SEND_SECONDS):
            await writer.drain()
        writer.write_eof()
        async with asyncio.timeout(LINGER_SECONDS):
            while await reader.read(MAX_HEAD_BYTES):
                pass

    async def _answered(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[bool, Answer]:
        """The answer, and whether it goes without its body."""
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                head = read(await reader.readuntil(b"\r\n\r\n"))
        except asyncio.LimitOverrunError:
            return False, refusal(431, "headersTooLarge", f"The head is larger than {MAX_HEAD_BYTES} bytes.")
        except Unreadable as error:
            return False, refusal(error.status, error.code, error.message)
        large = head.length > SMALL_BODY_BYTES
        if large and self._large >= MAX_LARGE_BODIES:
            return False, refusal(503, "unavailable", "Too many large bodies are under way.").extended(_LATER)
        self._large += large
        try:
            request = head.request(await _body(head, reader, writer), _peer(writer))
            return head.method == "HEAD", await self._asked(request)
        finally:
            self._large -= large

    async def _asked(self, request: Request) -> Answer:
        """What is answered. Nobody who waits for this side is taken for one who keeps it waiting."""
        task = asyncio.current_task()
        assert task is not None
        self._waiting.pop(task, None)
        try:
            return await self._answer(request)
        except Exception:
            structlog.get_logger().exception("control_failed")
            return refusal(500, "internal", "The answer could not be made; the log says why.")
        finally:
            if task in self._serving:
                self._waiting[task] = None


async def _body(head: Head, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
    if head.waits:
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    async with asyncio.timeout(BODY_SECONDS):
        return await reader.readexactly(head.length)


def _peer(writer: asyncio.StreamWriter) -> str:
    name = writer.get_extra_info("peername")
    return str(name[0]) if isinstance(name, tuple) and name else ""


def _head(answer: Answer) -> bytes:
    fields = [("cache-control", "no-store"), ("connection", "close"), *answer.headers]
    if answer.status != HTTPStatus.NO_CONTENT:
        fields[:0] = [("content-type", answer.content_type), ("content-length", str(len(answer.body)))]
    lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}", *(f"{k}: {v}" for k, v in fields)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
