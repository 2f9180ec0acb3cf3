"""One attempt at one upstream: ask (`Call`), look at how the answer begins, then pass its bytes on or say why not.

The phases, in order; a failure in any of the first four leaves the caller untouched:
connecting -> waiting (for the head and the first byte) -> holding (a stream's preamble), gathering (a whole answer
that is translated) or collecting (an error's body) -> passing (committed: from here on bytes go to the caller as they
arrive, or as soon as they can be said in its format).
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING

from aigw.errors import AnswerBroken, AttemptFailed, AttemptTimeout, BadAnswer, ConnectionClosed
from aigw.observe import record as recorded
from aigw.relay.call import Call, Phase
from aigw.relay.rewriting import EVENTS, MAX_ANSWER_BYTES, Rewriting
from aigw.relay.upstream.connection import Connection
from aigw.relay.worth import TELLING, disguised, said
from aigw.relay.worth import helps as helps
from aigw.wire.format import Format, Verdict
from aigw.wire.lane import BackLane
from aigw.wire.message import ResponseHead
from aigw.wire.opening import Opening

if TYPE_CHECKING:
    from aigw.relay.failover import Exchange
    from aigw.relay.translation import Translated
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


class Attempt(Call):
    """A listener of the connection it asks on. Reports to its exchange, once: committed or failed.

    A kept connection that dies before it has answered anything says nothing about the upstream: what may be done
    twice and has no body (a GET, a DELETE) is asked once more, on another connection. Anything else may have been
    done and paid for; it is not sent twice to the same candidate.
    """

    _held: list[bytes]

    def __init__(
        self,
        exchange: Exchange,
        candidate: Candidate,
        limits: Limits,
        record: recorded.Attempt,
        translated: Translated | None,
    ) -> None:
        super().__init__(exchange, candidate, limits, record, translated)
        self.head: ResponseHead | None = None
        self.kind = ""
        self.length = -1
        self.body = b""
        self.error: AttemptFailed | None = None
        self.rewriting: Rewriting | None = None
        self.format: Format = exchange.request.format if translated is None else translated.format
        self._opening: Opening | None = None
        self._begun = b""
        self._telling: Opening | None = None
        self._told = b""
        self._collected = 0
        self._arrived = False
        self._last = 0.0
        self._stream_end = 0.0
        self.due = 0.0

    # -- the connection's listener -------------------------------------------------------------------------

    def on_arrival(self, head: ResponseHead | None, data: bytes, complete: bool) -> None:
        """Bytes of the answer, in the loop turn in which they came."""
        if self.phase is Phase.PASSING:
            self._arrived = True
            if self.rewriting is not None:
                self._rewrite(self.rewriting, data, complete)
                return
            if complete:
                self._end()
            self.exchange.caller.on_bytes(data, complete, data)
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
        elif self.phase is Phase.GATHERING:
            self._gather(data, complete)
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
        self.exchange.caller.on_bytes(data, False, data)

    def _open(self, head: ResponseHead) -> None:
        self.head = head
        self.record.status = head.code
        self.kind = head.headers.get("Content-Type", "")
        if not head.chunked:
            self.length = int(head.headers.get("Content-Length", -1))
        events = "text/event-stream" in self.kind
        if not 200 <= head.code < 300:
            self.phase = Phase.COLLECTING
            self._held = []
            return
        if self.translated is not None and self.translated.lane is not None:
            self._rewrite_from(head, self.translated.lane)
        if self.rewriting is not None and not (events and self.rewriting.wants_stream):
            self.phase = Phase.GATHERING
            self._held = []
        elif events:
            self.phase = Phase.HOLDING
            self._held = []
            self._opening = Opening(self.format, head.headers.get("Content-Encoding"))

    def _rewrite_from(self, head: ResponseHead, lane: BackLane) -> None:
        """The answer is in another format than the caller's; its own length says nothing."""
        stream = self.exchange.request.stream and lane.streams
        self.rewriting = Rewriting(lane, head.headers.get("Content-Encoding"), wants_stream=stream)
        self.length = -1

    def _first_bytes(self, data: bytes, complete: bool) -> None:
        """An answer that is no stream: it goes on with its first bytes, unless they say that it is none."""
        if self._begun:
            data = self._begun + data
        if len(data) < TELLING and not complete and "json" in self.kind:
            self._begun = data
            return
        error = disguised(self.kind, data)
        if error is None:
            self._commit(data, data, complete)
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
        if self._telling is not None:
            self._prime(data, complete)
            return
        verdict = self._opening.feed(data)
        if verdict is Verdict.ERROR:
            self.body = self._opening.error
            self.fail(BadAnswer("error_in_stream", said("the stream began with an error", self.body)))
        elif verdict is Verdict.CONTENT:
            held = b"".join(self._held)
            if self.rewriting is None:
                self._commit(held, held, complete)
            else:
                self._prime(held, complete)
        elif complete:
            self.fail(BadAnswer("empty_stream", "the stream ended before it had any content"))

    def _prime(self, data: bytes, complete: bool) -> None:
        """A stream in another format than the caller's is worth sending once it has content in the caller's."""
        rewriting = self.rewriting
        assert rewriting is not None
        if self._telling is None:
            self._telling = Opening(self.exchange.request.format, None)
        try:
            told = rewriting.streamed(data, complete)
        except AnswerBroken as broken:
            self.fail(BadAnswer(broken.reason, broken.detail))
            return
        self._told += told
        ended = complete and rewriting.lane.finished
        over = complete or rewriting.trouble is not None
        if ended or self._telling.feed(told) is Verdict.CONTENT or (told and rewriting.lane.array):
            self._commit(self._told, b"".join(self._held), ended)
            if over and self.phase is Phase.PASSING:
                self._break(rewriting.unended())
        elif over:
            why = rewriting.unended()
            self.fail(BadAnswer(why.reason, why.detail))

    def _held_enough(self) -> None:
        """A proxy on the way, or the caller, may not have much more patience than this."""
        held = b"".join(self._held)
        if self.rewriting is not None and self._telling is None:
            self._prime(held, False)
        if self.phase is Phase.HOLDING:
            self._commit(held if self.rewriting is None else self._told, held, False)

    def _gather(self, data: bytes, complete: bool) -> None:
        """A whole answer in another format than the caller's."""
        if data:
            self._arrived = True
            self._held.append(data)
            self._collected += len(data)
            if self.record.first_byte_ms is None:
                self._note_first_byte()
                self._watch_stream()
        if self._collected > MAX_ANSWER_BYTES:
            self.fail(BadAnswer("too_large", f"the answer is larger than {MAX_ANSWER_BYTES} bytes"))
        elif complete:
            self._rewrite_whole(b"".join(self._held))

    def _rewrite_whole(self, data: bytes) -> None:
        assert self.rewriting is not None
        events = EVENTS in self.kind
        error = None if events else disguised(self.kind, data)
        if error is not None:
            self.body = data
            self.fail(error)
            return
        try:
            told = self.rewriting.whole(data, events=events)
        except BadAnswer as bad:
            self.fail(bad)
            return
        self.phase = Phase.PASSING
        self._end()
        self._held = []
        self.kind = self.rewriting.kind
        self.exchange.caller.on_commit(self, told, True, data)

    def _rewrite(self, rewriting: Rewriting, data: bytes, complete: bool) -> None:
        """More of a committed stream in another format than the caller's."""
        try:
            told = rewriting.streamed(data, complete)
        except AnswerBroken as broken:
            self._break(broken)
            return
        ended = complete and rewriting.lane.finished
        if ended:
            self._end()
        # Also where it says nothing to the caller: it is metered.
        self.exchange.caller.on_bytes(told, ended, data)
        if self.phase is Phase.PASSING and (complete or rewriting.trouble is not None):
            self._break(rewriting.unended())

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

    def _commit(self, told: bytes, raw: bytes, complete: bool) -> None:
        """From here on bytes go to the caller: first `told`, which is what the upstream's `raw` says in its format."""
        if self.record.first_byte_ms is None:
            self._note_first_byte()
        if self.rewriting is not None:
            self.kind = self.rewriting.kind
        self.phase = Phase.PASSING
        if complete:
            self._end()
        else:
            self._watch_stream()
        self._held = []
        self.exchange.caller.on_commit(self, told, complete, raw)

    def _watch_stream(self) -> None:
        now = monotonic()
        self._last = now
        self._stream_end = now + self.limits.stream_total_timeout
        self.due = min(now + self.limits.stream_idle_timeout / IDLE_CHECKS, self._stream_end)

    def _end(self) -> None:
        """The answer is complete; the connection went back to its pool."""
        self.connection = None
        self._finish()

    def on_lost(self, error: AttemptFailed) -> None:
        """The connection is gone, or what came on it cannot be trusted."""
        connection, self.connection = self.connection, None
        if self.phase is Phase.PASSING:
            if self.rewriting is not None and self.rewriting.lane.finished:
                # All was said; only the framing lacks its end.
                self._finish()
                self.exchange.caller.on_bytes(b"", True, b"")
                return
            self._break(AnswerBroken(error.reason, error.detail))
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

    # -- time ----------------------------------------------------------------------------------------------

    def expired(self, now: float) -> None:
        """Called by the deadlines once `due` has passed."""
        if self.phase is Phase.PASSING:
            self._check_stream(now)
        elif self.phase is Phase.HOLDING and self._held:
            self._held_enough()
        elif self.phase is Phase.COLLECTING:
            self._fail_by_status()
        elif self.phase is Phase.GATHERING and self._held:
            self._check_stream(now)
        else:
            seconds = f"{now - self.record.started:.1f} s"
            waiting = "connection" if self.phase is Phase.CONNECTING else "first byte of an answer"
            self.fail(AttemptTimeout("timeout", f"no {waiting} within {seconds}"))

    def _check_stream(self, now: float) -> None:
        if self._arrived or self.exchange.paused:
            self._arrived = False
            self._last = now
        if now >= self._stream_end:
            detail = f"the answer took over {self.limits.stream_total_timeout:g} s"
            self._break(AnswerBroken("stream_total_timeout", detail))
        elif now - self._last >= self.limits.stream_idle_timeout:
            detail = f"the upstream was silent for {self.limits.stream_idle_timeout:g} s"
            self._break(AnswerBroken("stream_idle_timeout", detail))
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

    def _break(self, error: AnswerBroken) -> None:
        """The answer stops here; where nothing of it has reached the caller, another candidate may do better."""
        if self.phase is not Phase.PASSING:
            self.fail(AttemptTimeout(error.reason, error.detail))
            return
        self.record.reason = error.reason
        self.cancel()
        self.exchange.broken(error)

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
