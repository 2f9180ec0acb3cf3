"""An upstream whose every byte a test writes and reads itself, for what the sandbox does not do."""

from __future__ import annotations

import asyncio
import socket
from types import TracebackType

from .caller import PATIENCE

OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"


class Visit:
    """One connection of the gateway's."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def head(self) -> bytes:
        """The next request's head with its blank line."""
        return await self.until(b"\r\n\r\n")

    async def until(self, mark: bytes) -> bytes:
        """What comes up to and with this mark."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.readuntil(mark)

    async def body(self, length: int) -> bytes:
        """So many bytes."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.readexactly(length)

    async def request(self) -> tuple[bytes, bytes]:
        """The next request as head and body; the body by its Content-Length, none without."""
        head = await self.head()
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        return head, await self.body(int(fields.get(b"content-length", b"0")))

    def send(self, data: bytes) -> None:
        """Write bytes as they are."""
        self.writer.write(data)

    async def gone(self) -> bytes:
        """Wait until the gateway closes this connection; what it sent before."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.read()
            except ConnectionResetError:
                return b""

    def close(self) -> None:
        """Close the connection: what was written still arrives."""
        self.writer.close()

    def reset(self) -> None:
        """Break the connection off with a TCP reset."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.writer.transport.abort()


class Upstream:
    """A listener; `visits` counts the connections it got. Used in `async with`."""

    def __init__(self) -> None:
        self.visits = 0
        self._arrived: asyncio.Queue[Visit] = asyncio.Queue()
        self._open: list[Visit] = []
        self._server: asyncio.Server | None = None

    @property
    def base_url(self) -> str:
        """The address with the path that SDKs' base URLs end in."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visit = Visit(reader, writer)
        self.visits += 1
        self._open.append(visit)
        self._arrived.put_nowait(visit)

    async def accept(self) -> Visit:
        """The next connection."""
        async with asyncio.timeout(PATIENCE):
            return await self._arrived.get()

    async def __aenter__(self) -> Upstream:
        self._server = await asyncio.start_server(self._take, "127.0.0.1", 0, limit=64 * 2**20)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for visit in self._open:
            visit.writer.transport.abort()
        await asyncio.sleep(0)
