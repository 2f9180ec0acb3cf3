"""How do the numbers of several workers become one? By adding rows with equal labels, family by family."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypedDict

from aigw.observe.families import FAMILIES, Family


class Row(TypedDict):
    """One series of a family. `values`: `[number]`; for a histogram `[sum, count per bound …, beyond]`."""

    labels: list[str]
    values: list[float]


# Family name → rows. JSON-able as it is, and the same after a round trip.
Snapshot = dict[str, list[Row]]

_JOIN: dict[str, Callable[[float, float], float]] = {
    "sum": lambda one, other: one + other,
    "max": max,
    "min": min,
}


def merge(snapshots: Iterable[Snapshot]) -> Snapshot:
    """One snapshot that tells of all: sums, or a gauge's `max` or `min`. Unknown families are left out.

    The number of series is bounded by the sum of the workers' bounds. Raises ValueError when histograms of
    the same name differ in their bounds: the workers then are of different versions.
    """
    given = list(snapshots)
    return {family.name: _merged(family, [snapshot.get(family.name, []) for snapshot in given]) for family in FAMILIES}


def counters_only(snapshot: Snapshot) -> Snapshot:
    """What remains true of a worker that is gone: what it counted, not what it was doing.

    Keep it and merge it with the living ones, or counters would jump back when a worker is replaced.
    """
    lasting = {family.name for family in FAMILIES if family.kind != "gauge"}
    return {name: rows for name, rows in snapshot.items() if name in lasting}


def _merged(family: Family, lists: list[list[Row]]) -> list[Row]:
    join = _JOIN[family.merge]
    merged: dict[tuple[str, ...], list[float]] = {}
    for rows in lists:
        for row in rows:
            labels = tuple(row["labels"])
            before = merged.get(labels)
            if before is None:
                merged[labels] = list(row["values"])
            else:
                merged[labels] = [join(one, other) for one, other in zip(before, row["values"], strict=True)]
    return [Row(labels=list(labels), values=values) for labels, values in merged.items()]
