"""Walks a plan: one attempt after the other until one has something worth sending, or none is left.

An exchange is one request's life on the upstream side. It calls its caller's side back in this order:
`on_commit`, `on_bytes`*, and then one of nothing more (the last call said complete), `on_broken`; or, when
nothing could be committed, `on_failed`; or, where nobody has to be asked, `on_estimated`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from time import monotonic
from typing import Protocol

from aigw.errors import AnswerBroken, Helps, InvalidBody, Refusal
from aigw.observe.record import Record
from aigw.relay.attempt import Attempt
from aigw.relay.call import Phase
from aigw.relay.deadlines import Deadlines
from aigw.relay.request import Request
from aigw.relay.translation import Translated, Translator
from aigw.relay.upstream.pool import Pool
from aigw.relay.worth import helps
from aigw.routing.plan import Candidate
from aigw.snapshot import Snapshot
from aigw.wire.format import Format

# A request of this many bytes takes some milliseconds to translate, at worst (tiny turns) a third of a second.
IN_THREAD_ABOVE = 512 * 1024

# What writing a request of an unknown shape may end in.
_UNFORESEEN = (TypeError, ValueError, AttributeError, LookupError, ArithmeticError, RecursionError)


class Caller(Protocol):
    """The caller's side of an exchange."""

    def on_commit(self, attempt: Attempt, data: bytes, complete: bool, raw: bytes) -> None:
        """An answer worth sending: its head is `attempt.head`, its first bytes are `data`; the upstream said `raw`."""

    def on_bytes(self, data: bytes, complete: bool, raw: bytes) -> None:
        """More of it; `raw` is what the upstream sent, the same as `data` where nothing is translated."""

    def on_broken(self, error: AnswerBroken) -> None:
        """It stopped midway."""

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
    ) -> None:
        self.loop = loop
        self.formats: Mapping[str, Format] = formats or {}
        self.outbox = pool.outbox
        self.pool = pool
        self.deadlines = deadlines


class Exchange:
    """One request and its attempts."""

    # The compiler wants to know: `release` takes it away.
    __deletable__ = ("caller",)

    def __init__(
        self,
        relay: Relay,
        caller: Caller,
        request: Request,
        candidates: Sequence[Candidate],
        snapshot: Snapshot,
        record: Record,
    ) -> None:
        self.due = 0.0
        self.paused = False
        self._full = False
        self._waits = False
        self._unsealed = False
        self.attempt: Attempt | None = None
        self._next = 0
        self._skipped: frozenset[tuple[str, str]] = frozenset()
        self.relay = relay
        self.caller = caller
        self.request = request
        self.candidates = candidates
        self.snapshot = snapshot
        self.record = record
        self.attempts: list[Attempt] = []
        # Candidates that the request could not be said to, and why.
        self.unasked: list[tuple[Candidate, Refusal]] = []
        self._translator: Translator | None = None
        self._work: asyncio.Future[None] | None = None

    def start(self) -> None:
        """Begin with the first candidate."""
        self.due = monotonic() + self.snapshot.limits.total_timeout
        self._try_next()

    @property
    def is_last(self) -> bool:
        """Whether no other candidate is left to try after the one under way."""
        return self._next >= len(self.candidates) and self.request.body.decided

    def _try_next(self) -> None:
        self.request_drained()  # what the upstream before could not take, the next one may
        while True:
            now = monotonic()
            candidate = self._take_candidate()
            if candidate is None or now >= self.due:
                break
            if candidate.plain and not self.request.body.sealed():
                self._attempt(candidate, None, now)
                return
            if self._must_wait(candidate):
                return
            try:
                self._cross(candidate, now)
            except Refusal as refusal:
                # The request cannot be said to this model; another one may speak another format.
                self.unasked.append((candidate, refusal))
                self._skipped |= {(candidate.provider.id, candidate.model)}
                continue
            return
        if candidate is None and not self.request.body.decided and now < self.due:
            self._wait()
            return
        self.attempt = None
        self.caller.on_failed(self.attempts, out_of_time=candidate is not None or now >= self.due)

    def _must_wait(self, candidate: Candidate) -> bool:
        """Whether this candidate's turn comes later: when the whole request is there, and translated if it is large."""
        body = self.request.body
        if not body.complete:
            self._next -= 1
            self._wait()
            return True
        if body.size() > IN_THREAD_ABOVE and not self._translations().is_prepared(candidate):
            self._next -= 1
            self._prepare(candidate)
            return True
        return False

    def _cross(self, candidate: Candidate, now: float) -> None:
        """Ask a candidate that gets other bytes than the caller's. Raises Refusal."""
        if candidate.estimated:
            self.attempt = None
            self.caller.on_estimated(candidate)
            return
        self._attempt(candidate, self._translated(candidate), now)

    def _wait(self) -> None:
        """`body_arrived` goes on: the rest of the body may name another model, or has to be there to be translated."""
        self.attempt = None
        self._waits = True

    def _translations(self) -> Translator:
        translator = self._translator
        if translator is None:
            translator = self._translator = Translator(self.request, self.relay.formats)
        return translator

    def _prepare(self, candidate: Candidate) -> None:
        """Translate in a thread, and come back: a history of megabytes must not keep all other requests waiting."""
        self.attempt = None
        self._next -= 1
        work = self.relay.loop.run_in_executor(None, self._translations().prepare, candidate)
        self._work = work
        work.add_done_callback(self._prepared)

    def _prepared(self, work: asyncio.Future[None]) -> None:
        if self._work is work:  # else nobody waits for it any more
            self._work = None
            self._try_next()

    def _translated(self, candidate: Candidate) -> Translated | None:
        """What this candidate gets. Raises Refusal, also for requests of a shape that nobody thought of."""
        try:
            return self._translations().translated(candidate)
        except _UNFORESEEN as error:
            where = f"{candidate.provider.id}:{candidate.model}"
            self.relay.loop.call_exception_handler(
                {"message": f"a request could not be translated for {where}", "exception": error}
            )
            raise InvalidBody(
                f"The request cannot be translated for {where}: something in it has another type than the API's"
                " reference says, or is nested too deeply."
            ) from error

    def _attempt(self, candidate: Candidate, translated: Translated | None, now: float) -> None:
        limits = self.snapshot.limits_for(candidate.provider.id)
        redacted = candidate.key.redacted if candidate.key else ""
        noted = self.record.attempt(candidate.provider.id, candidate.model, redacted, now)
        if candidate.key is not None:
            noted.key_id, noted.key_source = candidate.key.id, candidate.key.source
        self.attempt = attempt = Attempt(self, candidate, limits, noted, translated)
        attempt.due = min(now + limits.per_request_timeout, self.due)
        self.attempts.append(attempt)
        self.relay.deadlines.watch(attempt)
        attempt.start()

    def _take_candidate(self) -> Candidate | None:
        while self._next < len(self.candidates):
            candidate = self.candidates[self._next]
            self._next += 1
            if not self._skipped or (candidate.provider.id, candidate.model) not in self._skipped:
                return candidate
        return None

    # -- from the attempt --------------------------------------------------------------------------------

    def attempt_failed(self, attempt: Attempt) -> None:
        """Go on to where help may be."""
        error = attempt.error
        assert error is not None
        where = helps(attempt.record.status) if error.reason.startswith("status_") else error.helps
        if where is Helps.NOTHING:
            self.attempt = None
            self.caller.on_failed(self.attempts, out_of_time=False)
            return
        if where is Helps.NEXT_MODEL:
            self._skipped |= {(attempt.candidate.provider.id, attempt.candidate.model)}
        self._try_next()

    def broken(self, error: AnswerBroken) -> None:
        """The committed answer stopped midway."""
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
        elif self._waits and (body.complete or (body.decided and not self._needs_all())):
            self._waits = False
            self._try_next()

    def _needs_all(self) -> bool:
        """Whether the next candidate gets other bytes than the caller's: then all of those have to be there."""
        return self._next < len(self.candidates) and not self.candidates[self._next].plain

    def _begin_anew(self, attempt: Attempt) -> None:
        """The last of a large body is there, and it cannot pass as it is: the upstream never gets that last part."""
        self._unsealed = True
        attempt.record.reason = "body_rewritten"
        attempt.cancel()
        self.attempts.remove(attempt)  # nothing failed there that the caller has to be told of
        self._next -= 1
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
        self.attempt = None
        self._work = None
        self.attempts.clear()
        del self.caller

    def cancel(self, reason: str) -> None:
        """Nobody waits for the answer any more: the upstream's connection is closed in this very turn."""
        attempt, self.attempt = self.attempt, None
        self._waits = False
        self._work = None
        if attempt is not None and attempt.phase is not Phase.DONE:
            attempt.record.reason = reason
            attempt.cancel()
