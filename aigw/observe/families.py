"""Which metrics are there? Names, labels, units and how the values of several workers become one.

Names follow Prometheus' conventions (base units, `_total` for counters); the bucket bounds are those
OpenTelemetry's GenAI conventions advise, so that both tell the same story. `docs/reference/metrics.md`
lists every family.
"""

from __future__ import annotations

from typing import Literal

import attrs

# What a label says when there is nothing to say, and when there would be too many different things to say.
NONE = "none"
OTHER = "other"

# gen_ai.client.operation.duration, continued to the longest stream (15 minutes) in the same steps.
DURATION_BOUNDS = (
    *(0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92),
    *(163.84, 327.68, 655.36, 1310.72),
)
# gen_ai.server.time_to_first_token, continued to a request's usual timeout.
FIRST_BYTE_BOUNDS = (
    *(0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
    *(20.0, 40.0, 60.0),
)
# From what passing a small body through takes to what a blocked loop would.
GATEWAY_BOUNDS = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)

TOKEN_KINDS = ("input", "output", "cache_read", "cache_write", "reasoning")


@attrs.frozen
class Family:
    """One metric. `merge` says how a gauge's values of several workers become one; all else adds up."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    merge: Literal["sum", "max", "min"] = "sum"


REQUESTS = Family(
    "aigw_requests_total",
    "counter",
    "Requests that ended, by what became of them and the class of the status the caller got.",
    ("surface", "provider", "model", "outcome", "status_class"),
)
ATTEMPTS = Family(
    "aigw_attempts_total",
    "counter",
    "Tries at an upstream, by the class of its status and why the try failed.",
    ("provider", "model", "status_class", "reason"),
)
TOKENS = Family(
    "aigw_tokens_total",
    "counter",
    "Tokens that upstreams reported; cache_read and cache_write are parts of input, reasoning of output.",
    ("provider", "model", "kind"),
)
REQUEST_SECONDS = Family(
    "aigw_request_duration_seconds",
    "histogram",
    "From the request's first byte in to the answer's last byte out.",
    ("surface", "provider", "model"),
    DURATION_BOUNDS,
)
FIRST_BYTE_SECONDS = Family(
    "aigw_upstream_first_byte_seconds",
    "histogram",
    "From the start of an attempt to the first byte of the upstream's answer.",
    ("provider", "model"),
    FIRST_BYTE_BOUNDS,
)
GATEWAY_SECONDS = Family(
    "aigw_gateway_duration_seconds",
    "histogram",
    "The gateway's own time until the answer's first byte: not waiting for the caller or an upstream.",
    ("surface",),
    GATEWAY_BOUNDS,
)
AFFINITY = Family(
    "aigw_affinity_requests_total",
    "counter",
    "Answered requests whose key was chosen by cache affinity, by whether the provider's prompt cache was hit.",
    ("provider", "result"),
)
CIRCUITS_OPEN = Family(
    "aigw_circuits_open",
    "gauge",
    "Circuit breakers that are not closed: a provider's own and one for each of its keys; of several workers the most.",
    ("provider",),
    merge="max",
)
ATTEMPTS_IN_FLIGHT = Family(
    "aigw_attempts_in_flight", "gauge", "Tries at an upstream that are under way.", ("provider",)
)
KEYS_COOLING = Family(
    "aigw_keys_cooling",
    "gauge",
    "Provider keys left alone, for one model at least, because the upstream limits their rate or said to wait;"
    " of several workers the most.",
    ("provider",),
    merge="max",
)
RETRIES_REFUSED = Family(
    "aigw_retries_refused_total",
    "counter",
    "Further attempts that were not made because the provider's retry budget was empty.",
    ("provider",),
)
HEDGES = Family(
    "aigw_hedges_total",
    "counter",
    "Second attempts begun while the first was slow, by what became of them.",
    ("provider", "result"),
)
IN_FLIGHT = Family("aigw_requests_in_flight", "gauge", "Requests that are being served.")
CONNECTIONS = Family(
    "aigw_upstream_connections",
    "gauge",
    "Open connections to upstreams, by whether a request uses them.",
    ("state",),
)
LOOP_LAG = Family(
    "aigw_event_loop_lag_seconds",
    "gauge",
    "How late the event loop was at worst in the last seconds; of several workers the worst.",
    merge="max",
)
LOG_DROPPED = Family("aigw_log_dropped_total", "counter", "Log lines lost because their reader was too slow or gone.")
SNAPSHOT_EPOCH = Family(
    "aigw_snapshot_epoch",
    "gauge",
    "Number of the store's last change that requests see, 0 without a store; of several workers the smallest.",
    merge="min",
)
SNAPSHOT_TROUBLES = Family(
    "aigw_snapshot_troubles",
    "gauge",
    "Things in the store that cannot be used, as a provider key that does not open; of several workers the most.",
    merge="max",
)
STORE_UP = Family("aigw_store_up", "gauge", "Whether the store answered when it was last asked; absent without one.")
CPU_SECONDS = Family("process_cpu_seconds_total", "counter", "User and system CPU time, all workers together.")
MEMORY_BYTES = Family("process_resident_memory_bytes", "gauge", "Resident memory, all workers together.")
START_TIME = Family(
    "process_start_time_seconds",
    "gauge",
    "When the oldest worker started, in seconds since the epoch.",
    merge="min",
)
WORKERS = Family("aigw_workers", "gauge", "Worker processes that these numbers are the sum of.")
BUILD_INFO = Family(
    "aigw_build_info", "gauge", "Always 1; the labels tell the version.", ("version", "python"), merge="max"
)

FAMILIES: tuple[Family, ...] = (
    REQUESTS,
    ATTEMPTS,
    TOKENS,
    REQUEST_SECONDS,
    FIRST_BYTE_SECONDS,
    GATEWAY_SECONDS,
    AFFINITY,
    ATTEMPTS_IN_FLIGHT,
    CIRCUITS_OPEN,
    KEYS_COOLING,
    RETRIES_REFUSED,
    HEDGES,
    IN_FLIGHT,
    CONNECTIONS,
    LOOP_LAG,
    LOG_DROPPED,
    SNAPSHOT_EPOCH,
    SNAPSHOT_TROUBLES,
    STORE_UP,
    CPU_SECONDS,
    MEMORY_BYTES,
    START_TIME,
    WORKERS,
    BUILD_INFO,
)
