"""When is something that keeps failing left alone, and when is it asked again? A circuit breaker.

Closed: everybody passes. Open: nobody does, for a while. Then half-open: one attempt passes, the probe, made of real
traffic; when it goes well the circuit closes and forgets, when it fails the circuit opens for twice as long.
(M. Nygard, Release It!, 2nd ed., "Circuit Breaker".)

An attempt that began before the circuit opened still ends at some time. A failure of it tells nothing new, now or
later: it does not count. An answer to it is a sign of life: it closes a circuit that failures in a row have opened;
not one that opened because half of all outcomes were failures, for there the other half would close it at once.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

# Outcomes are remembered for half a minute, in slots of five seconds.
SLOT = 5.0
SLOTS = 6
# Fewer outcomes make no share: two failures of three are bad luck.
FEWEST = 20
# How long to wait for the outcome of somebody else's probe, in seconds; it is told again then.
PROBE_WAIT = 1.0
# A whole answer may take a minute: a probe that has told nothing keeps the others from probing for as long as circuits
# are open at first, and for so many seconds at least.
SHORTEST_LEASE = 5.0
# Circuits that opened together must not probe together: the time open varies by a tenth in both directions.
JITTER = 0.1


class Breaker:
    """What circuits share: when they open, for how many seconds, and the numbers of the probes.

    `failures` in a row open a circuit, 0 switches circuits off. `random` gives numbers from 0 to 1.
    """

    def __init__(self, failures: int, span: float, longest: float, random: Callable[[], float]) -> None:
        self.failures = failures
        self.span = span
        self.longest = longest
        self._random = random
        self._probes = 0

    def adopt(self, failures: int, span: float, longest: float) -> None:
        """Go on under other rules; a circuit that is open stays so for the time it was given."""
        self.failures = failures
        self.span = span
        self.longest = longest

    def probe(self) -> int:
        """The number of a new probe."""
        self._probes += 1
        return self._probes

    def jittered(self, span: float) -> float:
        """The time in seconds, a bit longer or shorter."""
        return float(span * (1.0 + JITTER * (2.0 * self._random() - 1.0)))


class Window:
    """Outcomes of the last half minute."""

    def __init__(self) -> None:
        self._slot = 0
        self._well = [0] * SLOTS
        self._failed = [0] * SLOTS

    def add(self, now: float, failed: bool) -> None:
        """One more outcome, at `now` in seconds."""
        slot = int(now / SLOT)
        if slot != self._slot:
            self._turn(slot)
        if failed:
            self._failed[slot % SLOTS] += 1
        else:
            self._well[slot % SLOTS] += 1

    def failing(self) -> bool:
        """Whether there are enough outcomes and at least half of them are failures."""
        failed = sum(self._failed)
        total = failed + sum(self._well)
        return total >= FEWEST and 2 * failed >= total

    def clear(self) -> None:
        """Forget them all."""
        self._well = [0] * SLOTS
        self._failed = [0] * SLOTS

    def _turn(self, slot: int) -> None:
        for passed in range(max(self._slot + 1, slot - SLOTS + 1), slot + 1):
            self._well[passed % SLOTS] = 0
            self._failed[passed % SLOTS] = 0
        self._slot = slot


class Circuit:
    """One circuit. `opened` tells that it is not closed, `prober` is the number of the probe under way, 0 for none.

    A probe that took so long that another one was let through still tells by its outcome how the upstream is.
    """

    def __init__(self, breaker: Breaker) -> None:
        self.opened = False
        self.prober = 0
        self._overdue: list[int] = []
        self._leased_until = 0.0
        self._breaker = breaker
        self._window = Window()
        self._row = 0
        self._in_row = True
        self._span = 0.0
        self._since = -inf
        self._until = 0.0

    def wait(self, now: float) -> float:
        """Seconds until an attempt may pass, 0.0: now."""
        if not self.opened:
            return 0.0
        if now < self._until:
            return self._until - now
        return PROBE_WAIT if self.prober and now < self._leased_until else 0.0

    def let(self, now: float, probe: int) -> None:
        """An attempt passes, as the probe of this number."""
        if self.prober:
            self._overdue.append(self.prober)
        self.prober = probe
        self._leased_until = now + max(self._breaker.span, SHORTEST_LEASE)

    def _probes(self, number: int) -> bool:
        return number > 0 and (number == self.prober or number in self._overdue)

    def answered(self, now: float, probe: int) -> None:
        """An attempt got an answer. `probe` is its number when it is one, else 0."""
        if self.opened:
            if self._probes(probe):
                self.close()
            elif self._in_row:
                # A sign of life of before. What else was seen in the last half minute stays true.
                self._become(opened=False)
        self._row = 0
        self._window.add(now, failed=False)

    def failed(self, now: float, probe: int, began: float) -> bool:
        """An attempt that began at `began` failed. True: this opened the circuit."""
        if self._probes(probe):
            self._open(now, min(self._span * 2.0, self._breaker.longest))
            return True
        if self.opened or began < self._since or not self._breaker.failures:
            return False
        self._row += 1
        self._window.add(now, failed=True)
        self._in_row = self._row >= self._breaker.failures
        if self._in_row or self._window.failing():
            self._open(now, min(self._breaker.span, self._breaker.longest))
            return True
        return False

    def free(self, probe: int) -> None:
        """This probe is over, and nothing was learnt from it: another attempt may be the next one."""
        if probe == self.prober:
            self.prober = 0
        elif probe in self._overdue:
            self._overdue.remove(probe)

    def close(self) -> None:
        """Let everybody pass, and forget."""
        self._become(opened=False)
        self._row = 0
        self._window.clear()

    def _open(self, now: float, span: float) -> None:
        self._become(opened=True)
        self._span = span
        self._since = now
        self._until = now + self._breaker.jittered(span)

    def _become(self, *, opened: bool) -> None:
        self.opened = opened
        self.prober = 0
        self._overdue.clear()
