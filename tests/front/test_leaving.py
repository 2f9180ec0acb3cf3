"""Callers that go away, and callers that are slow: nobody pays for an answer that nobody reads."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from ..support.caller import HELLO, request
from ..support.gate import TOKEN, OpenGate, eventually
from ..support.upstream import Upstream

MIB = 2**20


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("fault", "mark"),
    [
        ("stall-head", b""),
        ("first-event-delay=60000", b""),
        ("stall=0c", b""),
        ("stall", b"You"),
        ("stall=3c", b"hello"),
    ],
    ids=["before the head", "after the head", "before the content", "after the first content", "midway"],
)
async def test_leaving_ends_the_upstreams_work(
    gateway: OpenGate, fault: str, mark: bytes, stream: bool, reset: bool
) -> None:
    """Whenever a caller leaves, with an end or with a reset, the upstream sees it, and one record says so."""
    gate = await gateway()
    caller = await gate.caller()
    caller.ask({**HELLO, "model": f"up:sandbox-small!{fault}", "stream": stream})
    await eventually(lambda: gate.sandbox.requests)
    if stream and mark:
        await caller.until(mark)
    caller.leave(reset=reset)
    seen = gate.sandbox.requests[0]
    async with asyncio.timeout(5):
        await seen.over.wait()
    assert seen.hung_up
    record = await gate.record()
    assert (record.outcome, record.error) == ("client_closed", "client_closed")
    assert [attempt.reason for attempt in record.attempts] == ["client_closed"]
    assert record.attempts[0].ended is not None
    if stream:
        assert record.status == (200 if mark else 0)
    assert gate.idle


async def test_leaving_in_the_middle_of_a_body(gateway: OpenGate) -> None:
    """Before anything was asked of an upstream nothing is, and the record still tells of it."""
    gate = await gateway()
    caller = await gate.caller()
    caller.send(request(HELLO, token=TOKEN)[:-5])
    await eventually(lambda: gate.process.gateway.in_flight)
    caller.leave()
    record = await gate.record()
    assert (record.outcome, record.attempts, record.status) == ("client_closed", [], 0)
    assert not gate.sandbox.requests


async def test_leaving_in_the_middle_of_an_upload(gateway: OpenGate, upstream: Upstream) -> None:
    """The upstream's half of a request is broken off, never completed."""
    gate = await gateway(providers={"up": {"base_url": upstream.base_url}})
    caller = await gate.caller()
    body = b'{"model":"up:m","a":"' + b"x" * 500_000
    caller.send(request(body, token=TOKEN, length=10**6))
    visit = await upstream.accept()
    await visit.until(b"xxxx")
    caller.leave()
    assert b'"}' not in await visit.gone()
    assert (await gate.record()).outcome == "client_closed"


async def test_leaving_between_two_candidates(gateway: OpenGate) -> None:
    """Nobody else is asked for a caller who has gone."""
    gate = await gateway()
    caller = await gate.caller()
    caller.ask({**HELLO, "model": "up:sandbox-small!status=500", "models": ["up:sandbox-large!stall-head", "up:third"]})
    await eventually(lambda: len(gate.sandbox.requests) == 2)
    caller.leave()
    record = await gate.record()
    assert [attempt.reason for attempt in record.attempts] == ["status_500", "client_closed"]
    await asyncio.sleep(0.01)
    assert len(gate.sandbox.requests) == 2


async def test_leaving_while_the_upstream_is_being_connected(gateway: OpenGate, upstream: Upstream) -> None:
    """Also in the middle of a TLS handshake: the connection is given up, and the record says who left."""
    address = upstream.base_url.replace("http:", "https:")
    gate = await gateway(providers={"up": {"base_url": address, "keys": ["sk-up-0123456789abcdef"]}})
    caller = await gate.caller()
    caller.ask(HELLO)
    visit = await upstream.accept()
    await visit.body(5)  # of the handshake's first record
    caller.leave()
    await visit.gone()
    record = await gate.record()
    assert (record.outcome, record.status) == ("client_closed", 0)
    assert [attempt.reason for attempt in record.attempts] == ["client_closed"]
    await eventually(lambda: gate.idle)


@pytest.mark.parametrize("mark", [b"", b"hello"], ids=["before the content", "midway"])
async def test_leaving_a_translated_stream(gateway: OpenGate, mark: bytes) -> None:
    """The other lane is no different; what was used by then is in the record."""
    only = {"up": {"keys": ["sk-up-0123456789abcdef"], "surfaces": ["messages"]}}
    gate = await gateway(providers=only)
    caller = await gate.caller()
    fault = "stall=3c" if mark else "stall-head"
    caller.ask({**HELLO, "model": f"up:sandbox-small!{fault}", "stream": True})
    await eventually(lambda: gate.sandbox.requests)
    if mark:
        await caller.until(mark)
    caller.leave()
    seen = gate.sandbox.requests[0]
    async with asyncio.timeout(5):
        await seen.over.wait()
    assert seen.hung_up
    record = await gate.record()
    assert (record.outcome, record.attempts[0].reason) == ("client_closed", "client_closed")
    if mark:
        assert record.seen is not None
        assert record.seen.usage is not None
    assert gate.idle


async def test_leaving_with_another_request_waiting(gateway: OpenGate) -> None:
    """A pipelined request behind the one under way does not hide that its caller has gone."""
    gate = await gateway()
    caller = await gate.caller()
    caller.ask({**HELLO, "model": "up:sandbox-small!stall", "stream": True})
    caller.ask(HELLO)
    await caller.until(b"You")
    caller.leave()
    assert (await gate.record()).outcome == "client_closed"
    await eventually(lambda: gate.idle)
    assert len(gate.sandbox.requests) == 1


async def test_leaving_after_the_answer_is_no_leaving(gateway: OpenGate) -> None:
    """A complete answer is a success, whatever its caller does then."""
    gate = await gateway()
    await gate.ask(HELLO)
    assert (await gate.record()).outcome == "ok"
    assert len(gate.records) == 1


@pytest.mark.parametrize("half", [True, False])
async def test_a_half_closed_connection_is_a_caller_who_left(gateway: OpenGate, half: bool) -> None:
    """An end of file from the caller cancels, as with other proxies: it cannot be told from leaving."""
    gate = await gateway()
    caller = await gate.caller()
    caller.ask({**HELLO, "model": "up:sandbox-small!stall", "stream": True})
    await caller.until(b"You")
    if half:
        caller.writer.write_eof()
    else:
        caller.writer.close()
    assert (await gate.record()).outcome == "client_closed"


async def test_many_who_leave_leave_nothing_behind(gateway: OpenGate) -> None:
    """A hundred callers gone at different stages: no request, no limit under watch, no upstream connection remains."""
    gate = await gateway()
    faults = ["stall-head", "stall=0c", "stall", "delay=5", "first-byte-delay=5"]
    callers = [await gate.caller() for _ in range(100)]
    for number, caller in enumerate(callers):
        model = f"up:sandbox-small!{faults[number % 5]},words=50"
        caller.ask({**HELLO, "model": model, "stream": number % 2 == 0})
        if number % 3 == 0:
            await asyncio.sleep(0)
    await eventually(lambda: len(gate.sandbox.requests) == 100)
    for caller in callers:
        caller.leave()
    await gate.record(100)
    await eventually(lambda: gate.idle)
    assert len(gate.records) == 100
    assert not gate.process.gateway.connections


# -- slow callers ---------------------------------------------------------------------------------------------------


async def slow(gateway: OpenGate, upstream: Upstream, **details: Any) -> tuple[Any, Any, Any]:
    """A caller that does not read, and an upstream that has begun a stream without end."""
    gate = await gateway(providers={"up": {"base_url": upstream.base_url}}, **details)
    caller = await gate.caller(receive_buffer=4096)
    caller.ask({"model": "up:m", "stream": True})
    visit = await upstream.accept()
    await visit.request()
    visit.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 65_536)
    visit.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
    return gate, caller, visit


EVENT = b'data: {"choices":[{"delta":{"content":"%b"}}]}\n\n' % (b"x" * 32_000)


async def flood(visit: Any, most: int) -> int:
    """Send events until the upstream cannot get rid of them; how many bytes that took."""
    sent = 0
    while sent < most and visit.writer.transport.get_write_buffer_size() < MIB:
        visit.send(EVENT)
        sent += len(EVENT)
        await asyncio.sleep(0.001)
    return sent - int(visit.writer.transport.get_write_buffer_size())


async def test_a_slow_caller_slows_the_upstream_down(gateway: OpenGate, upstream: Upstream) -> None:
    """What a caller does not read is not collected: the upstream has to wait; then everything arrives."""
    gate, caller, visit = await slow(gateway, upstream)
    taken = await flood(visit, 64 * MIB)
    assert taken < 24 * MIB
    (connection,) = gate.process.gateway.connections
    assert connection.transport.unsent() < 2 * MIB
    visit.send(b"data: [DONE]\n\n")
    visit.close()
    got = 0
    while data := await caller.reader.read(MIB):
        got += data.count(b"data: ")
        if data.endswith(b"0\r\n\r\n"):
            break
    assert got * len(EVENT) > taken
    assert (await gate.record()).outcome == "ok"


async def test_a_slow_caller_is_not_a_silent_upstream(gateway: OpenGate, upstream: Upstream) -> None:
    """While the caller is the one who is waited for, the stream's idle limit does not run."""
    gate, _, visit = await slow(gateway, upstream, limits={"stream_idle_timeout": 0.05})
    await flood(visit, 64 * MIB)
    await asyncio.sleep(0.3)
    assert not gate.records


async def test_a_slow_caller_who_leaves(gateway: OpenGate, upstream: Upstream) -> None:
    """Also with everything stopped by its slowness, leaving is noticed and ends the upstream's work."""
    gate, caller, visit = await slow(gateway, upstream)
    await flood(visit, 64 * MIB)
    caller.leave(reset=True)
    await visit.gone()
    assert (await gate.record()).outcome == "client_closed"
