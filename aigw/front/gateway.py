"""The data plane of one process: what its connections share, and its beginning and end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from secrets import token_hex
from time import monotonic, time
from typing import Protocol

import attrs
from aiohttp import web

from aigw.errors import Refusal
from aigw.front.connection import CallerConnection
from aigw.front.delivery import Delivery
from aigw.front.planner import Planner
from aigw.observe import record as recorded
from aigw.observe.record import Record
from aigw.observe.scrub import Scrubber
from aigw.relay.attempt import Attempt
from aigw.relay.failover import Relay
from aigw.snapshot import Snapshot
from aigw.wire.format import Format, Trouble
from aigw.wire.head import X_REQUEST_ID, Head
from aigw.wire.inflate import InflateError, inflater

SWEEP = 1.0


def request_ids() -> Iterator[str]:
    """Unique ids: a random part of this process, and a count. Neither is a secret."""
    process = token_hex(8)
    for number in count(1):
        yield f"req_{process}{number:08x}"


# What an incoming x-request-id may look like to be taken over: it goes into headers and logs.
MAX_REQUEST_ID = 128
_SAFE = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:")


class Patience(Protocol):
    """How long callers may take; the server's settings have these, in seconds."""

    @property
    def head_timeout(self) -> float: ...
    @property
    def body_idle_timeout(self) -> float: ...
    @property
    def keepalive_timeout(self) -> float: ...


@attrs.frozen
class ErrorBody:
    """An upstream's error as the caller gets it; `replaced` when it was not in the caller's format."""

    data: bytes
    replaced: bool


class Gateway:
    """One process's data plane."""

    def __init__(
        self,
        snapshot: Snapshot,
        relay: Relay,
        formats: Mapping[str, Format],
        patience: Patience,
        scrubber: Scrubber,
        sinks: tuple[Callable[[Record], None], ...] = (),
        *,
        max_head_bytes: int = 65_536,
        max_connections: int = 0,
    ) -> None:
        self.snapshot = snapshot
        self.relay = relay
        self.formats = formats
        self.patience = patience
        self.max_head_bytes = max_head_bytes
        self.draining = False
        self.planner = Planner()
        self.connections: set[CallerConnection] = set()
        self._ids = request_ids()
        self._max_connections = max_connections
        self._scrubber = scrubber
        self._sinks = sinks
        self._finished: list[Delivery] = []
        self._sweeper: asyncio.TimerHandle | None = None
        self._local: web.Server | None = None
        self._drained: asyncio.Future[None] | None = None

    # -- connections -----------------------------------------------------------------------------------------

    def __call__(self) -> CallerConnection:
        """The protocol factory of the listeners."""
        return CallerConnection(self)

    def connected(self, connection: CallerConnection) -> None:
        """A caller has connected."""
        self.connections.add(connection)
        if (self._max_connections and len(self.connections) > self._max_connections) or self.draining:
            connection.transport.close()

    def disconnected(self, connection: CallerConnection) -> None:
        """A caller is gone, or its connection is aiohttp's now."""
        self.connections.discard(connection)
        self._note_drained()

    def local_server(self) -> asyncio.Protocol:
        """aiohttp's protocol for requests the gateway answers by itself (models lists)."""
        if self._local is None:
            from aigw.front.local import Local

            self._local = web.Server(Local(self).handle, access_log=None, keepalive_timeout=0)
        return self._local()

    def start(self) -> None:
        """Begin to look after idle connections."""
        self._sweeper = self.relay.loop.call_later(SWEEP, self._sweep)

    def _sweep(self) -> None:
        now = monotonic()
        for connection in list(self.connections):
            connection.sweep(now)
        self.relay.pool.sweep(now)
        self._sweeper = self.relay.loop.call_later(SWEEP, self._sweep)

    # -- requests ----------------------------------------------------------------------------------------------

    def request_id(self, head: Head) -> str:
        """The caller's own x-request-id if it is a plain token, else a new one."""
        sent = head.noted.get(X_REQUEST_ID)
        if sent and len(sent) <= MAX_REQUEST_ID and _SAFE.issuperset(sent):
            return sent.decode("ascii")
        return next(self._ids)

    def scrub(self, body: bytes) -> bytes:
        """Without any configured secret."""
        return self._scrubber.scrub(body)

    def error_body(self, attempt: Attempt, format: Format, request_id: str) -> ErrorBody:
        """What an upstream said about its error: as it is if it is JSON, else in words of the caller's format."""
        assert attempt.head is not None
        body, headers = attempt.body, attempt.head.headers
        encoding = headers.get("Content-Encoding")
        if encoding and (undo := inflater(encoding)) is not None:
            try:
                body = undo.feed(body)
            except InflateError:
                body = b""
        body = self._scrubber.scrub(body)
        if "json" in headers.get("Content-Type", "") and body.lstrip()[:1] in (b"{", b"["):
            return ErrorBody(body, bool(encoding))
        text = body[:400].decode("utf-8", "replace").strip() or "no further explanation"
        message = f"The provider `{attempt.record.provider}` answered with status {attempt.head.code}: {text}"
        trouble = Trouble(attempt.head.code, "upstream_error", message, None, request_id)
        return ErrorBody(format.error(trouble), True)

    def finish(self, turn: Delivery) -> None:
        """A turn is over; its record is shown to the sinks once the loop has written the answer out."""
        self._finished.append(turn)
        if len(self._finished) == 1:
            self.relay.loop.call_soon(self._settle)

    def _settle(self) -> None:
        finished, self._finished = self._finished, []
        for turn in finished:
            turn.settle()
            for sink in self._sinks:
                sink(turn.record)
        self._note_drained()

    def refused(self, refusal: Refusal, request_id: str, method: str, path: str) -> None:
        """A request that never became a turn: unknown path or method, or not HTTP."""
        record = Record(request_id, "", monotonic(), time())
        record.status = refusal.http_status
        record.outcome = recorded.REFUSED
        record.error = refusal.error_code
        record.finish(monotonic())
        for sink in self._sinks:
            sink(record)

    # -- the end -------------------------------------------------------------------------------------------------

    async def drain(self, timeout: float) -> None:
        """Take no new requests, let the ones under way finish within `timeout` seconds, then cut them."""
        self.draining = True
        for connection in list(self.connections):
            connection.close()
        if self.in_flight:
            self._drained = self.relay.loop.create_future()
            try:
                async with asyncio.timeout(timeout):
                    await self._drained
            except TimeoutError:
                for connection in list(self.connections):
                    if connection.turn is not None:
                        connection.turn.cut()
            self._drained = None
        if self._local is not None:
            await self._local.shutdown(1.0)
        if self._sweeper is not None:
            self._sweeper.cancel()
        self._settle()
        for connection in list(self.connections):
            connection.transport.close()
        self.relay.pool.close()
        self.relay.pool.abort()
        self.relay.deadlines.close()

    @property
    def in_flight(self) -> int:
        """How many requests are being served."""
        return sum(connection.turn is not None for connection in self.connections)

    def _note_drained(self) -> None:
        if self._drained is not None and not self._drained.done() and not self.in_flight:
            self._drained.set_result(None)
