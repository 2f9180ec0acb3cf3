"""What the gateway takes on: so many connections of a client, so many requests, nothing while it is late."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

from aigw.observe import lag
from aigw.wire.chunked import MAX_SIZE_LINE, MAX_TRAILERS

from ..support.caller import CHAT, HELLO, Answer, Caller, chunked, request
from ..support.gate import TOKEN, Gate, OpenGate, eventually
from ..support.upstream import OK, Upstream

STALLED = {**HELLO, "model": "up:sandbox-small!stall-head"}
# Each path, a request for it, and where its errors have their message.
FORMATS: dict[str, Mapping[str, Any]] = {
    CHAT: HELLO,
    "/v1/messages": {**HELLO, "max_tokens": 5},
    "/v1/responses": {"model": "up:sandbox-small", "input": "hello"},
    "/v1beta/models/up:sandbox-small:generateContent": {"contents": [{"parts": [{"text": "hello"}]}]},
}


def said_no(answer: Answer, setting: str) -> None:
    """Check a refusal of work: what SDKs need to try again, and what an operator needs to change it."""
    assert (answer.status, answer.code) == (503, "overloaded")
    assert (answer.header("retry-after"), answer.header("x-should-retry")) == ("1", "true")
    assert setting in answer.json["error"]["message"]
    assert answer.header("x-request-id") == answer.header("request-id")


# -- connections of one client --------------------------------------------------------------------------------------


async def test_one_client_may_have_so_many_connections(gateway: OpenGate) -> None:
    """One too many is told so and closed; those it has are served on, and one that ends makes room."""
    gate = await gateway(server={"max_connections_per_client": 2})
    first, second = [await gate.caller() for _ in range(2)]
    await eventually(lambda: len(gate.process.gateway.connections) == 2)
    third = await gate.caller()
    said_no(await third.answer(), "no more than 2 connections from 127.0.0.1 (server.max_connections_per_client)")
    assert await third.rest() == b""
    for caller in (first, second):
        caller.ask(HELLO)
        assert (await caller.answer()).status == 200
    third.leave()
    first.leave()
    await eventually(lambda: len(gate.process.gateway.connections) == 1)
    assert (await gate.ask(HELLO)).status == 200


async def test_a_client_that_will_not_hear_is_cut_off(gateway: OpenGate) -> None:
    """Twice as many as allowed get no answer."""
    gate = await gateway(server={"max_connections_per_client": 1})
    callers = []
    for _ in range(2):
        callers.append(await gate.caller())
        await eventually(lambda: len(gate.process.gateway.connections) == len(callers))
    assert await (await gate.caller()).rest() == b""
    for caller in callers:
        caller.leave()
    await eventually(lambda: not gate.process.gateway.connections)
    assert len(gate.process.gateway._clients) == 0


async def test_models_lists_leave_nothing_behind(gateway: OpenGate) -> None:
    """A connection that aiohttp answers on is counted until then, once."""
    gate = await gateway(server={"max_connections_per_client": 1})
    for _ in range(3):
        assert (await gate.ask(path="/v1/models")).status == 200
    await eventually(lambda: not gate.process.gateway.connections)
    assert len(gate.process.gateway._clients) == 0


# -- requests under way ---------------------------------------------------------------------------------------------


async def busy(gate: Gate, number: int) -> list[Caller]:
    """So many callers whose requests are with the upstream."""
    before = len(gate.sandbox.requests)
    callers = [await gate.caller() for _ in range(number)]
    for caller in callers:
        caller.ask(STALLED)
    await eventually(lambda: len(gate.sandbox.requests) == before + number)
    return callers


async def under_way(gate: Gate, number: int) -> None:
    """Wait until so many requests are, those that wait included."""
    await eventually(lambda: gate.process.gateway.in_flight == number)


@pytest.mark.parametrize("path", FORMATS)
async def test_one_request_too_many_is_refused(gateway: OpenGate, path: str) -> None:
    """At once, in the caller's own format, and the connection stays usable."""
    gate = await gateway(server={"max_requests": 2})
    callers = await busy(gate, 2)
    late = await gate.caller()
    late.ask(FORMATS[path], path)
    said_no(await late.answer(), "no more than 2 requests at a time (server.max_requests)")
    record = await gate.record()
    assert (record.status, record.outcome, record.error) == (503, "refused", "overloaded")
    callers[0].leave()
    await gate.record(2)
    late.ask(FORMATS[path], path)
    assert (await late.answer()).status == 200


async def test_a_refusal_does_not_wait_for_the_body(gateway: OpenGate) -> None:
    """Whoever still sends is told before it has sent all, and that the connection ends."""
    gate = await gateway(server={"max_requests": 1})
    await busy(gate, 1)
    late = await gate.caller()
    late.ask(b'{"model"', length=10**7)
    answer = await late.answer()
    said_no(answer, "server.max_requests")
    assert answer.header("connection") == "close"
    assert await late.rest() == b""


async def test_who_may_not_call_is_told_that_first(gateway: OpenGate) -> None:
    """401 before anything else, however much is going on; and it takes no place."""
    gate = await gateway(server={"max_requests": 1})
    await busy(gate, 1)
    assert (await gate.ask(HELLO, token="wrong")).code == "invalid_access_key"


async def test_every_end_of_a_request_gives_its_place_back(gateway: OpenGate) -> None:
    """Served, refused, failed, broken, left: after each the place is free."""
    gate = await gateway(server={"max_requests": 1})
    names = ("", "!status=500", "!reset=0", "!cut=2", "!status=400")
    for number, name in enumerate(names, 1):
        for stream in (False, True):
            await gate.ask({**HELLO, "model": f"up:sandbox-small{name}", "stream": stream})
        await gate.record(2 * number)
    for body in (b"no json", b'{"model":"nothing"}', b'{"model":[]}'):
        assert (await gate.ask(body)).status < 500
    (caller,) = await busy(gate, 1)
    caller.leave()
    await eventually(lambda: gate.idle)
    caller = await gate.caller()
    caller.send(request(HELLO, token=TOKEN)[:-5])
    await eventually(lambda: gate.process.gateway.in_flight)
    caller.leave()
    await eventually(lambda: gate.idle)
    assert (await gate.ask(HELLO)).status == 200


async def test_who_waits_is_served_in_order(gateway: OpenGate) -> None:
    """A short burst waits for places instead of failing; nothing is asked of an upstream before."""
    gate = await gateway(server={"max_requests": 1, "max_queue": 2, "queue_timeout": 60.0})
    (first,) = await busy(gate, 1)
    waiting = [await gate.caller() for _ in range(2)]
    for number, caller in enumerate(waiting, 2):
        caller.ask({**HELLO, "messages": [{"role": "user", "content": f"number {number}"}]})
        await under_way(gate, number)
    said_no(await gate.ask(HELLO), "server.max_requests")
    assert len(gate.sandbox.requests) == 1
    first.leave()
    for number, caller in enumerate(waiting, 2):
        answer = await caller.answer()
        assert (answer.status, f"number {number}" in answer.body.decode()) == (200, True)
    assert [b"number %d" % number in gate.sandbox.requests[number - 1].body for number in (2, 3)] == [True, True]


async def test_who_waits_too_long_is_refused(gateway: OpenGate) -> None:
    """After `server.queue_timeout`; the place that comes free later is another's."""
    gate = await gateway(server={"max_requests": 1, "max_queue": 2, "queue_timeout": 0.01})
    (first,) = await busy(gate, 1)
    late = await gate.caller()
    late.ask(HELLO)
    said_no(await late.answer(), "server.max_requests, queue_timeout")
    first.leave()
    await gate.record(2)
    late.ask(HELLO)
    assert (await late.answer()).status == 200


async def test_a_body_waits_as_well(gateway: OpenGate) -> None:
    """While a request waits, no more is read of it than is needed; then it goes up as a whole."""
    gate = await gateway(server={"max_requests": 1, "max_queue": 1, "queue_timeout": 60.0})
    (first,) = await busy(gate, 1)
    late = await gate.caller()
    body = {**HELLO, "messages": [{"role": "user", "content": "x" * 8 * 2**20}]}
    late.ask(body)
    await eventually(lambda: any(each._halted for each in gate.process.gateway.connections))
    (connection,) = [each for each in gate.process.gateway.connections if each._halted]
    assert connection.turn is not None
    assert connection.turn.record.bytes_in < 4 * 2**20
    first.leave()
    answer = await late.answer()
    assert answer.status == 200
    assert json.loads(gate.sandbox.requests[1].body)["messages"] == body["messages"]


@pytest.mark.parametrize("unsent", [0, 5])
async def test_leaving_the_queue(gateway: OpenGate, unsent: int) -> None:
    """Who goes away while it waits takes no place, and no upstream is asked."""
    gate = await gateway(server={"max_requests": 1, "max_queue": 1, "queue_timeout": 60.0})
    (first,) = await busy(gate, 1)
    late = await gate.caller()
    data = request(HELLO, token=TOKEN)
    late.send(data[: len(data) - unsent])
    await under_way(gate, 2)
    late.leave()
    record = await gate.record()
    assert (record.outcome, record.attempts) == ("client_closed", [])
    first.leave()
    await eventually(lambda: gate.idle)
    assert len(gate.sandbox.requests) == 1
    assert (await gate.ask(HELLO)).status == 200


async def test_who_waits_when_the_gateway_stops(gateway: OpenGate) -> None:
    """It is served if there is time, and told to ask again if there is none."""
    gate = await gateway(server={"max_requests": 1, "max_queue": 1, "queue_timeout": 60.0, "drain_timeout": 0.05})
    callers = [*await busy(gate, 1), await gate.caller()]
    callers[1].ask(HELLO)
    await under_way(gate, 2)
    await gate.process.stop()
    for caller in callers:
        answer = await caller.answer()
        assert (answer.status, answer.code, answer.header("x-should-retry")) == (503, "overloaded", "true")
    assert len(gate.sandbox.requests) == 1


# -- a loop that is late --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", FORMATS)
async def test_nothing_new_while_shedding(gateway: OpenGate, path: str) -> None:
    """New requests are refused at their heads, those under way go on; then all is as before."""
    gate = await gateway()
    stream = await gate.caller()
    stream.ask({**HELLO, "model": "up:sandbox-small!delay=20", "stream": True})
    await stream.head()
    gate.process.gateway.shed(True)
    late = await gate.caller()
    late.ask(FORMATS[path], path, length=10**7)
    answer = await late.answer()
    said_no(answer, "server.max_lag")
    assert answer.header("connection") == "close"
    assert (await gate.ask(HELLO, token="wrong")).code == "invalid_access_key"
    assert (await stream.until(b"0\r\n\r\n")).endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
    gate.process.gateway.shed(False)
    assert (await gate.ask(FORMATS[path], path)).status == 200


async def test_a_loop_that_is_always_late_sheds(gateway: OpenGate, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that does not keep up refuses what is new until it does; one long block is no reason."""
    # Shorter than each block below by more than `max_lag`: every look comes too late, however fast the machine is.
    monkeypatch.setattr(lag, "PERIOD_SECONDS", 0.01)
    monkeypatch.setattr(lag, "STANDING_SECONDS", 0.3)
    gate = await gateway(server={"max_lag": 0.02})
    loop = asyncio.get_running_loop()
    working = True

    def work(seconds: float) -> None:
        time.sleep(seconds)
        if working:
            loop.call_soon(work, seconds)

    loop.call_soon(time.sleep, 0.5)
    assert (await gate.ask(HELLO)).status == 200
    work(0.05)
    await eventually(lambda: gate.process.gateway.shedding)
    said_no(await gate.ask(HELLO), "server.max_lag")
    working = False
    await eventually(lambda: not gate.process.gateway.shedding)
    assert (await gate.ask(HELLO)).status == 200


# -- bodies ---------------------------------------------------------------------------------------------------------


def unended(body: bytes) -> bytes:
    """A request with a chunked body whose framing the test goes on with."""
    head = request(b"", token=TOKEN, headers=[("transfer-encoding", "chunked"), ("content-type", "application/json")])
    return head + b"%x\r\n%b\r\n" % (len(body), body)


@pytest.mark.parametrize(
    ("rest", "told"),
    [
        (b"0\r\n" + b"x-trailer: 1\r\n" * 100_000, "trailers are too large"),
        (b"0\r\nx: " + b"a" * (MAX_TRAILERS + 10), "line of the chunked body is too long"),
        (b"1;" + b"a" * (MAX_SIZE_LINE + 10) + b"\r\n", "is not a hexadecimal number"),
        (b"1;" + b"a" * (MAX_SIZE_LINE + 10), "line of the chunked body is too long"),
        (b"f" * 20 + b"\r\n", "is not a hexadecimal number"),
    ],
    ids=["trailers", "one trailer", "an extension", "half an extension", "a size"],
)
async def test_what_frames_a_body_is_bounded(gateway: OpenGate, rest: bytes, told: str) -> None:
    """Trailers and extensions are passed over only as long as they are few."""
    gate = await gateway()
    caller = await gate.caller()
    caller.send(unended(b'{"model":"up:sandbox-small"') + rest)
    answer = await caller.answer()
    assert (answer.status, answer.code, answer.header("connection")) == (400, "bad_request", "close")
    assert told in answer.json["error"]["message"]
    assert not gate.sandbox.requests


async def test_trailers_and_extensions_are_passed_over(gateway: OpenGate) -> None:
    """A few of them mean nothing, and none goes up."""
    gate = await gateway()
    caller = await gate.caller()
    body = json.dumps(HELLO).encode()
    head = request(b"", token=TOKEN, headers=[("transfer-encoding", "chunked"), ("content-type", "application/json")])
    caller.send(head + b"%x;a=b\r\n%b\r\n0;c\r\nx-trailer: 1\r\ncontent-length: 5\r\n\r\n" % (len(body), body))
    assert (await caller.answer()).status == 200
    assert gate.sandbox.requests[0].header("x-trailer") is None
    assert json.loads(gate.sandbox.requests[0].body)["messages"] == HELLO["messages"]


@pytest.mark.parametrize("framing", ["length", "chunks"])
@pytest.mark.parametrize("size", [10, 3 * 10**6])
async def test_a_compressed_body_goes_up_plain(gateway: OpenGate, upstream: Upstream, size: int, framing: str) -> None:
    """Without its coding, and framed as what it is now."""
    gate = await gateway(providers={"up": {"base_url": upstream.base_url}})
    caller = await gate.caller()
    body = json.dumps({"model": "up:m", "text": "x" * size}).encode()
    coded = gzip.compress(body)
    fields = [("Content-Encoding", "gzip"), ("content-type", "application/json")]
    if framing == "chunks":
        caller.ask(chunked(coded[:20], coded[20:]), headers=[*fields, ("transfer-encoding", "chunked")])
    else:
        caller.ask(coded, headers=fields)
    visit = await upstream.accept()
    head = (await visit.head()).lower()
    assert b"content-encoding" not in head
    plain = body.replace(b"up:m", b"m")
    if b"transfer-encoding: chunked" in head:
        assert b"content-length" not in head
        came = b""
        while length := int(await visit.until(b"\r\n"), 16):
            came += (await visit.body(length + 2))[:-2]
        await visit.body(2)
    else:
        assert b"content-length: %d\r\n" % len(plain) in head
        came = await visit.body(len(plain))
    assert came == plain
    visit.send(OK)
    assert (await caller.answer()).status == 200


@pytest.mark.parametrize("path", FORMATS)
async def test_a_bomb_is_refused_midway(gateway: OpenGate, path: str) -> None:
    """Ten gigabytes in ten megabytes: 413 as soon as it is too much, and others are served meanwhile."""
    gate = await gateway(limits={"max_body_bytes": 2**22})
    bomb = gzip.compress(b"{" + b" " * 2**24)
    caller = await gate.caller()
    caller.ask(bomb, path, headers=[("content-encoding", "gzip"), ("content-type", "application/json")], length=10**7)
    answer = await caller.answer()
    assert (answer.status, answer.code) == (413, "input_too_large")
    assert not gate.sandbox.requests
    assert (await gate.ask(FORMATS[path], path)).status == 200


@pytest.mark.parametrize("encoding", ["compress", "gzip, gzip", "gzip, br"])
async def test_an_unknown_coding_is_refused_at_the_head(gateway: OpenGate, encoding: str) -> None:
    """Before any of the body is read."""
    gate = await gateway()
    caller = await gate.caller()
    caller.ask(b"x", headers=[("content-encoding", encoding), ("content-type", "application/json")], length=10**6)
    answer = await caller.answer()
    assert (answer.status, answer.code, answer.json["error"]["param"]) == (400, "invalid_body", "content-encoding")
