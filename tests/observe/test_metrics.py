"""Metrics: what is counted, under which labels, and how workers add up."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import prometheus_client
import pytest
from prometheus_client.parser import text_string_to_metric_families

import aigw
from aigw.observe import families, metrics
from aigw.observe.exposition import CONTENT_TYPE, render
from aigw.observe.families import CONNECTIONS, FAMILIES, LOG_DROPPED, LOOP_LAG, REQUESTS
from aigw.observe.metrics import Metrics, resident_bytes
from aigw.observe.record import OK, REFUSED, UPSTREAM_ERROR, Record
from aigw.observe.series import Histogram
from aigw.observe.totals import Snapshot, counters_only, merge
from aigw.wire.losses import Loss
from aigw.wire.usage import Seen, Usage

PAGE = Path(aigw.__file__).parent.parent / "docs" / "reference" / "metrics.md"
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def samples(text: bytes) -> Samples:
    """Every sample of an exposition, as Prometheus' own parser reads it."""
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def value(text: bytes, name: str, **labels: str) -> float:
    """The value of one sample."""
    return samples(text)[name, frozenset(labels.items())]


def total(text: bytes, name: str) -> float:
    """The sum of a metric's samples."""
    return sum(number for (found, _), number in samples(text).items() if found == name)


def known(_model: str) -> bool:
    """Every model is known."""
    return True


@pytest.fixture
def counted() -> Metrics:
    """Metrics that know every model."""
    return Metrics(known, "1.2.3")


def test_a_good_request(counted: Metrics, record: Record) -> None:
    """A request counts itself, its attempt, its tokens and its times."""
    counted.observe(record)
    counted.observe(record)
    text = counted.render()
    where = {"provider": "cloud", "model": "big-1"}
    request = {"surface": "chat-completions", **where}
    assert value(text, "aigw_requests_total", **request, outcome="ok", status_class="2xx") == 2
    assert value(text, "aigw_attempts_total", **where, status_class="2xx", reason="none") == 2
    assert value(text, "aigw_tokens_total", **where, kind="input") == 200
    assert value(text, "aigw_tokens_total", **where, kind="output") == 40
    assert value(text, "aigw_tokens_total", **where, kind="cache_read") == 120
    assert value(text, "aigw_tokens_total", **where, kind="reasoning") == 10
    assert value(text, "aigw_request_duration_seconds_sum", **request) == pytest.approx(2.5)
    assert value(text, "aigw_request_duration_seconds_count", **request) == 2
    assert value(text, "aigw_request_duration_seconds_bucket", **request, le="0.64") == 0
    assert value(text, "aigw_request_duration_seconds_bucket", **request, le="1.28") == 2
    assert value(text, "aigw_upstream_first_byte_seconds_sum", **where) == pytest.approx(0.494)
    assert value(text, "aigw_gateway_duration_seconds_sum", surface="chat-completions") == pytest.approx(0.006)
    assert value(text, "aigw_build_info", version="1.2.3", python=sys.version.split()[0]) == 1


def test_a_request_that_failed_over(counted: Metrics, record: Record) -> None:
    """Every attempt counts, the failed ones with their reason and without a first byte they did not have."""
    failed = record.attempt("other", "big-1", "", 100.0)
    failed.reason, failed.status = "rate_limited", 429
    refused = record.attempt("third", "big-1", "", 100.0)
    refused.reason = "connect_failed"
    counted.observe(record)
    text = counted.render()
    model = {"model": "big-1"}
    assert value(text, "aigw_attempts_total", provider="other", **model, status_class="4xx", reason="rate_limited") == 1
    assert (
        value(
            text,
            "aigw_attempts_total",
            provider="third",
            **model,
            status_class="none",
            reason="connect_failed",
        )
        == 1
    )
    assert total(text, "aigw_requests_total") == 1
    assert total(text, "aigw_upstream_first_byte_seconds_count") == 1


def test_a_refused_request(counted: Metrics) -> None:
    """A request that never had a provider says `none`."""
    refused = Record("req_2", "messages", 100.0, 0.0)
    refused.outcome, refused.status = REFUSED, 401
    refused.finish(100.5)
    counted.observe(refused)
    nowhere = {"surface": "messages", "provider": "none", "model": "none"}
    text = counted.render()
    assert value(text, "aigw_requests_total", **nowhere, outcome="refused", status_class="4xx") == 1
    assert total(text, "aigw_attempts_total") == 0
    assert total(text, "aigw_tokens_total") == 0


def test_unknown_usage(counted: Metrics, record: Record) -> None:
    """Tokens that were not reported are not counted."""
    record.seen = Seen(Usage(output_tokens=3))
    counted.observe(record)
    record.seen = Seen()
    counted.observe(record)
    record.seen = None
    counted.observe(record)
    assert total(counted.render(), "aigw_tokens_total") == 3


def test_an_unfinished_record(counted: Metrics, record: Record) -> None:
    """A record without an end has no duration to count."""
    record.ended = None
    counted.observe(record)
    text = counted.render()
    assert total(text, "aigw_requests_total") == 1
    assert total(text, "aigw_request_duration_seconds_count") == 0


@pytest.mark.parametrize(
    ("seconds", "bucket"),
    [(0.0, 0), (0.5, 0), (0.50001, 1), (1.0, 1), (2.0, 2), (2.5, 3), (1e9, 3)],
)
def test_buckets(seconds: float, bucket: int) -> None:
    """A value falls into the first bucket whose bound it does not exceed, or beyond all."""
    histogram = Histogram((0.5, 1.0, 2.0))
    histogram.observe(seconds)
    assert histogram.counts.index(1) == bucket
    assert histogram.total == seconds


@pytest.mark.parametrize("family", [family for family in FAMILIES if family.kind == "histogram"])
def test_bounds_rise(family: families.Family) -> None:
    """A histogram's bounds rise, as the search in them needs."""
    assert list(family.bounds) == sorted(set(family.bounds))


def test_unknown_models_share_a_series(record: Record) -> None:
    """Ten thousand invented models make one series, `other`; the known one keeps its own."""
    counted = Metrics(lambda model: model == "big-1")
    counted.observe(record)
    for number in range(10_000):
        record.model = record.attempts[0].model = f"invented-{number}"
        counted.observe(record)
    text = counted.render()
    models = {dict(labels).get("model") for _, labels in samples(text)}
    assert models == {None, "big-1", "other"}
    assert total(text, "aigw_requests_total") == 10_001
    assert total(text, "aigw_attempts_total") == 10_001


def test_endless_names_are_not_kept(counted: Metrics, record: Record) -> None:
    """What is remembered of the names that callers invent is bounded, and no long name is remembered."""
    for number in range(metrics.MOST_BOUND + 100):
        record.model = record.attempts[0].model = f"invented-{number}"
        counted.observe(record)
    record.model = record.attempts[0].model = "m" * (metrics.LONGEST_BOUND + 1)
    counted.observe(record)
    assert len(counted._bound_requests) <= metrics.MOST_BOUND
    assert len(counted._bound_attempts) <= metrics.MOST_BOUND
    assert all(len(key[2]) <= metrics.LONGEST_BOUND for key in counted._bound_requests)
    assert all(len(key[1]) <= metrics.LONGEST_BOUND for key in counted._bound_attempts)


@pytest.mark.parametrize(
    ("field", "label", "most"),
    [
        ("model", "model", 5),
        ("provider", "provider", metrics.MOST_PROVIDERS),
        ("surface", "surface", metrics.MOST_SURFACES),
    ],
)
def test_labels_are_capped(record: Record, field: str, label: str, most: int) -> None:
    """Each label takes a limited number of values; all later ones are `other`, and nothing is lost."""
    counted = Metrics(known, most_models=5)
    record.attempts.clear()
    for number in range(3 * most):
        setattr(record, field, f"value-{number}")
        counted.observe(record)
    found = {row["labels"][REQUESTS.labels.index(label)] for row in counted.snapshot()["aigw_requests_total"]}
    assert found == {*(f"value-{number}" for number in range(most)), "other"}
    assert total(counted.render(), "aigw_requests_total") == 3 * most


def test_providers_of_accounts_take_no_others_places(record: Record) -> None:
    """However many providers accounts define, one of the operator's keeps its own name."""
    counted = Metrics(known)
    for number in range(3 * metrics.MOST_OWNED):
        record.home = record.attempts[0].home = f"acct_{number}/box"
        counted.observe(record)
    record.home = record.attempts[0].home = "maker"
    counted.observe(record)
    found = {row["labels"][REQUESTS.labels.index("provider")] for row in counted.snapshot()["aigw_requests_total"]}
    assert found == {*(f"acct_{number}/box" for number in range(metrics.MOST_OWNED)), "other", "maker"}


def test_reasons_are_capped(counted: Metrics, record: Record) -> None:
    """A reason that is no word of ours cannot flood the metrics."""
    for number in range(1000):
        record.attempts[0].reason = f"reason-{number}"
        counted.observe(record)
    assert len(counted.snapshot()["aigw_attempts_total"]) == metrics.MOST_REASONS + 1


def test_combinations_are_capped(counted: Metrics, record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    """All labels together make a limited number of series; the rest is counted without provider and model."""
    monkeypatch.setattr(metrics, "MOST_SERIES", 50)
    for number in range(300):
        record.provider = record.attempts[0].home = f"p{number % 20}"
        record.model = record.attempts[0].model = f"m{number % 30}"
        counted.observe(record)
    text = counted.render()
    assert len(counted.snapshot()["aigw_requests_total"]) == 51
    assert len(counted.snapshot()["aigw_attempts_total"]) == 51
    assert total(text, "aigw_requests_total") == total(text, "aigw_attempts_total") == 300


def test_new_configuration(record: Record) -> None:
    """A model that becomes known gets its own series from then on."""
    counted = Metrics(lambda _model: False)
    counted.observe(record)
    counted.know(known)
    counted.observe(record)
    rows = counted.snapshot()["aigw_requests_total"]
    assert sorted(row["labels"][2] for row in rows) == ["big-1", "other"]


def test_gauges(counted: Metrics) -> None:
    """Gauges are read when somebody asks."""
    lag = [0.25]
    counted.in_flight = 3
    counted.watch(CONNECTIONS, lambda: 7, "active")
    counted.watch(CONNECTIONS, lambda: 2, "idle")
    counted.watch(LOOP_LAG, lambda: lag[0])
    counted.watch(LOG_DROPPED, lambda: 9)
    lag[0] = 0.5
    text = counted.render()
    assert value(text, "aigw_requests_in_flight") == 3
    assert value(text, "aigw_upstream_connections", state="active") == 7
    assert value(text, "aigw_upstream_connections", state="idle") == 2
    assert value(text, "aigw_event_loop_lag_seconds") == 0.5
    assert value(text, "aigw_log_dropped_total") == 9
    assert value(text, "aigw_workers") == 1
    assert value(text, "process_resident_memory_bytes") > 1_000_000
    assert value(text, "process_start_time_seconds") > 1_700_000_000
    assert value(text, "process_cpu_seconds_total") > 0


@pytest.mark.parametrize(
    ("family", "labels"), [(families.REQUEST_SECONDS, ("a", "b", "c")), (CONNECTIONS, ()), (LOOP_LAG, ("x",))]
)
def test_what_cannot_be_watched(counted: Metrics, family: families.Family, labels: tuple[str, ...]) -> None:
    """Histograms and wrong labels are refused when they are given, not when they are scraped."""
    with pytest.raises(ValueError, match=family.name):
        counted.watch(family, lambda: 0, *labels)


def test_memory_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where /proc does not tell, memory is 0 and the scrape goes on."""

    def missing(*_: Any) -> Any:
        raise FileNotFoundError

    monkeypatch.setattr("builtins.open", missing)
    assert resident_bytes() == 0


def test_snapshot_is_a_copy_in_json(counted: Metrics, record: Record) -> None:
    """A snapshot survives JSON, and does not change when more is counted."""
    counted.observe(record)
    snapshot = counted.snapshot()
    before = json.dumps(snapshot)
    counted.observe(record)
    assert json.dumps(snapshot) == before
    assert json.loads(before) == snapshot
    assert render(json.loads(before)) == counted.render(snapshot)


def observe(counted: Metrics, record: Record, count: int) -> None:
    """Count so many requests of different models and outcomes."""
    for number in range(count):
        record.model = f"m{number % 3}"
        record.outcome = UPSTREAM_ERROR if number % 2 else OK
        counted.observe(record)


def workers(record: Record, each: list[int]) -> list[Snapshot]:
    """Snapshots of workers that counted so many requests each, with gauges that tell them apart."""
    made = []
    for worker, count in enumerate(each):
        counted = Metrics(known, "1.2.3")
        counted.in_flight = worker + 1
        counted.watch(LOOP_LAG, partial(float, worker / 4))
        counted._started = 1000.0 + worker
        observe(counted, record, count)
        made.append(counted.snapshot())
    return made


def counts(snapshot: Snapshot) -> dict[str, dict[tuple[str, ...], Any]]:
    """What a snapshot has counted of requests, by family and labels."""
    return {
        family.name: {tuple(row["labels"]): pytest.approx(row["values"]) for row in snapshot[family.name]}
        for family in FAMILIES
        if family.kind != "gauge" and not family.name.startswith("process_")
    }


def test_merge_is_the_sum(counted: Metrics, record: Record) -> None:
    """Workers' counters and histograms add up to what one process would have counted."""
    each = [5, 0, 12]
    for count in each:
        observe(counted, record, count)
    merged = merge(workers(record, each))
    assert counts(counted.snapshot()) == {
        name: {tuple(row["labels"]): row["values"] for row in merged[name]} for name in counts(merged)
    }
    assert total(render(merged), "aigw_requests_total") == 17


def test_merge_of_gauges(record: Record) -> None:
    """Gauges add up, but the lag is the worst, the start the first, and the version the same."""
    text = render(merge(workers(record, [1, 1, 1])))
    assert value(text, "aigw_requests_in_flight") == 6
    assert value(text, "aigw_workers") == 3
    assert value(text, "aigw_event_loop_lag_seconds") == 0.5
    assert value(text, "process_start_time_seconds") == 1000.0
    assert value(text, "aigw_build_info", version="1.2.3", python=sys.version.split()[0]) == 1


def test_merge_of_nothing_and_of_one(record: Record) -> None:
    """Merging one snapshot changes nothing; merging none gives an empty exposition."""
    (alone,) = workers(record, [3])
    assert merge([alone]) == alone
    assert render(merge([])) == b""


def test_merge_of_different_versions(record: Record) -> None:
    """A family we do not know is left out; a histogram with other bounds is an error, not a wrong number."""
    (ours,) = workers(record, [1])
    assert "aigw_new_total" not in merge([{**ours, "aigw_new_total": [{"labels": [], "values": [1]}]}])
    other = json.loads(json.dumps(ours))
    other["aigw_gateway_duration_seconds"][0]["values"].append(0)
    with pytest.raises(ValueError, match=r"shorter|longer"):
        merge([ours, other])


def test_a_worker_that_is_gone(record: Record) -> None:
    """Of a worker that ended its counts remain, so that counters never fall; its gauges do not."""
    gone, alive = workers(record, [5, 2])
    text = render(merge([counters_only(gone), alive]))
    assert total(text, "aigw_requests_total") == 7
    assert value(text, "aigw_workers") == 1
    assert value(text, "aigw_requests_in_flight") == 2


def test_hostile_labels(counted: Metrics, record: Record) -> None:
    """A model that contains quotes and line ends does not break the exposition."""
    record.model = 'x"} 1\naigw_requests_total{a="\\'
    counted.observe(record)
    text = counted.render()
    assert total(text, "aigw_requests_total") == 1
    assert {dict(labels).get("model") for _, labels in samples(text)} >= {record.model}


def test_no_secret_gets_in(record: Record) -> None:
    """Nothing but allow-listed labels is shown: no key, no id, no message, no model that a caller made up."""
    canary = "canary-0123456789"
    record.request_id = record.access_key_id = record.access_key_name = record.account_id = canary
    record.requested_model = record.model = record.error = canary
    record.seen = Seen(Usage(1), canary, canary, canary, canary)
    record.losses = (Loss(canary, "dropped", canary),)
    attempt = record.attempts[0]
    attempt.key_id = attempt.key_redacted = attempt.model = canary
    counted = Metrics(lambda _model: False)
    counted.observe(record)
    assert canary not in json.dumps(counted.snapshot())
    assert canary.encode() not in counted.render()


def test_content_type() -> None:
    """The content type is the one of the format that the library writes."""
    assert CONTENT_TYPE == prometheus_client.CONTENT_TYPE_PLAIN_0_0_4


def test_the_library_is_imported_at_the_first_scrape() -> None:
    """Counting needs no Prometheus library: a start-up does not wait for it."""
    program = "import sys, aigw.observe.metrics; sys.exit('prometheus_client' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_page_lists_every_metric() -> None:
    """The reference page has a row for each metric with its type and labels, and no others."""
    page = PAGE.read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|([^|]*)\|", page, re.MULTILINE)
    assert [(name, kind, tuple(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows] == [
        (family.name, family.kind, family.labels) for family in FAMILIES
    ]


def test_page_tells_the_limits() -> None:
    """The reference page names the token kinds and the limits of the labels."""
    page = PAGE.read_text(encoding="utf-8")
    for number in (metrics.MOST_MODELS, metrics.MOST_PROVIDERS, metrics.MOST_SERIES):
        assert f"{number:,}" in page
    for kind in families.TOKEN_KINDS:
        assert f"`{kind}`" in page
