"""Connections that are kept, in which order they are used, how many there may be, and that none is ever lost."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from time import monotonic

import attrs
import pytest

from aigw.adapter import Origin
from aigw.errors import ConnectFailed
from aigw.relay.upstream.connect import Connector
from aigw.relay.upstream.connection import TRUSTED_IDLE, Connection
from aigw.relay.upstream.pool import Pool

from ..conftest import MakePool, StartUpstream
from ..raw import GET, HOST, OK, Heard, Peer, Upstream, turns, until

CLOSING = b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok"


async def serve(connection: Connection, peer: Peer, answer: bytes = OK) -> None:
    """One request and its answer."""
    heard = Heard()
    connection.ask(heard, GET)
    await peer.answer(answer)
    await heard.end()
    assert heard.data == b"ok"


async def opened(pool: Pool, upstream: Upstream) -> tuple[Connection, Peer]:
    """A new connection and its other end."""
    connection = await pool.connect(upstream.origin, 5)
    return connection, await upstream.accept()


async def test_kept(pool: Pool, upstream: Upstream) -> None:
    """A connection is used again for as long as both sides keep it, and knows how often it was."""
    connection, peer = await opened(pool, upstream)
    for used in range(1, 4):
        await serve(connection, peer)
        assert (pool.idle, pool.open, connection.used) == (1, 1, used)
        assert pool.take(upstream.origin) is connection
        assert (pool.idle, pool.open) == (0, 1)


async def test_nothing_to_take(pool: Pool, upstream: Upstream, start_upstream: StartUpstream) -> None:
    """A connection serves only the origin it leads to."""
    connection, peer = await opened(pool, upstream)
    await serve(connection, peer)
    other = await start_upstream()
    assert pool.take(other.origin) is None
    assert pool.take(attrs.evolve(upstream.origin, scheme="https")) is None
    assert pool.idle == 1


@pytest.mark.parametrize("answer", [CLOSING, b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok"])
async def test_not_kept(pool: Pool, upstream: Upstream, answer: bytes) -> None:
    """An answer that says so, or one of HTTP/1.0, is the last on its connection."""
    connection, peer = await opened(pool, upstream)
    await serve(connection, peer, answer)
    assert pool.take(upstream.origin) is None
    await peer.gone()
    assert pool.open == 0


async def test_last_in_first_out(pool: Pool, upstream: Upstream) -> None:
    """The connection used last is used first, so that the others grow old and close."""
    pairs = [await opened(pool, upstream) for _ in range(3)]
    for connection, peer in pairs:
        await serve(connection, peer)
    assert [pool.take(upstream.origin) for _ in range(3)] == [connection for connection, _ in reversed(pairs)]


async def test_sweep(make_pool: MakePool, upstream: Upstream) -> None:
    """A sweep closes what has been idle for longer than allowed, and nothing else."""
    pool = make_pool(keepalive=10)
    (old, old_peer), (young, young_peer) = [await opened(pool, upstream) for _ in range(2)]
    await serve(old, old_peer)
    await serve(young, young_peer)
    young.idle_since = old.idle_since + 5
    pool.sweep(old.idle_since + 10)
    assert pool.idle == 2
    pool.sweep(old.idle_since + 10.1)
    await old_peer.gone()
    assert (pool.idle, pool.open) == (1, 1)
    assert pool.take(upstream.origin) is young
    pool.sweep(monotonic() + 1000)
    await turns()
    assert pool.open == 1
    young.drop()


async def test_origins_that_nobody_uses(pool: Pool, upstream: Upstream) -> None:
    """An origin is forgotten with its last connection: accounts may change their addresses for ever."""
    connection, peer = await opened(pool, upstream)
    pool.sweep(monotonic())
    assert list(pool._places) == [upstream.origin]
    await serve(connection, peer)
    pool.sweep(monotonic())
    assert pool.take(upstream.origin) is connection
    connection.drop()
    await until(lambda: pool.open == 0)
    pool.sweep(monotonic())
    assert not pool._places
    again, peer = await opened(pool, upstream)
    await serve(again, peer)
    assert pool.take(upstream.origin) is again
    again.drop()


async def test_closed_while_idle(pool: Pool, upstream: Upstream) -> None:
    """An upstream may close an idle connection at any time: the pool has none then."""
    connection, peer = await opened(pool, upstream)
    await serve(connection, peer)
    peer.close()
    await until(lambda: pool.open == 0)
    assert pool.idle == 0
    assert pool.take(upstream.origin) is None


async def test_closed_a_moment_ago(pool: Pool, upstream: Upstream) -> None:
    """A connection idle for a while is looked at once more: the loop may not have heard yet that it was closed."""
    (first, first_peer), (second, second_peer) = [await opened(pool, upstream) for _ in range(2)]
    await serve(first, first_peer)
    await serve(second, second_peer)
    for connection in (first, second):
        connection.idle_since -= TRUSTED_IDLE
    second_peer.close_now()
    assert pool.take(upstream.origin) is first
    await until(lambda: pool.open == 1)
    await serve(first, first_peer)
    first.idle_since -= TRUSTED_IDLE
    assert pool.take(upstream.origin) is first
    first.drop()


async def test_unasked_bytes(pool: Pool, upstream: Upstream) -> None:
    """Bytes on an idle connection end it."""
    connection, peer = await opened(pool, upstream)
    await serve(connection, peer)
    peer.write(OK)
    await peer.gone()
    assert pool.open == 0


async def test_most(make_pool: MakePool, upstream: Upstream) -> None:
    """At the limit a request waits for a connection to come free, and the one that has waited longest gets it."""
    pool = make_pool(most=2)
    pairs = [await opened(pool, upstream) for _ in range(2)]
    waiting = [asyncio.ensure_future(pool.connect(upstream.origin, 5)) for _ in range(3)]
    await turns()
    assert not any(task.done() for task in waiting)
    for (connection, peer), task in zip(pairs, waiting, strict=False):
        await serve(connection, peer)
        assert pool.take(upstream.origin) is None
        assert await task is connection
    assert not waiting[2].done()
    pairs[0][0].drop()
    third = await waiting[2]
    assert third not in [connection for connection, _ in pairs]
    assert pool.open == 2
    assert len(upstream.peers) == 3


async def test_nobody_overtakes(make_pool: MakePool, upstream: Upstream) -> None:
    """The right to open a connection goes to whoever waits, even if somebody else asks in that very moment."""
    pool = make_pool(most=1)
    connection, _ = await opened(pool, upstream)
    first = asyncio.ensure_future(pool.connect(upstream.origin, 5))
    await turns()
    connection.drop()
    await until(lambda: pool.open == 0)
    second = asyncio.ensure_future(pool.connect(upstream.origin, 5))
    got = await first
    assert not second.done()
    got.drop()
    (await second).drop()


async def test_most_is_per_origin(make_pool: MakePool, upstream: Upstream, start_upstream: StartUpstream) -> None:
    """One origin at its limit does not hold up another."""
    pool = make_pool(most=1)
    other = await start_upstream()
    await opened(pool, upstream)
    await opened(pool, other)
    assert pool.open == 2


async def test_exhausted(make_pool: MakePool, upstream: Upstream) -> None:
    """Who waits for longer than the connect timeout is told which setting to raise; the others go on."""
    pool = make_pool(most=1)
    connection, peer = await opened(pool, upstream)
    with pytest.raises(ConnectFailed, match=r"all 1 connections .*max_connections_per_origin") as caught:
        await pool.connect(upstream.origin, 0.01)
    assert caught.value.reason == "connections_exhausted"
    await serve(connection, peer)
    assert pool.take(upstream.origin) is connection


async def test_leaving_the_queue(make_pool: MakePool, upstream: Upstream) -> None:
    """Whoever stops waiting takes nobody's turn, not even when the turn came in the same moment."""
    pool = make_pool(most=1)
    connection, peer = await opened(pool, upstream)
    gone, late, last = (asyncio.ensure_future(pool.connect(upstream.origin, 5)) for _ in range(3))
    await turns()
    gone.cancel()
    await serve(connection, peer)
    late.cancel()
    assert await last is connection
    assert gone.cancelled()
    assert late.cancelled()
    await serve(connection, peer)
    assert (pool.idle, pool.open) == (1, 1)


async def test_leaving_with_the_right_to_open(make_pool: MakePool, upstream: Upstream) -> None:
    """The same holds when the turn was the right to open a connection."""
    pool = make_pool(most=1)
    connection, _ = await opened(pool, upstream)
    late, last = (asyncio.ensure_future(pool.connect(upstream.origin, 5)) for _ in range(2))
    await turns()
    pool.forget(connection)
    late.cancel()
    assert (await last).origin == upstream.origin
    assert late.cancelled()
    connection.drop()


async def test_free_and_dead(make_pool: MakePool, upstream: Upstream) -> None:
    """A connection that comes free and closes before the one who waits has it is replaced by a new one."""
    pool = make_pool(most=1)
    connection, peer = await opened(pool, upstream)
    waiting = asyncio.ensure_future(pool.connect(upstream.origin, 5))
    await turns()
    heard = Heard()
    connection.ask(heard, GET)
    await peer.head()
    connection.data_received(OK)
    connection.transport.abort()
    fresh = await waiting
    assert fresh is not connection
    assert pool.open == 1


@pytest.mark.parametrize("secure", [True, False])
async def test_cancelled_at_every_step(
    make_pool: MakePool,
    start_upstream: StartUpstream,
    server_context: Callable[..., ssl.SSLContext],
    ca_file: object,
    secure: bool,
) -> None:
    """A connection that nobody wants any more is closed, whatever step of being opened it is in."""
    upstream = await start_upstream(server_context() if secure else None)
    pool = make_pool(Connector(ca_file=str(ca_file)), most=1)
    (await pool.connect(upstream.origin, 5)).drop()
    steps = 0
    while True:
        opening = asyncio.ensure_future(pool.connect(upstream.origin, 5))
        await turns(steps)
        if not opening.cancel():
            break
        await asyncio.wait([opening])
        assert opening.cancelled()
        steps += 1
    assert steps > 2
    (await opening).drop()
    await until(lambda: pool.open == 0)
    await until(lambda: all(peer.over for peer in upstream.peers if hasattr(peer, "transport")))
    # Nothing counts against the limit.
    (await pool.connect(upstream.origin, 5)).drop()


async def test_failures_do_not_count(make_pool: MakePool, dead_port: int) -> None:
    """A connection that could not be opened takes nobody's place."""
    pool = make_pool(most=1)
    for _ in range(3):
        with pytest.raises(ConnectFailed) as caught:
            await pool.connect(Origin("http", HOST, dead_port), 5)
        assert caught.value.reason == "connect"
    assert pool.open == 0


async def test_closed_at_once(make_pool: MakePool, upstream: Upstream) -> None:
    """A connection that is closed again when it has just been opened is a failure, and is forgotten."""

    class Hasty(Connector):
        async def open(self, origin: Origin, make: Callable[[], Connection], timeout: float) -> Connection:
            connection = await super().open(origin, make, timeout)
            connection.transport.abort()
            await turns()
            return connection

    pool = make_pool(Hasty(), most=1)
    for _ in range(2):
        with pytest.raises(ConnectFailed, match="closed the connection at once"):
            await pool.connect(upstream.origin, 5)
    assert pool.open == 0


async def test_close(pool: Pool, upstream: Upstream) -> None:
    """A closing pool closes what is idle now, and the rest when its answer is complete."""
    (idle, idle_peer), (busy, busy_peer) = [await opened(pool, upstream) for _ in range(2)]
    await serve(idle, idle_peer)
    pool.close()
    await idle_peer.gone()
    assert (pool.idle, pool.open) == (0, 1)
    await serve(busy, busy_peer)
    await busy_peer.gone()
    assert pool.open == 0


async def test_abort(pool: Pool, upstream: Upstream, heard: Heard) -> None:
    """An aborted pool drops every connection, and those who wait for answers hear of it."""
    (idle, idle_peer), (busy, busy_peer) = [await opened(pool, upstream) for _ in range(2)]
    await serve(idle, idle_peer)
    busy.ask(heard, GET)
    pool.abort()
    await heard.end()
    await idle_peer.gone()
    await busy_peer.gone()
    assert heard.error is not None
    assert pool.open == 0
