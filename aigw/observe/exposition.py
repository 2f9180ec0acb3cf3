"""How are metrics written for Prometheus? In its text format 0.0.4, by its own client library.

The library is imported at the first scrape: it brings an HTTP server along that a start-up need not wait for.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from aigw.observe.families import FAMILIES, Family
from aigw.observe.totals import Row, Snapshot

if TYPE_CHECKING:
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def render(snapshot: Snapshot) -> bytes:
    """The snapshot as a scrape's body, of type `CONTENT_TYPE`.

    A line takes some 5 µs: what may be large (many models, many workers) belongs into a thread.
    """
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collector(snapshot))
    return generate_latest(registry)


class _Collector:
    """A snapshot in the shape that a registry asks for (`prometheus_client.registry.Collector`)."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        for family in FAMILIES:
            rows = self._snapshot.get(family.name)
            if rows:
                yield _metric(family, rows)


def _metric(family: Family, rows: list[Row]) -> Metric:
    from prometheus_client import core

    if family.kind == "histogram":
        return _histogram(core.HistogramMetricFamily(family.name, family.help, labels=family.labels), family, rows)
    made: CounterMetricFamily | GaugeMetricFamily
    if family.kind == "counter":
        made = core.CounterMetricFamily(family.name, family.help, labels=family.labels)
    else:
        made = core.GaugeMetricFamily(family.name, family.help, labels=family.labels)
    for row in rows:
        made.add_metric(row["labels"], row["values"][0])
    return made


def _histogram(made: HistogramMetricFamily, family: Family, rows: list[Row]) -> Metric:
    bounds = [*map(str, family.bounds), "+Inf"]
    for row in rows:
        total, *counts = row["values"]
        made.add_metric(row["labels"], list(zip(bounds, accumulate(counts), strict=True)), total)
    return made
