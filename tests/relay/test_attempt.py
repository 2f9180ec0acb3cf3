"""One attempt: what it asks, what it holds back, when its answer goes to the caller, and why it fails."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from time import monotonic

import pytest

from aigw import operations
from aigw.adapter import Operation, Outgoing
from aigw.errors import AnswerBroken, AttemptFailed, AttemptTimeout, BadAnswer, ConnectFailed
from aigw.relay import attempt as attempts
from aigw.relay.attempt import MAX_ERROR_BYTES, Phase
from aigw.relay.deadlines import Deadlines
from aigw.relay.failover import Exchange, Relay
from aigw.relay.upstream.connection import TRUSTED_IDLE
from aigw.relay.upstream.pool import Pool
from aigw.relay.worth import TELLING
from aigw.snapshot import Limits

from .conftest import MakePool
from .exchanges import (
    BODY,
    DONE,
    ERROR,
    EVENTS,
    LAST_CHUNK,
    ROLE,
    TEXT,
    Launch,
    candidate,
    chunk,
    json_answer,
    status_answer,
)
from .raw import Peer, Upstream, turns, until

Plainly = Callable[[], Awaitable[Outgoing]]
ANSWER = b'{"id":"chatcmpl-1","object":"chat.completion","choices":[]}'
GZIPPED = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\n\r\n"
WEBSOCKET = b"connection: Upgrade\r\nupgrade: websocket\r\n"
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n"


async def asked(upstream: Upstream) -> Peer:
    """The upstream's end of a new connection, after the whole request has come."""
    peer = await upstream.accept()
    await peer.up_to(BODY)
    return peer


def phase_of(exchange: Exchange) -> Phase:
    """How far the attempt under way is."""
    assert exchange.attempt is not None
    return exchange.attempt.phase


def wait(exchange: Exchange, seconds: float) -> None:
    """What happens when the clock says so many seconds from now."""
    assert exchange.attempt is not None
    exchange.attempt.expired(monotonic() + seconds)


async def kept(launch: Launch, upstream: Upstream) -> Peer:
    """The upstream's end of a connection that has served once and is idle."""
    _, side = launch([candidate(upstream.origin)])
    peer = await asked(upstream)
    peer.write(json_answer(ANSWER))
    await side.end()
    assert side.complete
    return peer


# -- asking ------------------------------------------------------------------------------------------------


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


# -- plain answers -------------------------------------------------------------------------------------------


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
    _, side = launch([candidate(upstream.origin)])
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


# -- errors --------------------------------------------------------------------------------------------------


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


# -- streams -------------------------------------------------------------------------------------------------


async def test_stream(launch: Launch, upstream: Upstream) -> None:
    """A stream's preamble is held until content comes; all goes to the caller then, and each arrival after it."""
    _, side = launch([candidate(upstream.origin)])
    peer = await asked(upstream)
    peer.write(EVENTS)
    peer.write(chunk(b": hello\n\n") + chunk(ROLE))
    await turns(50)
    assert side.told == []
    peer.write(chunk(TEXT))
    await side.committed()
    assert side.data == b": hello\n\n" + ROLE + TEXT
    peer.write(chunk(TEXT))
    await until(lambda: len(side.pieces) == 2)
    peer.write(chunk(DONE) + LAST_CHUNK)
    await side.end()
    assert (side.data, side.complete) == (b": hello\n\n" + ROLE + TEXT + TEXT + DONE, True)
    assert launch.relay.pool.idle == 1


async def test_stream_byte_by_byte(launch: Launch, upstream: Upstream) -> None:
    """A stream that comes byte by byte is the same stream, and begins for the caller with its content."""
    exchange, side = launch([candidate(upstream.origin)])
    await asked(upstream)
    assert exchange.attempt is not None
    assert exchange.attempt.connection is not None
    connection = exchange.attempt.connection
    for byte in EVENTS + chunk(ROLE) + chunk(TEXT) + chunk(DONE) + LAST_CHUNK:
        connection.data_received(bytes([byte]))
    assert side.pieces[0] == ROLE + TEXT
    assert (side.data, side.complete) == (ROLE + TEXT + DONE, True)


@pytest.mark.parametrize("before", [b"", ROLE])
async def test_error_first(launch: Launch, upstream: Upstream, before: bytes) -> None:
    """A stream whose first event, or first after the preamble, is an error fails the attempt."""
    _, side = launch([candidate(upstream.origin)])
    peer = await asked(upstream)
    peer.write(EVENTS + chunk(before + ERROR))
    await side.end()
    assert side.reasons == ["error_in_stream"]
    assert side.failed is not None
    assert side.failed[0].body == ERROR.removeprefix(b"data: ").strip()
    await peer.gone()


async def test_encoded_error_first(launch: Launch, upstream: Upstream) -> None:
    """The same holds for a compressed stream."""
    _, side = launch([candidate(upstream.origin)])
    (await asked(upstream)).write(GZIPPED + gzip.compress(ROLE + ERROR))
    await side.end()
    assert side.reasons == ["error_in_stream"]


async def test_encoded_stream(launch: Launch, upstream: Upstream) -> None:
    """A compressed stream goes to the caller as it came."""
    _, side = launch([candidate(upstream.origin)])
    peer = await asked(upstream)
    packed = gzip.compress(ROLE + TEXT)
    peer.write(GZIPPED + packed)
    await side.committed()
    peer.close()
    await side.end()
    assert (side.data, side.complete) == (packed, True)


@pytest.mark.parametrize("events", [b"", ROLE, b": hello\n\n"])
async def test_empty_stream(launch: Launch, upstream: Upstream, events: bytes) -> None:
    """A stream that ends before it has any content fails the attempt, though its framing is complete."""
    _, side = launch([candidate(upstream.origin)])
    (await asked(upstream)).write(EVENTS + (chunk(events) if events else b"") + LAST_CHUNK)
    await side.end()
    assert side.reasons == ["empty_stream"]


async def test_stream_lost_before_content(launch: Launch, upstream: Upstream) -> None:
    """A stream that is cut before its content fails the attempt."""
    _, side = launch([candidate(upstream.origin)])
    peer = await asked(upstream)
    peer.write(EVENTS + chunk(ROLE))
    await turns(50)
    peer.close()
    await side.end()
    assert side.reasons == ["connection_closed"]


async def test_preamble_is_held_for_a_while(
    launch: Launch, upstream: Upstream, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream that stays in its preamble goes to the caller all the same after some seconds: it is alive."""
    monkeypatch.setattr(attempts, "MAX_HOLD", 0.02)
    _, side = launch([candidate(upstream.origin)])
    peer = await asked(upstream)
    peer.write(EVENTS + chunk(ROLE))
    await side.committed()
    assert side.data == ROLE
    peer.write(chunk(ERROR) + LAST_CHUNK)
    await side.end()
    assert (side.data, side.complete) == (ROLE + ERROR, True)


@pytest.mark.parametrize(
    ("then", "reason"), [(b"", "connection_closed"), (b"zz\r\n", "bad_http"), (chunk(TEXT)[:-9], "connection_closed")]
)
async def test_broken(launch: Launch, upstream: Upstream, then: bytes, reason: str) -> None:
    """After the first content nothing is tried again: the caller is told that the answer broke off, and why."""
    exchange, side = launch([candidate(upstream.origin), candidate(upstream.origin, key="sk-1")])
    peer = await asked(upstream)
    peer.write(EVENTS + chunk(TEXT))
    await side.committed()
    peer.write(then)
    peer.close()
    await side.end()
    assert isinstance(side.broken, AnswerBroken)
    assert side.broken.reason == reason
    assert exchange.record.attempts[0].reason == reason
    assert len(exchange.record.attempts) == 1
    assert not side.complete


async def test_broken_plain_answer(launch: Launch, upstream: Upstream) -> None:
    """An answer shorter than its length is broken, never complete."""
    _, side = launch([candidate(upstream.origin)])
    peer = await asked(upstream)
    peer.write(json_answer(ANSWER)[:-1])
    await side.committed()
    peer.close()
    await side.end()
    assert side.broken is not None


# -- limits of time ------------------------------------------------------------------------------------------


async def test_no_first_byte(launch: Launch, upstream: Upstream) -> None:
    """An upstream that says nothing in time fails the attempt, and its connection is closed."""
    exchange, side = launch([candidate(upstream.origin)], limits=Limits(per_request_timeout=30))
    peer = await asked(upstream)
    assert exchange.attempt is not None
    assert exchange.attempt.due == pytest.approx(exchange.attempt.record.started + 30)
    wait(exchange, 30)
    assert side.failed is not None
    error = side.failed[0].error
    assert isinstance(error, AttemptTimeout)
    assert error.detail.startswith("no first byte of an answer within 30.")
    await peer.gone()


@pytest.mark.parametrize("head", [EVENTS, json_answer(ANSWER)[: -len(ANSWER)]])
async def test_a_head_is_no_first_byte(launch: Launch, upstream: Upstream, head: bytes) -> None:
    """A head alone does not stop the clock."""
    exchange, side = launch([candidate(upstream.origin)])
    peer = await asked(upstream)
    attempt = exchange.attempt
    assert attempt is not None
    due = attempt.due
    peer.write(head)
    await until(lambda: attempt.head is not None)
    assert attempt.due == due
    wait(exchange, 60)
    assert side.reasons == ["timeout"]
    await peer.gone()


async def test_no_connection_in_time(
    launch: Launch, upstream: Upstream, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connecting has its own limit, within the one for the attempt."""

    async def getaddrinfo(*_: object, **__: object) -> list[object]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    _, side = launch([candidate(upstream.origin)], limits=Limits(connect_timeout=0.02))
    await side.end()
    assert side.reasons == ["connect_timeout"]
    _, side = launch([candidate(upstream.origin)], limits=Limits(connect_timeout=9, per_request_timeout=0.02))
    await side.end()
    assert side.reasons == ["timeout"]
    assert side.failed is not None
    assert "no connection within" in str(side.failed[0].error)


async def test_idle_stream(launch: Launch, upstream: Upstream) -> None:
    """A stream that falls silent is broken off; one that keeps talking is not."""
    exchange, side = launch([candidate(upstream.origin)], limits=Limits(stream_idle_timeout=10))
    peer = await asked(upstream)
    peer.write(EVENTS)
    for seconds in (0, 8, 16, 24):
        peer.write(chunk(TEXT))
        await until(lambda seconds=seconds: len(side.pieces) > seconds // 8)  # type: ignore[misc]
        wait(exchange, seconds)
    wait(exchange, 33)
    assert not side.over
    wait(exchange, 34)
    assert side.broken is not None
    assert side.broken.reason == "stream_idle_timeout"
    assert side.broken.detail == "the upstream was silent for 10 s"
    await peer.gone()


async def test_silence_is_noticed_soon(launch: Launch, upstream: Upstream) -> None:
    """A stream is looked at often enough that its limits are kept within an eighth."""
    limits = Limits(stream_idle_timeout=80, stream_total_timeout=15)
    exchange, side = launch([candidate(upstream.origin)], limits=limits)
    peer = await asked(upstream)
    peer.write(EVENTS + chunk(TEXT))
    await side.committed()
    attempt = exchange.attempt
    assert attempt is not None
    begun = attempt.due - 10
    assert begun == pytest.approx(monotonic(), abs=5)
    attempt.expired(begun + 10)
    assert attempt.due == pytest.approx(begun + 15)


async def test_paused_stream_is_not_idle(launch: Launch, upstream: Upstream) -> None:
    """While it is the caller who does not read, the upstream's silence does not count."""
    exchange, side = launch([candidate(upstream.origin)], limits=Limits(stream_idle_timeout=10))
    peer = await asked(upstream)
    peer.write(EVENTS + chunk(TEXT))
    await side.committed()
    exchange.pause()
    wait(exchange, 100)
    exchange.resume()
    wait(exchange, 109)
    assert not side.over
    wait(exchange, 110)
    assert side.broken is not None
    assert side.broken.reason == "stream_idle_timeout"


async def test_endless_stream(launch: Launch, upstream: Upstream) -> None:
    """No stream goes on for longer than the limit for all of it, even if it talks, or the caller does not read."""
    exchange, side = launch([candidate(upstream.origin)], limits=Limits(stream_total_timeout=30))
    peer = await asked(upstream)
    peer.write(EVENTS + chunk(TEXT))
    await side.committed()
    exchange.pause()
    wait(exchange, 29)
    assert not side.over
    wait(exchange, 30.1)
    assert side.broken is not None
    assert side.broken.reason == "stream_total_timeout"
    assert side.broken.detail == "the answer took over 30 s"
    await peer.gone()


# -- cancelling and pace -------------------------------------------------------------------------------------


@pytest.mark.parametrize("answer", [b"", status_answer(500)[:-1], EVENTS + chunk(ROLE), EVENTS + chunk(TEXT)])
async def test_cancel(launch: Launch, upstream: Upstream, answer: bytes) -> None:
    """Whatever an attempt is doing, cancelling closes its connection in that turn; the caller hears nothing."""
    exchange, side = launch([candidate(upstream.origin)])
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
    exchange, side = launch([candidate(upstream.origin)])
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
    peer.write(LAST_CHUNK)
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


# -- kept connections that die -------------------------------------------------------------------------------


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
    _, side = launch([candidate(upstream.origin)], operation=operation)
    await peer.head()
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


# -- other protocols -----------------------------------------------------------------------------------------


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


# -- the provider's part -------------------------------------------------------------------------------------


async def test_connection_refused(launch: Launch, upstream: Upstream) -> None:
    """An upstream that cannot be reached fails the attempt with the connector's words."""
    await upstream.stop()
    _, side = launch([candidate(upstream.origin)])
    await side.end()
    assert side.failed is not None
    assert isinstance(side.failed[0].error, ConnectFailed)
    assert "Connection refused" in side.failed[0].error.detail


async def test_adapting_takes_time(launch: Launch, upstream: Upstream) -> None:
    """A provider may wait for its credential; the request goes out when it has it."""
    ready = asyncio.get_running_loop().create_future()

    async def own(plainly: Plainly) -> Outgoing:
        await asyncio.sleep(0)
        await ready
        async with asyncio.timeout(10):  # by now it runs in a task
            return await plainly()

    exchange, side = launch([candidate(upstream.origin, own=own)])
    await turns()
    assert phase_of(exchange) is Phase.CONNECTING
    assert upstream.peers == []
    ready.set_result(None)
    (await asked(upstream)).write(json_answer(ANSWER))
    await side.end()
    assert side.data == ANSWER


async def test_adapting_in_a_task(launch: Launch, upstream: Upstream) -> None:
    """What needs a task from its first step on, a provider does in one of its own."""

    async def fetch() -> str:
        async with asyncio.timeout(10):
            await asyncio.sleep(0)
            return "token"

    async def own(plainly: Plainly) -> Outgoing:
        assert await asyncio.ensure_future(fetch()) == "token"
        return await plainly()

    _, side = launch([candidate(upstream.origin, own=own)])
    (await asked(upstream)).write(json_answer(ANSWER))
    await side.end()
    assert side.data == ANSWER


async def test_a_kept_connection_after_adapting(launch: Launch, upstream: Upstream) -> None:
    """A request whose provider had to wait uses a kept connection like any other."""
    peer = await kept(launch, upstream)

    async def own(plainly: Plainly) -> Outgoing:
        await asyncio.sleep(0)
        return await plainly()

    exchange, side = launch([candidate(upstream.origin, own=own)])
    await peer.up_to(BODY)
    peer.write(json_answer(ANSWER))
    await side.end()
    assert side.data == ANSWER
    assert exchange.record.attempts[0].reused


@pytest.mark.parametrize("waits", [False, True])
async def test_adapting_fails(launch: Launch, upstream: Upstream, waits: bool) -> None:
    """A provider that cannot adapt a request says why, and the attempt fails with its words."""

    async def own(plainly: Plainly) -> Outgoing:
        if waits:
            await asyncio.sleep(0)
        raise AttemptFailed("no_token", "the token endpoint is down")

    _, side = launch([candidate(upstream.origin, own=own)])
    await side.end()
    assert side.reasons == ["no_token"]
    assert side.failed is not None
    assert side.failed[0].error is not None
    assert side.failed[0].error.detail == "the token endpoint is down"


@pytest.mark.parametrize("waits", [False, True])
async def test_adapting_breaks(launch: Launch, upstream: Upstream, waits: bool) -> None:
    """A fault in a provider's code ends the attempt, no more, and is reported; its text goes to nobody else."""
    reported: list[dict[str, object]] = []
    loop = asyncio.get_running_loop()
    usual = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: reported.append(context))

    async def own(plainly: Plainly) -> Outgoing:
        if waits:
            await asyncio.sleep(0)
        raise ValueError("sk-secret")

    _, side = launch([candidate(upstream.origin, own=own)])
    await side.end()
    loop.set_exception_handler(usual)
    assert side.reasons == ["provider_error"]
    assert side.failed is not None
    assert str(side.failed[0].error) == "provider_error: the provider's own code failed with ValueError"
    assert [context["message"] for context in reported] == ["the provider cloud could not adapt a request"]
    assert isinstance(reported[0]["exception"], ValueError)


@pytest.mark.parametrize("raising", [False, True])
async def test_adapting_swallows_a_cancellation(launch: Launch, upstream: Upstream, raising: bool) -> None:
    """A provider that goes on after it was cancelled sends nothing and starts nothing."""

    async def own(plainly: Plainly) -> Outgoing:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            if raising:
                raise AttemptFailed("late") from None
        return await plainly()

    exchange, side = launch([candidate(upstream.origin, own=own), candidate(upstream.origin, key="sk-1")])
    await turns()
    exchange.cancel("client_closed")
    await turns(100)
    assert side.told == []
    assert upstream.peers == []
    assert len(exchange.attempts) == 1


async def test_cancelled_before_the_failure_is_told(launch: Launch, upstream: Upstream) -> None:
    """An exchange that is cancelled in the turn its provider failed in hears nothing of it."""

    async def own(plainly: Plainly) -> Outgoing:
        raise AttemptFailed("no_token")

    exchange, side = launch([candidate(upstream.origin, own=own), candidate(upstream.origin)])
    exchange.cancel("client_closed")
    await turns()
    assert side.told == []
    assert upstream.peers == []


async def test_kept_connections_run_out(make_pool: MakePool, upstream: Upstream) -> None:
    """Where all connections are busy a request waits for one to come free, and goes out on it."""
    loop = asyncio.get_running_loop()
    launch = Launch(Relay(loop, make_pool(most=1), Deadlines(loop)))
    _, first = launch([candidate(upstream.origin)])
    peer = await asked(upstream)
    exchange, second = launch([candidate(upstream.origin)])
    await turns()
    assert phase_of(exchange) is Phase.CONNECTING
    peer.write(json_answer(ANSWER))
    await first.end()
    await peer.up_to(BODY)
    peer.write(json_answer(ANSWER))
    await second.end()
    assert second.data == ANSWER
    assert exchange.record.attempts[0].reused
    launch.relay.deadlines.close()
