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

from aiohttp.http_parser import RawResponseMessage

from aigw.adapter import Ask, Outgoing
from aigw.errors import AnswerBroken, AttemptFailed, AttemptTimeout, BadAnswer, Helps
from aigw.observe import record as recorded
from aigw.relay.drive import Unfinished, run
from aigw.relay.upstream.connection import Connection
from aigw.wire.complaint import complaint
from aigw.wire.format import Verdict
from aigw.wire.headers import request_head
from aigw.wire.opening import Opening

if TYPE_CHECKING:
    from aigw.relay.failover import Exchange
    from aigw.routing.plan import Candidate
    from aigw.snapshot import Limits

# An error's body is a few hundred bytes of JSON; some providers send a web page.
MAX_ERROR_BYTES = 65_536
# How long a stream's preamble is kept back for the sake of failover before the caller gets it, in seconds.
# Shorter than any proxy's patience (20 s is the shortest watchdog known), longer than an overload takes to show.
MAX_HOLD = 5.0
# The silence of a stream is looked at this many times per limit.
IDLE_CHECKS = 8

_MOVES_KEY = frozenset({401, 402, 403, 404, 408, 409, 425, 429})
_MOVES_MODEL = frozenset({400, 413, 422})


class Phase(enum.Enum):
    """How far an attempt is."""

    CONNECTING = 0
    WAITING = 1
    HOLDING = 2
    COLLECTING = 3
    PASSING = 4
    DONE = 5


def helps(status: int) -> Helps:
    """Where to go after an upstream's status: SPEC.md, "Failover"."""
    if status in _MOVES_MODEL:
        return Helps.NEXT_MODEL
    if status in _MOVES_KEY or status >= 500 or 300 <= status < 400:
        return Helps.NEXT_KEY
    return Helps.NOTHING


class Attempt:
    """A listener of the connection it asks on. Reports to its exchange, once: committed or failed."""

    # Defaults stand in the class: one of these is made per attempt, and most of them never change.
    phase = Phase.CONNECTING
    connection: Connection | None = None
    head: RawResponseMessage | None = None
    kind = ""
    length = -1
    body = b""
    error: AttemptFailed | None = None
    _held: list[bytes]
    _opening: Opening | None = None
    _sent = 0
    _chunked = False
    _task: asyncio.Task[None] | None = None
    _arrived = False
    _last = 0.0
    _stream_end = 0.0

    def __init__(
        self, exchange: Exchange, candidate: Candidate, limits: Limits, record: recorded.Attempt, due: float
    ) -> None:
        self.exchange = exchange
        self.candidate = candidate
        self.limits = limits
        self.record = record
        self.due = due

    # -- asking ------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Ask at once where a pooled connection is there; else in a task that ends when the request is out."""
        request = self.exchange.request
        candidate = self.candidate
        ask = Ask(request.operation, candidate.model, candidate.key, request.headers, request.id, request.query)
        try:
            outgoing = run(candidate.provider.adapt(ask))
        except AttemptFailed as error:
            self.fail(error)
            return
        relay = self.exchange.relay
        if not isinstance(outgoing, Unfinished):
            connection = relay.pool.take(outgoing.origin)
            if connection is not None:
                self.record.reused = True
                self._send(connection, outgoing)
                return
        self._task = relay.loop.create_task(self._connect(outgoing))

    async def _connect(self, adapted: Outgoing | Unfinished[Outgoing]) -> None:
        relay = self.exchange.relay
        try:
            outgoing = await adapted if isinstance(adapted, Unfinished) else adapted
            before = monotonic()
            connection = await relay.pool.connect(outgoing.origin, self.limits.connect_timeout)
        except AttemptFailed as error:
            self.fail(error)
            return
        self.record.connect_ms = (monotonic() - before) * 1e3
        self._task = None
        self._send(connection, outgoing)

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
        self.connection = connection
        self.phase = Phase.WAITING
        self._chunked = length is None
        if self._chunked:
            pieces = _chunks(pieces, last=body.complete)
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
            pieces = _chunks(pieces, last=body.complete)
        connection.send(b"".join(pieces), more=not body.complete)
        self._sent_so_far()

    def _sent_so_far(self) -> None:
        if self.exchange.is_last:
            self.exchange.request.body.release(self._sent)

    # -- the connection's listener -------------------------------------------------------------------------

    def on_arrival(self, head: RawResponseMessage | None, data: bytes, complete: bool) -> None:
        """Bytes of the answer, in the loop turn in which they came."""
        if self.phase is Phase.PASSING:
            self._arrived = True
            if complete:
                self._end()
            self.exchange.caller.on_bytes(data, complete)
            return
        if head is not None:
            self._open(head)
            if head.code == 101:
                self.exchange.caller.on_switched(self)
                self.exchange.caller.on_bytes(data, False)
                return
        if complete:
            self.connection = None
        if self.phase is Phase.COLLECTING:
            self._collect(data, complete)
        elif self.phase is Phase.HOLDING:
            self._hold(data, complete)
        elif data or complete:
            self._first_bytes(data, complete)

    def _open(self, head: RawResponseMessage) -> None:
        self.head = head
        self.record.status = head.code
        self.kind = head.headers.get("Content-Type", "")
        if not head.chunked:
            self.length = int(head.headers.get("Content-Length", -1))
        if head.code == 101:
            self.phase = Phase.PASSING
            self.exchange.relay.deadlines.forget(self)
        elif not 200 <= head.code < 300:
            self.phase = Phase.COLLECTING
            self._held = []
        elif "text/event-stream" in self.kind:
            self.phase = Phase.HOLDING
            self._held = []
            self._opening = Opening(self.exchange.request.format, head.headers.get("Content-Encoding"))

    def _first_bytes(self, data: bytes, complete: bool) -> None:
        """An answer that is no stream: it goes on with its first bytes, unless they say that it is none."""
        if "text/html" in self.kind:
            self.fail(BadAnswer("html", "the upstream answered with a web page"))
        elif data.startswith(b'{"error":{') and "json" in self.kind:
            self.body = data
            what = _with("the upstream answered with an error dressed as success", data)
            self.fail(BadAnswer("error_in_answer", what))
        else:
            self._commit(data, complete)

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
            self.fail(BadAnswer("error_in_stream", _with("the stream began with an error", self.body)))
        elif verdict is Verdict.CONTENT:
            self._commit(b"".join(self._held), complete)
        elif complete:
            self.fail(BadAnswer("empty_stream", "the stream ended before it had any content"))

    def _collect(self, data: bytes, complete: bool) -> None:
        assert self.head is not None
        self._held.append(data)
        if complete or sum(map(len, self._held)) > MAX_ERROR_BYTES:
            self.body = b"".join(self._held)
            self.fail(AttemptFailed(f"status_{self.head.code}"))

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
            self.due = now + self.limits.stream_idle_timeout / IDLE_CHECKS
        self._held = []
        self.exchange.caller.on_commit(self, data, complete)

    def _end(self) -> None:
        """The answer is complete; the connection went back to its pool."""
        self.connection = None
        self._finish()

    def on_lost(self, error: AttemptFailed) -> None:
        """The connection is gone, or what came on it cannot be trusted."""
        self.connection = None
        if self.phase is Phase.PASSING:
            self._break(error.reason, error.detail)
        elif self.phase is Phase.COLLECTING:
            self.body = b"".join(self._held)
            self.fail(AttemptFailed(f"status_{self.record.status}"))
        else:
            self.fail(error)

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


def _with(what: str, error: bytes) -> str:
    """What happened, and what the upstream said about it."""
    said = complaint(error)
    return f"{what}: {said}" if said else what


def _chunks(pieces: list[bytes], *, last: bool) -> list[bytes]:
    """Each piece as a chunk (RFC 9112, section 7.1), and the end of the body behind the last."""
    chunks = [b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces if piece]
    return [*chunks, b"0\r\n\r\n"] if last else chunks
