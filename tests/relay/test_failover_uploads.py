"""Bodies that go up while the candidates are walked: at whose pace, to whom again, and how long they are kept."""

from __future__ import annotations

import asyncio

import pytest

from aigw.relay.request import GrowingBody

from .exchanges import (
    ANSWER,
    DONE,
    EVENTS,
    LAST_CHUNK,
    TEXT,
    Launch,
    chunk,
    json_answer,
    keys,
    status_answer,
)
from .raw import Peer, Upstream, turns, until

BEGUN = [b'{"model":', b'"m"', b',"x":"']
REST = b'yz"}'


def upload(announced: int | None = None, *, form: bool = False) -> tuple[GrowingBody, list[bytes]]:
    """A body whose model is known and whose rest is to come; form bodies name no further models."""
    arrived = list(BEGUN)
    return GrowingBody(arrived, announced, "m", 1, form=form), arrived


SIZE = len(b"".join(BEGUN)) + len(REST)


async def test_upload(launch: Launch, upstream: Upstream) -> None:
    """A body goes up as it comes, under the length that was announced."""
    body, arrived = upload(SIZE)
    exchange, side = launch(keys(upstream, 1), body)
    peer = await upstream.accept()
    head = await peer.head()
    assert b"content-length: %d\r\n" % SIZE in head
    assert b"transfer-encoding" not in head
    assert await peer.body(len(b"".join(BEGUN))) == b"".join(BEGUN)
    arrived.append(REST)
    body.complete = body.decided = True
    exchange.body_arrived()
    assert await peer.body(len(REST)) == REST
    peer.write(json_answer(ANSWER))
    await side.end()
    assert side.complete
    assert launch.relay.pool.idle == 1


async def test_chunked_upload(launch: Launch, upstream: Upstream) -> None:
    """A body without a length goes up in chunks, and its end is told once."""
    body, arrived = upload()
    exchange, side = launch(keys(upstream, 1), body)
    peer = await upstream.accept()
    assert b"transfer-encoding: chunked\r\n" in await peer.head()
    arrived.append(b"")
    exchange.body_arrived()
    arrived.append(REST)
    exchange.body_arrived()
    body.complete = body.decided = True
    exchange.body_arrived()
    raw = await peer.up_to(b"\r\n0\r\n\r\n")
    assert raw == b"".join(map(chunk, [*BEGUN, REST])) + LAST_CHUNK
    peer.write(json_answer(ANSWER))
    await side.end()
    assert side.complete
    assert not peer.came


async def test_upload_while_connecting(launch: Launch, upstream: Upstream) -> None:
    """What comes while the connection is being opened goes up with the rest, once."""
    body, arrived = upload(SIZE)
    exchange, _ = launch(keys(upstream, 1), body)
    arrived.append(REST)
    body.complete = body.decided = True
    exchange.body_arrived()
    peer = await upstream.accept()
    await peer.head()
    assert await peer.body(SIZE) == b"".join([*BEGUN, REST])
    await turns()
    assert not peer.came


@pytest.mark.parametrize("announced", [SIZE, None])
async def test_upload_again(launch: Launch, upstream: Upstream, announced: int | None) -> None:
    """When an attempt fails during the upload the next gets all of it: what has come, and what still comes."""
    body, arrived = upload(announced)
    exchange, side = launch(keys(upstream, 1) + keys(upstream, 1, "longer"), body)
    first = await upstream.accept()
    await first.up_to(BEGUN[-1])
    first.write(status_answer(500))
    second = await upstream.accept()
    await second.head()
    arrived.append(REST)
    body.complete = body.decided = True
    exchange.body_arrived()
    sent = [BEGUN[0], b'"longer"', BEGUN[2], REST]
    raw = b"".join(sent) if announced is not None else b"".join(map(chunk, sent)) + LAST_CHUNK
    assert await second.body(len(raw)) == raw
    second.write(json_answer(ANSWER))
    await side.end()
    assert side.data == ANSWER
    await first.gone()


async def test_upload_is_let_go(launch: Launch, upstream: Upstream) -> None:
    """Once nobody else can be asked, what has gone up is not kept."""
    body, arrived = upload(SIZE + 100, form=True)
    exchange, _ = launch(keys(upstream, 2), body)
    peer = await upstream.accept()
    await peer.up_to(BEGUN[-1])
    assert arrived == BEGUN
    peer.write(status_answer(500))
    second = await upstream.accept()
    await second.up_to(BEGUN[-1])
    assert arrived == [b""] * 3
    arrived.append(b"x" * 100)
    exchange.body_arrived()
    assert arrived == [b""] * 4
    assert await second.body(100) == b"x" * 100


async def test_models_come_last(launch: Launch, upstream: Upstream) -> None:
    """A JSON body may name further models at its end: it is kept, and they are tried when it is complete."""
    body, arrived = upload(SIZE)
    exchange, side = launch(keys(upstream, 1), body)
    first = await upstream.accept()
    await first.up_to(BEGUN[-1])
    first.write(status_answer(500))
    await until(lambda: exchange.attempt is None)
    assert not side.over
    assert arrived == BEGUN
    arrived.append(REST)
    exchange.body_arrived()
    await turns()
    assert not side.over
    exchange.extend(keys(upstream, 1, "n", "other"))
    body.complete = body.decided = True
    exchange.body_arrived()
    second = await upstream.accept()
    await second.head()
    assert await second.body(SIZE) == b"".join([BEGUN[0], b'"n"', BEGUN[2], REST])
    second.write(json_answer(ANSWER))
    await side.end()
    assert side.data == ANSWER


async def test_no_models_come(launch: Launch, upstream: Upstream) -> None:
    """When the rest of the body names no other model, the request has failed at its end."""
    body, arrived = upload(SIZE)
    exchange, side = launch(keys(upstream, 1), body)
    first = await upstream.accept()
    await first.up_to(BEGUN[-1])
    first.write(status_answer(500))
    await until(lambda: exchange.attempt is None)
    arrived.append(REST)
    body.complete = body.decided = True
    exchange.body_arrived()
    await side.end()
    assert side.reasons == ["status_500"]


async def test_answer_during_the_upload(launch: Launch, upstream: Upstream) -> None:
    """An answer may come before the body has gone up; what still comes then goes nowhere and harms nobody."""
    body, arrived = upload(SIZE)
    exchange, side = launch(keys(upstream, 2), body)
    peer = await upstream.accept()
    await peer.up_to(BEGUN[-1])
    peer.write(json_answer(ANSWER))
    await side.end()
    assert side.data == ANSWER
    await peer.gone()
    arrived.append(REST)
    body.complete = body.decided = True
    exchange.body_arrived()
    await turns()
    assert launch.relay.pool.open == 0


async def test_slow_upload(launch: Launch, upstream: Upstream) -> None:
    """An upstream that reads slowly slows the caller down, and lets it go on when it has room again."""
    body, arrived = upload(2**30)
    exchange, side = launch(keys(upstream, 1), body)
    peer = await upstream.accept()
    await peer.up_to(BEGUN[-1])
    peer.transport.pause_reading()
    sent = 0
    while side.told != ["full"]:
        arrived.append(b"x" * 65_536)
        sent += 65_536
        exchange.body_arrived()
        await turns(3)
    assert sent < 32 * 2**20
    peer.transport.resume_reading()
    await until(lambda: side.told == ["full", "drained"])


@pytest.mark.parametrize("candidates", [1, 2])
async def test_failure_during_a_slow_upload(launch: Launch, upstream: Upstream, candidates: int) -> None:
    """A caller that was held up by an upstream which then fails may go on: the next one has room, or the end comes."""
    body, arrived = upload(2**30)
    exchange, side = launch(keys(upstream, candidates), body)
    peer = await upstream.accept()
    await peer.up_to(BEGUN[-1])
    peer.transport.pause_reading()
    while side.told != ["full"]:
        arrived.append(b"x" * 65_536)
        exchange.body_arrived()
        await turns(3)
    peer.reset()
    await until(lambda: "drained" in side.told)
    if candidates == 2:
        await (await upstream.accept()).head()
    else:
        assert exchange.attempt is None
        assert not side.over
    await turns()


async def test_whole_body_is_not_held_up(launch: Launch, upstream: Upstream) -> None:
    """Of a body that has come completely the caller has nothing to hold back."""
    arrived = [b'{"model":', b'"m"', b"x" * (32 * 2**20)]
    body = GrowingBody(arrived, None, "m", 1)
    body.complete = body.decided = True
    _, side = launch(keys(upstream, 1), body)
    peer = await upstream.accept()
    peer.transport.pause_reading()
    await turns(50)
    assert side.told == []
    peer.transport.resume_reading()
    await peer.head()
    await until(lambda: len(peer.came) >= 32 * 2**20)
    peer.write(json_answer(ANSWER))
    await side.end()
    assert side.told == ["commit"]


async def test_many_at_once(launch: Launch, upstream: Upstream) -> None:
    """Every one of many exchanges gets the answer to its own request and no byte of another's."""
    canaries = [b"canary-%04d" % number for number in range(64)]
    begun = []
    for canary in canaries:
        body = GrowingBody([b'{"model":', b'"m"', b',"c":"' + canary + b'"}'], None, "m", 1)
        body.complete = body.decided = True
        begun.append(launch(keys(upstream, 1), body, stream=True))

    async def echo(peer: Peer) -> None:
        await peer.head()
        canary = (await peer.up_to(b'"}'))[-13:-2]
        peer.write(EVENTS)
        for _ in range(5):
            peer.write(chunk(TEXT.replace(b"hi", canary)))
            await turns(3)
        peer.write(chunk(DONE) + LAST_CHUNK)

    await until(lambda: len(upstream.peers) == 64 and all(peer.came.endswith(b'"}') for peer in upstream.peers))
    for number in range(0, 64, 3):
        begun[number][0].cancel("client_closed")
    await until(lambda: sum(peer.over for peer in upstream.peers) == 22)
    await asyncio.gather(*[echo(peer) for peer in upstream.peers if not peer.over])
    for number, (_, side) in enumerate(begun):
        if number % 3:
            await side.end()
            assert side.data == TEXT.replace(b"hi", canaries[number]) * 5 + DONE
        else:
            assert side.told == []
