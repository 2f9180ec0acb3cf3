"""A request's life on the upstream side: asked, answered, failed over, hedged, cut.

An exchange calls its caller's side back in this order: `on_commit`, `on_bytes`*, and then one of nothing more (the last
call said complete), `on_broken`; or, when nothing could be committed, `on_failed`; or, where nobody has to be asked,
`on_estimated`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Protocol

from aigw.errors import AnswerBroken, Helps
from aigw.relay import standing
from aigw.relay.attempt import Attempt
from aigw.relay.call import Phase
from aigw.relay.deadlines import Deadlines
from aigw.relay.hedge import Hedging
from aigw.relay.upstream.pool import Pool
from aigw.relay.worth import helps
from aigw.routing.health import Fault, Health
from aigw.routing.plan import Candidate
from aigw.routing.selection import Chooser
from aigw.snapshot import Failover
from aigw.wire.format import Format

_AFFINITY = "cache_affinity"


class Caller(Protocol):
    """The caller's side of an exchange."""

    def on_commit(self, attempt: Attempt, data: bytes, complete: bool, raw: bytes) -> None:
        """An answer worth sending: its head is `attempt.head`, its first bytes are `data`; the upstream said `raw`."""

    def on_bytes(self, data: bytes, complete: bool, raw: bytes) -> None:
        """More of it; `raw` is what the upstream sent, the same as `data` where nothing is translated."""

    def on_broken(self, error: AnswerBroken) -> None:
        """It stopped midway."""

    def on_silence(self) -> None:
        """Nothing was said to the caller for a while: whoever stands between may want to see that it goes on."""

    def on_failed(self, attempts: Sequence[Attempt], *, out_of_time: bool) -> None:
        """No candidate had anything to send."""

    def on_estimated(self, candidate: Candidate) -> None:
        """The provider cannot count tokens: the gateway says how many it thinks they are. Raises Refusal."""

    def on_switched(self, attempt: Attempt) -> None:
        """The upstream switched protocols (101): the connection is a tunnel now."""

    def on_request_full(self) -> None:
        """Stop sending the request's body."""

    def on_request_drained(self) -> None:
        """Go on sending it."""


class Relay:
    """What exchanges share in a process."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        pool: Pool,
        deadlines: Deadlines,
        formats: Mapping[str, Format] | None = None,
        health: Health | None = None,
    ) -> None:
        self.loop = loop
        self.formats: Mapping[str, Format] = formats or {}
        self.outbox = pool.outbox
        self.pool = pool
        self.deadlines = deadlines
        self.health = health if health is not None else Health(Failover())
        self.chooser = Chooser(self.health)


class Exchange(Hedging):
    """One request and its attempts."""

    # -- from the attempt --------------------------------------------------------------------------------

    def commit(self, attempt: Attempt, data: bytes, complete: bool, raw: bytes) -> None:
        """This attempt has something worth sending: it is the one."""
        self.settle(attempt)
        standing.answered(attempt)
        if self.paused and attempt.connection is not None:
            attempt.connection.pause()  # it was not yet the one, or not yet there, when the caller fell behind
        if self.account.chooses or self.request.strategy is not None:
            candidate = attempt.candidate
            own = candidate.strategy or self.account.policy_for(candidate.provider.id).strategy
            self.record.affinity = (self.request.strategy or own) == _AFFINITY
        self.caller.on_commit(attempt, data, complete, raw)

    def switched(self, attempt: Attempt) -> None:
        """The upstream speaks another protocol from here on: it is well, and may go on for hours."""
        standing.answered(attempt)

    def ended(self, attempt: Attempt) -> None:
        """The attempt is over; why is in its error, or in its record's reason where somebody ended it."""
        if attempt.error is not None:
            standing.failed(attempt)
        elif not attempt.record.reason:
            standing.answered(attempt)
        if attempt.again and not attempt.answered:
            attempt.target.budget.end()
        attempt.target.left(attempt.probe)

    def attempt_failed(self, attempt: Attempt) -> None:
        """Go on to where help may be."""
        error = attempt.error
        assert error is not None
        # The frames of a traceback hold the attempt, which holds the error: nobody would let go of the three.
        error.__traceback__ = None
        where = helps(attempt.record.status) if error.reason.startswith("status_") else error.helps
        if where is Helps.NEXT_MODEL:
            self.prospects.pass_over(attempt.candidate)
        self._again = self._again or standing.fault(attempt) in _OUTAGE
        if where is Helps.NOTHING and self.leads(attempt):
            self._give_up(out_of_time=False)
        elif not self.outlived(attempt):
            self._try_next()

    def still_uploading(self, now: float) -> bool:
        """Whether the caller is still sending its request: the time that takes is not the upstream's."""
        if self.request.body.complete:
            return False
        self.due = max(self.due, now + self.total)
        return True

    def broken(self, error: AnswerBroken) -> None:
        """The committed answer stopped midway."""
        if self.attempt is not None:
            standing.broke(self.attempt, error)
        self.attempt = None
        self.caller.on_broken(error)

    def request_full(self) -> None:
        """The upstream's side of the request is full."""
        if not self.request.body.complete:
            self._full = True
            self.caller.on_request_full()

    def request_drained(self) -> None:
        """It is not any more."""
        if self._full:
            self._full = False
            self.caller.on_request_drained()

    # -- from the caller's side ----------------------------------------------------------------------------

    def body_arrived(self) -> None:
        """More of the request's body is there, or it is complete."""
        body = self.request.body
        if self.attempt is not None:
            held = body.complete and not self._unsealed and self.attempt.phase is not Phase.PASSING
            if held and body.sealed():
                self._begin_anew(self.attempt)
            else:
                self.attempt.more()
        elif self._waits and self._unchosen:
            self._waited()
            self._choose()
        elif self._waits and (body.complete or (body.decided and not self._needs_all())):
            self._waited()
            self._try_next()

    def _needs_all(self) -> bool:
        """Whether the next candidate gets other bytes than the caller's: then all of those have to be there."""
        candidate = self.prospects.next
        return candidate is not None and not candidate.plain

    def _begin_anew(self, attempt: Attempt) -> None:
        """The last of a large body is there, and it cannot pass as it is: the upstream never gets that last part."""
        self._unsealed = True
        attempt.record.reason = "body_rewritten"
        attempt.cancel()
        self.attempts.remove(attempt)  # nothing failed there that the caller has to be told of
        self.prospects.put_back(attempt.candidate)
        self._try_next()

    def pause(self) -> None:
        """The caller is slower than the upstream: stop reading there."""
        self.paused = True
        if self.attempt is not None and self.attempt.connection is not None:
            self.attempt.connection.pause()

    def resume(self) -> None:
        """The caller has caught up."""
        self.paused = False
        if self.attempt is not None and self.attempt.connection is not None:
            self.attempt.connection.resume()

    def release(self) -> None:
        """Let go of everything: the exchange is over, and nobody calls it again."""
        if self.released:
            return
        self.released = True
        self._stop_timers()
        self.attempt = None
        self._rival = None
        self._work = None
        self.attempts.clear()
        self.unasked.clear()  # what was raised holds the frames that it passed
        del self.caller

    def cancel(self, reason: str) -> None:
        """Nobody waits for the answer any more: the upstream's connection is closed in this very turn."""
        attempt, self.attempt = self.attempt, None
        rival, self._rival = self._rival, None
        self._waits = False
        self._work = None
        self._stop_timers()
        for each in (attempt, rival):
            if each is not None and each.phase is not Phase.DONE:
                each.record.reason = reason
                each.cancel()

    def _stop_timers(self) -> None:
        self.forget_timer()
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if self._in_line is not None:
            budget, self._in_line = self._in_line, None
            budget.forget(self)


# What may be an outage: trying again in one costs retry budget.
_OUTAGE = (Fault.UPSTREAM, Fault.BUSY)
