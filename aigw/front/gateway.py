"""The data plane of one process: what its connections share, and its beginning and end."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from itertools import count
from secrets import token_hex
from time import monotonic, time
from typing import Protocol

import attrs
import msgspec
import structlog
from aiohttp import web

from aigw.errors import Refusal
from aigw.front import answers
from aigw.front.admission import Admission, overloaded
from aigw.front.clients import Clients, client_of
from aigw.front.connection import CallerConnection
from aigw.front.delivery import Delivery
from aigw.front.planner import Planner
from aigw.front.routes import format_of
from aigw.observe import record as recorded
from aigw.observe.record import Record
from aigw.observe.scrub import Scrubber
from aigw.observe.scrubbers import Scrubbers
from aigw.relay.attempt import Attempt
from aigw.relay.failover import Relay
from aigw.snapshot import Snapshot
from aigw.wire.format import Format, Trouble
from aigw.wire.head import X_REQUEST_ID, Head
from aigw.wire.inflate import InflateError, inflater
from aigw.wire.message import RequestHead

SWEEP = 1.0
# How much of an upstream's error that is no JSON is looked at, and how much of its words is told.
MAX_WORDS_READ, MAX_WORDS = 4096, 400
_MARKUP = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|$)|<[^>]*(?:>|$)", re.IGNORECASE | re.DOTALL)


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
    def body_timeout(self) -> float: ...
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
        scrubbers: Scrubbers,
        sinks: tuple[Callable[[Record], None], ...] = (),
        *,
        max_head_bytes: int = 65_536,
        max_connections: int = 0,
        max_connections_per_client: int = 0,
        admission: Admission | None = None,
    ) -> None:
        self.snapshot = snapshot
        self.relay = relay
        self.formats = formats
        self.patience = patience
        self.max_head_bytes = max_head_bytes
        self.draining = False
        self.shedding = False
        self.admission = admission
        self.planner = Planner()
        self.connections: set[CallerConnection] = set()
        self._ids = request_ids()
        self._max_connections = max_connections
        self._max_per_client = max_connections_per_client
        self._clients = Clients(max_connections_per_client)
        self._scrubbers = scrubbers
        self._sinks = sinks
        self._finished: list[Delivery] = []
        self._sweeper: asyncio.TimerHandle | None = None
        self._local: web.Server | None = None
        self._drained: asyncio.Future[None] | None = None

    def adopt(self, snapshot: Snapshot, scrubbers: Scrubbers, patience: Patience, max_head_bytes: int) -> None:
        """Serve requests that begin from now on by another snapshot, and other limits."""
        self.snapshot = snapshot
        self.patience = patience
        self.max_head_bytes = max_head_bytes
        self._scrubbers = scrubbers
        self.relay.health.adopt(snapshot.failover)

    def adopt_keys(self, targets: Container[tuple[str, str]], rotated: Iterable[tuple[str, str]]) -> None:
        """These provider keys are in force; nothing is held against those that have another value than before."""
        self.relay.health.forget(rotated)
        self.relay.health.retain(targets)

    def listen_in(self, sink: Callable[[Record], None]) -> None:
        """Show records to one more sink."""
        self._sinks += (sink,)

    # -- connections -----------------------------------------------------------------------------------------

    def __call__(self) -> CallerConnection:
        """The protocol factory of the listeners."""
        return CallerConnection(self)

    def connected(self, connection: CallerConnection) -> None:
        """A caller has connected. One too many is told so; where even that has become too much, it is not."""
        self.connections.add(connection)
        most, now = self._max_connections, len(self.connections)
        if self.draining or (most and now > 2 * most):
            connection.transport.abort()
        elif most and now > most:
            connection.refuse(
                overloaded(f"The gateway serves no more than {most} connections (server.max_connections).")
            )
        elif self._max_per_client:
            self._connected(connection, client_of(connection.transport.get_extra_info("peername")))

    def _connected(self, connection: CallerConnection, client: str) -> None:
        """Count a client's connections; as above for one too many."""
        if not client:
            return
        connection.client = client
        most = self._max_per_client
        too_many = self._clients.came(client)
        if too_many > most:
            connection.transport.abort()
        elif too_many > 0:
            connection.refuse(
                overloaded(
                    f"The gateway serves no more than {most} connections from {client}"
                    " (server.max_connections_per_client)."
                )
            )

    def disconnected(self, connection: CallerConnection) -> None:
        """A caller is gone, or its connection is aiohttp's now."""
        self.connections.discard(connection)
        if connection.client:
            self._clients.went(connection.client)
            connection.client = ""
        self._note_drained()

    def local_server(self) -> asyncio.Protocol:
        """aiohttp's protocol for requests the gateway answers by itself (models lists)."""
        if self._local is None:
            from aigw.front.local import Local

            most = self.max_head_bytes
            self._local = web.Server(
                Local(self).handle, access_log=None, keepalive_timeout=0, max_line_size=most, max_field_size=most
            )
        return self._local()

    def start(self) -> None:
        """Begin to look after idle connections."""
        self._sweeper = self.relay.loop.call_later(SWEEP, self._sweep)

    def _sweep(self) -> None:
        # First: the fault of one connection must not keep all others from being looked after ever again.
        self._sweeper = self.relay.loop.call_later(SWEEP, self._sweep)
        now = monotonic()
        for connection in list(self.connections):
            connection.sweep(now)
        self.relay.pool.sweep(now)

    # -- requests ----------------------------------------------------------------------------------------------

    def request_id(self, head: Head) -> str:
        """The caller's own x-request-id if it is a plain token, else a new one."""
        sent = head.noted.get(X_REQUEST_ID)
        if sent and len(sent) <= MAX_REQUEST_ID and _SAFE.issuperset(sent):
            return sent.decode("ascii")
        return next(self._ids)

    def scrubber(self, account: str) -> Scrubber:
        """What takes secrets out of what this account is told."""
        return self._scrubbers.of(account)

    def error_body(self, attempt: Attempt, format: Format, request_id: str, scrubber: Scrubber) -> ErrorBody:
        """What an upstream said about its error: as it is if it is JSON, else in words of the caller's format."""
        assert attempt.head is not None
        headers = attempt.head.headers
        kind, encoding = headers.get("Content-Type", ""), headers.get("Content-Encoding", "")
        body = scrubber.scrub(_plain(attempt.body, encoding))
        if "json" in kind and _is_json(body):
            if attempt.format is format:
                return ErrorBody(body, bool(encoding))
            trouble = attempt.format.read_error(attempt.head.code, body)
            return ErrorBody(format.error(attrs.evolve(trouble, request_id=request_id)), True)
        words = _words(body) or "no further explanation"
        message = f"The provider `{attempt.record.provider}` answered with status {attempt.head.code}: {words}"
        trouble = Trouble(attempt.head.code, "upstream_error", message, None, request_id)
        return ErrorBody(format.error(trouble), True)

    def shed(self, shedding: bool) -> None:
        """Refuse whatever is new from now on, or not any more: the loop is, or was, late with everything."""
        self.shedding = shedding
        log = structlog.get_logger()
        (log.warning if shedding else log.info)("shedding" if shedding else "shedding_over", in_flight=self.in_flight)

    def finish(self, turn: Delivery) -> None:
        """A turn is over; its record is shown to the sinks once the loop has written the answer out."""
        if self.admission is not None:
            self.admission.left(turn)
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

    def refused(self, refusal: Refusal, path: str, message: RequestHead | None, *, close: bool) -> bytes:
        """The answer to a request that never became a turn: unknown path or method, or not HTTP."""
        anthropic = message is not None and "anthropic-version" in message.headers
        format = self.formats[format_of(path, anthropic)]
        request_id = self.request_id(Head(message.raw_headers if message is not None else ()))
        lines, body = answers.refusal_parts(refusal, format, request_id)
        head_only = message is not None and message.method == "HEAD"
        record = Record(request_id, "", monotonic(), time())
        record.status = refusal.http_status
        record.outcome = recorded.REFUSED
        record.error = refusal.error_code
        self.served(record)
        return answers.body_answer(refusal.http_status, lines, body, close=close, head_only=head_only)

    def served(self, record: Record) -> None:
        """A request that was no turn is over."""
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
            await self._finish_or_cut(timeout)
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

    async def _finish_or_cut(self, timeout: float) -> None:
        self._drained = self.relay.loop.create_future()
        try:
            async with asyncio.timeout(timeout):
                await self._drained
        except TimeoutError:
            for connection in list(self.connections):
                if connection.turn is not None:
                    connection.turn.cut()
        self._drained = None

    @property
    def in_flight(self) -> int:
        """How many requests are being served."""
        return sum(connection.turn is not None for connection in self.connections)

    def _note_drained(self) -> None:
        if self._drained is not None and not self._drained.done() and not self.in_flight:
            self._drained.set_result(None)


def _plain(body: bytes, encoding: str) -> bytes:
    """A body without its content coding, as far as it can be undone."""
    undo = inflater(encoding)
    if undo is None:
        return b""
    try:
        return undo.feed(body)
    except InflateError:
        return b""


def _is_json(body: bytes) -> bool:
    """Whether a body is whole: upstreams cut theirs off, or call a web page JSON."""
    try:
        msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return body.lstrip()[:1] in (b"{", b"[")


def _words(body: bytes) -> str:
    """The beginning of what a text or a web page says, on one line."""
    text = _MARKUP.sub(" ", body[:MAX_WORDS_READ].decode("utf-8", "replace"))
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:MAX_WORDS]
