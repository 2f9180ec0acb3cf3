"""Attempts at streams: what is held back, what breaks them, and every limit of time."""

from __future__ import annotations

import asyncio
import gzip
from time import monotonic

import pytest

from aigw.errors import AnswerBroken, AttemptTimeout
from aigw.relay import beginning
from aigw.snapshot import Limits

from .exchanges import (
    ANSWER,
    DONE,
    ERROR,
    EVENTS,
    LAST_CHUNK,
    ROLE,
    TEXT,
    Launch,
    asked,
    candidate,
    chunk,
    json_answer,
    wait,
)
from .raw import Upstream, turns, until

GZIPPED = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-encoding: gzip\r\n\r\n"


# -- streams ----------------------------------------------------------------------------------------------


async def test_stream(launch: Launch, upstream: Upstream) -> None:
    """A stream's preamble is held until content comes; all goes to the caller then, and each arrival after it."""
    _, side = launch([candidate(upstream.origin)], stream=True)
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
    exchange, side = launch([candidate(upstream.origin)], stream=True)
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
    _, side = launch([candidate(upstream.origin)], stream=True)
    peer = await asked(upstream)
    peer.write(EVENTS + chunk(before + ERROR))
    await side.end()
    assert side.reasons == ["error_in_stream"]
    assert side.failed is not None
    assert side.failed[0].body == ERROR.removeprefix(b"data: ").strip()
    await peer.gone()


async def test_encoded_error_first(launch: Launch, upstream: Upstream) -> None:
    """The same holds for a compressed stream."""
    _, side = launch([candidate(upstream.origin)], stream=True)
    (await asked(upstream)).write(GZIPPED + gzip.compress(ROLE + ERROR))
    await side.end()
    assert side.reasons == ["error_in_stream"]


async def test_encoded_stream(launch: Launch, upstream: Upstream) -> None:
    """A compressed stream goes to the caller as it came."""
    _, side = launch([candidate(upstream.origin)], stream=True)
    peer = await asked(upstream)
    packed = gzip.compress(ROLE + TEXT + DONE)
    peer.write(GZIPPED + packed)
    await side.committed()
    peer.close()
    await side.end()
    assert (side.data, side.complete) == (packed, True)


@pytest.mark.parametrize("events", [b"", ROLE, b": hello\n\n"])
async def test_empty_stream(launch: Launch, upstream: Upstream, events: bytes) -> None:
    """A stream that ends before it has any content fails the attempt, though its framing is complete."""
    _, side = launch([candidate(upstream.origin)], stream=True)
    (await asked(upstream)).write(EVENTS + (chunk(events) if events else b"") + LAST_CHUNK)
    await side.end()
    assert side.reasons == ["empty_stream"]


async def test_stream_lost_before_content(launch: Launch, upstream: Upstream) -> None:
    """A stream that is cut before its content fails the attempt."""
    _, side = launch([candidate(upstream.origin)], stream=True)
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
    monkeypatch.setattr(beginning, "MAX_HOLD", 0.02)
    _, side = launch([candidate(upstream.origin)], stream=True)
    peer = await asked(upstream)
    peer.write(EVENTS + chunk(ROLE))
    await side.committed()
    assert side.data == ROLE
    peer.write(chunk(ERROR) + LAST_CHUNK)
    await side.end()
    assert (side.data, side.complete) == (ROLE + ERROR, False)
    assert side.broken is not None
    assert (side.broken.reason, side.broken.told, side.broken.proper) == ("error_in_stream", True, True)


@pytest.mark.parametrize(
    ("then", "reason"), [(b"", "connection_closed"), (b"zz\r\n", "bad_http"), (chunk(TEXT)[:-9], "connection_closed")]
)
async def test_broken(launch: Launch, upstream: Upstream, then: bytes, reason: str) -> None:
    """After the first content nothing is tried again: the caller is told that the answer broke off, and why."""
    exchange, side = launch([candidate(upstream.origin), candidate(upstream.origin, key="sk-1")], stream=True)
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


# -- limits of time ---------------------------------------------------------------------------------------


async def test_no_first_byte(launch: Launch, upstream: Upstream) -> None:
    """An upstream that says nothing in time fails the attempt, and its connection is closed."""
    exchange, side = launch([candidate(upstream.origin)], limits=Limits(per_request_timeout=30), stream=True)
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
    exchange, side = launch([candidate(upstream.origin)], stream=True)
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
    _, side = launch([candidate(upstream.origin)], limits=Limits(connect_timeout=0.02), stream=True)
    await side.end()
    assert side.reasons == ["connect_timeout"]
    _, side = launch(
        [candidate(upstream.origin)], limits=Limits(connect_timeout=9, per_request_timeout=0.02), stream=True
    )
    await side.end()
    assert side.reasons == ["timeout"]
    assert side.failed is not None
    assert "no connection within" in str(side.failed[0].error)


async def test_idle_stream(launch: Launch, upstream: Upstream) -> None:
    """A stream that falls silent is broken off; one that keeps talking is not."""
    exchange, side = launch([candidate(upstream.origin)], limits=Limits(stream_idle_timeout=10), stream=True)
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


@pytest.mark.parametrize(("total", "first", "second"), [(5000, 1000, 2000), (1500, 1000, 1500), (500, 500, 500)])
async def test_silence_is_noticed_soon(
    launch: Launch, upstream: Upstream, total: float, first: float, second: float
) -> None:
    """A stream is looked at eight times per idle limit, and when the limit for all of it has come."""
    limits = Limits(stream_idle_timeout=8000, stream_total_timeout=total, keepalive_after=0)
    exchange, side = launch([candidate(upstream.origin)], limits=limits, stream=True)
    before = monotonic()
    (await asked(upstream)).write(EVENTS + chunk(TEXT))
    await side.committed()
    attempt = exchange.attempt
    assert attempt is not None
    begun = attempt.due - first
    assert before <= begun <= monotonic()
    attempt.expired(begun + min(first, total - 1))
    assert attempt.due == pytest.approx(begun + second)


async def test_paused_stream_is_not_idle(launch: Launch, upstream: Upstream) -> None:
    """While it is the caller who does not read, the upstream's silence does not count."""
    exchange, side = launch([candidate(upstream.origin)], limits=Limits(stream_idle_timeout=10), stream=True)
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
    exchange, side = launch([candidate(upstream.origin)], limits=Limits(stream_total_timeout=30), stream=True)
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
