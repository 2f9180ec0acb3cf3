"""Connections to providers from the API: it is the checked address that is connected to, and no other."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import attrs
import pytest

from aigw.adapter import Origin, Provider, origin_of
from aigw.errors import ConnectFailed
from aigw.relay.upstream.connect import Connector
from aigw.relay.upstream.pool import Pool
from aigw.secret import Secret
from aigw.settings.proxies import Proxy

from ..conftest import MakePool, StartProxy
from ..raw import GET, HOST, Heard, Upstream

METADATA = "169.254.169.254"


class Names:
    """A resolver whose answers change from one look-up to the next; the last one stays."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: list[tuple[Any, ...]]) -> None:
        self.asked = 0
        self.dialled: list[Any] = []
        loop = asyncio.get_running_loop()
        real, connect = loop.getaddrinfo, loop.sock_connect

        async def getaddrinfo(host: str, port: int, **options: Any) -> list[Any]:
            if not host.endswith(".test"):
                return await real(host, port, **options)
            answer = answers[min(self.asked, len(answers) - 1)]
            self.asked += 1
            families = [socket.AF_INET6 if ":" in each[0] else socket.AF_INET for each in answer]
            return [
                (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", each)
                for family, each in zip(families, answer, strict=True)
            ]

        async def sock_connect(sock: socket.socket, address: Any) -> None:
            self.dialled.append(address[0])
            await connect(sock, address)

        monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
        monkeypatch.setattr(loop, "sock_connect", sock_connect)


def guarded(host: str, port: int = 80, scheme: str = "http") -> Origin:
    """An origin of a provider from the API."""
    return Origin(scheme, host, port, guarded=True)


async def refused(pool: Pool, origin: Origin) -> ConnectFailed:
    """The failure to connect, which took no connection."""
    with pytest.raises(ConnectFailed) as caught:
        await pool.connect(origin, 5)
    assert pool.open == 0
    return caught.value


@pytest.mark.parametrize(
    "address",
    [
        (METADATA, 80),
        ("::ffff:169.254.169.254", 80, 0, 0),
        ("64:ff9b::a9fe:a9fe", 80, 0, 0),
        ("fe80::a9fe:a9fe", 80, 0, 1),
        ("fd00:ec2::254", 80, 0, 0),
        ("0.0.0.0", 80),
        ("224.0.0.1", 80),
        ("8.8.8.8", 80),
    ],
)
async def test_refused_addresses(pool: Pool, monkeypatch: pytest.MonkeyPatch, address: tuple[Any, ...]) -> None:
    """A name that has only addresses which may not be is a failure of its own; nothing is dialled, none is told."""
    names = Names(monkeypatch, [address])
    error = await refused(pool, guarded("inner.test"))
    assert error.reason == "address_refused"
    assert address[0] not in error.detail
    assert names.dialled == []


async def test_https_is_checked_too(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """TLS makes no metadata service a provider."""
    names = Names(monkeypatch, [(METADATA, 443)])
    assert (await refused(pool, guarded("inner.test", 443, "https"))).reason == "address_refused"
    assert names.dialled == []


async def test_the_checked_address_is_connected_to(
    pool: Pool, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name is looked up once: what it leads to a moment later changes nothing."""
    names = Names(monkeypatch, [(HOST, upstream.port)], [(METADATA, upstream.port)])
    connection = await pool.connect(guarded("moving.test", upstream.port), 5)
    assert connection.transport.get_extra_info("peername") == (HOST, upstream.port)
    assert (names.asked, names.dialled) == (1, [HOST])


async def test_only_the_good_ones_of_several(pool: Pool, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several addresses those that may not be are never tried, also not beside a slow one."""
    names = Names(monkeypatch, [(METADATA, 80), ("fe80::1", 80, 0, 1), (HOST, upstream.port), ("8.8.8.8", 80)])
    await pool.connect(guarded("several.test", upstream.port), 5)
    assert names.dialled == [HOST]


@pytest.mark.parametrize("host", ["0x7f.1", "2130706433", "0177.0.0.1"])
async def test_odd_notations(pool: Pool, upstream: Upstream, host: str) -> None:
    """A number that the system's resolver takes for an address is checked as that address: loopback may be."""
    connection = await pool.connect(guarded(host, upstream.port), 5)
    assert connection.transport.get_extra_info("peername")[0] == HOST


@pytest.mark.parametrize("host", [METADATA, "0xa9fea9fe", "2852039166", "0251.0376.0251.0376", "::ffff:a9fe:a9fe"])
async def test_odd_notations_of_metadata(pool: Pool, host: str) -> None:
    """However it is written, a metadata service is none of a provider."""
    assert (await refused(pool, guarded(host))).reason == "address_refused"


async def test_allowed(make_pool: MakePool, upstream: Upstream, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the operator allows is tried."""
    names = Names(monkeypatch, [("203.0.113.9", upstream.port), (HOST, upstream.port)])

    async def sock_connect(sock: socket.socket, address: Any) -> None:
        names.dialled.append(address[0])
        raise ConnectionRefusedError(111, "refused")

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", sock_connect)
    pool = make_pool(Connector(allow=("203.0.113.0/24",)))
    assert (await refused(pool, guarded("far.test", upstream.port))).reason == "connect"
    assert names.dialled == ["203.0.113.9", HOST]


async def test_the_operators_own_are_not_checked(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the file declares is the operator's business: there only the connection fails."""
    names = Names(monkeypatch, [("0.0.0.0", 1)])
    assert (await refused(pool, Origin("http", "own.test", 1))).reason == "connect"
    assert names.dialled == ["0.0.0.0"]


async def test_kept_connections_are_apart(pool: Pool, upstream: Upstream, heard: Heard) -> None:
    """A connection that nobody checked is never used for a guarded origin, be its host and port the same."""
    connection = await pool.connect(upstream.origin, 5)
    connection.ask(heard, GET)
    await (await upstream.accept()).answer()
    await heard.end()
    other = attrs.evolve(upstream.origin, guarded=True)
    assert pool.take(other) is None
    assert pool.take(upstream.origin) is connection


@pytest.mark.parametrize("host", [METADATA, "0xa9fea9fe"])
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_through_a_proxy(make_pool: MakePool, start_proxy: StartProxy, scheme: str, host: str) -> None:
    """A proxy looks names up itself; what is an address, or may be read as one, it is not asked for."""
    proxy = await start_proxy()
    pool = make_pool(Connector(lambda origin: Proxy("localhost", proxy.port, False, Secret("a:b"))))
    assert (await refused(pool, guarded(host, 80, scheme))).reason == "address_refused"


def test_a_providers_origin() -> None:
    """Whether an origin is guarded is the provider's, whatever surface is asked."""
    assert origin_of("https://api.example/v1") == Origin("https", "api.example", 443)
    assert origin_of("https://api.example/v1", guarded=True) == Origin("https", "api.example", 443, guarded=True)
    assert Provider(id="x", name="X", base_url="https://api.example", surfaces=frozenset()).guarded is False
