"""Upstreams of bytes, pools to reach them, and both event loops."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import trustme
import uvloop

from aigw.relay import deadlines
from aigw.relay.deadlines import Deadlines
from aigw.relay.failover import Relay
from aigw.relay.upstream.connect import Connector
from aigw.relay.upstream.pool import Pool
from aigw.routing.health import Health
from aigw.snapshot import Failover

from .exchanges import Launch
from .raw import HOST, ConnectProxy, Heard, Upstream, until

# Tests of the walk are not to be stopped by what the ones before them did to the upstream.
UNBOUNDED = Failover(breaker_failures=0, retry_burst=1_000_000)

StartUpstream = Callable[..., Awaitable[Upstream]]
StartProxy = Callable[..., Awaitable[ConnectProxy]]
MakePool = Callable[..., Pool]


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The gateway runs on uvloop; whoever embeds it may run it on the loop of the standard library."""
    return {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}


@pytest.fixture
async def nothing_left() -> AsyncIterator[None]:
    """After the test no task is left, nor has the loop had anything to complain about."""
    loop = asyncio.get_running_loop()
    complaints: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: complaints.append(context))
    yield
    await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})
    assert not complaints


@pytest.fixture
async def start_upstream(nothing_left: None) -> AsyncIterator[StartUpstream]:
    """`await start_upstream(context)`: one more server, with TLS if it gets a context."""
    started: list[Upstream] = []

    async def start(context: ssl.SSLContext | None = None, host: str = HOST) -> Upstream:
        started.append(Upstream(context is not None))
        await started[-1].start(context, host)
        return started[-1]

    yield start
    for each in started:
        await each.stop()


@pytest.fixture
async def upstream(start_upstream: StartUpstream) -> Upstream:
    """One server."""
    return await start_upstream()


@pytest.fixture
async def start_proxy(nothing_left: None) -> AsyncIterator[StartProxy]:
    """`await start_proxy(refusal, context)`: an HTTP proxy."""
    started: list[ConnectProxy] = []

    async def start(refusal: bytes = b"", context: ssl.SSLContext | None = None) -> ConnectProxy:
        started.append(ConnectProxy(refusal))
        await started[-1].start(context)
        return started[-1]

    yield start
    for each in started:
        await each.stop()


@pytest.fixture
async def make_pool(nothing_left: None) -> AsyncIterator[MakePool]:
    """`make_pool(connector, keepalive=…, most=…)`; every connection is gone when the test is over."""
    made: list[Pool] = []

    def make(connector: Connector | None = None, **options: Any) -> Pool:
        made.append(Pool(connector or Connector(), **options))
        return made[-1]

    yield make
    for each in made:
        each.abort()
    await until(lambda: not any(each.open for each in made))


@pytest.fixture
async def pool(make_pool: MakePool) -> Pool:
    """A pool that reaches everything directly."""
    return make_pool()


@pytest.fixture
def heard() -> Heard:
    """A listener."""
    return Heard()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """A certificate authority that nobody trusts but who is told to."""
    return trustme.CA(key_type=trustme.KeyType.ECDSA)


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its certificate as a file."""
    path = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return path


@pytest.fixture
def server_context(authority: trustme.CA) -> Callable[..., ssl.SSLContext]:
    """`server_context(name, version)`: the TLS of a server with a certificate for a name."""

    def make(name: str = "localhost", version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(name, key_type=trustme.KeyType.ECDSA).configure_cert(context)
        if version is not None:
            context.minimum_version = context.maximum_version = version
        return context

    return make


@pytest.fixture
def dead_port() -> int:
    """A port where nobody listens."""
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        port: int = sock.getsockname()[1]
    return port


@pytest.fixture
async def relay(pool: Pool) -> AsyncIterator[Relay]:
    """What exchanges share; no limit is left under watch when the test is over."""
    watched = Deadlines(asyncio.get_running_loop())
    yield Relay(asyncio.get_running_loop(), pool, watched, health=Health(UNBOUNDED))
    assert len(watched) == 0
    watched.close()


@pytest.fixture
async def launch(relay: Relay) -> AsyncIterator[Launch]:
    """`exchange, side = launch(candidates, body, …)`; what is still under way at the end is cancelled."""
    launching = Launch(relay)
    yield launching
    for exchange in launching.begun:
        exchange.cancel("test over")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits are noticed within a millisecond or two."""
    monkeypatch.setattr(deadlines, "TICK", 0.001)
