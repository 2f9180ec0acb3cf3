"""The metrics of one process: plain additions as requests end, a snapshot when somebody asks.

Snapshots of several workers are added up by `totals.merge` and written out by `exposition.render`.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Mapping

from aigw.observe import families
from aigw.observe.exposition import render
from aigw.observe.families import FAMILIES, OTHER, TOKEN_KINDS, Family
from aigw.observe.record import OK, Attempt, Record
from aigw.observe.series import AttemptSeries, Histogram, Label, RequestSeries, status_class
from aigw.observe.totals import Row, Snapshot

# Distinct values of each label, and combinations of all labels together. A combination takes some 2 KB, and
# some 40 lines of a scrape.
MOST_MODELS = 200
MOST_PROVIDERS = 100
# Of those that accounts have defined themselves, whose names hold their account's: they take no others' places.
MOST_OWNED = 100
MOST_SURFACES = 32
MOST_REASONS = 64
MOST_SERIES = 2000
# Values as they come (any model a caller invents, every status) that are remembered with their series.
MOST_BOUND = 4096
LONGEST_BOUND = 128

Read = Callable[[], float]
ReadMany = Callable[[], Mapping[tuple[str, ...], float]]


class Metrics:
    """Counts what records tell. `in_flight` is how many requests are being served: the front keeps it.

    `known_model` says whether a model is in the catalog or configured; others count as `other`, because
    callers can invent names without end.
    """

    def __init__(self, known_model: Callable[[str], bool], version: str = "", most_models: int = MOST_MODELS) -> None:
        self.in_flight = 0
        self._version = version
        self._started = time.time()
        self._models = Label(most_models, known_model)
        self._providers = Label(MOST_PROVIDERS)
        self._owned = Label(MOST_OWNED)
        self._surfaces = Label(MOST_SURFACES)
        self._reasons = Label(MOST_REASONS)
        self._results = Label(MOST_REASONS)
        self._requests: dict[tuple[str, ...], RequestSeries] = {}
        self._attempts: dict[tuple[str, ...], AttemptSeries] = {}
        self._bound_requests: dict[tuple[str, str, str, str, int], RequestSeries] = {}
        self._bound_attempts: dict[tuple[str, str, int, str], AttemptSeries] = {}
        self._affinity: dict[tuple[str, ...], int] = {}
        self._watched: list[tuple[Family, tuple[str, ...], Read]] = []
        self._watched_many: list[tuple[Family, ReadMany]] = []

    def know(self, known_model: Callable[[str], bool]) -> None:
        """Ask this from now on which models are known: the configuration has changed."""
        self._models.known = known_model
        self._bound_requests.clear()
        self._bound_attempts.clear()

    def watch(self, family: Family, read: Read, *labels: str) -> None:
        """Let `read` tell a gauge's or a counter's value whenever a snapshot is taken.

        Raises ValueError for a histogram or the wrong number of labels.
        """
        if family.kind == "histogram" or len(labels) != len(family.labels):
            raise ValueError(f"{family.name} cannot be watched with labels {labels}")
        self._watched.append((family, labels, read))

    def watch_many(self, family: Family, read: ReadMany) -> None:
        """The same for all series of a family at once: `read` tells the values by their labels, which are bounded here.

        Raises ValueError for a histogram.
        """
        if family.kind == "histogram":
            raise ValueError(f"{family.name} cannot be watched")
        self._watched_many.append((family, read))

    def observe(self, record: Record) -> None:
        """Count one finished request with its attempts and tokens."""
        key = (record.surface, record.home or record.provider, record.model, record.outcome, record.status)
        series = self._bound_requests.get(key)
        if series is None:
            series = self._bind_request(key)
        series.requests += 1
        if record.ended is not None:
            series.seconds.observe(record.ended - record.started)
        series.gateway.observe(record.gateway_ms * 1e-3)
        seen = record.seen
        if seen is not None and seen.usage is not None:
            usage, tokens = seen.usage, series.tokens
            tokens[0] += usage.input_tokens or 0
            tokens[1] += usage.output_tokens or 0
            tokens[2] += usage.cache_read_tokens or 0
            tokens[3] += usage.cache_write_tokens or 0
            tokens[4] += usage.reasoning_tokens or 0
        if record.affinity and record.outcome == OK:
            self._observe_affinity(record)
        for attempt in record.attempts:
            self._observe_attempt(attempt)

    def snapshot(self) -> Snapshot:
        """All numbers as they are now. A copy: it may be sent elsewhere or rendered in a thread."""
        made: Snapshot = {family.name: [] for family in FAMILIES}
        for family, projected in self._projections():
            made[family.name] = [Row(labels=list(labels), values=values) for labels, values in projected.items()]
        for family, named, value in self._readings():
            made[family.name].append(Row(labels=list(named), values=[value]))
        return made

    def render(self, snapshot: Snapshot | None = None) -> bytes:
        """A snapshot (by default of this process, now) in Prometheus' text format."""
        return render(self.snapshot() if snapshot is None else snapshot)

    def _observe_attempt(self, attempt: Attempt) -> None:
        key = (attempt.home, attempt.model, attempt.status, attempt.reason)
        series = self._bound_attempts.get(key)
        if series is None:
            series = self._bind_attempt(key)
        series.attempts += 1
        if attempt.first_byte_ms is not None:
            series.first_byte.observe(attempt.first_byte_ms * 1e-3)

    def _observe_affinity(self, record: Record) -> None:
        """Whether the key that was chosen for its cache had it; not every provider tells."""
        seen = record.seen
        cached = None if seen is None or seen.usage is None else seen.usage.cache_read_tokens
        result = "unknown" if cached is None else "hit" if cached else "miss"
        labels = (self._provider(record.home or record.provider), result)
        self._affinity[labels] = self._affinity.get(labels, 0) + 1

    def _bind_request(self, key: tuple[str, str, str, str, int]) -> RequestSeries:
        """The series that a request with these values counts in, remembered under them."""
        surface, provider, model, outcome, status = key
        labels = (
            self._surfaces.value(surface),
            self._provider(provider),
            self._models.value(model),
            outcome,
            status_class(status),
        )
        if labels not in self._requests and len(self._requests) >= MOST_SERIES:
            labels = (labels[0], OTHER, OTHER, *labels[3:])
        series = self._requests.setdefault(labels, RequestSeries())
        if len(self._bound_requests) >= MOST_BOUND:
            self._bound_requests.clear()
        if len(model) <= LONGEST_BOUND:
            self._bound_requests[key] = series
        return series

    def _bind_attempt(self, key: tuple[str, str, int, str]) -> AttemptSeries:
        """The series that an attempt with these values counts in, remembered under them."""
        provider, model, status, reason = key
        labels = (
            self._provider(provider),
            self._models.value(model),
            status_class(status),
            self._reasons.value(reason),
        )
        if labels not in self._attempts and len(self._attempts) >= MOST_SERIES:
            labels = (OTHER, OTHER, *labels[2:])
        series = self._attempts.setdefault(labels, AttemptSeries())
        if len(self._bound_attempts) >= MOST_BOUND:
            self._bound_attempts.clear()
        if len(model) <= LONGEST_BOUND:
            self._bound_attempts[key] = series
        return series

    def _projections(self) -> Iterator[tuple[Family, dict[tuple[str, ...], list[float]]]]:
        """The families that come from series: numbers added up over the labels a family does not have."""
        requests, attempts = self._requests.items(), self._attempts.items()
        yield families.REQUESTS, _sums((labels, [series.requests]) for labels, series in requests)
        yield families.ATTEMPTS, _sums((labels, [series.attempts]) for labels, series in attempts)
        yield (
            families.TOKENS,
            _sums(
                ((*labels[1:3], kind), [count])
                for labels, series in requests
                for kind, count in zip(TOKEN_KINDS, series.tokens, strict=True)
                if count
            ),
        )
        yield (
            families.REQUEST_SECONDS,
            _sums((labels[:3], _values(series.seconds)) for labels, series in requests),
        )
        yield (
            families.FIRST_BYTE_SECONDS,
            _sums(
                (labels[:2], _values(series.first_byte)) for labels, series in attempts if any(series.first_byte.counts)
            ),
        )
        yield (
            families.GATEWAY_SECONDS,
            _sums((labels[:1], _values(series.gateway)) for labels, series in requests),
        )
        yield families.AFFINITY, {labels: [count] for labels, count in self._affinity.items()}
        for family, read in self._watched_many:
            yield family, _sums((self._bounded(family, labels), [value]) for labels, value in read().items())

    def _bounded(self, family: Family, labels: tuple[str, ...]) -> tuple[str, ...]:
        """Label values that somebody else has counted under, as they may be shown."""
        bounds = {"provider": self._provider, "model": self._models.value, "reason": self._reasons.value}
        return tuple(
            bounds.get(name, self._results.value)(value) for name, value in zip(family.labels, labels, strict=True)
        )

    def _provider(self, home: str) -> str:
        """A provider's name as a label. An id has no slash, so one is behind the account that owns the provider."""
        return (self._owned if "/" in home else self._providers).value(home)

    def _readings(self) -> Iterator[tuple[Family, tuple[str, ...], float]]:
        """What is read off at the moment of the snapshot."""
        yield families.IN_FLIGHT, (), self.in_flight
        yield families.CPU_SECONDS, (), time.process_time()
        yield families.MEMORY_BYTES, (), resident_bytes()
        yield families.START_TIME, (), self._started
        yield families.WORKERS, (), 1
        yield families.BUILD_INFO, (self._version, platform.python_version()), 1
        for family, labels, read in self._watched:
            yield family, labels, read()


def resident_bytes() -> int:
    """Resident memory of this process; 0 where /proc does not tell (proc(5), `statm`, second number)."""
    try:
        with open("/proc/self/statm", "rb") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def _values(histogram: Histogram) -> list[float]:
    return [histogram.total, *histogram.counts]


def _sums(rows: Iterable[tuple[tuple[str, ...], list[float]]]) -> dict[tuple[str, ...], list[float]]:
    sums: dict[tuple[str, ...], list[float]] = {}
    for labels, values in rows:
        before = sums.get(labels)
        sums[labels] = values if before is None else [one + other for one, other in zip(before, values, strict=True)]
    return sums
