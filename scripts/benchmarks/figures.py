"""What is measured and judged: figures, their targets, and what came out. Plain values, nothing is done here."""

from __future__ import annotations

import operator
import statistics
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import attrs

_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = MappingProxyType(
    {"≥": operator.ge, "≤": operator.le, "<": operator.lt}
)


class BenchError(Exception):
    """Something cannot be measured; the message says what and why."""


@attrs.frozen
class Target:
    """What a figure has to keep: `sign` is one of ≥ ≤ <, `limit` is in the figure's unit."""

    sign: str = attrs.field(validator=attrs.validators.in_(_COMPARISONS))
    limit: float

    def reached(self, value: float) -> bool:
        """Whether a value keeps it."""
        return _COMPARISONS[self.sign](value, self.limit)


@attrs.frozen
class Figure:
    """One figure: its number in the report, what it tells, the unit of its value, its target if it is judged."""

    number: str
    title: str
    unit: str
    target: Target | None


@attrs.frozen
class Amount:
    """An absolute number that was seen: its name with the unit in it for programs, its unit for people."""

    name: str
    value: float
    unit: str


@attrs.frozen
class Outcome:
    """A figure that was measured.

    `value` is judged; `rounds` are the values it is the median of, if there were several; `ratio` is the gateway's
    number relative to nginx's where the value is something else; `aigw` and `nginx` are absolute numbers.
    """

    figure: Figure
    value: float
    aigw: tuple[Amount, ...]
    nginx: tuple[Amount, ...] = ()
    ratio: float | None = None
    rounds: tuple[float, ...] = ()

    @property
    def reached(self) -> bool:
        """Whether the target is kept, if there is one."""
        return self.figure.target is None or self.figure.target.reached(self.value)


@attrs.frozen
class Missing:
    """A figure that was not measured, and why. `asked`: it should have been; that is a failure then."""

    figure: Figure
    reason: str
    asked: bool = True


def median(values: Sequence[float]) -> float:
    """The value in the middle. Raises BenchError when there is none."""
    if not values:
        raise BenchError("no round was completed")
    return statistics.median(values)


def quotients(above: Sequence[float], below: Sequence[float]) -> tuple[float, ...]:
    """One quotient per round, of two numbers taken next to each other in time. Raises BenchError on a zero."""
    if any(value <= 0 for value in below):
        raise BenchError("nothing to compare with: a round of the reference measured zero")
    return tuple(a / b for a, b in zip(above, below, strict=True))
