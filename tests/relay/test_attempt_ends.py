"""Attempts that end otherwise: cancelled, held up, on a connection that died, switched to another protocol."""

from __future__ import annotations

import asyncio
import sys

import pytest

from aigw import operations
from aigw.adapter import Operation
from aigw.relay.deadlines import Deadlines
from aigw.relay.failover import Relay
from aigw.relay.request import NoBody, WholeBody
from aigw.relay.upstream.connection import TRUSTED_IDLE
from aigw.relay.upstream.pool import Pool

from .conftest import MakePool
from .exchanges import (
    ANSWER,
    BODY,
    DONE,
    EVENTS,
    LAST_CHUNK,
    ROLE,
    TEXT,
    Launch,
    asked,
    candidate,
    chunk,
    json_answer,
    kept,
    status_answer,
)
from .raw import Upstream, turns, until

WEBSOCKET = b"connection: Upgrade\r\nupgrade: websocket\r\n"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"


# -- cancelling and pace ----------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [b"", status_answer(500)[:-1], EVENTS + chunk(ROLE), EVENTS + chunk(TEXT)])
async def test_cancel(launch: Launch, upstream: Upstream, answer: bytes) -> None:
    """Whatever an attempt is doing, cancelling closes its connection in that turn; the caller hears nothing."""
    exchange, side = launch([candidate(upstream.origin)], stream=True)
    peer = await asked(upstream)
    peer.write(answer)
    await turns(50)
    assert exchange.attempt is not None
    assert exchange.attempt.connection is not None
    connection, told = exchange.attempt.connection, list(side.told)
    exchange.cancel("client_closed")
    assert connection.transport.is_closing()
    await peer.gone()
    assert side.told == told
    noted = exchange.record.attempts[0]
    assert noted.reason == "client_closed"
    assert noted.ended is not None
    assert launch.relay.pool.open == 0
    exchange.cancel("again")
    assert noted.reason == "client_closed"


async def test_cancel_while_connecting(launch: Launch, upstream: Upstream) -> None:
    """An attempt that is cancelled before it has a connection leaves none."""
    for steps in range(12):
        exchange, side = launch([candidate(upstream.origin)])
        await turns(steps)
        exchange.cancel("client_closed")
        await turns()
        assert side.told == []
    await until(lambda: launch.relay.pool.open == 0)
    await until(lambda: all(peer.over for peer in upstream.peers if hasattr(peer, "transport")))


async def test_back_pressure(launch: Launch, upstream: Upstream) -> None:
    """A caller that does not read stops the upstream: no more than the sockets hold is under way."""
    exchange, side = launch([candidate(upstream.origin)], stream=True)
    peer = await asked(upstream)
    peer.write(EVENTS + chunk(TEXT))
    await side.committed()
    exchange.pause()
    while not peer.full:
        peer.write(chunk(b": x\n\n" * 10_000))
        await turns(3)
    await turns(200)
    assert side.data == TEXT
    assert peer.written - peer.transport.get_write_buffer_size() < 16 * 2**20
    exchange.resume()
    await until(lambda: not peer.full)
    peer.write(chunk(DONE) + LAST_CHUNK)
    await side.end()
    assert side.complete


async def test_pause_and_end(launch: Launch, upstream: Upstream) -> None:
    """A caller that is slow with the very last bytes does not stop the connection that brought them."""
    exchange, side = launch([candidate(upstream.origin)])
    peer = await asked(upstream)
    peer.write(json_answer(ANSWER))
    await side.end()
    exchange.pause()
    _, other = launch([candidate(upstream.origin)])
    await peer.up_to(BODY)
    peer.write(json_answer(ANSWER))
    await other.end()
    assert other.data == ANSWER
    exchange.resume()


# -- kept connections that die ----------------------------------------------------------------------------


@pytest.mark.parametrize("reset", [True, False])
@pytest.mark.parametrize("operation", [operations.RESPONSE_GET, operations.RESPONSE_DELETE, operations.RESPONSE_ITEMS])
async def test_asked_again(launch: Launch, upstream: Upstream, operation: Operation, reset: bool) -> None:
    """What may be done twice is asked once more when a kept connection dies without a byte of an answer."""
    peer = await kept(launch, upstream)
    exchange, side = launch([candidate(upstream.origin)], operation=operation)
    first = await peer.head()
    peer.reset() if reset else peer.close()
    other = await upstream.accept()
    assert await other.answer(json_answer(ANSWER)) == first
    await side.end()
    assert (side.data, side.complete) == (ANSWER, True)
    assert len(exchange.record.attempts) == 1
    assert not exchange.record.attempts[0].reused


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="TCP_INFO is Linux's")
async def test_asked_again_when_nothing_had_arrived(launch: Launch, upstream: Upstream) -> None:
    """A request that came to an end which had closed before reached nobody: it is asked once more, whatever it is."""
    peer = await kept(launch, upstream)
    (connection,) = launch.relay.pool.idle_connections
    connection.idle_since -= 1  # not used a moment ago, but idle: its state was looked at
    exchange, side = launch([candidate(upstream.origin)])
    peer.close_now()  # before the request is written, in the same turn
    other = await asked(upstream)
    other.write(json_answer(ANSWER))
    await side.end()
    assert (side.data, side.complete) == (ANSWER, True)
    assert len(exchange.record.attempts) == 1


async def test_not_asked_again_when_it_may_have_arrived(launch: Launch, upstream: Upstream) -> None:
    """A request that a kept connection took before it died may have been done and paid for: nobody sends it twice."""
    peer = await kept(launch, upstream)
    (connection,) = launch.relay.pool.idle_connections
    connection.idle_since -= 1
    _, side = launch([candidate(upstream.origin)])
    await peer.up_to(BODY)
    peer.close()
    await side.end()
    assert side.reasons == ["connection_closed"]
    assert len(upstream.peers) == 1


async def test_not_asked_a_third_time(launch: Launch, upstream: Upstream) -> None:
    """Asking again is done once."""
    peer = await kept(launch, upstream)
    _, side = launch([candidate(upstream.origin)], operation=operations.RESPONSE_GET)
    await peer.head()
    peer.close()
    other = await upstream.accept()
    await other.head()
    other.close()
    await side.end()
    assert side.reasons == ["connection_closed"]
    assert len(upstream.peers) == 2


async def test_not_asked_a_third_time_on_a_kept_connection(make_pool: MakePool, upstream: Upstream) -> None:
    """Nor is it done again where the second connection was a kept one too, because there may be no more."""
    loop = asyncio.get_running_loop()
    launch = Launch(Relay(loop, make_pool(most=1), Deadlines(loop)))
    peer = await kept(launch, upstream)
    _, first = launch([candidate(upstream.origin)], operation=operations.RESPONSE_GET)
    await peer.head()
    _, second = launch([candidate(upstream.origin)], operation=operations.RESPONSE_GET)
    await turns()
    peer.close()
    other = await upstream.accept()
    await other.answer(json_answer(ANSWER))
    await second.end()
    assert second.complete
    await other.head()
    other.close()
    await first.end()
    assert first.reasons == ["connection_closed"]
    assert len(upstream.peers) == 2
    launch.relay.deadlines.close()


async def test_not_asked_again_on_a_new_connection(launch: Launch, upstream: Upstream) -> None:
    """An upstream that closes a new connection has heard the request: it is not told again."""
    _, side = launch([candidate(upstream.origin)], operation=operations.RESPONSE_GET)
    peer = await upstream.accept()
    await peer.head()
    peer.close()
    await side.end()
    assert side.reasons == ["connection_closed"]
    assert len(upstream.peers) == 1


@pytest.mark.parametrize("sent", [b"H", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", b"nonsense\r\n\r\n"])
async def test_not_asked_again_after_an_answer(launch: Launch, upstream: Upstream, sent: bytes) -> None:
    """An upstream that has begun to answer is not asked again."""
    peer = await kept(launch, upstream)
    _, side = launch([candidate(upstream.origin)], operation=operations.RESPONSE_GET)
    await peer.head()
    peer.write(sent)
    peer.close()
    await side.end()
    assert side.reasons[0] in ("connection_closed", "bad_http")
    assert len(upstream.peers) == 1


@pytest.mark.parametrize("operation", [operations.CHAT, operations.RESPONSE_CANCEL])
async def test_never_sent_twice(launch: Launch, upstream: Upstream, operation: Operation) -> None:
    """A request that costs money or changes something is not sent twice, even if a kept connection died under it."""
    peer = await kept(launch, upstream)
    body = NoBody() if operation is operations.RESPONSE_CANCEL else None
    _, side = launch([candidate(upstream.origin)], body, operation=operation)
    await peer.head()
    peer.close()
    await side.end()
    assert side.reasons == ["connection_closed"]
    assert len(upstream.peers) == 1


async def test_a_body_is_not_sent_twice(launch: Launch, upstream: Upstream) -> None:
    """Nor is a request with a body, whatever its method: it may have been read, and released, already."""
    peer = await kept(launch, upstream)
    body = WholeBody(BODY, "m", listed=False)
    _, side = launch([candidate(upstream.origin)], body, operation=operations.RESPONSE_DELETE)
    await peer.up_to(BODY)
    peer.close()
    await side.end()
    assert side.reasons == ["connection_closed"]
    assert len(upstream.peers) == 1


async def test_closed_while_idle(launch: Launch, upstream: Upstream, pool: Pool) -> None:
    """A kept connection that was closed meanwhile is not used: the request goes out on a new one and nothing fails."""
    peer = await kept(launch, upstream)
    connection = pool.take(upstream.origin)
    assert connection is not None
    pool.give_back(connection)
    connection.idle_since -= TRUSTED_IDLE
    peer.close_now()
    exchange, side = launch([candidate(upstream.origin)])
    (await asked(upstream)).write(json_answer(ANSWER))
    await side.end()
    assert side.complete
    assert [noted.reason for noted in exchange.record.attempts] == [""]
    assert len(upstream.peers) == 2


# -- other protocols --------------------------------------------------------------------------------------


async def test_switched(launch: Launch, upstream: Upstream) -> None:
    """A switch of protocols that was asked for goes to the caller with the bytes that came with it."""
    exchange, side = launch([candidate(upstream.origin)], operation=operations.REALTIME, extra=WEBSOCKET)
    peer = await upstream.accept()
    assert WEBSOCKET in await peer.head()
    peer.write(SWITCHED + b"\x81\x02hi")
    await until(lambda: side.pieces)
    assert (side.told, side.status, side.data) == (["switched", "bytes"], 101, b"\x81\x02hi")
    assert len(launch.relay.deadlines) == 0
    exchange.cancel("client_closed")
    await peer.gone()


@pytest.mark.parametrize("extra", [b"", b"content-length: 0\r\n"])
async def test_switched_unasked(launch: Launch, upstream: Upstream, extra: bytes) -> None:
    """A switch that nobody asked for is no answer."""
    _, side = launch([candidate(upstream.origin)], operation=operations.RESPONSE_CANCEL, extra=extra)
    await (await upstream.accept()).answer(SWITCHED)
    await side.end()
    assert side.reasons == ["bad_http"]
    await upstream.peers[0].gone()


async def test_refused_switch(launch: Launch, upstream: Upstream) -> None:
    """An upstream that refuses to switch has answered with an error."""
    _, side = launch([candidate(upstream.origin)], operation=operations.REALTIME, extra=WEBSOCKET)
    await (await upstream.accept()).answer(status_answer(403))
    await side.end()
    assert side.reasons == ["status_403"]
