"""How are liveness, readiness and metrics asked for? By HTTP/1.1, one request on a connection, without a body.

Small on purpose and without aiohttp: the parent of several workers serves this and nothing else, and aiohttp
would double its memory and the time until workers start.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from http import HTTPStatus

import structlog

from aigw.control.health import Answer, refusal

# A probe's head is some hundred bytes; a scraper behind a mesh adds a few kilobytes.
MAX_HEAD_BYTES = 16 * 1024
# How long a client may take to send its head, and to take its answer.
HEAD_SECONDS = 5.0
SEND_SECONDS = 10.0
# How long what a client still sends is thrown away, so that closing does not take the answer with it.
LINGER_SECONDS = 1.0

Answering = Callable[[str, str], Awaitable[Answer]]


class Listener:
    """Serves one bound socket until it is closed. `answer` is given the method and the path without its query."""

    def __init__(self, answer: Answering) -> None:
        self._answer = answer
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[None]] = set()

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
        self._serving.add(task)
        try:
            await self._converse(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # the client left, or never said anything (a timeout is an OSError)
        except asyncio.CancelledError:
            # By `close`, and nothing waits for this task but asyncio's streams, which take a cancelled one for a bug
            # and report it (Python 3.11, gh-110378).
            pass
        finally:
            self._serving.discard(task)
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # What is written has left once `drain` returns.
        writer.transport.set_write_buffer_limits(0)
        head_only, answer = await self._answered(reader)
        writer.write(_head(answer) + (b"" if head_only else answer.body))
        async with asyncio.timeout(SEND_SECONDS):
            await writer.drain()
        writer.write_eof()
        async with asyncio.timeout(LINGER_SECONDS):
            while await reader.read(MAX_HEAD_BYTES):
                pass

    async def _answered(self, reader: asyncio.StreamReader) -> tuple[bool, Answer]:
        """The answer, and whether it goes without its body."""
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return False, refusal(431, "headersTooLarge", f"The head is larger than {MAX_HEAD_BYTES} bytes.")
        method, _, rest = head.partition(b"\r\n")[0].decode("latin-1").partition(" ")
        target, _, version = rest.rpartition(" ")
        if not method.isalpha() or not version.startswith("HTTP/1.") or not target.startswith("/"):
            return False, refusal(400, "badRequest", "This is not a request of HTTP/1.1 for a path.")
        try:
            return method == "HEAD", await self._answer(method, target.partition("?")[0])
        except Exception:
            structlog.get_logger().exception("control_failed")
            return method == "HEAD", refusal(500, "internal", "The answer could not be made; the log says why.")


def _head(answer: Answer) -> bytes:
    fields = (
        ("content-type", answer.content_type),
        ("content-length", str(len(answer.body))),
        ("cache-control", "no-store"),
        ("connection", "close"),
        *answer.headers,
    )
    lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}", *(f"{k}: {v}" for k, v in fields)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
