"""Hedging: where an answer's first content is later than usual, a second candidate is asked beside the first.

Whoever has content first is the one; the other is cancelled, and recorded as `hedge_lost`. "Later than usual" is the
model's own 95th percentile (J. Dean, L. A. Barroso, "The Tail at Scale", CACM 56:2, 2013). Streams alone are hedged:
of a whole answer it is not known before its end whether it is late.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING

from aigw.adapter import CONVERSE
from aigw.errors import Refusal
from aigw.observe.record import Record
from aigw.relay.attempt import Attempt
from aigw.relay.call import Phase
from aigw.relay.request import Request
from aigw.relay.translation import Translated
from aigw.relay.walk import IN_THREAD_ABOVE, Walk
from aigw.routing.pace import Pace
from aigw.routing.plan import Candidate
from aigw.snapshot import Account

if TYPE_CHECKING:
    from aigw.relay.failover import Caller, Relay

LOST = "hedge_lost"
# How far an attempt is that a second one would not help: it has its answer, or an error, or is over.
_ANSWERED = (Phase.PASSING, Phase.COLLECTING, Phase.DONE)


class Hedging(Walk):
    """A walk that may try two candidates at once."""

    def __init__(
        self,
        relay: Relay,
        caller: Caller,
        request: Request,
        candidates: Sequence[Candidate],
        account: Account,
        record: Record,
    ) -> None:
        super().__init__(relay, caller, request, candidates, account, record)
        # The second attempt until it is known what became of it; alone (`attempt` too) once the first has failed.
        self._rival: Attempt | None = None
        self._due_rival: asyncio.TimerHandle | None = None
        # Whose pace the first attempt's time belongs to, and when that began.
        self._pace: Pace | None = None
        self._began = 0.0

    def _attempt(self, candidate: Candidate, translated: Translated | None, now: float) -> None:
        super()._attempt(candidate, translated, now)
        if self._wants_hedge(candidate):
            self._expect(candidate, now)

    def _wants_hedge(self, candidate: Candidate) -> bool:
        """Whether the request, or else the provider's policy, asks for it, and it is a stream that could be hedged."""
        request = self.request
        wanted = request.hedge
        if wanted is None:
            policies = self.account.policies
            wanted = bool(policies) and self.account.policy_for(candidate.provider.id).hedge
        # Of a body that is still coming the time is the caller's own.
        return wanted and request.stream and request.operation.task == CONVERSE and request.body.complete

    def _expect(self, candidate: Candidate, now: float) -> None:
        """Look again when the first content of this candidate is late."""
        health = self.relay.health
        health.hedges(candidate.provider.home).asked()
        self._pace = pace = health.pace(candidate.provider.home, candidate.model)
        self._began = now
        usual = pace.p95()
        self.forget_timer()
        if usual is not None and not self.prospects.exhausted:
            self._due_rival = self.relay.loop.call_later(usual, self._hedge)

    def _hedge(self) -> None:
        """It is late: ask another candidate too, if one may be asked beside it and at once."""
        self._due_rival = None
        first, now = self.attempt, monotonic()
        if first is None or first.phase in _ANSWERED or now >= self.due or self.request.body.size() > IN_THREAD_ABOVE:
            return
        hedges = self.relay.health.hedges(first.candidate.provider.home)
        candidate = self.prospects.join(now) if hedges.allowed() else None
        if candidate is None:
            return
        try:
            translated = self._bytes_for(candidate)
        except Refusal as refusal:
            self.unasked.append((candidate, refusal))
            self.prospects.pass_over(candidate)
            return
        hedges.spend()
        self._rival = rival = self._open(candidate, translated, now)
        rival.record.hedge = True
        rival.start()

    def settle(self, winner: Attempt) -> None:
        """This attempt has content: the other one, if there is one, has lost."""
        if self._pace is not None:
            # The first one's time, also where it lost: to count the quicker ones alone would make all others late.
            self._pace.add(monotonic() - self._began)
            self._pace = None
            self.forget_timer()
        rival, self._rival = self._rival, None
        if rival is None:
            return
        self._count("won" if winner is rival else "lost", rival)
        loser = self.attempt if winner is rival else rival
        self.attempt = winner
        if loser is not None and loser is not winner:
            self._lose(loser)

    def outlived(self, attempt: Attempt) -> bool:
        """Whether another attempt is under way beside the one that failed: then that one goes on alone."""
        self._pace = None
        self.forget_timer()
        rival = self._rival
        if rival is None:
            return False
        if attempt is not rival:
            self.attempt = rival
            return True
        self._rival = None
        self._count("failed", rival)
        return self.attempt is not rival

    def leads(self, attempt: Attempt) -> bool:
        """Whether an error that nothing helps against ends the request: a rival's does not while the first goes on.

        If it does, the other attempt must not outlive it.
        """
        rival = self._rival
        if attempt is rival and self.attempt is not rival:
            return False
        self._pace = None
        self.forget_timer()
        self._rival = None
        if rival is not None:
            self._count("failed" if attempt is rival else "lost", rival)
            if attempt is not rival:
                self._lose(rival)
                self.attempts.remove(rival)  # nothing failed there that the caller has to be told of
        return True

    def _lose(self, attempt: Attempt) -> None:
        if attempt.phase is not Phase.DONE:
            attempt.record.reason = LOST
            attempt.cancel()

    def forget_timer(self) -> None:
        """No second attempt is due any more."""
        if self._due_rival is not None:
            self._due_rival.cancel()
            self._due_rival = None

    def _count(self, result: str, rival: Attempt) -> None:
        hedged = self.relay.health.hedged
        key = rival.candidate.provider.home, result
        hedged[key] = hedged.get(key, 0) + 1
