"""One attempt at one upstream: ask, look at how the answer begins, then pass its bytes on or say why not.

The phases, in order; a failure in any of the first four leaves the caller untouched:
connecting -> waiting (for the head and the first byte) -> holding (a stream's preamble) or collecting (an error's
body) -> passing (committed: from here on bytes go to the caller as they arrive).
"""

from __future__ import annotations

import asyncio
import enum
from time import monotonic
from typing import TYPE_CHECKING

from aigw.adapter import Ask, Outgoing
from aigw.errors import AnswerBroken, AttemptFailed, AttemptTimeout, BadAnswer, ConnectionClosed
from aigw.observe import record as recorded
from aigw.relay.drive import Unfinished, run
from aigw.relay.upstream.connection import Connection
from aigw.relay.worth import TELLING, disguised, said
from aigw.relay.worth import helps as helps
from aigw.wire.chunked import chunked
from aigw.wire.format import Verdict
from aigw.wire.headers import request_head
from aigw.wire.message import ResponseHead
from aigw.wire.opening import Opening

if TYPE_CHECKING:
    from aigw.relay.failover import Exchange
    from aigw.relay.request import Request
    from aigw.routing.plan import Candidate
    from aigw.snapshot import Limits

# An error's body is a few hundred bytes of JSON; some providers send a web page.
MAX_ERROR_BYTES = 65_536
# How long a stream's preamble is kept back for the sake of failover before the caller gets it, in seconds.
# Shorter than any proxy's patience (20 s is the shortest watchdog known), longer than an overload takes to show.
MAX_HOLD = 5.0
# The silence of a stream is looked at this many times per limit.
IDLE_CHECKS = 8

# What may be done twice with the effect of once (RFC 9110, section 9.2.2), among the methods that APIs have here.
_IDEMPOTENT = frozenset({"GET", "HEAD", "DELETE"})


class Phase(enum.Enum):
    """How far an attempt is."""

    CONNECTING = 0
    WAITING = 1
    HOLDING = 2
    COLLECTING = 3
    PASSING = 4
    DONE = 5


class Attempt:
    """A listener of the connection it asks on. Reports to its exchange, once: committed or failed.

    A kept connection that dies before it has answered anything says nothing about the upstream: what may be done
    twice and has no body (a GET, a DELETE) is asked once more, on another connection. Anything else may have been
    done and paid for; it is not sent twice to the same candidate.
    """

    _held: list[bytes]
    _outgoing: Outgoing

    def __init__(
        self, exchange: Exchange, candidate: Candidate, limits: Limits, record: recorded.Attempt, due: float
    ) -> None:
        self.phase = Phase.CONNECTING
        self.connection: Connection | None = None
        self.head: ResponseHead | None = None
        self.kind = ""
        self.length = -1
        self.body = b""
        self.error: AttemptFailed | None = None
        self._opening: Opening | None = None
        self._sent = 0
        self._chunked = False
        self._begun = b""
        self._collected = 0
        self._asked_again = False
        self._task: asyncio.Task[None] | None = None
        self._arrived = False
        self._last = 0.0
        self._stream_end = 0.0
        self.exchange = exchange
        self.candidate = candidate
        self.limits = limits
        self.record = record
        self.due = due

    # -- asking ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Ask at once where a pooled connection is there; else in a task that ends when the request is out."""
        try:
            outgoing = self._adapted(self.exchange.request, self.candidate)
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

    def _adapted(self, request: Request, candidate: Candidate) -> Outgoing | Unfinished[Outgoing]:
        """How this attempt goes out, as the provider says now or has said for good."""
        operation = request.operation
        usual = not request.id and not request.query
        kept = candidate.kept.get(operation.name) if usual else None
        if kept is not None:
            return kept
        ask = Ask(operation, candidate.model, candidate.key, request.headers, request.id, request.query)
        outgoing = run(candidate.provider.adapt(ask))
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
        request = self.exchange.request
        model = self.candidate.model
        body = request.body
        length = body.length(model)
        head = request_head(
            outgoing.prefix,
            request.head.forwarded,
            outgoing.dropped | request.dropped if request.dropped else outgoing.dropped,
            length,
            request.extra,
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
        body = self.exchange.request.body
        pieces = body.pieces(self.candidate.model, self._sent)
        self._sent += len(pieces)
        if self._chunked:
            pieces = chunked(pieces, last=body.complete)
        connection.send(b"".join(pieces), more=not body.complete)
        self._sent_so_far()

    def _sent_so_far(self) -> None:
        if self.exchange.is_last:
            self.exchange.request.body.release(self._sent)

    # -- the connection's listener -------------------------------------------------------------------------

    def on_arrival(self, head: ResponseHead | None, data: bytes, complete: bool) -> None:
        """Bytes of the answer, in the loop turn in which they came."""
        if self.phase is Phase.PASSING:
            self._arrived = True
            if complete:
                self._end()
            self.exchange.caller.on_bytes(data, complete)
            return
        if head is not None and head.code == 101:
            self._switch(head, data)
            return
        if head is not None:
            self._open(head)
        if complete:
            self.connection = None
        self._judge(data, complete)

    def _judge(self, data: bytes, complete: bool) -> None:
        if self.phase is Phase.COLLECTING:
            self._collect(data, complete)
        elif self.phase is Phase.HOLDING:
            self._hold(data, complete)
        elif data or complete:
            self._first_bytes(data, complete)

    def _switch(self, head: ResponseHead, data: bytes) -> None:
        """The upstream speaks another protocol from here on, if it was asked to."""
        self.head = head
        self.record.status = head.code
        if b"upgrade" not in self.exchange.request.extra:
            self.fail(BadAnswer("bad_http", "the upstream switched protocols without being asked"))
            return
        self.phase = Phase.PASSING
        self.exchange.relay.deadlines.forget(self)
        self.exchange.caller.on_switched(self)
        self.exchange.caller.on_bytes(data, False)

    def _open(self, head: ResponseHead) -> None:
        self.head = head
        self.record.status = head.code
        self.kind = head.headers.get("Content-Type", "")
        if not head.chunked:
            self.length = int(head.headers.get("Content-Length", -1))
        if not 200 <= head.code < 300:
            self.phase = Phase.COLLECTING
            self._held = []
        elif "text/event-stream" in self.kind:
            self.phase = Phase.HOLDING
            self._held = []
            self._opening = Opening(self.exchange.request.format, head.headers.get("Content-Encoding"))

    def _first_bytes(self, data: bytes, complete: bool) -> None:
        """An answer that is no stream: it goes on with its first bytes, unless they say that it is none."""
        if self._begun:
            data = self._begun + data
        if len(data) < TELLING and not complete and "json" in self.kind:
            self._begun = data
            return
        error = disguised(self.kind, data)
        if error is None:
            self._commit(data, complete)
        else:
            self.body = data
            self.fail(error)

    def _hold(self, data: bytes, complete: bool) -> None:
        assert self._opening is not None
        if data:
            self._held.append(data)
            if self.record.first_byte_ms is None:
                self._note_first_byte()
                self.due = monotonic() + MAX_HOLD
        verdict = self._opening.feed(data)
        if verdict is Verdict.ERROR:
            self.body = self._opening.error
            self.fail(BadAnswer("error_in_stream", said("the stream began with an error", self.body)))
        elif verdict is Verdict.CONTENT:
            self._commit(b"".join(self._held), complete)
        elif complete:
            self.fail(BadAnswer("empty_stream", "the stream ended before it had any content"))

    def _collect(self, data: bytes, complete: bool) -> None:
        self._held.append(data)
        self._collected += len(data)
        if complete or self._collected > MAX_ERROR_BYTES:
            self._fail_by_status()

    def _fail_by_status(self) -> None:
        self.body = b"".join(self._held)
        self.fail(AttemptFailed(f"status_{self.record.status}"))

    def _note_first_byte(self) -> None:
        self.record.first_byte_ms = (monotonic() - self.record.started) * 1e3

    def _commit(self, data: bytes, complete: bool) -> None:
        if self.record.first_byte_ms is None:
            self._note_first_byte()
        self.phase = Phase.PASSING
        if complete:
            self._end()
        else:
            now = monotonic()
            self._last = now
            self._stream_end = now + self.limits.stream_total_timeout
            self.due = min(now + self.limits.stream_idle_timeout / IDLE_CHECKS, self._stream_end)
        self._held = []
        self.exchange.caller.on_commit(self, data, complete)

    def _end(self) -> None:
        """The answer is complete; the connection went back to its pool."""
        self.connection = None
        self._finish()

    def on_lost(self, error: AttemptFailed) -> None:
        """The connection is gone, or what came on it cannot be trusted."""
        connection, self.connection = self.connection, None
        if self.phase is Phase.PASSING:
            self._break(error.reason, error.detail)
        elif self.phase is Phase.COLLECTING:
            self._fail_by_status()
        elif isinstance(error, ConnectionClosed) and connection is not None and self._may_ask_again(connection):
            self._asked_again = True
            self.phase = Phase.CONNECTING
            self._task = self.exchange.relay.loop.create_task(self._connect(self._outgoing))
        else:
            self.fail(error)

    def _may_ask_again(self, connection: Connection) -> bool:
        request = self.exchange.request
        died_kept = self.record.reused and connection.unanswered and not self._asked_again
        return died_kept and request.operation.method in _IDEMPOTENT and not request.body.count()

    def on_full(self) -> None:
        """The upstream takes the request more slowly than the caller sends it."""
        self.exchange.request_full()

    def on_drained(self) -> None:
        """It may go on."""
        self.exchange.request_drained()

    # -- time ----------------------------------------------------------------------------------------------

    def expired(self, now: float) -> None:
        """Called by the deadlines once `due` has passed."""
        if self.phase is Phase.PASSING:
            self._check_stream(now)
        elif self.phase is Phase.HOLDING and self._held:
            self._commit(b"".join(self._held), False)
        elif self.phase is Phase.COLLECTING:
            self._fail_by_status()
        else:
            seconds = f"{now - self.record.started:.1f} s"
            waiting = "connection" if self.phase is Phase.CONNECTING else "first byte of an answer"
            self.fail(AttemptTimeout("timeout", f"no {waiting} within {seconds}"))

    def _check_stream(self, now: float) -> None:
        if self._arrived or self.exchange.paused:
            self._arrived = False
            self._last = now
        if now >= self._stream_end:
            self._break("stream_total_timeout", f"the answer took over {self.limits.stream_total_timeout:g} s")
        elif now - self._last >= self.limits.stream_idle_timeout:
            self._break("stream_idle_timeout", f"the upstream was silent for {self.limits.stream_idle_timeout:g} s")
        else:
            self.due = min(now + self.limits.stream_idle_timeout / IDLE_CHECKS, self._stream_end)

    # -- the end -------------------------------------------------------------------------------------------

    def fail(self, error: AttemptFailed) -> None:
        """Nothing of this attempt reached the caller: the exchange goes on to the next candidate."""
        if self.phase is Phase.DONE:
            return
        self.error = error
        self.record.reason = error.reason
        self.cancel()
        self.exchange.attempt_failed(self)

    def _break(self, reason: str, detail: str) -> None:
        self.record.reason = reason
        self.cancel()
        self.exchange.broken(AnswerBroken(reason, detail))

    def cancel(self) -> None:
        """Stop whatever is under way and close the connection; calls nobody back."""
        self._finish()
        if self._task is not None:
            # An attempt that fails within its own task is not to be cancelled: the task goes on to the next.
            if self._task is not asyncio.current_task():
                self._task.cancel()
            self._task = None
        if self.connection is not None:
            connection, self.connection = self.connection, None
            connection.drop()

    def _finish(self) -> None:
        self.phase = Phase.DONE
        self.exchange.relay.deadlines.forget(self)
        if self.record.ended is None:
            self.record.ended = monotonic()
