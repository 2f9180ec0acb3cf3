"""The walk over a plan: which candidate is asked when, and with which bytes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING, cast

import attrs

from aigw.errors import ConnectFailed, InvalidBody, Refusal, TooLarge
from aigw.observe.record import Record
from aigw.relay.attempt import Attempt
from aigw.relay.prospects import Prospects
from aigw.relay.request import Body, Request
from aigw.relay.translation import UNFORESEEN, Translated, Translator
from aigw.routing.budget import Budget
from aigw.routing.plan import Candidate
from aigw.snapshot import Account, Limits
from aigw.wire.prefix import OPENING, prefix

if TYPE_CHECKING:
    from aigw.relay.failover import Caller, Exchange, Relay

# A request of this many bytes takes some milliseconds to translate, at worst (tiny turns) a third of a second.
IN_THREAD_ABOVE = 512 * 1024

# The only candidate's connection failed before anything reached it: seconds until it is tried once more. A server
# that is being restarted, or a load balancer that turns to another one, is back within that.
ONCE_MORE_AFTER = 0.1
_MAY_PASS = frozenset({"connect", "dns"})


class Walk:
    """The candidates of one request, one after the other, until one answers or none is left."""

    # The compiler wants to know: `release` takes it away.
    __deletable__ = ("caller",)

    def __init__(
        self,
        relay: Relay,
        caller: Caller,
        request: Request,
        candidates: Sequence[Candidate],
        account: Account,
        record: Record,
    ) -> None:
        self.due = 0.0
        self.attempt: Attempt | None = None
        self.relay = relay
        self.caller = caller
        self.request = request
        self.account = account
        self.record = record
        self.prospects = Prospects(relay.health, candidates)
        self.attempts: list[Attempt] = []
        # Candidates that the request could not be said to, and why.
        self.unasked: list[tuple[Candidate, Refusal]] = []
        self.paused = False
        self.released = False
        # Seconds for all attempts together: the operator's, or the caller's own where those are fewer.
        self.total = account.limits.total_timeout
        self._full = False
        self._waits = False
        self._waits_since = 0.0
        self._unsealed = False
        self._unchosen = False
        # Asking again costs retry budget: after a failure that may be an outage, and when an SDK tries again.
        self._again = self.prospects.owed = request.retries > 0
        self._once = False
        self._later: asyncio.TimerHandle | None = None
        # The retry budget that this request waits for.
        self._in_line: Budget | None = None
        self._translator: Translator | None = None
        self._work: asyncio.Future[None] | None = None

    def start(self) -> None:
        """Begin with the first candidate."""
        request = self.request
        if request.timeouts is not None:
            self.total = min(request.timeouts.get(_TOTAL, self.total), self.total)
        self.due = monotonic() + self.total
        if self.account.chooses or request.strategy is not None:
            self._choose()
        else:
            self._try_next()

    def extend(self, candidates: Sequence[Candidate]) -> None:
        """The request's body turned out to name more models."""
        self.prospects.extend(candidates)

    def _choose(self) -> None:
        """Put the candidates in the order that the providers' policies, or the request, ask for, and begin."""
        request, body, prospects = self.request, self.request.body, self.prospects
        chooser = self.relay.chooser
        self._unchosen = not body.complete and chooser.reads_body(prospects.candidates, self.account, request.strategy)
        if self._unchosen and body.size() < OPENING:
            self._wait()
            return
        self._unchosen = False
        prospects.candidates = chooser.arranged(
            prospects.candidates,
            self.account,
            strategy=request.strategy,
            prefix=lambda: prefix(opening(body)),
            now=monotonic(),
        )
        self._try_next()

    @property
    def is_last(self) -> bool:
        """Whether no other candidate is left to try after the one under way."""
        return self.prospects.exhausted and self.request.body.decided

    def _try_next(self) -> None:
        self.request_drained()  # what the upstream before could not take, the next one may
        self.attempt = None
        while True:
            now = monotonic()
            if now >= self.due:
                self._give_up(out_of_time=True)
                return
            candidate = self.prospects.take(now, again=self._again)
            if candidate is None and not self.attempts and self.request.body.decided:
                candidate = self.prospects.last_resort()
            if candidate is None:
                break
            if self._must_wait(candidate) or self._ask(candidate, now):
                return
        if not self.request.body.decided:
            self._wait()
        elif not (self._stand_in_line(now) or self._once_more(now)):
            self._give_up(out_of_time=False)

    def _give_up(self, *, out_of_time: bool) -> None:
        self.attempt = None
        if not (self.attempts or out_of_time or self.request.retries):
            self.prospects.owe(monotonic())
        self.prospects.count_refused()
        self.caller.on_failed(self.attempts, out_of_time=out_of_time)

    def _stand_in_line(self, now: float) -> bool:
        """Whether a retry budget that is empty for now may soon not be: the attempts that it pays for will tell."""
        budget = self.prospects.awaited()
        if budget is None:
            return False
        self._in_line = budget
        budget.wait(self, self._called)
        self._later = self.relay.loop.call_later(self.due - now, self._waited_in_vain)
        return True

    def _called(self) -> None:
        """In a turn of its own: the attempt that told is still in the middle of it."""
        if self._later is not None:
            self._later.cancel()
        self._later = self.relay.loop.call_later(0.0, self._go_in)

    def _go_in(self) -> None:
        budget, self._in_line, self._later = self._in_line, None, None
        assert budget is not None
        budget.come(self)
        self.prospects.put_awaited_back()
        self._try_next()
        budget.leave(self)

    def _waited_in_vain(self) -> None:
        budget, self._in_line, self._later = self._in_line, None, None
        assert budget is not None
        budget.forget(self)
        self._give_up(out_of_time=True)

    def _once_more(self, now: float) -> bool:
        """Whether the only one that was asked is asked again in a moment, as nothing had reached it; once."""
        if self._once or len(self.attempts) != 1 or now + ONCE_MORE_AFTER >= self.due:
            return False
        attempt = self.attempts[0]
        error, candidate = attempt.error, attempt.candidate
        if not isinstance(error, ConnectFailed) or error.reason not in _MAY_PASS:
            return False
        if attempt.target.wait(now, candidate.model) > 0.0 or not self.prospects.affordable(candidate, now):
            return False
        self._once = self._again = True
        self._later = self.relay.loop.call_later(ONCE_MORE_AFTER, self._retry, candidate)
        return True

    def _retry(self, candidate: Candidate) -> None:
        self._later = None
        self.prospects.put_back(candidate)
        self._try_next()

    # -- with which bytes ----------------------------------------------------------------------------------------

    def _must_wait(self, candidate: Candidate) -> bool:
        """Whether this candidate's turn comes later: when the whole request is there, and translated if it is large."""
        body = self.request.body
        if candidate.plain and not body.sealed():
            return False
        if not body.complete:
            self.prospects.put_back(candidate)
            self._wait()
            return True
        if body.size() > IN_THREAD_ABOVE and not self._translations().is_prepared(candidate):
            self.prospects.put_back(candidate)
            self._prepare(candidate)
            return True
        return False

    def _ask(self, candidate: Candidate, now: float) -> bool:
        """Ask a candidate, or answer in its place; False where the request cannot be said to it."""
        try:
            if candidate.estimated:
                self.caller.on_estimated(candidate)
            else:
                self._attempt(candidate, self._bytes_for(candidate), now)
        except Refusal as refusal:
            # Another model may speak another format; none takes what the account may not send.
            self.unasked.append((candidate, refusal))
            if isinstance(refusal, TooLarge):
                self.prospects.end()
            else:
                self.prospects.pass_over(candidate)
            return False
        return True

    def _bytes_for(self, candidate: Candidate) -> Translated | None:
        """What this candidate gets, None for the caller's own bytes. Raises Refusal."""
        if candidate.plain and not self.request.body.sealed():
            return None
        return self._translated(candidate)

    def _wait(self) -> None:
        """`body_arrived` goes on: the rest of the body may name another model, or has to be there to be translated."""
        self.attempt = None
        self._waits = True
        self._waits_since = monotonic()

    def _waited(self) -> None:
        """What was waited for is there: the time that took is the caller's own."""
        self._waits = False
        self.due += monotonic() - self._waits_since

    def _translations(self) -> Translator:
        translator = self._translator
        if translator is None:
            translator = self._translator = Translator(self.request, self.relay.formats)
        return translator

    def _prepare(self, candidate: Candidate) -> None:
        """Translate in a thread, and come back: a history of megabytes must not keep all other requests waiting."""
        self.attempt = None
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
        except UNFORESEEN as error:
            where = f"{candidate.provider.id}:{candidate.model}"
            self.relay.loop.call_exception_handler(
                {"message": f"a request could not be translated for {where}", "exception": error}
            )
            raise InvalidBody(
                f"The request cannot be translated for {where}: something in it has another type than the API's"
                " reference says, or is nested too deeply."
            ) from error

    # -- an attempt ----------------------------------------------------------------------------------------------

    def _attempt(self, candidate: Candidate, translated: Translated | None, now: float) -> None:
        attempt = self.attempt = self._open(candidate, translated, now)
        attempt.start()

    def _open(self, candidate: Candidate, translated: Translated | None, now: float) -> Attempt:
        """An attempt with its record, under watch, and counted in its key's health; not begun."""
        limits = self._limits(candidate)
        redacted = candidate.key.redacted if candidate.key else ""
        noted = self.record.attempt(candidate.provider.id, candidate.model, redacted, now)
        noted.home = candidate.provider.home
        if candidate.key is not None:
            noted.key_id, noted.key_source = candidate.key.id, candidate.key.source
        attempt = Attempt(cast("Exchange", self), candidate, limits, noted, translated)
        attempt.target = target = self.prospects.target(candidate)
        attempt.probe = target.begin(now)
        # A probe is paced by its circuit: it costs nothing.
        if self._again and not attempt.probe and not self.prospects.paid(target, now):
            attempt.again = True
            target.budget.begin()
        attempt.due = min(now + limits.per_request_timeout, self.due)
        self.attempts.append(attempt)
        self.relay.deadlines.watch(attempt)
        return attempt

    def _limits(self, candidate: Candidate) -> Limits:
        """The provider's limits, and where the caller is less patient, its own."""
        limits = self.account.limits_for(candidate.provider.id)
        timeouts = self.request.timeouts
        if timeouts is None:
            return limits
        shorter = {name: min(value, getattr(limits, name)) for name, value in timeouts.items() if name != _TOTAL}
        return attrs.evolve(limits, **shorter)

    def request_drained(self) -> None:
        """The upstream's side of the request takes more again."""
        raise NotImplementedError


_TOTAL = "total_timeout"


def opening(body: Body) -> bytes:
    """The beginning of a body that a cache could know: of a large one not all is joined."""
    if body.size() <= OPENING:
        return body.original()
    pieces: list[bytes] = []
    size = 0
    for piece in body.kept():
        pieces.append(piece)
        size += len(piece)
        if size >= OPENING:
            break
    return b"".join(pieces)[:OPENING]
