"""Upstreams behind an HTTP proxy."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from aigw.adapter import Origin
from aigw.errors import ConnectFailed
from aigw.relay.upstream.connect import Connector
from aigw.relay.upstream.connection import Connection
from aigw.relay.upstream.pool import Pool
from aigw.relay.upstream.proxy import MAX_ANSWER
from aigw.secret import Secret
from aigw.settings.proxies import Proxy, goes_direct

from ..conftest import MakePool, StartProxy, StartUpstream
from ..raw import GET, HOST, OK, Heard, Upstream, until

ServerContext = Callable[..., ssl.SSLContext]
SECRET = "user:pass:word"
FIELD = b"proxy-authorization: Basic " + base64.b64encode(SECRET.encode()) + b"\r\n"


@pytest.fixture
def pool_through(make_pool: MakePool, ca_file: Path) -> Callable[[Proxy], Pool]:
    """A pool that reaches everything through a proxy."""
    return lambda proxy: make_pool(Connector(lambda origin: proxy, str(ca_file)))


async def ask(pool: Pool, origin: Origin) -> tuple[Connection, Heard]:
    """A new connection with a request on it."""
    connection = await pool.connect(origin, 5)
    heard = Heard()
    connection.ask(heard, GET)
    return connection, heard


@pytest.mark.parametrize("credentials", [None, Secret(SECRET)])
@pytest.mark.parametrize("secure_proxy", [False, True])
async def test_connect(
    pool_through: Callable[[Proxy], Pool],
    start_proxy: StartProxy,
    start_upstream: StartUpstream,
    server_context: ServerContext,
    credentials: Secret | None,
    secure_proxy: bool,
) -> None:
    """An https origin is reached by CONNECT, with the proxy's credentials; what follows only the origin can read."""
    upstream = await start_upstream(server_context())
    proxy = await start_proxy(context=server_context() if secure_proxy else None)
    pool = pool_through(Proxy("localhost", proxy.port, secure_proxy, credentials))
    connection, heard = await ask(pool, upstream.origin)
    peer = await upstream.accept()
    assert await peer.answer() == GET
    await heard.end()
    assert heard.data == b"ok"
    target = b"localhost:%d" % upstream.port
    field = FIELD if credentials else b""
    assert proxy.heads == [b"CONNECT %b HTTP/1.1\r\nhost: %b\r\n%b\r\n" % (target, target, field)]
    assert pool.take(upstream.origin) is connection
    connection.drop()
    await peer.gone()


async def test_resumption_through_a_proxy(
    pool_through: Callable[[Proxy], Pool],
    start_proxy: StartProxy,
    start_upstream: StartUpstream,
    server_context: ServerContext,
) -> None:
    """Sessions are taken up again through a tunnel too."""
    upstream = await start_upstream(server_context())
    pool = pool_through(Proxy(HOST, (await start_proxy()).port))
    resumed = []
    for _ in range(2):
        _, heard = await ask(pool, upstream.origin)
        peer = await upstream.accept()
        await peer.answer()
        await heard.end()
        resumed.append(peer.transport.get_extra_info("ssl_object").session_reused)
        pool.take(upstream.origin)
    assert resumed == [False, True]


@pytest.mark.parametrize("credentials", [None, Secret(SECRET)])
@pytest.mark.parametrize("secure_proxy", [False, True])
async def test_absolute_form(
    pool_through: Callable[[Proxy], Pool],
    start_upstream: StartUpstream,
    server_context: ServerContext,
    credentials: Secret | None,
    secure_proxy: bool,
) -> None:
    """An http origin is asked for at the proxy with the whole URL, every time, with the proxy's credentials."""
    upstream = await start_upstream(server_context() if secure_proxy else None)
    pool = pool_through(Proxy("localhost", upstream.port, secure_proxy, credentials))
    origin = Origin("http", "api.test", 8080)
    connection, heard = await ask(pool, origin)
    peer = await upstream.accept()
    field = FIELD if credentials else b""
    expected = b"GET http://api.test:8080/x HTTP/1.1\r\n" + field + b"host: up\r\n\r\n"
    assert await peer.answer() == expected
    await heard.end()
    assert pool.take(origin) is connection
    heard = Heard()
    connection.ask(heard, b"POST /y?a=b HTTP/1.1\r\nhost: up\r\ncontent-length: 2\r\n\r\n", [b"hi"])
    assert (await peer.head()).startswith(b"POST http://api.test:8080/y?a=b HTTP/1.1\r\n" + field)
    assert await peer.body(2) == b"hi"


async def test_head_through_a_proxy(pool_through: Callable[[Proxy], Pool], upstream: Upstream) -> None:
    """A HEAD request in absolute form still has no body in its answer."""
    pool = pool_through(Proxy(HOST, upstream.port))
    connection = await pool.connect(Origin("http", "api.test", 80), 5)
    heard = Heard()
    connection.ask(heard, b"HEAD /x HTTP/1.1\r\nhost: up\r\n\r\n")
    await (await upstream.accept()).answer(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")
    await heard.end()
    assert (heard.data, heard.complete) == (b"", True)


async def test_exceptions(
    make_pool: MakePool, ca_file: Path, start_upstream: StartUpstream, server_context: ServerContext, dead_port: int
) -> None:
    """An origin that no_proxy names is reached directly."""
    dead = Proxy(HOST, dead_port)
    upstream = await start_upstream(server_context())

    def proxy_for(origin: Origin) -> Proxy | None:
        return None if goes_direct(origin.host, origin.port, ()) else dead

    pool = make_pool(Connector(proxy_for, str(ca_file)))
    _, heard = await ask(pool, upstream.origin)
    await (await upstream.accept()).answer()
    await heard.end()
    assert heard.data == b"ok"
    with pytest.raises(ConnectFailed, match="the proxy"):
        await pool.connect(attrs.evolve(upstream.origin, host="api.test"), 5)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_dead_proxy(pool_through: Callable[[Proxy], Pool], dead_port: int, scheme: str) -> None:
    """A proxy that cannot be reached is named as what failed, without its credentials."""
    pool = pool_through(Proxy(HOST, dead_port, False, Secret(SECRET)))
    with pytest.raises(ConnectFailed) as caught:
        await pool.connect(Origin(scheme, "api.test", 8080), 5)
    assert caught.value.reason == "connect"
    assert caught.value.detail == f"no connection to the proxy http://***@{HOST}:{dead_port}: Connection refused"


async def test_untrusted_proxy(
    make_pool: MakePool, start_proxy: StartProxy, server_context: ServerContext, upstream: Upstream
) -> None:
    """A proxy over TLS is verified like an upstream."""
    proxy = await start_proxy(context=server_context())
    through = Proxy("localhost", proxy.port, True)
    pool = make_pool(Connector(lambda origin: through))
    with pytest.raises(ConnectFailed, match="the certificate of the proxy https://localhost:"):
        await pool.connect(Origin("https", "api.test", 443), 5)
    assert proxy.heads == []


async def test_untrusted_upstream(
    make_pool: MakePool, start_proxy: StartProxy, start_upstream: StartUpstream, server_context: ServerContext
) -> None:
    """An upstream behind a proxy is verified, and named."""
    upstream = await start_upstream(server_context())
    through = Proxy(HOST, (await start_proxy()).port)
    pool = make_pool(Connector(lambda origin: through))
    with pytest.raises(ConnectFailed, match=f"the certificate of {upstream.origin} is not valid"):
        await pool.connect(upstream.origin, 5)
    assert pool.open == 0


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(
            b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 5\r\n\r\nplease log in",
            "the proxy refused the tunnel: HTTP/1.1 407 Proxy Authentication Required",
            id="credentials",
        ),
        pytest.param(b"HTTP/1.1 403 No\r\n\r\n", "the proxy refused the tunnel: HTTP/1.1 403 No", id="forbidden"),
        pytest.param(b"SSH-2.0-OpenSSH\r\n", "the proxy refused the tunnel: SSH-2.0-OpenSSH", id="no-proxy"),
        pytest.param(b"x" * (MAX_ANSWER + 1), "the proxy answered something else than HTTP", id="endless"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\nhello", "the proxy answered something else than HTTP", id="talkative"),
    ],
)
async def test_refused(
    pool_through: Callable[[Proxy], Pool], start_proxy: StartProxy, answer: bytes, words: str
) -> None:
    """A proxy that does not open a tunnel is told in its own words, at once, and its connection closed."""
    proxy = await start_proxy(answer)
    pool = pool_through(Proxy(HOST, proxy.port))
    with pytest.raises(ConnectFailed) as caught:
        await pool.connect(Origin("https", "api.test", 443), 5)
    assert (caught.value.reason, caught.value.detail) == ("proxy", words)
    assert pool.open == 0


@pytest.mark.parametrize("answer", [b"HTTP/1.1 407 No\r\n\r\n", b""])
async def test_no_tunnel_is_left(pool_through: Callable[[Proxy], Pool], upstream: Upstream, answer: bytes) -> None:
    """A tunnel that the proxy refuses, or that nobody waits for any more, is closed."""
    pool = pool_through(Proxy(HOST, upstream.port))
    task = asyncio.ensure_future(pool.connect(Origin("https", "api.test", 443), 5))
    peer = await upstream.accept()
    await peer.answer(answer)
    if not answer:
        task.cancel()
    await asyncio.wait([task])
    await peer.gone()
    assert isinstance(task.exception() if not task.cancelled() else None, ConnectFailed) is bool(answer)


async def test_proxy_hangs_up(pool_through: Callable[[Proxy], Pool], upstream: Upstream) -> None:
    """A proxy that closes instead of answering is told."""
    pool = pool_through(Proxy(HOST, upstream.port))
    task = asyncio.ensure_future(pool.connect(Origin("https", "api.test", 443), 5))
    peer = await upstream.accept()
    await peer.head()
    peer.close()
    with pytest.raises(ConnectFailed, match="the proxy closed the connection"):
        await task


async def test_answer_of_a_proxy_in_pieces(
    pool_through: Callable[[Proxy], Pool], upstream: Upstream, server_context: ServerContext
) -> None:
    """However the proxy's answer is cut, the tunnel opens at its end and not before."""
    pool = pool_through(Proxy(HOST, upstream.port))
    task = asyncio.ensure_future(pool.connect(Origin("https", "api.test", 443), 5))
    peer = await upstream.accept()
    await peer.head()
    for byte in b"HTTP/1.0 200 Connection established\r\nvia: x\r\n\r\n":
        assert not peer.came
        peer.write(bytes([byte]))
        await until(lambda: peer.transport.get_write_buffer_size() == 0)
    # What comes now is the TLS hello.
    assert (await peer.body(1)) == b"\x16"
    task.cancel()
    await asyncio.wait([task])
    await peer.gone()


async def test_cancelled_at_every_step(
    pool_through: Callable[[Proxy], Pool],
    start_proxy: StartProxy,
    start_upstream: StartUpstream,
    server_context: ServerContext,
) -> None:
    """A tunnel that nobody wants any more is closed, whatever step of being opened it is in."""
    upstream = await start_upstream(server_context())
    proxy = await start_proxy(context=server_context())
    pool = pool_through(Proxy("localhost", proxy.port, True))
    steps = 0
    while True:
        opening = asyncio.ensure_future(pool.connect(upstream.origin, 5))
        for _ in range(steps):
            await asyncio.sleep(0)
        if not opening.cancel():
            break
        await asyncio.wait([opening])
        steps += 1
    connection = await opening
    heard = Heard()
    connection.ask(heard, GET)
    last = upstream.peers[-1]
    await last.answer(OK)
    await heard.end()
    pool.abort()
    await until(lambda: pool.open == 0)
    await until(lambda: all(peer.over for peer in upstream.peers if hasattr(peer, "transport")))
