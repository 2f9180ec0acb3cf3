"""TLS to upstreams: whom to trust, which name to ask for, and sessions taken up again."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from aigw.adapter import Origin
from aigw.errors import ConnectFailed
from aigw.relay.upstream import tls
from aigw.relay.upstream.connect import Connector
from aigw.relay.upstream.connection import Connection
from aigw.relay.upstream.pool import Pool
from aigw.relay.upstream.tls import client_context

from ..conftest import MakePool, StartUpstream
from ..raw import GET, HOST, OK, Heard, Peer, Upstream, until

ServerContext = Callable[..., ssl.SSLContext]
VERSIONS = [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]
CLOSING = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"


@pytest.fixture
async def trusting(make_pool: MakePool, ca_file: Path) -> Pool:
    """A pool that trusts the test's authority."""
    return make_pool(Connector(ca_file=str(ca_file)))


def tls_of(peer: Peer) -> ssl.SSLObject:
    """The server's side of the encryption."""
    found = peer.transport.get_extra_info("ssl_object")
    assert isinstance(found, ssl.SSLObject)
    return found


async def exchange(pool: Pool, upstream: Upstream, answer: bytes = OK) -> tuple[Connection, Peer]:
    """A new connection, and one request on it."""
    connection = await pool.connect(upstream.origin, 5)
    heard = Heard()
    connection.ask(heard, GET)
    peer = await upstream.accept()
    assert await peer.answer(answer) == GET
    await heard.end()
    assert (heard.data, heard.error) == (b"ok", None)
    return connection, peer


async def failed(pool: Pool, origin: Origin) -> ConnectFailed:
    """The failure to connect."""
    with pytest.raises(ConnectFailed) as caught:
        await pool.connect(origin, 5)
    assert pool.open == 0
    return caught.value


async def test_trusted(trusting: Pool, start_upstream: StartUpstream, server_context: ServerContext) -> None:
    """With an authority that is trusted requests go through, over TLS 1.2 at least, as HTTP/1.1."""
    context = server_context()
    context.set_alpn_protocols(["h2", "http/1.1"])
    _, peer = await exchange(trusting, await start_upstream(context))
    assert tls_of(peer).version() == "TLSv1.3"
    assert tls_of(peer).selected_alpn_protocol() == "http/1.1"


async def test_untrusted(pool: Pool, start_upstream: StartUpstream, server_context: ServerContext) -> None:
    """A certificate of an authority that the system does not know is refused, and the reason told."""
    upstream = await start_upstream(server_context())
    error = await failed(pool, upstream.origin)
    assert error.reason == "tls"
    assert error.detail.startswith(f"the certificate of {upstream.origin} is not valid: ")
    assert "local issuer" in error.detail


async def test_another_name(trusting: Pool, start_upstream: StartUpstream, server_context: ServerContext) -> None:
    """A certificate for another name is refused."""
    upstream = await start_upstream(server_context("elsewhere.test"))
    error = await failed(trusting, upstream.origin)
    assert error.reason == "tls"
    assert "Hostname mismatch" in error.detail


async def test_expired(
    make_pool: MakePool, start_upstream: StartUpstream, authority: trustme.CA, ca_file: Path
) -> None:
    """A certificate that is no longer valid is refused."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    authority.issue_cert("localhost", not_before=past, not_after=past).configure_cert(context)
    error = await failed(make_pool(Connector(ca_file=str(ca_file))), (await start_upstream(context)).origin)
    assert "expired" in error.detail


async def test_no_tls(trusting: Pool, upstream: Upstream) -> None:
    """A server that does not speak TLS is told from one with a bad certificate."""
    origin = Origin("https", HOST, upstream.port)
    task = asyncio.ensure_future(failed(trusting, origin))
    (await upstream.accept()).write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    error = await task
    assert error.reason == "tls"
    assert error.detail.startswith(f"TLS with {origin} failed: ")


async def test_closed_in_the_handshake(trusting: Pool, upstream: Upstream) -> None:
    """A server that closes instead of shaking hands is a failure in words."""
    task = asyncio.ensure_future(failed(trusting, Origin("https", HOST, upstream.port)))
    peer = await upstream.accept()
    await peer.body(1)
    peer.close()
    error = await task
    assert error.reason == "connect"
    assert len(error.detail) > len(f"no connection to https://{HOST}:{upstream.port}: ")


async def test_too_old(trusting: Pool, start_upstream: StartUpstream, server_context: ServerContext) -> None:
    """TLS below 1.2 is not spoken; whether the server says why before it hangs up is up to it."""
    context = server_context()
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    assert (await failed(trusting, (await start_upstream(context)).origin)).reason in ("tls", "connect")


async def test_server_name(trusting: Pool, start_upstream: StartUpstream, server_context: ServerContext) -> None:
    """The server is asked for by the name of the origin (SNI), so that it can choose its certificate."""
    names: list[str | None] = []
    context = server_context()
    context.sni_callback = lambda _, name, __: names.append(name)
    await exchange(trusting, await start_upstream(context))
    assert names == ["localhost"]


@pytest.mark.parametrize("version", VERSIONS)
async def test_resumption(
    trusting: Pool, start_upstream: StartUpstream, server_context: ServerContext, version: ssl.TLSVersion
) -> None:
    """The second connection to a host takes up the session of the first, and the third again."""
    upstream = await start_upstream(server_context(version=version))
    resumed = []
    for _ in range(3):
        connection, peer = await exchange(trusting, upstream)
        resumed.append(tls_of(peer).session_reused)
        assert trusting.take(upstream.origin) is connection
    assert resumed == [False, True, True]


@pytest.mark.parametrize("version", VERSIONS)
async def test_resumption_after_closing(
    trusting: Pool, start_upstream: StartUpstream, server_context: ServerContext, version: ssl.TLSVersion
) -> None:
    """An upstream that closes after every answer gains most by it: the session is kept there too."""
    upstream = await start_upstream(server_context(version=version))
    resumed = []
    for _ in range(2):
        _, peer = await exchange(trusting, upstream, CLOSING)
        resumed.append(tls_of(peer).session_reused)
        await peer.gone()
    assert resumed == [False, True]


async def test_no_resumption_elsewhere(
    trusting: Pool, start_upstream: StartUpstream, server_context: ServerContext
) -> None:
    """A server that does not know a session gets an ordinary handshake."""
    for _ in range(2):
        _, peer = await exchange(trusting, await start_upstream(server_context()))
        assert not tls_of(peer).session_reused


async def test_no_tickets(trusting: Pool, start_upstream: StartUpstream, server_context: ServerContext) -> None:
    """A server that offers no sessions gets an ordinary handshake each time."""
    context = server_context()
    context.num_tickets = 0
    upstream = await start_upstream(context)
    for _ in range(2):
        _, peer = await exchange(trusting, upstream, CLOSING)
        assert not tls_of(peer).session_reused


@pytest.mark.parametrize("properly", [True, False])
async def test_end_of_tls(
    trusting: Pool, start_upstream: StartUpstream, server_context: ServerContext, properly: bool
) -> None:
    """A body that goes on until the upstream closes is complete only if TLS itself was ended: else it was cut."""
    upstream = await start_upstream(server_context())
    connection = await trusting.connect(upstream.origin, 5)
    heard = Heard()
    connection.ask(heard, GET)
    peer = await upstream.accept()
    await peer.answer(b"HTTP/1.1 200 OK\r\n\r\nhello")
    await until(lambda: heard.pieces)
    peer.close() if properly else peer.close_now()
    await heard.end()
    assert (heard.data, heard.complete) == (b"hello", properly)


async def test_sessions_are_bounded(
    monkeypatch: pytest.MonkeyPatch, trusting: Pool, start_upstream: StartUpstream, server_context: ServerContext
) -> None:
    """Of more hosts than the bound the sessions used last are kept."""
    monkeypatch.setattr(tls, "MAX_SESSIONS", 2)
    upstream = await start_upstream(server_context())
    connection, _ = await exchange(trusting, upstream)
    context = client_context()
    connected = connection.transport.get_extra_info("ssl_object")
    for host in ("a", "b", "a", "c"):
        context.keep_session(host, connected)
    assert list(context.__dict__["_sessions"]) == ["a", "c"]


def test_context() -> None:
    """A context verifies certificates and names against the system's trust store."""
    context = client_context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
