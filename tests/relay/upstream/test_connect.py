"""From a name to a connection: addresses, failures in words, the time limit."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from typing import Any

import pytest

from aigw.adapter import Origin
from aigw.errors import ConnectFailed
from aigw.relay.upstream import connect
from aigw.relay.upstream.connect import Connector
from aigw.relay.upstream.pool import Pool

from ..conftest import StartUpstream
from ..raw import GET, HOST, Heard, Upstream, until

Resolve = Callable[..., None]


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Resolve:
    """`resolve(answer)` makes the loop's look-ups of names give these addresses, or raise this error."""

    def set_answer(answer: list[tuple[str, int]] | Exception) -> None:
        real = asyncio.get_running_loop().getaddrinfo

        async def getaddrinfo(host: str, port: int, **options: Any) -> list[Any]:
            if not host.endswith(".test"):
                return await real(host, port, **options)  # uvloop asks for addresses too
            if isinstance(answer, Exception):
                raise answer
            return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address) for address in answer]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)

    return set_answer


async def failed(pool: Pool, origin: Origin, timeout: float = 5) -> ConnectFailed:
    """The failure to connect."""
    with pytest.raises(ConnectFailed) as caught:
        await pool.connect(origin, timeout)
    assert pool.open == 0
    return caught.value


async def test_connected(pool: Pool, upstream: Upstream) -> None:
    """A connection to a plain origin does not wait for more bytes to send (TCP_NODELAY)."""
    connection = await pool.connect(upstream.origin, 5)
    sock = connection.transport.get_extra_info("socket")
    with socket.socket(fileno=socket.dup(sock.fileno())) as same:
        assert same.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert same.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


async def test_the_next_address(pool: Pool, upstream: Upstream, dead_port: int, resolve: Resolve) -> None:
    """When one address of a name refuses, the next is tried."""
    resolve([("127.0.0.2", dead_port), ("127.0.0.3", dead_port), (HOST, upstream.port)])
    connection = await pool.connect(Origin("http", "several.test", 80), 5)
    assert connection.transport.get_extra_info("peername") == (HOST, upstream.port)


async def test_beside_a_silent_address(
    pool: Pool, upstream: Upstream, resolve: Resolve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When one address is silent, the next is tried beside it, and the attempt at the first is given up."""
    monkeypatch.setattr(connect, "NEXT_ADDRESS_AFTER", 0.01)
    loop, real = asyncio.get_running_loop(), asyncio.get_running_loop().sock_connect
    given_up: list[socket.socket] = []

    async def sock_connect(sock: socket.socket, address: Any) -> None:
        if address[0] == "127.0.0.2":
            try:
                await asyncio.Event().wait()
            finally:
                given_up.append(sock)
        await real(sock, address)

    monkeypatch.setattr(loop, "sock_connect", sock_connect)
    resolve([("127.0.0.2", 80), (HOST, upstream.port)])
    connection = await pool.connect(Origin("http", "several.test", 80), 5)
    assert connection.transport.get_extra_info("peername") == (HOST, upstream.port)
    assert [sock.fileno() for sock in given_up] == [-1]


async def test_all_addresses_refuse(pool: Pool, dead_port: int, resolve: Resolve) -> None:
    """When all addresses refuse, that is said, with the name that was asked for."""
    resolve([("127.0.0.2", dead_port), (HOST, dead_port)])
    error = await failed(pool, Origin("http", "several.test", 80))
    assert error.reason == "connect"
    assert error.detail == "no connection to http://several.test: Connection refused"


async def test_refused(pool: Pool, dead_port: int) -> None:
    """A port where nobody listens is told from a name that does not exist and from silence."""
    error = await failed(pool, Origin("http", HOST, dead_port))
    assert error.reason == "connect"
    assert error.detail == f"no connection to http://{HOST}:{dead_port}: Connection refused"


async def test_unreachable(pool: Pool, resolve: Resolve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Different failures of several addresses are all told."""

    async def sock_connect(sock: socket.socket, address: Any) -> None:
        number = 113 if address[0].endswith("2") else 101
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(asyncio.get_running_loop(), "sock_connect", sock_connect)
    resolve([("127.0.0.2", 80), ("127.0.0.3", 80)])
    error = await failed(pool, Origin("http", "several.test", 80))
    assert "No route to host" in error.detail
    assert "Network is unreachable" in error.detail


async def test_unknown_name(pool: Pool, resolve: Resolve) -> None:
    """A name that does not exist is a failure of its own, named."""
    resolve(socket.gaierror(socket.EAI_NONAME, "Name or service not known"))
    error = await failed(pool, Origin("https", "nowhere.test", 443))
    assert error.reason == "dns"
    assert error.detail == "the name nowhere.test cannot be resolved: Name or service not known"


async def test_no_name_at_all(pool: Pool) -> None:
    """A host that cannot be a name (a label of 64 characters) is a failure like any other."""
    error = await failed(pool, Origin("http", f"{'a' * 64}.test", 80))
    assert error.reason in ("dns", "connect")


async def test_no_addresses(pool: Pool, resolve: Resolve) -> None:
    """A name without an address is a failure like any other."""
    resolve([])
    assert (await failed(pool, Origin("http", "empty.test", 80))).reason == "connect"


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_too_slow(pool: Pool, monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    """Looking up the name, connecting and TLS share one time limit."""

    async def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    error = await failed(pool, Origin(scheme, "slow.test", 8000), 0.02)
    assert error.reason == "connect_timeout"
    assert error.detail == f"no connection to {scheme}://slow.test:8000 within 0.02 s"


async def test_silent_tls(pool: Pool, upstream: Upstream) -> None:
    """A server that accepts and never answers the TLS hello is given up in time, and its connection closed."""
    error = await failed(pool, Origin("https", HOST, upstream.port), 0.05)
    assert error.reason == "connect_timeout"
    await (await upstream.accept()).gone()


async def test_ipv6(start_upstream: StartUpstream, pool: Pool, heard: Heard) -> None:
    """An IPv6 address is an origin like any other."""
    try:
        upstream = await start_upstream(host="::1")
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    connection = await pool.connect(Origin("http", "::1", upstream.port), 5)
    connection.ask(heard, GET)
    await (await upstream.accept()).answer()
    await heard.end()
    assert heard.data == b"ok"


async def test_nothing_is_sent(pool: Pool, upstream: Upstream) -> None:
    """Opening a connection sends nothing."""
    await pool.connect(upstream.origin, 5)
    peer = await upstream.accept()
    pool.abort()
    await peer.gone()
    await until(lambda: pool.open == 0)
    assert not peer.came


def test_context_is_made_once() -> None:
    """The TLS context, which loads the trust store, is made at the first use and kept."""
    connector = Connector()
    assert connector._context is None
    assert connector.context is connector.context
