"""How long does a model take to begin its answer, and how many requests may be asked twice because of it?

A histogram with logarithmic buckets, four to the octave, that halves its counts now and then: the memory is bounded,
an old pace is forgotten, and a quantile is at most a tenth off (half a bucket's width: 2 ** (1/8) is 1.09).
"""

from __future__ import annotations

from math import log2

# From one millisecond on, twenty octaves: up to 1,049 seconds, longer than any answer may take to begin.
FINEST = 0.001
PER_OCTAVE = 4
BUCKETS = 20 * PER_OCTAVE
# Fewer samples say nothing of the slowest twentieth.
FEWEST = 20
# As many samples weigh as much as all before them: a model that slows down is seen within some hundred answers.
HALVED_EVERY = 512

# Requests that are asked twice in a row, at most, however many were not before.
MOST_HEDGES = 50.0
_HAIR = 1e-9


class Pace:
    """How long the first bytes of one model at one provider took, in seconds."""

    def __init__(self) -> None:
        self.samples = 0
        self._counts = [0.0] * BUCKETS
        self._total = 0.0
        self._until_halved = HALVED_EVERY

    def add(self, seconds: float) -> None:
        """One more answer began after so many seconds."""
        place = int(log2(seconds / FINEST) * PER_OCTAVE) if seconds > FINEST else 0
        self._counts[min(place, BUCKETS - 1)] += 1.0
        self._total += 1.0
        self.samples += 1
        self._until_halved -= 1
        if not self._until_halved:
            self._halve()

    def p95(self) -> float | None:
        """What 19 of 20 answers are at most, in seconds; None while too few are known."""
        if self.samples < FEWEST:
            return None
        beyond, slower = self._total / 20, 0.0
        place = BUCKETS
        while place and slower <= beyond:
            place -= 1
            slower += self._counts[place]
        return float(FINEST * 2.0 ** ((place + 0.5) / PER_OCTAVE))

    def _halve(self) -> None:
        self._counts = [count / 2 for count in self._counts]
        self._total /= 2
        self._until_halved = HALVED_EVERY


class Hedges:
    """How many requests to one provider may be asked a second time: a share of them, saved up to some."""

    def __init__(self, share: float) -> None:
        self.share = float(share)
        self._saved = 0.0

    def asked(self) -> None:
        """One more request that may be hedged began."""
        self._saved = min(self._saved + self.share, MOST_HEDGES)

    def allowed(self) -> bool:
        """Whether the share has room for one."""
        return self._saved >= 1.0 - _HAIR

    def spend(self) -> None:
        """A request is asked a second time."""
        self._saved -= 1.0
