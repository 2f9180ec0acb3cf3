"""The composition root of one process: settings in, a running gateway out."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any

import attrs

from aigw import __version__
from aigw.declared import open_log
from aigw.errors import ConfigError
from aigw.front.admission import Admission
from aigw.front.gateway import Gateway
from aigw.observe import families
from aigw.observe.lag import LoopLag
from aigw.observe.log import LogSink
from aigw.observe.metrics import Metrics
from aigw.observe.record import Record
from aigw.observe.totals import Snapshot
from aigw.observe.uses import Uses
from aigw.relay.deadlines import Deadlines
from aigw.relay.failover import Relay
from aigw.relay.upstream.connect import Connector
from aigw.relay.upstream.pool import Pool
from aigw.routing import health
from aigw.settings import AccessKeySettings, Server, Settings, Upstream
from aigw.swapping import Setup, SnapshotMaker, SnapshotSwap, known
from aigw.wire import formats

if TYPE_CHECKING:
    from aigw.store.records import Whole


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
    """One gateway process: its data plane, what watches it, and what takes its snapshots over."""

    gateway: Gateway
    metrics: Metrics
    log: LogSink
    lag: LoopLag
    swap: SnapshotSwap
    uses: Uses = attrs.field(factory=Uses)
    _data: asyncio.Server | None = None
    _noting: bool = False

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self.swap.setup.settings

    @property
    def ready(self) -> bool:
        """Whether requests are taken."""
        return self._data is not None and not self.gateway.draining

    async def listen(self, sock: socket.socket) -> None:
        """Serve the data plane on a bound socket."""
        loop = asyncio.get_running_loop()
        self._data = await loop.create_server(self.gateway, sock=sock, backlog=self.settings.server.backlog)
        self.gateway.start()

    def note_uses(self) -> None:
        """Note when keys are used from now on: there is a store to tell it to."""
        if not self._noting:
            self._noting = True
            self.gateway.listen_in(self.uses.observe)

    def explain(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """A dry run of a request in the snapshot that is in force. Raises ConfigError."""
        from aigw.explain import dry_run

        told: Mapping[str, Any] = dry_run(self.gateway.snapshot, asked)
        return told

    async def render_metrics(self) -> bytes:
        """This process's metrics as text; written in a thread, as many series take many milliseconds."""
        return await asyncio.to_thread(self.metrics.render, self.read_metrics())

    def read_metrics(self) -> Snapshot:
        """This process's metrics as they are now."""
        self.metrics.in_flight = self.gateway.in_flight
        return self.metrics.snapshot()

    async def stop(self) -> None:
        """Stop accepting, let requests finish within drain_timeout, cut the rest, close everything."""
        if self._data is not None:
            self._data.close()
        await self.gateway.drain(self.settings.server.drain_timeout)
        self.lag.stop()
        self.log.close()


async def start(
    settings: Settings,
    *,
    extra_keys: Iterable[AccessKeySettings] = (),
    sandbox_url: str | None = None,
    whole: Whole | None = None,
) -> Process:
    """A process with everything but its sockets. Raises ConfigError."""
    require_c_parser()
    loop = asyncio.get_running_loop()
    maker = SnapshotMaker()
    first = maker.compose(Setup(settings, tuple(extra_keys), sandbox_url), whole)
    maker.adopt(first)
    snapshot = first.snapshot
    log = open_log(settings, first.scrubbers.every, loop)
    log.guard(first.scrubbers.every, first.scrubbers.of)
    metrics = Metrics(known(snapshot), __version__)
    pool = _pool(settings.upstream)
    wires = formats.load()
    gateway = Gateway(
        snapshot,
        Relay(loop, pool, Deadlines(loop), wires, health.Health(snapshot.failover)),
        wires,
        settings.server,
        first.scrubbers,
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
    process = Process(gateway, metrics, log, lag, _swap(maker, gateway, metrics, log))
    if whole is not None:
        process.note_uses()
    return process


def _swap(maker: SnapshotMaker, gateway: Gateway, metrics: Metrics, log: LogSink) -> SnapshotSwap:
    made = SnapshotSwap(maker, gateway, metrics, log)
    metrics.watch(families.SNAPSHOT_EPOCH, lambda: made.epoch)
    metrics.watch(families.SNAPSHOT_TROUBLES, lambda: made.troubles)
    return made


def _admission(loop: asyncio.AbstractEventLoop, server: Server) -> Admission | None:
    """Places for requests, where their number is limited."""
    if not server.max_requests:
        return None
    return Admission(loop, server.max_requests, server.max_queue, server.queue_timeout)


def _pool(upstream: Upstream) -> Pool:
    return Pool(Connector.of(upstream), keepalive=upstream.keepalive, most=upstream.max_connections_per_origin)


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
