"""Writing an answer on a connection, byte for byte, and breaking it where a fault says so.

Answers do not go through aiohttp's response classes: what is on the wire, in which write, and how the
connection ends is the point of this room, so head, framing and ending are written here.
"""

import asyncio
import socket
import struct
from collections.abc import Iterator
from http import HTTPStatus

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import HttpVersion11

from .faults import Faults, Place
from .reply import Reply
from .said import Said
from .staging import Staged, stage
from .streaming import Ending

_PHRASES = {status.value: status.phrase for status in HTTPStatus} | {529: "Overloaded"}
_LINGER_ZERO = struct.pack("ii", 1, 0)
_NOTHING_SENT = Place(0)
# A reset throws away what was not sent yet: before it the sandbox waits this long for its buffer to empty.
_DRAIN_ROUNDS = 1000
_DRAIN_PAUSE = 0.001
_INFORMATIONAL = (
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nlink: </style.css>; rel=preload\r\n\r\n",
)
_NO_BODY = (204, 304)
# Where the length of a chunk should stand (RFC 9112, 7.1).
_NO_CHUNK = b"zz\r\nnot a chunk\r\n"

Lines = tuple[tuple[str, str], ...]


class Sent(web.StreamResponse):
    """Tells aiohttp that the answer is out already, and whether the connection may carry another request."""

    def __init__(self, reusable: bool) -> None:
        super().__init__()
        self._reusable = reusable

    @property
    def keep_alive(self) -> bool | None:
        """Whether aiohttp waits for the next request on this connection."""
        return self._reusable

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Nothing is left to prepare."""
        return None

    async def write_eof(self, data: bytes = b"") -> None:
        """Nothing is left to write."""


class Wire:
    """One connection while it carries one answer."""

    def __init__(self, request: web.BaseRequest) -> None:
        self._request = request
        self.reusable = request.keep_alive
        self.chunkable = request.version >= HttpVersion11
        self.sent = 0

    def write(self, data: bytes) -> None:
        """Hand bytes to the transport. Raises ConnectionResetError when the caller has gone."""
        self._transport().write(data)
        self.sent += len(data)

    async def flow(self) -> None:
        """Wait while the caller reads more slowly than we write."""
        await self._request.writer.drain()

    def cut(self) -> None:
        """Close without a last chunk: what was written still arrives, then the end."""
        self.reusable = False
        self._transport().close()

    async def reset(self) -> None:
        """Send what was written, then a TCP reset (RFC 9293, 3.10.4: close with SO_LINGER at zero)."""
        self.reusable = False
        transport = self._transport()
        for _ in range(_DRAIN_ROUNDS):
            if not transport.get_write_buffer_size():
                break
            await asyncio.sleep(_DRAIN_PAUSE)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
        transport.abort()

    def _transport(self) -> asyncio.Transport:
        transport = self._request.transport
        if transport is None:
            raise ConnectionResetError("the caller has gone")
        return transport


async def deliver(wire: Wire, reply: Reply, faults: Faults, headers: Lines, said: Said | None = None) -> None:
    """Write one answer under its faults; `said` is told how much of it went out.

    Returns when the answer is out or the connection is broken as asked; a stall returns only by cancellation,
    when the caller leaves. Raises ConnectionResetError when the caller has gone.
    """
    staged = stage(reply, faults, said)
    if await silenced(wire, faults):
        return
    head = _head(wire, reply, staged, faults, headers)
    if faults.informational:
        wire.write(b"".join(_INFORMATIONAL))
    if reply.status in _NO_BODY:
        wire.write(head)
        return
    await _body(wire, head, staged, faults)
    # A length that promises more than comes is kept by nobody's patience but by the end of the connection.
    if faults.close_after or (staged.length is not None and (faults.length or 0) > 0):
        wire.cut()


async def silenced(wire: Wire, faults: Faults) -> bool:
    """Apply what happens before the head; True when there will be none."""
    if faults.first_byte_delay:
        await asyncio.sleep(faults.first_byte_delay)
    if faults.stall_head:
        await asyncio.Event().wait()
    if faults.close_before_head:
        wire.cut()
        return True
    if faults.reset == _NOTHING_SENT:
        await wire.reset()
        return True
    return False


def _head(wire: Wire, reply: Reply, staged: Staged, faults: Faults, headers: Lines) -> bytes:
    lines = [
        f"HTTP/1.1 {reply.status} {_PHRASES.get(reply.status, '')}",
        f"content-type: {staged.content_type}",
    ]
    lines += [f"{name}: {value}" for name, value in (*headers, *reply.headers)]
    if faults.encoding:
        lines.append(f"content-encoding: {faults.encoding}")
    if faults.nolen or (staged.length is None and not wire.chunkable):
        wire.reusable = False
    elif reply.status not in _NO_BODY:
        lines.append("transfer-encoding: chunked" if staged.length is None else f"content-length: {staged.length}")
    if not wire.reusable:
        lines.append("connection: close")
    lines += _extra(faults)
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _extra(faults: Faults) -> Iterator[str]:
    hints = {
        "retry-after": faults.retry_after,
        "retry-after-ms": faults.retry_after_ms,
        "x-should-retry": faults.should_retry,
    }
    yield from (f"{name}: {value}" for name, value in hints.items() if value is not None)
    count, length = faults.headers or (0, 0)
    yield from (f"x-sandbox-big-{number}: {'x' * length}" for number in range(count))


async def _body(wire: Wire, head: bytes, staged: Staged, faults: Faults) -> None:
    chunked = staged.length is None and wire.chunkable and not faults.nolen
    # A plain answer leaves in one write; a stream's head leaves by itself, as servers do.
    if staged.length is None or faults.first_event_delay or faults.chunk:
        wire.write(head)
        head = b""
    if faults.first_event_delay:
        await asyncio.sleep(faults.first_event_delay)
    first = True
    for frame in staged.frames:
        if not first and (faults.delay is not None or faults.chunk):
            await asyncio.sleep(faults.delay or 0)
        if isinstance(frame, Ending):
            if head:
                wire.write(head)
            await _end(wire, frame, chunked)
            return
        wire.write(b"%x\r\n%b\r\n" % (len(frame), frame) if chunked else head + frame)
        head, first = b"", False
        await wire.flow()


async def _end(wire: Wire, ending: Ending, chunked: bool) -> None:
    if ending is Ending.STALL:
        await asyncio.Event().wait()
    elif ending is Ending.RESET:
        await wire.reset()
    elif ending is Ending.CUT:
        wire.cut()
    elif ending is Ending.GARBLE:
        wire.write(_NO_CHUNK if chunked else b"")
        wire.cut()
    elif chunked:
        wire.write(b"0\r\n\r\n")
