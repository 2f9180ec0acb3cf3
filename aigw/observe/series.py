"""The numbers behind the metrics while a process runs: what the hot path adds to, under bounded labels.

One series per combination of label values carries all numbers of that combination, so a request costs one
look-up. The number of combinations is bounded whatever callers send: each label admits so many values, all
labels together so many combinations; what comes later counts as `other`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

from aigw.observe.families import (
    DURATION_BOUNDS,
    FIRST_BYTE_BOUNDS,
    GATEWAY_BOUNDS,
    NONE,
    OTHER,
    TOKEN_KINDS,
)


class Histogram:
    """How many values fell at or below each bound; the last count is of what lies beyond all of them."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count one value, in the histogram's unit. A bound includes what equals it (Prometheus' `le`)."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class RequestSeries:
    """Numbers of the requests with one combination of labels. `tokens` is in the order of `TOKEN_KINDS`."""

    __slots__ = ("gateway", "requests", "seconds", "tokens")

    def __init__(self) -> None:
        self.requests = 0
        self.tokens = [0] * len(TOKEN_KINDS)
        self.seconds = Histogram(DURATION_BOUNDS)
        self.gateway = Histogram(GATEWAY_BOUNDS)


class AttemptSeries:
    """Numbers of the attempts with one combination of labels."""

    __slots__ = ("attempts", "first_byte")

    def __init__(self) -> None:
        self.attempts = 0
        self.first_byte = Histogram(FIRST_BYTE_BOUNDS)


class Label:
    """A label of at most `most` values, all of them `known`: the rest is `other`, an empty one `none`."""

    def __init__(self, most: int, known: Callable[[str], bool] | None = None) -> None:
        self.known = known
        self._most = most
        self._admitted: set[str] = set()

    def value(self, text: str) -> str:
        """The text itself while it may be a value of this label."""
        if text in self._admitted:
            return text
        if not text:
            return NONE
        if len(self._admitted) >= self._most or (self.known is not None and not self.known(text)):
            return OTHER
        self._admitted.add(text)
        return text


def status_class(status: int) -> str:
    """`2xx` for 200 to 299 and so on, `none` for 0 (there was no status)."""
    return f"{status // 100}xx" if status else NONE
