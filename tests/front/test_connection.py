"""One caller's connection: requests in any slicing, one after the other, and how long it is worth its place."""

from __future__ import annotations

import asyncio
from time import monotonic

import pytest

from aigw.front.connection import LINGER, MAX_LINGER, CallerConnection

from ..support.caller import CHAT, HELLO, Caller, chunked, request
from ..support.gate import TOKEN, Gate, OpenGate, eventually
from ..support.upstream import OK, Upstream

ASK = request(HELLO, token=TOKEN)


def server_side(gate: Gate) -> CallerConnection:
    """The gateway's end of the only connection."""
    (connection,) = gate.process.gateway.connections
    return connection


async def connected(gate: Gate) -> tuple[Caller, CallerConnection]:
    """A caller and the gateway's end of its connection."""
    caller = await gate.caller()
    await eventually(lambda: gate.process.gateway.connections)
    return caller, server_side(gate)


async def test_a_connection_serves_one_request_after_the_other(gateway: OpenGate) -> None:
    """Keep-alive: plain answers, streams and refusals of complete requests leave the connection usable."""
    gate = await gateway()
    caller = await gate.caller()
    asked: list[tuple[bytes, int]] = [
        (ASK, 200),
        (request({**HELLO, "stream": True}, token=TOKEN), 200),
        (request({**HELLO, "model": "nothing-like-it"}, token=TOKEN), 404),
        (request(b"no json", token=TOKEN), 400),
        (request(HELLO), 401),
        (request(HELLO, token="wrong"), 401),
        (request({**HELLO, "model": "up:sandbox-small!status=429"}, token=TOKEN), 429),
        (request(path="/nothing", token=TOKEN), 404),
        (request(HELLO, "/nothing", token=TOKEN), 404),
        (request(path=CHAT, token=TOKEN), 405),
        (request(path="/nothing"), 401),
        (ASK, 200),
    ]
    for data, status in asked:
        caller.send(data)
        answer = await caller.answer()
        assert (answer.status, answer.complete, answer.header("connection")) == (status, True, None)
    assert len(gate.process.gateway.connections) == 1


async def test_pipelined_requests_are_answered_in_order(gateway: OpenGate) -> None:
    """Several requests in one segment, streams and refusals among them, one answer each, in their order."""
    gate = await gateway()
    caller = await gate.caller()
    names = [f"up:sandbox-small!words={number}" for number in (1, 2, 3)]
    asked = [request({**HELLO, "model": name, "stream": True}, token=TOKEN) for name in names]
    caller.send(b"".join((asked[0], request(path="/nothing", token=TOKEN), asked[1], request(HELLO), asked[2])))
    answers = [await caller.answer() for _ in range(5)]
    assert [answer.status for answer in answers] == [200, 404, 200, 401, 200]
    assert [seen.body for seen in gate.sandbox.requests] == [
        ask.partition(b"\r\n\r\n")[2].replace(b"up:", b"") for ask in asked
    ]


async def test_a_thousand_requests_in_one_segment(gateway: OpenGate) -> None:
    """Neither refusals nor empty lines pile up calls until the interpreter gives up."""
    gate = await gateway()
    caller = await gate.caller()
    caller.send(b"\r\n" * 20_000 + request(path="/x") * 3000)
    for _ in range(3000):
        assert (await caller.answer()).status == 401


async def test_a_request_behind_the_last_one_is_not_read(gateway: OpenGate) -> None:
    """After `Connection: close` the answer is the last; what follows was never asked."""
    gate = await gateway()
    caller = await gate.caller()
    caller.send(request(HELLO, token=TOKEN, headers=[("connection", "close")]) + ASK)
    assert (await caller.answer()).header("connection") == "close"
    assert await caller.rest() == b""
    assert len(gate.sandbox.requests) == 1


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64])
@pytest.mark.parametrize(
    "data",
    [
        ASK + ASK,
        request(
            chunked(b'{"model":"up:sandbox-small",', b'"messages":[{"role":"user","content":"hi"}]}'),
            token=TOKEN,
            headers=[("transfer-encoding", "chunked")],
        )
        * 2,
    ],
    ids=["length", "chunks"],
)
async def test_a_request_may_be_cut_at_every_byte(gateway: OpenGate, data: bytes, size: int) -> None:
    """Whatever the segments, the same requests are read and the same bodies go up."""
    gate = await gateway()
    caller, connection = await connected(gate)
    for at in range(0, len(data), size):
        connection.data_received(data[at : at + size])
    assert [(await caller.answer()).status for _ in range(2)] == [200, 200]
    first, second = gate.sandbox.requests
    assert first.body == second.body
    assert b'"model":"sandbox-small"' in first.body.replace(b" ", b"")


async def test_the_caller_is_told_to_go_on(gateway: OpenGate) -> None:
    """`Expect: 100-continue` is answered once the head is fine, and the body then comes (RFC 9110, section 10.1.1)."""
    gate = await gateway()
    caller = await gate.caller()
    head, _, body = request(HELLO, token=TOKEN, headers=[("expect", "100-Continue")]).partition(b"\r\n\r\n")
    caller.send(head + b"\r\n\r\n")
    assert await caller.until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    caller.send(body)
    assert (await caller.answer()).status == 200
    assert gate.sandbox.requests[0].header("expect") is None


async def test_a_body_that_came_along_needs_no_word(gateway: OpenGate) -> None:
    """Who did not wait is not told to go on."""
    gate = await gateway()
    caller = await gate.caller()
    caller.send(request(HELLO, token=TOKEN, headers=[("expect", "100-continue")]))
    assert (await caller.answer()).interim == ()


async def test_a_refused_head_is_not_told_to_go_on(gateway: OpenGate) -> None:
    """The refusal comes instead of the interim answer, so the body never has to."""
    gate = await gateway()
    caller = await gate.caller()
    caller.send(
        request(HELLO, token="wrong", headers=[("expect", "100-continue")]).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    )
    answer = await caller.answer()
    assert (answer.status, answer.interim, answer.header("connection")) == (401, (), "close")


async def test_http_1_0(gateway: OpenGate) -> None:
    """A caller of HTTP/1.0 gets plain answers by length and streams up to the connection's end, never chunks."""
    gate = await gateway()
    for stream in (False, True):
        caller = await gate.caller()
        caller.send(request({**HELLO, "stream": stream}, token=TOKEN).replace(b"HTTP/1.1", b"HTTP/1.0"))
        answer = await caller.answer()
        assert (answer.status, answer.header("connection")) == (200, "close")
        assert answer.header("transfer-encoding") is None
        assert (answer.header("content-length") is None) is stream
        assert answer.body.endswith(b"data: [DONE]\n\n") is stream
        assert await caller.rest() == b""


async def test_http_1_0_may_stay(gateway: OpenGate) -> None:
    """With `Connection: keep-alive` and a known length the connection can be used again."""
    gate = await gateway()
    caller = await gate.caller()
    ask = request(HELLO, token=TOKEN, headers=[("connection", "keep-alive")]).replace(b"HTTP/1.1", b"HTTP/1.0")
    for _ in range(2):
        caller.send(ask)
        assert (await caller.answer()).status == 200


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (request(b"x", length=10**6), 401),
        (request(b"x", token=TOKEN, length=10**9), 413),
        (request(b"x", token=TOKEN, length=10**6, headers=[("content-type", "multipart/form-data")]), 400),
        (request(b'{"model":5,', token=TOKEN, length=10**6), 400),
        (request(b"x", "/nothing", token=TOKEN, length=10**6), 404),
        (b"no http at all\r\n\r\n", 400),
    ],
    ids=["key", "size", "type", "body", "path", "http"],
)
async def test_an_answer_in_the_middle_of_a_body_arrives(gateway: OpenGate, head: bytes, status: int) -> None:
    """Whoever is refused while still sending gets the answer and an orderly end, not a reset."""
    gate = await gateway()
    caller = await gate.caller()
    caller.send(head)
    sent = 0
    while not caller.reader._buffer:  # type: ignore[attr-defined]
        caller.send(b" " * 10_000)
        await asyncio.sleep(0)
        sent += 1
    for _ in range(20):
        caller.send(b" " * 10_000)
        await asyncio.sleep(0)
    answer = await caller.answer()
    assert (answer.status, answer.complete, answer.header("connection")) == (status, True, "close")
    assert await caller.rest() == b""
    assert not gate.sandbox.requests


async def test_an_early_answer_leaves_the_rest_of_the_body_behind(gateway: OpenGate, upstream: Upstream) -> None:
    """An upstream may answer before it has everything; what still comes is passed over, and the next request served."""
    gate = await gateway(providers={"up": {"base_url": upstream.base_url}})
    caller = await gate.caller()
    body = b'{"model":"up:m","messages":"' + b"a" * 400_000 + b'"}'
    head = request(body, token=TOKEN).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    caller.send(head + body[:300_000])
    visit = await upstream.accept()
    await visit.head()
    visit.send(OK)
    assert (await caller.answer()).status == 200
    caller.send(body[300_000:] + request({"model": "up:m"}, token=TOKEN))
    visit = await upstream.accept()
    assert (await visit.request())[1] == b'{"model": "m"}'
    visit.send(OK)
    assert (await caller.answer()).status == 200


# -- time: the sweeper is called with a clock of the test's own -----------------------------------------------------

PATIENCE = {"head_timeout": 15.0, "body_idle_timeout": 30.0, "keepalive_timeout": 75.0}


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
