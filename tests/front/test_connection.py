"""One caller's connection: requests in any slicing, one after the other."""

from __future__ import annotations

import asyncio

import pytest

from ..support.caller import CHAT, HELLO, chunked, request
from ..support.gate import TOKEN, OpenGate, connected
from ..support.upstream import OK, Upstream

ASK = request(HELLO, token=TOKEN)


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
