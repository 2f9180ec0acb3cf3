"""Upstreams that send exactly the bytes a test gives them, a proxy of a few lines, and a listener that remembers."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Callable

from aigw.adapter import Origin
from aigw.errors import AttemptFailed
from aigw.wire.message import ResponseHead

HOST = "127.0.0.1"
GET = b"GET /x HTTP/1.1\r\nhost: up\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
# Nothing here waits longer than this for something that has to come.
PATIENCE = 20.0


async def until(condition: Callable[[], object]) -> None:
    """Let the loop turn until the condition holds."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - any condition, also of what has no event to wait for
            await asyncio.sleep(0)


async def turns(number: int = 20) -> None:
    """Let the loop turn: what was going to happen at once has happened."""
    for _ in range(number):
        await asyncio.sleep(0)


class Peer(asyncio.Protocol):
    """The upstream's end of one connection: what came, and bytes to send back."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.came = bytearray()
        self.over = False
        self.full = False
        self.written = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.came += data

    def connection_lost(self, exc: BaseException | None) -> None:
        self.over = True

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False

    async def head(self) -> bytes:
        """The next request's head, its blank line included; what follows stays in `came`."""
        await until(lambda: b"\r\n\r\n" in self.came)
        end = self.came.index(b"\r\n\r\n") + 4
        head = bytes(self.came[:end])
        del self.came[:end]
        return head

    async def body(self, size: int) -> bytes:
        """The next `size` bytes."""
        await until(lambda: len(self.came) >= size)
        body = bytes(self.came[:size])
        del self.came[:size]
        return body

    async def up_to(self, end: bytes) -> bytes:
        """What comes up to and with `end`."""
        await until(lambda: end in self.came)
        return await self.body(self.came.index(end) + len(end))

    async def gone(self) -> None:
        """The gateway has closed the connection."""
        await until(lambda: self.over)

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self.written += len(data)
        self.transport.write(data)

    async def answer(self, data: bytes = OK) -> bytes:
        """Wait for a request's head and send an answer; returns the head."""
        head = await self.head()
        self.write(data)
        return head

    def close(self) -> None:
        """End the connection as a server does."""
        self.transport.close()

    def close_now(self) -> None:
        """The same without a turn of the loop: it is in the sockets when this returns."""
        sock = self.transport.get_extra_info("socket")
        with socket.socket(fileno=socket.dup(sock.fileno())) as duplicate:
            duplicate.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """End the connection with a reset."""
        sock = self.transport.get_extra_info("socket")
        linger = struct.pack("ii", 1, 0)
        with socket.socket(fileno=socket.dup(sock.fileno())) as duplicate:
            duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.transport.abort()


class Upstream:
    """A server on loopback; the test takes each connection from `accept` and plays the server itself."""

    def __init__(self, secure: bool = False) -> None:
        self.peers: list[Peer] = []
        self._scheme = "https" if secure else "http"
        self._taken = 0
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self, context: ssl.SSLContext | None = None, host: str = HOST) -> None:
        """Listen on a free port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._make, host, self.port, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    def _make(self) -> Peer:
        self.peers.append(Peer())
        return self.peers[-1]

    @property
    def origin(self) -> Origin:
        """Where it is; secure ones by their name."""
        return Origin(self._scheme, "localhost" if self._scheme == "https" else HOST, self.port)

    async def accept(self) -> Peer:
        """The next connection."""
        await until(lambda: any(hasattr(peer, "transport") for peer in self.peers[self._taken :]))
        self._taken += 1
        return self.peers[self._taken - 1]

    async def stop(self) -> None:
        """Close everything and wait until it is closed."""
        if self._server is not None:
            self._server.close()
        open_peers = [peer for peer in self.peers if hasattr(peer, "transport")]
        for peer in open_peers:
            peer.transport.abort()
        await until(lambda: all(peer.over for peer in open_peers))


class Heard:
    """A listener that remembers what it was told."""

    def __init__(self) -> None:
        self.head: ResponseHead | None = None
        self.pieces: list[bytes] = []
        self.complete = False
        self.error: AttemptFailed | None = None
        self.full = 0
        self.drained = 0
        self.late = 0

    @property
    def data(self) -> bytes:
        """The body so far."""
        return b"".join(self.pieces)

    @property
    def status(self) -> int:
        """The answer's status, 0 without one."""
        return self.head.code if self.head is not None else 0

    def on_arrival(self, head: ResponseHead | None, data: bytes, complete: bool) -> None:
        self.late += self.complete or self.error is not None
        if head is not None:
            assert self.head is None
            self.head = head
        assert self.head is not None
        self.pieces.append(data)
        self.complete = complete

    def on_lost(self, error: AttemptFailed) -> None:
        self.late += self.complete or self.error is not None
        self.error = error

    def on_full(self) -> None:
        self.full += 1

    def on_drained(self) -> None:
        self.drained += 1

    async def end(self) -> None:
        """The answer is complete or lost."""
        await until(lambda: self.complete or self.error is not None)


class ConnectProxy:
    """An HTTP proxy that knows CONNECT; `refusal` is what it answers instead of 200, `heads` what it was sent."""

    def __init__(self, refusal: bytes = b"") -> None:
        self.heads: list[bytes] = []
        self.refusal = refusal
        self.port = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self._server: asyncio.Server | None = None

    async def start(self, context: ssl.SSLContext | None = None) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, HOST, 0, ssl=context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await self._pass(reader, writer)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        if self.refusal:
            writer.write(self.refusal)
            return
        host, _, port = head.split(b" ")[1].decode().rpartition(":")
        there_reader, there_writer = await asyncio.open_connection(host, int(port))
        self._writers.append(there_writer)
        writer.write(b"HTTP/1.1 200 Connection established\r\nx-proxy: test\r\n\r\n")
        await asyncio.gather(_copy(reader, there_writer), _copy(there_reader, writer))

    async def stop(self) -> None:
        """Close everything and wait until it is closed."""
        if self._server is not None:
            self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await turns()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()
    except OSError:
        writer.transport.abort()
