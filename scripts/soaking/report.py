"""What came of a soak, as numbers and as words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import attrs

from .asks import Ask
from .caller import Answer, End, Leaving, point

# Growth of memory that is judged: over this many requests after the first half, above this many MiB per 100,000.
JUDGED_REQUESTS = 50_000
MOST_GROWTH = 1.0


@attrs.frozen
class Sample:
    """One look from outside: requests begun so far, resident memory in KiB."""

    at: float
    requests: int
    memory: int


@attrs.define
class Tally:
    """What came of it."""

    ends: Counter[str] = attrs.field(factory=Counter)
    points: Counter[str] = attrs.field(factory=Counter)
    statuses: Counter[int] = attrs.field(factory=Counter)
    translated: int = 0
    wrong: list[str] = attrs.field(factory=list)
    samples: list[Sample] = attrs.field(factory=list)

    def count(self, ask: Ask, leave: Leaving | None, answer: Answer) -> None:
        """One exchange is over."""
        self.ends[answer.end.value] += 1
        self.translated += "-" in ask.provider
        if answer.end is not End.LEFT:
            self.statuses[answer.status] += 1
        elif leave is not None:
            self.points[point(ask, leave, answer).value] += 1


def slope(samples: Sequence[Sample]) -> float | None:
    """Growth in MiB per 100,000 requests after the first half (least squares); None when there were too few.

    The first half is the warm-up: some two thousand plans are remembered by the names that are asked for here.
    """
    kept = [each for each in samples if each.requests > samples[-1].requests / 2]
    if len(kept) < 3 or kept[-1].requests - kept[0].requests < JUDGED_REQUESTS:
        return None
    mean_x = sum(each.requests for each in kept) / len(kept)
    mean_y = sum(each.memory for each in kept) / len(kept)
    above = sum((each.requests - mean_x) * (each.memory - mean_y) for each in kept)
    below = sum((each.requests - mean_x) ** 2 for each in kept)
    return above / below * 100_000 / 1024


def listed(counter: Counter[str] | Counter[int]) -> str:
    """A counter in a line, its names in order."""
    return ", ".join(f"{name or 'none'} {count:,}" for name, count in sorted(counter.items()))


def memory(samples: Sequence[Sample]) -> str:
    """How resident memory went, in a line."""
    growth = slope(samples)
    said = "too few requests for a slope" if growth is None else f"{growth:+.2f} MiB per 100,000 requests"
    return f"{samples[0].memory / 1024:.1f} MiB at first, {samples[-1].memory / 1024:.1f} MiB at last; {said}"
