"""Metrics of how the upstreams are: what somebody else has counted, and what prompt caches did."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families

from aigw.observe import families
from aigw.observe.metrics import MOST_PROVIDERS, Metrics
from aigw.observe.record import BROKEN, Record
from aigw.observe.totals import merge
from aigw.wire.usage import Seen, Usage

Labelled = dict[tuple[str, ...], float]


def samples(metrics: Metrics, family: families.Family) -> Labelled:
    """Each series of a family by its labels, as Prometheus' own parser reads them."""
    return {
        tuple(sample.labels[name] for name in family.labels): sample.value
        for found in text_string_to_metric_families(metrics.render().decode())
        for sample in found.samples
        if sample.name == family.name
    }


@pytest.fixture
def counted() -> Metrics:
    """Metrics that know every model."""
    return Metrics(lambda _: True)


def test_many_are_watched(counted: Metrics) -> None:
    """All series of a family are read at the moment of the snapshot, whichever there are then."""
    hedged: Labelled = {}
    counted.watch_many(families.HEDGES, lambda: hedged)
    assert samples(counted, families.HEDGES) == {}
    hedged[("cloud", "won")] = 2
    hedged[("cloud", "lost")] = 3
    assert samples(counted, families.HEDGES) == {("cloud", "won"): 2, ("cloud", "lost"): 3}


def test_a_histogram_cannot_be_watched(counted: Metrics) -> None:
    """One number per series is no histogram."""
    with pytest.raises(ValueError, match="cannot be watched"):
        counted.watch_many(families.REQUEST_SECONDS, dict)


def test_watched_labels_are_bounded(counted: Metrics) -> None:
    """Providers beyond the hundredth are one series, and nothing of them is lost."""
    many: Labelled = {(f"provider-{number}",): 1 for number in range(MOST_PROVIDERS + 50)}
    counted.watch_many(families.RETRIES_REFUSED, lambda: many)
    found = samples(counted, families.RETRIES_REFUSED)
    assert len(found) == MOST_PROVIDERS + 1
    assert found[("other",)] == 50


def test_workers_see_the_same_upstreams() -> None:
    """Open circuits of several workers are not added up: each worker has its own view of the same upstreams."""
    snapshots = []
    for seen in (1.0, 3.0):
        metrics, counts = Metrics(lambda _: True), Labelled({("cloud",): seen})
        metrics.watch_many(families.CIRCUITS_OPEN, counts.copy)
        metrics.watch_many(families.RETRIES_REFUSED, counts.copy)
        snapshots.append(metrics.snapshot())
    merged = merge(snapshots)
    assert [row["values"] for row in merged[families.CIRCUITS_OPEN.name]] == [[3.0]]
    assert [row["values"] for row in merged[families.RETRIES_REFUSED.name]] == [[4.0]]


@pytest.mark.parametrize(
    ("seen", "result"),
    [
        (Seen(Usage(cache_read_tokens=60)), "hit"),
        (Seen(Usage(cache_read_tokens=0)), "miss"),
        (Seen(Usage(input_tokens=10)), "unknown"),
        (Seen(), "unknown"),
        (None, "unknown"),
    ],
)
def test_affinity(counted: Metrics, record: Record, seen: Seen | None, result: str) -> None:
    """A request whose key was chosen for its cache counts by what the provider read from it."""
    record.affinity, record.seen = True, seen
    counted.observe(record)
    assert samples(counted, families.AFFINITY) == {("cloud", result): 1}


def test_no_affinity(counted: Metrics, record: Record) -> None:
    """Requests whose key was chosen otherwise do not count, nor do those without a whole answer."""
    counted.observe(record)
    record.affinity, record.outcome = True, BROKEN
    counted.observe(record)
    assert samples(counted, families.AFFINITY) == {}
