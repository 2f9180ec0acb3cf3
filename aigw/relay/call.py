"""The outward half of an attempt: how it is adapted, connected and sent.

A provider's `adapt` runs without a task where it does not wait; a pooled connection is asked at once, a new one in a
task that ends when the request is out.
"""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Mapping
from time import monotonic
from typing import TYPE_CHECKING

from aigw.adapter import Ask, Operation, Outgoing
from aigw.errors import AttemptFailed
from aigw.observe import record as recorded
from aigw.relay.drive import Unfinished, run
from aigw.relay.upstream.connection import Connection
from aigw.wire.chunked import chunked
from aigw.wire.headers import request_head
from aigw.wire.message import ResponseHead

if TYPE_CHECKING:
    from aigw.relay.failover import Exchange
    from aigw.relay.request import Body
    from aigw.relay.translation import Translated
    from aigw.routing.health import Target
    from aigw.routing.plan import Candidate
    from aigw.snapshot import Limits

_NO_HEADERS: Mapping[str, str] = {}


class Phase(enum.Enum):
    """How far an attempt is."""

    CONNECTING = 0
    WAITING = 1
    HOLDING = 2
    COLLECTING = 3
    GATHERING = 4
    PASSING = 5
    DONE = 6


class Call:
    """One request to one upstream, as the caller sent it or translated."""

    _outgoing: Outgoing
    target: Target

    def __init__(
        self,
        exchange: Exchange,
        candidate: Candidate,
        limits: Limits,
        record: recorded.Attempt,
        translated: Translated | None,
    ) -> None:
        self.phase = Phase.CONNECTING
        self.connection: Connection | None = None
        self._sent = 0
        self._chunked = False
        self._asked_again = False
        self.let_go = False
        self._task: asyncio.Task[None] | None = None
        # What the walk knows of it: a half-open circuit's probe, paid from the retry budget, told to be well.
        self.probe = 0
        self.again = False
        self.answered = False
        self.exchange = exchange
        self.candidate = candidate
        self.limits = limits
        self.record = record
        self.translated = translated
        request = exchange.request
        self.operation: Operation = request.operation if translated is None else translated.operation
        self.outbound: Body = request.body if translated is None else translated.body

    def start(self) -> None:
        """Ask at once where a pooled connection is there; else in a task that ends when the request is out."""
        try:
            outgoing = self._adapted()
        except Exception as exc:  # a provider's code is not ours: whatever it raises ends this attempt, no more
            # In a turn of its own: a hundred candidates that fail at once must not be a hundred calls deep.
            self.exchange.relay.loop.call_soon(self.fail, self._failure(exc))
            return
        relay = self.exchange.relay
        if not isinstance(outgoing, Unfinished):
            connection = relay.pool.take(outgoing.origin)
            if connection is not None:
                self.record.reused = True
                self._send(connection, outgoing)
                return
        self._task = relay.loop.create_task(self._connect(outgoing))

    def _adapted(self) -> Outgoing | Unfinished[Outgoing]:
        """How this attempt goes out, as the provider says now or has said for good."""
        request, candidate, operation = self.exchange.request, self.candidate, self.operation
        headers, id, query = request.headers, request.id, request.query
        if self.translated is not None and self.translated.lane is not None:
            # The caller's own headers and query speak of another dialect.
            headers, id, query = _NO_HEADERS, "", self.translated.query
        usual = not id and not query
        kept = candidate.kept.get(operation.name) if usual else None
        if kept is not None:
            return kept
        outgoing = run(candidate.provider.adapt(Ask(operation, candidate.model, candidate.key, headers, id, query)))
        if usual and isinstance(outgoing, Outgoing) and candidate.provider.steady(operation):
            candidate.kept[operation.name] = outgoing
        return outgoing

    async def _connect(self, adapted: Outgoing | Unfinished[Outgoing]) -> None:
        relay = self.exchange.relay
        try:
            outgoing = await adapted if isinstance(adapted, Unfinished) else adapted
        except Exception as exc:  # as in `start`
            self.fail(self._failure(exc))
            return
        if self.phase is Phase.DONE:
            return  # cancelled, though the provider's code has swallowed that
        connection = None if self._asked_again else relay.pool.take(outgoing.origin)
        if connection is None:
            before = monotonic()
            try:
                connection = await relay.pool.connect(outgoing.origin, self.limits.connect_timeout)
            except AttemptFailed as error:
                self.fail(error)
                return
            self.record.connect_ms = (monotonic() - before) * 1e3
        self.record.reused = connection.used > 0
        self._task = None
        self._send(connection, outgoing)

    def _failure(self, exc: Exception) -> AttemptFailed:
        """What a provider raised, as this attempt's failure; what it was not to raise is reported as well."""
        if isinstance(exc, AttemptFailed):
            return exc
        message = f"the provider {self.candidate.provider.id} could not adapt a request"
        self.exchange.relay.loop.call_exception_handler({"message": message, "exception": exc})
        return AttemptFailed("provider_error", f"the provider's own code failed with {type(exc).__name__}")

    def _send(self, connection: Connection, outgoing: Outgoing) -> None:
        request, body, translated = self.exchange.request, self.outbound, self.translated
        model = self.candidate.model
        length = body.length(model)
        dropped, extra = request.dropped, request.extra
        if translated is not None:
            dropped, extra = dropped | translated.dropped, extra + translated.extra
        head = request_head(
            outgoing.prefix,
            request.head.forwarded,
            outgoing.dropped | dropped if dropped else outgoing.dropped,
            length,
            extra,
        )
        pieces = body.pieces(model)
        self._sent = len(pieces)
        self._outgoing = outgoing
        self.connection = connection
        self.phase = Phase.WAITING
        self._chunked = length is None
        if self._chunked:
            pieces = chunked(pieces, last=body.complete)
        connection.ask(self, head, pieces, more=not body.complete)
        if not body.complete:
            self._sent_so_far()

    def more(self) -> None:
        """More of the request's body has arrived."""
        connection = self.connection
        if connection is None or self.phase is Phase.DONE:
            return
        body = self.outbound
        pieces = body.pieces(self.candidate.model, self._sent)
        self._sent += len(pieces)
        if self._chunked:
            pieces = chunked(pieces, last=body.complete)
        connection.send(b"".join(pieces), more=not body.complete)
        self._sent_so_far()

    def _sent_so_far(self) -> None:
        if self.exchange.is_last:
            self.let_go = True
            self.outbound.release(self._sent)

    # -- what the other half is ------------------------------------------------------------------------------------

    def fail(self, error: AttemptFailed) -> None:
        """Nothing of this attempt reached the caller."""
        raise NotImplementedError

    def on_arrival(self, head: ResponseHead | None, data: bytes, complete: bool) -> None:
        """Bytes of the answer, in the loop turn in which they came."""
        raise NotImplementedError

    def on_lost(self, error: AttemptFailed) -> None:
        """The connection is gone, or what came on it cannot be trusted."""
        raise NotImplementedError

    def on_full(self) -> None:
        """The upstream takes the request more slowly than the caller sends it."""
        self.exchange.request_full()

    def on_drained(self) -> None:
        """It may go on."""
        self.exchange.request_drained()
