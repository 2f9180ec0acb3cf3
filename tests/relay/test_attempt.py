"""One attempt: what it asks, when a plain answer goes to the caller, and when it is none."""

from __future__ import annotations

import pytest

from aigw import operations
from aigw.errors import BadAnswer
from aigw.relay.beginning import MAX_ERROR_BYTES
from aigw.relay.call import Phase
from aigw.relay.worth import TELLING

from .exchanges import (
    ANSWER,
    BODY,
    Launch,
    asked,
    candidate,
    json_answer,
    kept,
    phase_of,
    status_answer,
    wait,
)
from .raw import Upstream, turns, until

# -- asking -----------------------------------------------------------------------------------------------


async def test_request(launch: Launch, upstream: Upstream) -> None:
    """The request has the provider's target and credential, the caller's fields that pass, and its body's length."""
    launch([candidate(upstream.origin)])
    peer = await upstream.accept()
    assert await peer.head() == (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: 127.0.0.1:%d\r\nauthorization: Bearer sk-0-0123456789\r\n"
        b"Content-Type: application/json\r\ncontent-length: %d\r\n\r\n" % (upstream.port, len(BODY))
    )
    assert await peer.body(len(BODY)) == BODY


async def test_request_without_a_body(launch: Launch, upstream: Upstream) -> None:
    """A request for a stored object has neither a body nor a length."""
    launch([candidate(upstream.origin)], operation=operations.RESPONSE_GET)
    head = await (await upstream.accept()).head()
    assert head.startswith(b"GET /v1/responses/resp_1 HTTP/1.1\r\n")
    assert b"content-length" not in head


async def test_record(launch: Launch, upstream: Upstream) -> None:
    """The record tells where the attempt went, what came back and how long each step took."""
    await kept(launch, upstream)
    noted = launch.begun[0].record.attempts[0]
    assert (noted.provider, noted.model, noted.key_id, noted.status, noted.reason) == (
        "cloud",
        "m",
        "aigpk_sk-0",
        200,
        "",
    )
    assert not noted.reused
    assert noted.connect_ms is not None
    assert noted.first_byte_ms is not None
    assert noted.first_byte_ms >= noted.connect_ms
    assert noted.ended is not None


async def test_reuse(launch: Launch, upstream: Upstream) -> None:
    """The next request goes out at once on the connection of the one before."""
    peer = await kept(launch, upstream)
    exchange, side = launch([candidate(upstream.origin)])
    assert exchange.attempt is not None
    assert exchange.attempt.phase is Phase.WAITING
    await peer.up_to(BODY)
    peer.write(json_answer(ANSWER))
    await side.end()
    assert side.data == ANSWER
    assert exchange.record.attempts[0].reused
    assert len(upstream.peers) == 1


# -- plain answers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 201, 202, 206])
async def test_plain_answer(launch: Launch, upstream: Upstream, status: int) -> None:
    """An answer goes to the caller with its first bytes, not before them, and on as it comes."""
    _, side = launch([candidate(upstream.origin)])
    peer = await asked(upstream)
    head, body = json_answer(ANSWER).replace(b"200 OK", b"%d OK" % status).split(b"\r\n\r\n")
    peer.write(head + b"\r\n\r\n")
    await turns(50)
    assert side.told == []
    peer.write(body[:TELLING])
    await until(lambda: side.pieces)
    assert (side.status, side.pieces, side.complete) == (status, [body[:TELLING]], False)
    peer.write(body[TELLING:])
    await side.end()
    assert (side.data, side.complete, side.told) == (ANSWER, True, ["commit", "bytes"])


async def test_byte_by_byte(launch: Launch, upstream: Upstream) -> None:
    """An answer that comes byte by byte is the same answer."""
    exchange, side = launch([candidate(upstream.origin)])
    await asked(upstream)
    assert exchange.attempt is not None
    assert exchange.attempt.connection is not None
    connection = exchange.attempt.connection
    for byte in json_answer(ANSWER):
        connection.data_received(bytes([byte]))
    assert (side.data, side.complete) == (ANSWER, True)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", id="no-content"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", id="empty"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}", id="short"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ncontent-length: 1\r\n\r\n\0", id="audio"),
    ],
)
async def test_short_answers(launch: Launch, upstream: Upstream, raw: bytes) -> None:
    """An answer may be short or empty: its end commits it."""
    _, side = launch([candidate(upstream.origin)], operation=operations.SPEECH)
    (await asked(upstream)).write(raw)
    await side.end()
    assert (side.complete, side.data) == (True, raw.partition(b"\r\n\r\n")[2])


async def test_until_close(launch: Launch, upstream: Upstream) -> None:
    """An answer without a length ends when the upstream closes, and it is a proper end."""
    _, side = launch([candidate(upstream.origin)])
    peer = await asked(upstream)
    peer.write(b"HTTP/1.1 200 OK\r\n\r\n" + ANSWER)
    await side.committed()
    assert not side.over
    peer.close()
    await side.end()
    assert (side.data, side.complete) == (ANSWER, True)


@pytest.mark.parametrize(
    "spaced", [b'{"error":{"message":"no"}}', b'{\n    "error": {\n        "message": "no"\n    }\n}']
)
@pytest.mark.parametrize("size", [1, 5, 1000])
async def test_error_dressed_as_success(launch: Launch, upstream: Upstream, spaced: bytes, size: int) -> None:
    """A good status with an error object for a body is a failure, however the body is written and cut."""
    exchange, side = launch([candidate(upstream.origin)])
    await asked(upstream)
    assert exchange.attempt is not None
    assert exchange.attempt.connection is not None
    connection = exchange.attempt.connection
    raw = json_answer(spaced)
    for at in range(0, len(raw), size):
        if not side.over:
            connection.data_received(raw[at : at + size])
    assert side.reasons == ["error_in_answer"]
    assert side.failed is not None
    assert isinstance(side.failed[0].error, BadAnswer)


@pytest.mark.parametrize(
    "body", [b'{"error":null,"id":"resp_1"}', b'{"errors":[]}', b'{"data":{"error":{}}}', b'["error"]']
)
async def test_no_error(launch: Launch, upstream: Upstream, body: bytes) -> None:
    """Neither an error that is null nor the word elsewhere makes an answer a failure."""
    _, side = launch([candidate(upstream.origin)])
    (await asked(upstream)).write(json_answer(body))
    await side.end()
    assert side.data == body


async def test_web_page(launch: Launch, upstream: Upstream) -> None:
    """A web page is no answer of an API: somebody in between answered."""
    _, side = launch([candidate(upstream.origin)])
    (await asked(upstream)).write(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=x\r\ncontent-length: 6\r\n\r\n<html>"
    )
    await side.end()
    assert side.reasons == ["html"]


# -- errors -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 400, 401, 404, 418, 429, 500, 529])
async def test_status(launch: Launch, upstream: Upstream, status: int) -> None:
    """An error status fails the attempt with its body and head at hand; the connection is kept."""
    _, side = launch([candidate(upstream.origin)])
    peer = await asked(upstream)
    answer = status_answer(status, b'{"error":{"message":"why"}}', b"retry-after: 7\r\n")
    peer.write(answer[:-5])
    await turns(50)
    assert side.told == []
    peer.write(answer[-5:])
    await side.end()
    assert side.failed is not None
    failed = side.failed[0]
    assert (failed.record.reason, failed.record.status) == (f"status_{status}", status)
    assert failed.body == b'{"error":{"message":"why"}}'
    assert failed.head is not None
    assert failed.head.headers["Retry-After"] == "7"
    assert launch.relay.pool.idle == 1


async def test_endless_error(launch: Launch, upstream: Upstream) -> None:
    """Of an error's body no more is read than an error has."""
    _, side = launch([candidate(upstream.origin)])
    peer = await asked(upstream)
    peer.write(status_answer(500, b"x" * (2**20)))
    await side.end()
    assert side.failed is not None
    assert side.reasons == ["status_500"]
    assert MAX_ERROR_BYTES < len(side.failed[0].body) <= MAX_ERROR_BYTES + 262_144
    await peer.gone()


async def test_error_cut_short(launch: Launch, upstream: Upstream) -> None:
    """An error whose body breaks off is still that error."""
    _, side = launch([candidate(upstream.origin)])
    peer = await asked(upstream)
    peer.write(status_answer(429)[:-5])
    peer.close()
    await side.end()
    assert side.failed is not None
    assert side.reasons == ["status_429"]
    assert side.failed[0].body.startswith(b'{"error"')


async def test_slow_error(launch: Launch, upstream: Upstream) -> None:
    """An error whose body does not come in time is still that error, not a timeout."""
    exchange, side = launch([candidate(upstream.origin)])
    peer = await asked(upstream)
    peer.write(status_answer(429)[:-5])
    await until(lambda: phase_of(exchange) is Phase.COLLECTING)
    wait(exchange, 60)
    assert side.reasons == ["status_429"]
    await peer.gone()


@pytest.mark.parametrize("sent", [b"", b"HTTP/1.1 200", json_answer(ANSWER)[: -len(ANSWER)], json_answer(ANSWER)[:-40]])
async def test_lost_before_content(launch: Launch, upstream: Upstream, sent: bytes) -> None:
    """An upstream that closes before anything reached the caller fails the attempt."""
    _, side = launch([candidate(upstream.origin)])
    peer = await asked(upstream)
    peer.write(sent)
    peer.close()
    await side.end()
    assert side.reasons == ["connection_closed"]


async def test_not_http(launch: Launch, upstream: Upstream) -> None:
    """What is not HTTP fails the attempt."""
    _, side = launch([candidate(upstream.origin)])
    (await asked(upstream)).write(b"220 smtp.example ESMTP\r\n\r\n")
    await side.end()
    assert side.reasons == ["bad_http"]
