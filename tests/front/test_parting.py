"""How long a connection is worth its place: the sweeper is called with a clock of the test's own."""

from __future__ import annotations

import asyncio
from time import monotonic

import pytest

from aigw.front.connection import CallerConnection
from aigw.front.parting import LINGER, MAX_LINGER, MAX_STALL

from ..support.caller import HELLO, Caller, request
from ..support.gate import TOKEN, Gate, OpenGate, connected, eventually
from ..support.upstream import Upstream

ASK = request(HELLO, token=TOKEN)
PATIENCE = {"head_timeout": 15.0, "body_idle_timeout": 30.0, "body_timeout": 100.0, "keepalive_timeout": 75.0}


async def after(connection: CallerConnection, seconds: float) -> None:
    """Let the sweeper look at the connection as if so much time had passed since now."""
    connection.sweep(monotonic() + seconds)
    await asyncio.sleep(0)


async def test_a_silent_connection_is_closed(gateway: OpenGate) -> None:
    """One that never said anything has the time of a head."""
    gate = await gateway(server=PATIENCE)
    caller, connection = await connected(gate)
    await after(connection, 14)
    assert not connection.transport.is_closing()
    await after(connection, 16)
    assert await caller.rest() == b""


async def test_an_idle_connection_is_closed(gateway: OpenGate) -> None:
    """After an answer it may stay for the keep-alive time."""
    gate = await gateway(server=PATIENCE)
    caller, connection = await connected(gate)
    caller.send(ASK)
    await caller.answer()
    await after(connection, 0)
    await after(connection, 70)
    assert not connection.transport.is_closing()
    await after(connection, 80)
    assert await caller.rest() == b""


async def test_a_trickled_head_is_not_waited_for(gateway: OpenGate) -> None:
    """Bytes of a head do not buy time: it has to be complete within its limit, however many arrive."""
    gate = await gateway(server=PATIENCE)
    caller, connection = await connected(gate)
    start = monotonic()
    for second in range(14):
        connection.data_received(b"P" if not second else b"O")
        connection.sweep(start + second)
    assert not connection.transport.is_closing()
    connection.data_received(b"S")
    connection.sweep(start + 16)
    answer = await caller.answer()
    assert (answer.status, answer.code, answer.header("connection")) == (408, "request_timeout", "close")
    assert "head did not come within 15 s" in answer.json["error"]["message"]


async def test_a_heads_time_begins_with_its_first_byte(gateway: OpenGate) -> None:
    """A connection that was idle for a minute gives its next request the whole time."""
    gate = await gateway(server=PATIENCE)
    caller, connection = await connected(gate)
    caller.send(ASK)
    await caller.answer()
    connection.since = monotonic() - 60
    connection.arrived = False
    connection.data_received(ASK[:30])
    await after(connection, 1)
    await after(connection, 14)
    connection.data_received(ASK[30:])
    assert (await caller.answer()).status == 200


async def test_a_body_that_stops_is_not_waited_for(gateway: OpenGate) -> None:
    """A pause within a body has its limit; bytes buy time here, for honest callers may be slow."""
    gate = await gateway(server=PATIENCE)
    caller, connection = await connected(gate)
    start = monotonic()
    connection.data_received(ASK[:-20])
    connection.sweep(start + 29)
    connection.data_received(ASK[-20:-10])
    connection.sweep(start + 58)
    connection.sweep(start + 87)
    assert not connection.transport.is_closing()
    connection.sweep(start + 89)
    answer = await caller.answer()
    assert (answer.status, answer.code) == (408, "request_timeout")
    assert (await gate.record()).outcome == "refused"
    assert not gate.sandbox.requests


async def test_an_answer_under_way_has_no_limit_here(gateway: OpenGate) -> None:
    """How long an upstream may take is the relay's to know."""
    gate = await gateway(server=PATIENCE)
    caller, connection = await connected(gate)
    caller.ask({**HELLO, "model": "up:sandbox-small!stall", "stream": True})
    await caller.until(b"You")
    await after(connection, 10_000)
    assert not connection.transport.is_closing()


async def test_lingering_has_an_end(gateway: OpenGate) -> None:
    """After a refusal what still comes is thrown away for a while, then the connection is broken off."""
    gate = await gateway(server=PATIENCE)
    caller, connection = await connected(gate)
    start = monotonic()
    connection.data_received(request(b"x", length=10**6))
    assert (await caller.answer()).status == 401
    connection.data_received(b"x" * 1000)
    connection.sweep(start + LINGER - 0.5)
    assert connection in gate.process.gateway.connections
    connection.sweep(start + 2 * LINGER)
    await eventually(lambda: not gate.process.gateway.connections)


async def test_lingering_ends_however_much_comes(gateway: OpenGate) -> None:
    """A caller who never stops sending does not keep its place."""
    gate = await gateway(server=PATIENCE)
    caller, connection = await connected(gate)
    start = monotonic()
    connection.data_received(request(b"x", length=10**9))
    for second in range(int(MAX_LINGER)):
        connection.data_received(b"x" * 1000)
        connection.sweep(start + second)
    assert connection in gate.process.gateway.connections
    connection.data_received(b"x" * 1000)
    connection.sweep(start + MAX_LINGER + 1)
    await eventually(lambda: not gate.process.gateway.connections)
    assert (await caller.answer()).status == 401


async def slow(gate: Gate) -> tuple[Caller, CallerConnection]:
    """A caller that takes little and reads nothing, and the gateway's end of its connection."""
    caller, connection = await connected(gate, receive_buffer=4096)
    caller.writer.transport.pause_reading()  # type: ignore[attr-defined]
    return caller, connection


async def test_a_dripping_body_is_not_waited_for(gateway: OpenGate) -> None:
    """However steadily bytes come, the whole body has its limit."""
    gate = await gateway(server=PATIENCE)
    caller, connection = await connected(gate)
    start = monotonic()
    connection.data_received(ASK[:-102])
    for second in range(100):
        connection.data_received(ASK[second - 102 : second - 101])
        connection.sweep(start + second)
    assert connection.turn is not None
    connection.sweep(start + 101)
    answer = await caller.answer()
    assert (answer.status, answer.code, answer.header("connection")) == (408, "request_timeout", "close")
    assert "not complete within 100 s" in answer.json["error"]["message"]
    assert not gate.sandbox.requests


async def test_a_slow_upstream_is_not_the_callers_fault(gateway: OpenGate, upstream: Upstream) -> None:
    """While the upstream takes no more of a body, the caller is not blamed that no more comes."""
    gate = await gateway(providers={"up": {"base_url": upstream.base_url}}, server=PATIENCE)
    caller, connection = await connected(gate)
    size = 30 * 2**20
    body = b'{"model":"up:m","a":"' + b"x" * size
    caller.send(request(body, token=TOKEN, length=size + 100))
    visit = await upstream.accept()
    await visit.head()
    visit.writer.transport.pause_reading()  # type: ignore[attr-defined]
    await eventually(lambda: connection._halted)
    for seconds in (31, 62, 1000):
        await after(connection, seconds)
    assert connection.turn is not None
    visit.writer.transport.resume_reading()  # type: ignore[attr-defined]
    await eventually(lambda: not connection._halted)
    connection.since = monotonic()
    connection.arrived = False
    await after(connection, 31)
    assert (await caller.answer()).status == 408


async def test_an_answer_that_nobody_reads_has_an_end(gateway: OpenGate) -> None:
    """A connection that is closed with something left to write is broken off when nothing of it is taken for long."""
    gate = await gateway(server=PATIENCE)
    caller, connection = await slow(gate)
    caller.ask(
        {**HELLO, "messages": [{"role": "user", "content": "x" * 20 * 2**20}]}, headers=[("connection", "close")]
    )
    await eventually(lambda: connection._full)
    assert connection.turn is not None
    connection.turn.cut()
    assert connection.transport.is_closing()
    await after(connection, 0)
    await after(connection, MAX_STALL - 1)
    assert gate.process.gateway.connections
    await after(connection, MAX_STALL + 1)
    await eventually(lambda: not gate.process.gateway.connections)


async def test_a_slow_reader_is_waited_for(gateway: OpenGate) -> None:
    """Whoever takes something now and then gets the rest, however long that takes."""
    gate = await gateway(server=PATIENCE)
    caller, connection = await slow(gate)
    caller.writer.transport.resume_reading()  # type: ignore[attr-defined]
    text = "x" * 4 * 2**20
    caller.ask({**HELLO, "messages": [{"role": "user", "content": text}]}, headers=[("connection", "close")])
    head = await caller.head()
    left, now = int(head.header("content-length") or ""), monotonic()
    while left:
        left -= len(await caller.reader.readexactly(min(left, 2**19)))
        now += MAX_STALL - 1
        connection.sweep(now)
        await asyncio.sleep(0)
    assert await caller.rest() == b""


async def test_a_stalled_reader_does_not_keep_its_stream(gateway: OpenGate, upstream: Upstream) -> None:
    """A caller that stops reading a stream keeps it for `limits.stream_total_timeout` at most; nothing piles up."""
    gate = await gateway(
        providers={"up": {"base_url": upstream.base_url}}, server=PATIENCE, limits={"stream_total_timeout": 0.3}
    )
    caller, connection = await slow(gate)
    caller.ask({"model": "up:m", "stream": True})
    visit = await upstream.accept()
    await visit.request()
    visit.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n")
    event = b'data: {"choices":[{"delta":{"content":"%b"}}]}\n\n' % (b"x" * 50_000)
    visit.send(event * 400)
    await eventually(lambda: connection._full)
    record = await gate.record()
    assert (record.outcome, record.error) == ("timeout", "stream_total_timeout")
    assert record.bytes_out < 400 * len(event)
    await visit.gone()
    await after(connection, 0)
    await after(connection, MAX_STALL + 1)
    await eventually(lambda: not gate.process.gateway.connections)


@pytest.mark.parametrize(
    ("asked", "status", "number"),
    [
        (request({**HELLO, "messages": [{"role": "user", "content": "x" * 60_000}]}, token=TOKEN), 200, 300),
        (request(path="/" + "x" * 190, token=TOKEN), 404, 10_000),
    ],
    ids=["answers", "refusals"],
)
async def test_answers_that_nobody_reads_do_not_pile_up(
    gateway: OpenGate, asked: bytes, status: int, number: int
) -> None:
    """A caller that pipelines without reading is served on when it has taken what is there, and not before."""
    gate = await gateway(server=PATIENCE)
    caller, connection = await slow(gate)
    caller.send(asked * (number - 1))
    caller.send(asked.replace(b"host:", b"connection: close\r\nhost:"))
    await eventually(lambda: connection._full)
    for _ in range(20):
        await asyncio.sleep(0)
    assert len(gate.records) < number
    assert connection.transport.unsent() < 2**18
    caller.writer.transport.resume_reading()  # type: ignore[attr-defined]
    assert (await caller.rest()).count(b"HTTP/1.1 %d " % status) == number
