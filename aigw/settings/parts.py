"""What can be configured: the parts of the settings, each field with its kind, default and meaning."""

# `key`, `optional` and `required` return attrs fields, made once for the class as attrs.field is:
# ruff: noqa: RUF009

from __future__ import annotations

from pathlib import Path

import attrs

from aigw.errors import ConfigError
from aigw.secret import Secret
from aigw.settings.addresses import Tcp, Unix
from aigw.settings.hosts import parse_pattern
from aigw.settings.keys import key, optional, required
from aigw.settings.kinds import (
    ADDRESS,
    BOOLEAN,
    PATH,
    PROXY,
    TEXT,
    Pairs,
    choice,
    duration,
    integer,
    list_of,
    or_off,
    plain,
    share,
    table_of,
)
from aigw.settings.nouns import (
    ACCESS_KEY,
    BASE_URL,
    HEADER,
    MIN_ACCESS_KEY,
    MODEL,
    PROVIDER,
    PROVIDER_KEYS,
    SCOPED_MODEL,
    STORE_URL,
    STRATEGIES,
    STRATEGY,
    SURFACE,
    SURFACES,
    WEIGHTS,
    check_header_name,
    check_provider_id,
)
from aigw.settings.proxies import Proxy, goes_direct, parse_exception
from aigw.settings.urls import mask_url

MINUTE, HOUR, DAY = 60, 3600, 86400
KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
# A bound against slips (seconds taken for milliseconds), not a wish: whoever needs longer than a day is
# mistaken.
SPAN = duration(0.001, DAY)
COUNT = 1_000_000


@attrs.frozen
class Server:
    """Where the gateway listens, how many processes it is, and how patient it is with callers."""

    listen: Tcp | Unix = key(
        ADDRESS,
        "127.0.0.1:8080",
        "Address of the data plane, which apps call. Sockets inherited from systemd win.",
    )
    control: Tcp | Unix | None = key(
        or_off(ADDRESS),
        "127.0.0.1:8081",
        "Address of the control API, dashboard, health and metrics; `off` for none.",
    )
    workers: int = key(integer(1, 256), 1, "Number of processes that share the data plane's address.")
    data_dir: Path = key(
        PATH,
        "./aigw-data",
        "Directory of the SQLite file, the journal and generated secrets (made with mode 0700).",
    )
    drain_timeout: float = key(
        duration(0, HOUR), "30s", "How long requests in flight may go on after SIGTERM before they are cut."
    )
    keepalive_timeout: float = key(duration(1, HOUR), "75s", "How long an idle caller's connection is kept open.")
    head_timeout: float = key(duration(0.001, HOUR), "15s", "How long a caller may take to send a request's head.")
    body_idle_timeout: float = key(
        duration(0.001, HOUR), "30s", "How long a caller may pause while it sends a request's body."
    )
    body_timeout: float = key(SPAN, "10m", "How long a caller may take to send a request's whole body.")
    max_connections: int = key(integer(0, COUNT), 0, "Callers' connections per process; 0 for no limit of our own.")
    max_connections_per_client: int = key(
        integer(0, COUNT), 0, "Connections per process from one address (of IPv6, from one /64); 0 for no limit."
    )
    max_requests: int = key(integer(0, COUNT), 0, "Requests under way per process; 0 for no limit.")
    max_queue: int = key(
        integer(0, COUNT), 0, "Requests that may wait for one of `max_requests` to end; more are refused with 503."
    )
    queue_timeout: float = key(duration(0.001, HOUR), "1s", "How long a request may wait in that queue.")
    max_lag: float = key(
        duration(0, MINUTE),
        "1s",
        "New requests are refused with 503 while a process is this late with all its work for a second; `0s` never.",
    )
    backlog: int = key(integer(1, 65535), 1024, "Connections the system may queue before the gateway accepts them.")


@attrs.frozen
class Store:
    """Where accounts, keys and usage are kept. The URL may hold a password, so `repr` masks it."""

    url: str = key(STORE_URL, "sqlite", "`sqlite` (one node) or `postgresql://…` (many nodes).")
    start_timeout: float = key(
        duration(0, HOUR), "30s", "How long a start waits for a store that does not answer before it gives up."
    )
    audit_retention: float = key(
        duration(0, 3650 * DAY), "8760h", "How long rows of the audit are kept; `0s` for ever."
    )

    def __repr__(self) -> str:
        times = f"start_timeout={self.start_timeout!r}, audit_retention={self.audit_retention!r}"
        return f"Store(url={mask_url(self.url)!r}, {times})"


@attrs.frozen
class Limits:
    """Timeouts and sizes of requests: the defaults of every account's gateway-config. Durations in s."""

    per_request_timeout: float = key(SPAN, "60s", "One attempt at one upstream, until the first byte of its body.")
    total_timeout: float = key(SPAN, "120s", "All attempts of one request together, until the first byte.")
    connect_timeout: float = key(duration(0.001, HOUR), "5s", "Name look-up, TCP and TLS towards an upstream.")
    stream_idle_timeout: float = key(SPAN, "60s", "Longest silence of an upstream within a stream.")
    stream_total_timeout: float = key(SPAN, "15m", "Longest whole stream.")
    keepalive_after: float = key(
        duration(0, HOUR), "15s", "Silence within a stream after which the caller gets a comment or ping; `0s` never."
    )
    max_body_bytes: int = key(integer(1, 4 * GIB), 32 * MIB, "Largest request body, counted after decompression.")
    max_head_bytes: int = key(integer(8 * KIB, MIB), 64 * KIB, "Largest request head: request line and headers.")
    max_input_tokens: int | None = optional(
        integer(1, 1_000 * COUNT), "Largest estimated input of a request; more is refused with 413."
    )
    max_output_tokens: int | None = optional(
        integer(1, 1_000 * COUNT), "Cap on the request's own limit of output tokens."
    )


@attrs.frozen
class Failover:
    """When keys and providers that fail are left alone, and how much trying again may cost. Durations in s."""

    breaker_failures: int = key(
        integer(0, COUNT), 5, "Failures in a row that open the circuit of a key or a provider; 0 for never."
    )
    breaker_open: float = key(
        duration(0.001, HOUR), "5s", "How long an open circuit lets nobody pass; twice as long after each failed probe."
    )
    breaker_max_open: float = key(duration(0.001, HOUR), "60s", "How long at most.")
    retry_budget: float = key(
        share(0, 1), 0.1, "Further attempts at a provider, as a share of the requests that it served."
    )
    retry_burst: int = key(integer(0, COUNT), 10, "Further attempts beyond that share, at first and after quiet times.")
    hedge_share: float = key(share(0, 1), 0.05, "Most requests, as a share, that may be asked of two candidates.")


@attrs.frozen
class Log:
    """How the gateway's own log is written."""

    format: str = key(choice("json", "console"), "json", "`json` (one object a line) or `console` (for people).")
    level: str = key(
        choice("debug", "info", "warning", "error", "off"),
        "info",
        "Least level that is logged; `off` for nothing.",
    )


@attrs.frozen
class Upstream:
    """How connections to providers are made and kept."""

    max_connections_per_origin: int = key(
        integer(1, COUNT), 1024, "Most connections of one process to one provider's address."
    )
    keepalive: float = key(
        duration(0, HOUR), "50s", "How long an idle connection to a provider is kept; `0s` for never."
    )
    ca_file: Path | None = optional(PATH, "PEM file of certificate authorities to trust besides the system's.")
    https_proxy: Proxy | None = key(
        or_off(PROXY),
        "off",
        "Proxy for `https://` providers; unset, the variable `HTTPS_PROXY` or `https_proxy`.",
    )
    http_proxy: Proxy | None = key(
        or_off(PROXY),
        "off",
        "Proxy for `http://` providers; unset, the variable `HTTP_PROXY` or `http_proxy`.",
    )
    no_proxy: tuple[str, ...] = key(
        list_of(plain("host pattern", parse_exception)),
        [],
        "Hosts reached without a proxy (loopback always is); unset, the variable `NO_PROXY` or `no_proxy`.",
    )
    allow_http: tuple[str, ...] = key(
        list_of(plain("host pattern", parse_pattern)),
        [],
        "Hosts `http://` may lead to besides loopback and private addresses: names, `*.suffix`, networks.",
    )

    def proxy_for(self, scheme: str, host: str, port: int) -> Proxy | None:
        """The proxy towards an origin, or None to connect directly."""
        proxy = self.https_proxy if scheme == "https" else self.http_proxy
        return None if proxy is None or goes_direct(host, port, self.no_proxy) else proxy


@attrs.frozen
class ProviderSettings:
    """What an operator says about one provider: an override of a built-in, or a whole custom provider.

    `base_url` None means the built-in's own, an empty `surfaces` the built-in's or the preset's own. Timeouts
    in seconds, None for the one in Limits. `headers` come with lower-case names.
    """

    id: str = attrs.field()
    enabled: bool = key(BOOLEAN, True, "`false` takes the provider out: no candidates, no keys from the environment.")
    name: str | None = optional(TEXT, "Display name.")
    preset: str | None = optional(
        TEXT,
        "The preset of a custom provider: its dialect and usual address; unset, the one named like its id.",
    )
    base_url: str | None = optional(
        BASE_URL,
        "Where the API is. Query parameters are kept. A custom provider needs it, unless its preset has one.",
    )
    surfaces: tuple[str, ...] = key(
        list_of(SURFACE),
        [],
        f"API surfaces it serves; a custom provider needs them or a preset: `{'` `'.join(SURFACES)}`.",
    )
    surface_urls: Pairs[str] = key(
        table_of("table of URL", SURFACE.parse, BASE_URL),
        {},
        "Base URLs of single surfaces that live elsewhere.",
    )
    models: tuple[str, ...] = key(list_of(MODEL), [], "Models it serves besides those in the catalog.")
    keys: tuple[Secret, ...] = key(
        PROVIDER_KEYS,
        [],
        "The default account's provider keys, in order of use; unset, the provider's usual variable.",
    )
    managed_keys: tuple[Secret, ...] = key(PROVIDER_KEYS, [], "The operator's own keys, for managed inference.")
    key_selection_strategy: str = key(
        STRATEGY, "ordered", f"How its keys are chosen among: `{'` `'.join(STRATEGIES)}`."
    )
    key_weights: tuple[int, ...] = key(
        WEIGHTS, [], "Weights of the keys in their order, for `weighted`; those of `keys` first, 1 where none is given."
    )
    hedge: bool = key(
        BOOLEAN, False, "Ask a second candidate when the first is slower than its model usually is; first content wins."
    )
    headers: Pairs[Secret] = key(
        table_of("table of header value", check_header_name, HEADER), {}, "Headers added to every request."
    )
    per_request_timeout: float | None = optional(SPAN, "Like `limits.per_request_timeout`, for this provider.")
    connect_timeout: float | None = optional(duration(0.001, HOUR), "Like `limits.connect_timeout`, for this provider.")
    stream_idle_timeout: float | None = optional(SPAN, "Like `limits.stream_idle_timeout`, for this provider.")
    stream_total_timeout: float | None = optional(SPAN, "Like `limits.stream_total_timeout`, for this provider.")

    @id.validator
    def _check_id(self, attribute: object, value: str) -> None:
        try:
            check_provider_id(value)
        except ValueError as bad:
            raise ConfigError(f"providers.{value!r}: {bad}") from None


@attrs.frozen
class AccessKeySettings:
    """An access key the operator declares. A scope of None allows all, an empty one nothing."""

    name: str = required(TEXT, "Name of the key, unique among those declared.")
    key: Secret = required(ACCESS_KEY, f"The token apps send, {MIN_ACCESS_KEY} characters or more.")
    providers: tuple[str, ...] | None = optional(
        list_of(PROVIDER), "Providers it may call; unset for all, `[]` for none."
    )
    models: tuple[str, ...] | None = optional(
        list_of(SCOPED_MODEL),
        "Models it may call, as `provider:model` or `provider/model`; unset for all, `[]` for none.",
    )


@attrs.frozen
class Billing:
    """Whether requests are paid from credits."""

    enabled: bool = key(BOOLEAN, False, "Take model cost and processing fee from credits; costs are shown either way.")
