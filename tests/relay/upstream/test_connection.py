"""One connection: whom its bytes reach, at whose pace, and what becomes of it after an answer."""

from __future__ import annotations

import pytest

from aigw.errors import ConnectionClosed
from aigw.relay.upstream.pool import Pool

from ..raw import GET, OK, Heard, Upstream, turns, until
from .wires import Line, make_line

POST = b"POST /x HTTP/1.1\r\nhost: up\r\ncontent-length: 4\r\n\r\n"
PLAIN = b"HTTP/1.1 200 OK\r\n"
UNFRAMED = PLAIN + b"\r\nhello world"


@pytest.mark.parametrize("behind", [OK, b"HTTP/1.1 100 Continue\r\n\r\n", b"\0garbage", b"k"])
@pytest.mark.parametrize("cut", [True, False])
async def test_bytes_behind_the_answer(line: Line, heard: Heard, behind: bytes, cut: bool) -> None:
    """What follows an answer is no part of it, and the connection it came on is not used again."""
    await line.ask(heard, GET)
    for piece in (OK[:-1], OK[-1:] + behind) if cut else (OK + behind,):
        line.connection.data_received(piece)
    assert (heard.data, heard.complete, heard.error, heard.late) == (b"ok", True, None, 0)
    assert line.usable is False


async def test_bytes_on_an_idle_connection(line: Line, heard: Heard) -> None:
    """An upstream that speaks unasked loses the connection: its next answer would be taken for another's."""
    await line.ask(heard, GET)
    line.connection.data_received(OK)
    line.connection.data_received(OK)
    assert line.wire.aborted
    assert (heard.data, heard.late) == (b"ok", 0)


async def test_answer_before_the_request_is_complete(line: Line, heard: Heard) -> None:
    """An answer that comes while the request's body is still going up ends the connection's use."""
    await line.ask(heard, POST, [b"ab"], more=True)
    line.connection.data_received(OK)
    assert heard.complete
    assert line.usable is False


async def test_answer_before_the_request_is_sent(line: Line, heard: Heard) -> None:
    """So does one that comes while a part of the request waits for the upstream to read it."""
    await line.ask(heard, POST, [b"abcd"])
    line.wire.unsent = 2
    line.connection.data_received(OK)
    assert heard.complete
    assert line.usable is False


async def test_closing_with_unsent_bytes(line: Line) -> None:
    """A connection whose upstream does not read is cut instead of waiting for it; another is closed properly."""
    line.wire.unsent = 2
    line.connection.close()
    assert (line.wire.aborted, line.wire.closed) == (True, False)
    other = await make_line()
    other.connection.close()
    assert (other.wire.aborted, other.wire.closed) == (False, True)


async def test_switched(line: Line, heard: Heard) -> None:
    """After 101 the bytes that came with it are passed as they are, and the transport can be taken away."""
    await line.ask(heard, GET)
    line.connection.data_received(
        b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n\x81\x00"
    )
    assert (heard.status, heard.data, heard.complete) == (101, b"\x81\x00", False)
    assert line.connection.detach().get_extra_info("wire") is line.wire
    assert line.pool.open == 0


async def test_dropped(line: Line, heard: Heard) -> None:
    """Who drops a connection hears nothing more from it."""
    await line.ask(heard, GET)
    line.connection.data_received(OK[:-1])
    line.connection.drop()
    assert line.wire.aborted
    line.connection.data_received(OK[-1:])
    line.connection.connection_lost(None)
    line.connection.pause_writing()
    line.connection.resume_writing()
    assert (heard.data, heard.complete, heard.error, heard.full, heard.drained) == (b"o", False, None, 0, 0)


async def test_unanswered(line: Line, heard: Heard) -> None:
    """A connection knows whether any byte of an answer has come."""
    said = []
    await line.ask(heard, GET)
    for piece in (b"", b"H", OK[1:-1]):
        line.connection.data_received(piece)
        said.append(line.connection.unanswered)
    assert said == [True, False, False]


@pytest.mark.parametrize("size", [10, 100_000])
async def test_request_as_written(upstream: Upstream, pool: Pool, heard: Heard, size: int) -> None:
    """Head and body go out as they were given, whether joined or not, and so do later pieces."""
    connection = await pool.connect(upstream.origin, 5)
    peer = await upstream.accept()
    connection.ask(heard, POST, [b"a" * size, b"b" * size], more=True)
    connection.send(b"c" * size, more=True)
    connection.send(b"", more=False)
    assert await peer.head() == POST
    assert await peer.body(3 * size) == b"a" * size + b"b" * size + b"c" * size
    peer.write(OK)
    await heard.end()
    assert heard.data == b"ok"
    assert pool.idle == 1


async def test_slow_listener(upstream: Upstream, pool: Pool, heard: Heard) -> None:
    """While the listener's side is paused nothing is read: what an upstream can send is bounded by the sockets."""
    connection = await pool.connect(upstream.origin, 5)
    peer = await upstream.accept()
    connection.ask(heard, GET)
    await peer.head()
    size = 64 * 2**20
    peer.write(PLAIN + b"content-length: %d\r\n\r\nbegun" % size)
    await until(lambda: heard.pieces)
    connection.pause()
    while not peer.full:
        peer.write(b"x" * 65_536)
        await turns(3)
    await turns(200)
    assert heard.data == b"begun"
    stuck = peer.written - peer.transport.get_write_buffer_size()
    assert stuck < 16 * 2**20
    connection.resume()
    await until(lambda: not peer.full)
    assert len(heard.data) > 65_536
    connection.drop()
    await peer.gone()


async def test_slow_upstream(upstream: Upstream, pool: Pool, heard: Heard) -> None:
    """An upstream that does not read fills the request's side, which is said, and so is when it has room again."""
    connection = await pool.connect(upstream.origin, 5)
    peer = await upstream.accept()
    peer.transport.pause_reading()
    connection.ask(heard, POST, more=True)
    sent = 0
    while not heard.full:
        connection.send(b"x" * 65_536, more=True)
        sent += 65_536
        await turns(3)
    assert sent < 32 * 2**20
    assert heard.drained == 0
    peer.transport.resume_reading()
    await until(lambda: heard.drained)
    assert heard.full == heard.drained == 1
    connection.drop()
    await peer.gone()


@pytest.mark.parametrize("reset", [True, False])
async def test_lost_on_the_wire(upstream: Upstream, pool: Pool, heard: Heard, reset: bool) -> None:
    """An upstream that closes or resets before it answers is told to the listener, and the pool forgets it."""
    connection = await pool.connect(upstream.origin, 5)
    peer = await upstream.accept()
    connection.ask(heard, GET)
    await peer.head()
    peer.reset() if reset else peer.close()
    await heard.end()
    assert isinstance(heard.error, ConnectionClosed)
    assert "before it answered" in str(heard.error)
    assert pool.open == 0


async def test_until_close_on_the_wire(upstream: Upstream, pool: Pool, heard: Heard) -> None:
    """A body that goes on until the upstream closes is complete when it does."""
    connection = await pool.connect(upstream.origin, 5)
    peer = await upstream.accept()
    connection.ask(heard, GET)
    await peer.answer(UNFRAMED)
    peer.close()
    await heard.end()
    assert (heard.data, heard.complete) == (b"hello world", True)
    assert pool.open == 0


async def test_aborted_pool(upstream: Upstream, pool: Pool, heard: Heard) -> None:
    """It is not complete when it is the gateway that closes."""
    connection = await pool.connect(upstream.origin, 5)
    peer = await upstream.accept()
    connection.ask(heard, GET)
    await peer.answer(UNFRAMED)
    await until(lambda: heard.pieces)
    pool.abort()
    await heard.end()
    assert (heard.complete, type(heard.error)) == (False, ConnectionClosed)


async def test_nothing_after_the_end_of_a_paused_connection(upstream: Upstream, pool: Pool, heard: Heard) -> None:
    """Pausing and resuming a connection that is already closed harms nobody."""
    connection = await pool.connect(upstream.origin, 5)
    connection.ask(heard, GET)
    (await upstream.accept()).close()
    await heard.end()
    connection.pause()
    connection.resume()
    connection.close()
    connection.drop()
