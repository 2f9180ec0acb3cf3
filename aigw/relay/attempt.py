"""One attempt at one upstream: ask (`Call`), look at how the answer begins (`Beginning`), then pass its bytes on.

The phases, in order; a failure in any but the last leaves the caller untouched: connecting -> waiting -> holding,
gathering or collecting -> passing (committed: from here on bytes go to the caller as they arrive, or as soon as they
can be said in its format; and an end that was not the upstream's own is told as what it is).
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING

from aigw.errors import AnswerBroken, AttemptFailed, AttemptTimeout, BadAnswer, ConnectionClosed
from aigw.observe import record as recorded
from aigw.relay.beginning import Beginning
from aigw.relay.call import Phase
from aigw.relay.rewriting import Rewriting
from aigw.relay.upstream.connection import Connection
from aigw.relay.worth import helps as helps
from aigw.wire.guard import Guard
from aigw.wire.message import ResponseHead

if TYPE_CHECKING:
    from aigw.relay.failover import Exchange
    from aigw.relay.translation import Translated
    from aigw.routing.plan import Candidate
    from aigw.snapshot import Limits

# The silence of a stream is looked at this many times per limit, and this many times before a keep-alive.
IDLE_CHECKS, KEEPALIVE_CHECKS = 8, 4

# What may be done twice with the effect of once (RFC 9110, section 9.2.2), among the methods that APIs have here.
_IDEMPOTENT = frozenset({"GET", "HEAD", "DELETE"})


class Attempt(Beginning):
    """A listener of the connection it asks on. Reports to its exchange, once: committed or failed.

    A kept connection that dies before it has answered anything says nothing about the upstream. Where nothing of the
    request had reached it, as the kernel can tell, it is asked once more on another connection; and so is what may be
    done twice and has no body (a GET, a DELETE). Anything else may have been done and paid for: it is not sent twice to
    the same candidate.
    """

    def __init__(
        self,
        exchange: Exchange,
        candidate: Candidate,
        limits: Limits,
        record: recorded.Attempt,
        translated: Translated | None,
    ) -> None:
        super().__init__(exchange, candidate, limits, record, translated)
        self._spoke = False
        self._last = 0.0
        self._last_spoke = 0.0
        self._keepalive_after = 0.0
        self._check_every = 0.0
        self._stream_end = 0.0

    # -- the connection's listener -------------------------------------------------------------------------

    def on_arrival(self, head: ResponseHead | None, data: bytes, complete: bool) -> None:
        """Bytes of the answer, in the loop turn in which they came."""
        if self.phase is Phase.PASSING:
            self._arrived = True
            if self.rewriting is None:
                self._pass(data, complete)
            else:
                self._rewrite(self.rewriting, data, complete)
            return
        if complete:
            self.connection = None
        if head is not None and head.code == 101:
            self._switch(head, data)
            return
        if head is not None:
            self._open(head)
        self._judge(data, complete)

    def _switch(self, head: ResponseHead, data: bytes) -> None:
        """The upstream speaks another protocol from here on, if it was asked to."""
        self.head = head
        self.record.status = head.code
        if b"upgrade" not in self.exchange.request.extra:
            self.fail(BadAnswer("bad_http", "the upstream switched protocols without being asked"))
            return
        self.phase = Phase.PASSING
        self.exchange.relay.deadlines.forget(self)
        self.exchange.switched(self)
        self.exchange.caller.on_switched(self)
        self.exchange.caller.on_bytes(data, False, data)

    def _commit_to(self, told: bytes, complete: bool, raw: bytes) -> None:
        self.exchange.commit(self, told, complete, raw)

    # -- passing -------------------------------------------------------------------------------------------

    def _pass(self, data: bytes, complete: bool) -> None:
        """More of an answer that passes as it is: written first, then shown to the tap."""
        guard = self.guard
        if guard is not None:
            if guard.halts(data):
                self._halt(guard, data, complete)
                return
            if complete:
                self._judge_end(guard, data)
                return
        elif complete:
            self._end()
        self._spoke = True
        self.exchange.caller.on_bytes(data, complete, data)
        self.tap.feed(data)

    def _halt(self, guard: Guard, data: bytes, complete: bool) -> None:
        """Some of these bytes may not go on: those before them do."""
        if complete:
            self.connection = None  # it went back to its pool
        passed = data[: guard.room]
        if passed:
            self.exchange.caller.on_bytes(passed, False, passed)
            self.tap.feed(passed)
        self._break(AnswerBroken("bad_stream", guard.why))

    def _judge_end(self, guard: Guard, data: bytes) -> None:
        """The last bytes of a stream: looked at before they are written."""
        caller = self.exchange.caller
        self.connection = None
        self.tap.feed(data)
        broken = guard.ending()
        if broken is None:
            self._end()
            caller.on_bytes(data, True, data)
            return
        if data:
            caller.on_bytes(data, False, data)
        self._break(broken)

    def _rewrite(self, rewriting: Rewriting, data: bytes, complete: bool) -> None:
        """More of a committed stream in another format than the caller's."""
        if complete:
            self.connection = None
        try:
            told = rewriting.streamed(data, complete)
        except AnswerBroken as broken:
            self._break(broken)
            return
        ended = complete and rewriting.lane.finished
        if ended:
            self._end()
        if told:
            self._spoke = True
        if told or ended:
            self.exchange.caller.on_bytes(told, ended, data)
        self.tap.feed(data)
        if self.phase is Phase.PASSING and (complete or rewriting.trouble is not None):
            self._break(rewriting.unended())

    def _end(self) -> None:
        """The answer is complete; the connection went back to its pool."""
        self.connection = None
        self._finish()

    def on_lost(self, error: AttemptFailed) -> None:
        """The connection is gone, or what came on it cannot be trusted."""
        connection, self.connection = self.connection, None
        if self.phase is Phase.PASSING:
            self._stop(AnswerBroken(error.reason, error.detail))
        elif self.phase is Phase.COLLECTING:
            self._fail_by_status()
        elif isinstance(error, ConnectionClosed) and connection is not None and self._may_ask_again(connection):
            self._asked_again = True
            self.phase = Phase.CONNECTING
            self._task = self.exchange.relay.loop.create_task(self._connect(self._outgoing))
        else:
            self.fail(error)

    def _may_ask_again(self, connection: Connection) -> bool:
        if not self.record.reused or not connection.unanswered or self._asked_again:
            return False
        if connection.unreached:
            return self.outbound.complete and not self.let_go
        request = self.exchange.request
        return request.operation.method in _IDEMPOTENT and not request.body.count()

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
        elif self.phase is Phase.WAITING and self.exchange.still_uploading(now):
            self.due = now + self.limits.per_request_timeout
        elif not self._blank_enough():
            seconds = f"{now - self.record.started:.1f} s"
            waiting = "connection" if self.phase is Phase.CONNECTING else "first byte of an answer"
            self.fail(AttemptTimeout("timeout", f"no {waiting} within {seconds}"))

    def _watch_stream(self) -> None:
        now = monotonic()
        limits = self.limits
        self._last = self._last_spoke = now
        self._stream_end = now + limits.stream_total_timeout
        self._check_every = limits.stream_idle_timeout / IDLE_CHECKS
        if self._opening is not None and limits.keepalive_after > 0:
            self._keepalive_after = limits.keepalive_after
            self._check_every = min(self._check_every, limits.keepalive_after / KEEPALIVE_CHECKS)
        self.due = min(now + self._check_every, self._stream_end)

    def _check_stream(self, now: float) -> None:
        paused = self.exchange.paused
        if self._arrived or paused:
            self._arrived = False
            self._last = now
        if self._spoke or paused:
            self._spoke = False
            self._last_spoke = now
        if now >= self._stream_end:
            detail = f"the answer took over {self.limits.stream_total_timeout:g} s"
            self._stop(AnswerBroken("stream_total_timeout", detail))
        elif now - self._last >= self.limits.stream_idle_timeout:
            detail = f"the upstream was silent for {self.limits.stream_idle_timeout:g} s"
            self._stop(AnswerBroken("stream_idle_timeout", detail))
        else:
            if (
                self._keepalive_after
                and self.phase is Phase.PASSING
                and now - self._last_spoke >= self._keepalive_after
            ):
                self._last_spoke = now
                self.exchange.caller.on_silence()
            self.due = min(now + self._check_every, self._stream_end)

    # -- the end -------------------------------------------------------------------------------------------

    def _stop(self, error: AnswerBroken) -> None:
        """The stream is over without the end of its body; where it has said that it is complete, nothing is missing."""
        rest = self._rest() if self.phase is Phase.PASSING else None
        if rest is None:
            self._break(error)
        else:
            self.cancel()
            self.exchange.caller.on_bytes(rest, True, b"")

    def _rest(self) -> bytes | None:
        """What is left to say to the caller of a stream that was all said; None for one that was not."""
        rewriting = self.rewriting
        if rewriting is None:
            return b"" if self.guard is not None and self.guard.ending() is None else None
        return rewriting.rest()

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
            self.exchange.ended(self)
