"""The composition root of one process: settings in, a running gateway out."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable, Mapping
from time import monotonic

import attrs

from aigw import __version__, compose
from aigw import snapshot as epochs
from aigw.adapter import Origin
from aigw.control.health import Health
from aigw.control.listener import Listener
from aigw.declared import open_log, secrets_of
from aigw.errors import ConfigError
from aigw.front.admission import Admission
from aigw.front.gateway import Gateway
from aigw.observe import families
from aigw.observe.lag import LoopLag
from aigw.observe.log import LogSink
from aigw.observe.metrics import Metrics
from aigw.observe.record import Record
from aigw.observe.scrub import Scrubber
from aigw.observe.totals import Snapshot
from aigw.relay.deadlines import Deadlines
from aigw.relay.failover import Relay
from aigw.relay.upstream.connect import Connector
from aigw.relay.upstream.pool import Pool
from aigw.routing import health
from aigw.settings import AccessKeySettings, Proxy, Server, Settings, Upstream
from aigw.wire import formats


def require_c_parser() -> None:
    """Refuse to start on aiohttp's pure-Python parser: it has had smuggling holes the C parser had not.

    Raises ConfigError.
    """
    from aiohttp import http_parser

    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        raise ConfigError(
            "aiohttp's C parser is missing: install aiohttp from a wheel and unset AIOHTTP_NO_EXTENSIONS."
        )


@attrs.define(eq=False)
class Process:
    """One gateway process: its data plane, and what watches it."""

    settings: Settings
    gateway: Gateway
    metrics: Metrics
    log: LogSink
    lag: LoopLag
    _data: asyncio.Server | None = None
    _control: Listener | None = None

    @property
    def ready(self) -> bool:
        """Whether requests are taken."""
        return self._data is not None and not self.gateway.draining

    async def listen(self, sock: socket.socket) -> None:
        """Serve the data plane on a bound socket."""
        loop = asyncio.get_running_loop()
        self._data = await loop.create_server(self.gateway, sock=sock, backlog=self.settings.server.backlog)
        self.gateway.start()

    async def listen_control(self, sock: socket.socket) -> None:
        """Serve health and metrics on a bound socket."""
        self._control = Listener(Health(lambda: self.ready, self.render_metrics).answer)
        await self._control.listen(sock)

    async def render_metrics(self) -> bytes:
        """This process's metrics as text; written in a thread, as many series take many milliseconds."""
        return await asyncio.to_thread(self.metrics.render, self.read_metrics())

    def read_metrics(self) -> Snapshot:
        """This process's metrics as they are now."""
        self.metrics.in_flight = self.gateway.in_flight
        return self.metrics.snapshot()

    async def stop(self) -> None:
        """Stop accepting, let requests finish within drain_timeout, cut the rest, close everything.

        Health and metrics answer to the end of it: not ready, but alive.
        """
        if self._data is not None:
            self._data.close()
        await self.gateway.drain(self.settings.server.drain_timeout)
        if self._control is not None:
            await self._control.close()
        self.lag.stop()
        self.log.close()


async def start(
    settings: Settings, *, extra_keys: Iterable[AccessKeySettings] = (), sandbox_url: str | None = None
) -> Process:
    """A process with everything but its sockets. Raises ConfigError."""
    require_c_parser()
    loop = asyncio.get_running_loop()
    extra_keys = tuple(extra_keys)
    snapshot = compose.snapshot_of(settings, extra_keys=extra_keys, sandbox_url=sandbox_url)
    scrubber = Scrubber(secrets_of(settings, extra_keys))
    log = open_log(settings, scrubber, loop)
    metrics = Metrics(_known(snapshot), __version__)
    pool = _pool(settings.upstream)
    known = formats.load()
    gateway = Gateway(
        snapshot,
        Relay(loop, pool, Deadlines(loop), known, health.Health(snapshot.failover)),
        known,
        settings.server,
        scrubber,
        _sinks(log, metrics, settings),
        max_head_bytes=settings.limits.max_head_bytes,
        max_connections=settings.server.max_connections,
        max_connections_per_client=settings.server.max_connections_per_client,
        admission=_admission(loop, settings.server),
    )
    lag = LoopLag(loop, settings.server.max_lag, gateway.shed)
    lag.start()
    _watch(metrics, lag, pool, log)
    _watch_health(metrics, gateway.relay.health)
    return Process(settings, gateway, metrics, log, lag)


def _admission(loop: asyncio.AbstractEventLoop, server: Server) -> Admission | None:
    """Places for requests, where their number is limited."""
    if not server.max_requests:
        return None
    return Admission(loop, server.max_requests, server.max_queue, server.queue_timeout)


def _pool(upstream: Upstream) -> Pool:
    def proxy_for(origin: Origin) -> Proxy | None:
        return upstream.proxy_for(origin.scheme, origin.host, origin.port)

    return Pool(
        Connector(proxy_for, str(upstream.ca_file) if upstream.ca_file else None),
        keepalive=upstream.keepalive,
        most=upstream.max_connections_per_origin,
    )


def _watch(metrics: Metrics, lag: LoopLag, pool: Pool, log: LogSink) -> None:
    metrics.watch(families.LOOP_LAG, lag.worst)
    metrics.watch(families.CONNECTIONS, lambda: pool.idle, "idle")
    metrics.watch(families.CONNECTIONS, lambda: pool.open - pool.idle, "active")
    metrics.watch(families.LOG_DROPPED, lambda: log.dropped)


def _watch_health(metrics: Metrics, upstreams: health.Health) -> None:
    def by_provider(counts: Mapping[str, int]) -> Mapping[tuple[str, ...], float]:
        return {(provider,): count for provider, count in counts.items()}

    metrics.watch_many(families.ATTEMPTS_IN_FLIGHT, lambda: by_provider(upstreams.in_flight()))
    metrics.watch_many(families.CIRCUITS_OPEN, lambda: by_provider(upstreams.open_circuits(monotonic())))
    metrics.watch_many(families.KEYS_COOLING, lambda: by_provider(upstreams.cooling(monotonic())))
    metrics.watch_many(families.RETRIES_REFUSED, lambda: by_provider(upstreams.refused_retries))
    metrics.watch_many(families.HEDGES, lambda: dict[tuple[str, ...], float](upstreams.hedged.items()))


def _sinks(log: LogSink, metrics: Metrics, settings: Settings) -> tuple[Callable[[Record], None], ...]:
    return (metrics.observe, log.emit) if settings.log.level != "off" else (metrics.observe,)


def _known(snapshot: epochs.Snapshot) -> Callable[[str], bool]:
    """Whether a model's name may become a label: it is in the catalog or declared, not made up by a caller."""
    return lambda model: snapshot.catalog.find(model) is not None or model.casefold() in snapshot.declared
