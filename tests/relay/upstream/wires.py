"""Connections without a network: what is written is kept, what comes a test brings itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import attrs

from aigw.adapter import Origin
from aigw.relay.upstream.connect import Connector
from aigw.relay.upstream.connection import Connection
from aigw.relay.upstream.pool import Pool

from ..raw import Heard, turns

ORIGIN = Origin("http", "up", 80)


class Wire(asyncio.Transport):
    """A transport that keeps what is written; nothing comes by itself."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.unsent = 0
        self.aborted = self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def pause_reading(self) -> None:
        """Nothing comes by itself."""

    def resume_reading(self) -> None:
        """Nothing comes by itself."""

    def abort(self) -> None:
        self.aborted = True

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.aborted or self.closed

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self if name == "wire" else default


class Wires(Connector):
    """Opens connections on wires that lead nowhere."""

    wire: Wire

    async def open(self, origin: Origin, make: Callable[[], Connection], timeout: float) -> Connection:
        connection = make()
        self.wire = Wire()
        connection.connection_made(self.wire)
        return connection


@attrs.frozen(eq=False)
class Line:
    """A connection without a network."""

    connection: Connection
    wire: Wire
    pool: Pool

    async def ask(self, heard: Heard, head: bytes, body: Sequence[bytes] = (), *, more: bool = False) -> None:
        """Write a request; it is out when this returns."""
        self.connection.ask(heard, head, body, more=more)
        await turns(3)

    @property
    def usable(self) -> bool | None:
        """Whether the connection was given back to be used again, None while it is in use."""
        if self.pool.idle:
            return True
        return False if self.wire.is_closing() else None


async def make_line() -> Line:
    wires = Wires()
    pool = Pool(wires)
    return Line(await pool.connect(ORIGIN, 5), wires.wire, pool)
