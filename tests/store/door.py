"""A door before PostgreSQL that can be shut, jammed and opened again."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit, urlunsplit


class Door:
    """Passes bytes between a socket of its own and the server's, while it is open."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        host = parse_qs(parts.query)["host"][0]
        self._server_path = f"{host}/.s.PGSQL.5432"
        self._folder = tempfile.TemporaryDirectory(prefix="aigw-door-")
        self._path = Path(self._folder.name) / ".s.PGSQL.5432"
        self.url = urlunsplit(parts._replace(query=f"host={self._folder.name}"))
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.jammed = False

    async def open(self) -> None:
        """Let connections in."""
        self._server = await asyncio.start_unix_server(self._enter, self._path)

    async def shut(self) -> None:
        """Cut every connection and let none in."""
        assert self._server
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    async def close(self) -> None:
        """End it."""
        await self.shut()
        self._folder.cleanup()

    async def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            inner_reader, inner_writer = await asyncio.open_unix_connection(self._server_path)
            self._writers.add(inner_writer)
            await asyncio.gather(self._pass(reader, inner_writer), self._pass(inner_reader, writer))
        finally:
            self._tasks.discard(task)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                if not self.jammed:
                    writer.write(data)
                    await writer.drain()
        writer.transport.abort()
