"""A caller that shows every byte: it writes requests on a socket and reads what comes back, framing included."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

# Nothing here takes this long on a loopback; a test that waits longer is one that would wait forever.
PATIENCE = 10.0
CHAT = "/v1/chat/completions"
HELLO: Mapping[str, Any] = {"model": "up:sandbox-small", "messages": [{"role": "user", "content": "hello canary"}]}


@attrs.frozen
class Answer:
    """One answer: header names in lower case and in order, the body without its framing.

    `complete` says that the body ended as its framing promised (for one framed by the connection's end: always);
    `chunks` are the HTTP chunks as they were written; `interim` the statuses of the 1xx answers before it.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    complete: bool = True
    chunks: tuple[bytes, ...] = ()
    interim: tuple[int, ...] = ()

    def header(self, name: str) -> str | None:
        """The first header of that name."""
        return next((value for key, value in self.headers if key == name), None)

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The gateway's own error code, None for an answer that is not the gateway's."""
        return self.header("x-aigw-error")


def request(
    body: Mapping[str, Any] | bytes | None = None,
    path: str = CHAT,
    *,
    method: str | None = None,
    token: str | None = None,
    headers: Sequence[tuple[str, str]] = (),
    length: int | None = None,
) -> bytes:
    """The bytes of a request. A mapping goes out as JSON; `length` announces another length than the body's."""
    content = json.dumps(body).encode() if isinstance(body, Mapping) else body
    lines = [f"{method or ('GET' if content is None else 'POST')} {path} HTTP/1.1", "host: gateway"]
    if token is not None:
        lines.append(f"authorization: Bearer {token}")
    names = {name.lower() for name, _ in headers}
    if isinstance(body, Mapping) and "content-type" not in names:
        lines.append("content-type: application/json")
    lines += [f"{name}: {value}" for name, value in headers]
    if content is not None and not names & {"content-length", "transfer-encoding"}:
        lines.append(f"content-length: {len(content) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (content or b"")


def chunked(*pieces: bytes) -> bytes:
    """Pieces as HTTP chunks, with the last one (RFC 9112, section 7.1)."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


class Caller:
    """One connection to the gateway."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, token: str) -> None:
        self.reader = reader
        self.writer = writer
        self._token = token

    def send(self, data: bytes) -> None:
        """Write bytes as they are."""
        self.writer.write(data)

    def ask(
        self,
        body: Mapping[str, Any] | bytes | None = None,
        path: str = CHAT,
        *,
        method: str | None = None,
        headers: Sequence[tuple[str, str]] = (),
        length: int | None = None,
    ) -> None:
        """Write a request with the gateway's access key."""
        self.send(request(body, path, method=method, token=self._token, headers=headers, length=length))

    async def head(self) -> Answer:
        """The next answer's head; its body is left to be read. Interim answers are passed over and noted."""
        interim: list[int] = []
        while True:
            async with asyncio.timeout(PATIENCE):
                raw = await self.reader.readuntil(b"\r\n\r\n")
            line, *fields = raw.decode("latin-1").split("\r\n")[:-2]
            status = int(line.split(" ")[1])
            pairs = tuple((name.lower(), value.strip()) for name, _, value in (each.partition(":") for each in fields))
            if status >= 200 or status == 101:
                return Answer(status, pairs, b"", interim=tuple(interim))
            interim.append(status)

    async def answer(self, *, to_head: bool = False) -> Answer:
        """The next answer as a whole; `to_head` when it answers a HEAD request and so has no body."""
        head = await self.head()
        if to_head or head.status in (101, 204, 304):
            return head
        async with asyncio.timeout(PATIENCE):
            if head.header("transfer-encoding") == "chunked":
                return await self._chunked(head)
            length = head.header("content-length")
            if length is None:
                return attrs.evolve(head, body=await self.reader.read())
            try:
                return attrs.evolve(head, body=await self.reader.readexactly(int(length)))
            except asyncio.IncompleteReadError as short:
                return attrs.evolve(head, body=short.partial, complete=False)

    async def _chunked(self, head: Answer) -> Answer:
        chunks: list[bytes] = []
        complete = False
        try:
            while size := int((await self.reader.readuntil(b"\r\n")).rstrip(), 16):
                chunks.append((await self.reader.readexactly(size + 2))[:-2])
            complete = await self.reader.readexactly(2) == b"\r\n"
        except (asyncio.IncompleteReadError, ConnectionResetError):
            pass
        return attrs.evolve(head, body=b"".join(chunks), complete=complete, chunks=tuple(chunks))

    async def until(self, mark: bytes) -> bytes:
        """What comes up to and with this mark, framing included."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.readuntil(mark)

    async def rest(self) -> bytes:
        """Everything up to the connection's end. Raises ConnectionResetError when it was reset."""
        async with asyncio.timeout(PATIENCE):
            return await self.reader.read()

    def leave(self, *, reset: bool = False) -> None:
        """Close the connection, or break it off with a TCP reset."""
        if reset:
            sock = self.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.writer.transport.abort()


async def connect(port: int, token: str, *, receive_buffer: int | None = None) -> Caller:
    """A connection to 127.0.0.1; `receive_buffer` (in bytes) makes the system take little on the caller's behalf."""
    sock = socket.socket()
    if receive_buffer is not None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    sock.setblocking(False)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    try:
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    except OSError:
        sock.close()
        raise
    reader, writer = await asyncio.open_connection(sock=sock, limit=64 * 2**20 if receive_buffer is None else 1024)
    return Caller(reader, writer, token)
