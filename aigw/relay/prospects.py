"""Which candidate is next: in order, once each, of those that may be asked now and that the retry budget allows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aigw.routing.health import Fault, Health

if TYPE_CHECKING:
    from aigw.routing.budget import Budget
    from aigw.routing.health import Target
    from aigw.routing.plan import Candidate

# A retry budget grows with other requests' successes: when that will be nobody knows, soon is the best guess.
UNTIL_BUDGET = 1.0

_Name = tuple[str, str, str]


class Resting:
    """A candidate that was not asked: for how many seconds more, and why (None: the retry budget is empty)."""

    __slots__ = ("candidate", "fault", "seconds")

    def __init__(self, candidate: Candidate, seconds: float, fault: Fault | None) -> None:
        self.candidate = candidate
        self.seconds = seconds
        self.fault = fault


class Prospects:
    """The candidates of one request; `resting` are those that it could not ask.

    `owed`: its SDK tries again, and its first try may have been refused without asking anybody; one attempt of it may
    go at the cost of such a credit.
    """

    def __init__(self, health: Health, candidates: Sequence[Candidate]) -> None:
        self.candidates = candidates
        self.resting: list[Resting] = []
        self.owed = False
        self._health = health
        self._next = 0
        self._back: Candidate | None = None
        # Candidates whose key is rate limited for another model: it may be for this one too, so they come last.
        self._later: list[Candidate] = []
        self._skipped: frozenset[tuple[str, str]] = frozenset()

    def extend(self, candidates: Sequence[Candidate]) -> None:
        """The request turned out to name more models: they come behind those that it named first."""
        known = {_name(each) for each in self.candidates}
        self.candidates = [*self.candidates, *(each for each in candidates if _name(each) not in known)]

    @property
    def exhausted(self) -> bool:
        """Whether there is none left to take."""
        return self._next >= len(self.candidates) and not self._later and self._back is None

    @property
    def next(self) -> Candidate | None:
        """The one in turn, whether or not it may be asked now."""
        if self._back is not None:
            return self._back
        if self._next < len(self.candidates):
            return self.candidates[self._next]
        return self._later[0] if self._later else None

    def take(self, now: float, *, again: bool) -> Candidate | None:
        """The next one to ask. `again`: after a failure that may be an outage, which costs retry budget."""
        back, self._back = self._back, None
        if back is not None and self._may_ask(back, now, again):
            return back
        while self._next < len(self.candidates):
            candidate = self.candidates[self._next]
            self._next += 1
            if self._may_ask(candidate, now, again):
                if candidate.estimated or self.exhausted or not self.target(candidate).cools(now):
                    return candidate
                self._later.append(candidate)
        while self._later:
            candidate = self._later.pop(0)
            if self._may_ask(candidate, now, again):
                return candidate
        return None

    def last_resort(self) -> Candidate | None:
        """Where nobody else may be asked: one whose key was refused. Its upstream's own words say more than ours could.

        A refusal costs its upstream next to nothing, and the key may be well again: somebody has paid, or corrected it.
        """
        for place, each in enumerate(self.resting):
            if each.fault is Fault.KEY and not self.target(each.candidate).shared.opened:
                del self.resting[place]
                return each.candidate
        return None

    def put_back(self, candidate: Candidate) -> None:
        """This one was taken, and is the next one again."""
        self._back = candidate

    def join(self, now: float) -> Candidate | None:
        """One to ask beside another: the first that is well and has retry budget. The others keep their turn."""
        for place in range(self._next, len(self.candidates)):
            candidate = self.candidates[place]
            if not candidate.estimated and self._is_open(candidate):
                target = self.target(candidate)
                if target.wait(now, candidate.model) <= 0.0 and not target.cools(now) and target.budget.allows():
                    self.candidates = [*self.candidates[:place], *self.candidates[place + 1 :]]
                    return candidate
        return None

    def pass_over(self, candidate: Candidate) -> None:
        """Another key of this model would not help."""
        self._skipped |= {(candidate.provider.id, candidate.model)}

    def end(self) -> None:
        """Nobody else is to be asked, whoever that would have been."""
        self._next = len(self.candidates)
        self._later.clear()
        self.resting.clear()

    def target(self, candidate: Candidate) -> Target:
        """What is known of a candidate's key and provider."""
        key = candidate.key
        return self._health.target(candidate.provider.home, "" if key is None else key.id)

    def affordable(self, candidate: Candidate, now: float) -> bool:
        """Whether the provider's retry budget pays for asking again; a probe is paced by its circuit."""
        target = self.target(candidate)
        budget = target.budget
        return budget.allows() or (self.owed and budget.owes(now)) or target.probes(now)

    def awaited(self) -> Budget | None:
        """The first retry budget that was empty for a candidate, and may have more as soon as attempts have told."""
        for each in self.resting:
            if each.fault is None:
                budget = self.target(each.candidate).budget
                if budget.under_way:
                    return budget
        return None

    def put_awaited_back(self) -> None:
        """Those that no retry budget was there for have their turn once more."""
        back = [each.candidate for each in self.resting if each.fault is None]
        self.resting = [each for each in self.resting if each.fault is not None]
        # Behind those that were tried, which stay known.
        self.candidates = [*self.candidates[: self._next], *back, *self.candidates[self._next :]]

    def count_refused(self) -> None:
        """The request is over: what it was not asked for want of a retry budget was refused."""
        refused = self._health.refused_retries
        for each in self.resting:
            if each.fault is None:
                provider = each.candidate.provider.home
                refused[provider] = refused.get(provider, 0) + 1

    def paid(self, target: Target, now: float) -> bool:
        """Whether this attempt costs no more than a credit, which is taken."""
        owed, self.owed = self.owed, False
        if not owed or not target.budget.owes(now):
            return False
        target.budget.take_credit()
        return True

    def owe(self, now: float) -> None:
        """Nobody was asked: where the caller is told to wait for, it may ask once when it comes back."""
        soonest: Resting | None = None
        for each in self.resting:
            if each.fault is not None and (soonest is None or each.seconds < soonest.seconds):
                soonest = each
        if soonest is not None:
            self.target(soonest.candidate).budget.credit(now)

    def _is_open(self, candidate: Candidate) -> bool:
        """Whether its model was not passed over."""
        return not self._skipped or (candidate.provider.id, candidate.model) not in self._skipped

    def _may_ask(self, candidate: Candidate, now: float, again: bool) -> bool:
        if not self._is_open(candidate):
            return False
        if candidate.estimated:
            return True
        target = self.target(candidate)
        wait = target.wait(now, candidate.model)
        if wait > 0.0:
            self.resting.append(Resting(candidate, wait, target.why(now, candidate.model)))
            return False
        if again and not self.affordable(candidate, now):
            self.resting.append(Resting(candidate, UNTIL_BUDGET, None))
            return False
        return True


def _name(candidate: Candidate) -> _Name:
    return candidate.provider.id, candidate.model, candidate.key.id if candidate.key is not None else ""
