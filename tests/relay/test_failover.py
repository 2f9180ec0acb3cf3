"""The walk over the candidates: in which order, what moves it on, where it ends, and what becomes of the body."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from aigw.adapter import Outgoing
from aigw.errors import AttemptFailed
from aigw.relay.request import GrowingBody
from aigw.routing.plan import Candidate
from aigw.snapshot import Limits

from .conftest import StartUpstream
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

ANSWER = b'{"id":"chatcmpl-1","object":"chat.completion","choices":[]}'
HTML = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>"


def keys(upstream: Upstream, number: int, model: str = "m", name: str = "cloud") -> list[Candidate]:
    """One model with several keys."""
    return [candidate(upstream.origin, model, f"{name}-{key}", name) for key in range(number)]


async def served(upstream: Upstream, answer: bytes) -> bytes:
    """Answer the next request, whatever connection it comes on; returns its head."""

    def asking() -> list[Peer]:
        return [peer for peer in upstream.peers if b"\r\n\r\n" in peer.came and not peer.over]

    await until(asking)
    peer = asking()[0]
    head = await peer.head()
    await peer.body(len(BODY))
    peer.write(answer)
    return head


def tried(head: bytes) -> str:
    """The key in a request's head."""
    return head.partition(b"Bearer ")[2].partition(b"-0123456789")[0].decode()


async def test_first_is_enough(launch: Launch, upstream: Upstream) -> None:
    """When the first candidate answers, no other is asked."""
    exchange, side = launch(keys(upstream, 3))
    assert tried(await served(upstream, json_answer(ANSWER))) == "cloud-0"
    await side.end()
    assert side.data == ANSWER
    assert len(exchange.record.attempts) == len(exchange.attempts) == 1


async def test_in_order_and_never_twice(launch: Launch, upstream: Upstream) -> None:
    """Every key of a model is tried once, in order, then those of the next model; then the request has failed."""
    exchange, side = launch(keys(upstream, 2) + keys(upstream, 2, "n", "other"))
    asked = [tried(await served(upstream, status_answer(503))) for _ in range(4)]
    await side.end()
    assert asked == ["cloud-0", "cloud-1", "other-0", "other-1"]
    assert side.reasons == ["status_503"] * 4
    assert not side.out_of_time
    assert [(noted.provider, noted.model, noted.key_id) for noted in exchange.record.attempts] == [
        ("cloud", "m", "aigpk_cloud-0"),
        ("cloud", "m", "aigpk_cloud-1"),
        ("other", "n", "aigpk_other-0"),
        ("other", "n", "aigpk_other-1"),
    ]
    assert len(upstream.peers) == 1


@pytest.mark.parametrize("status", [400, 413, 422])
async def test_next_model(launch: Launch, upstream: Upstream, status: int) -> None:
    """A request that one model does not take is not tried with its other keys, but with the next model."""
    _, side = launch(keys(upstream, 3) + keys(upstream, 1, "n") + keys(upstream, 1, "m", "other"))
    asked = [tried(await served(upstream, status_answer(status))) for _ in range(3)]
    await side.end()
    assert asked == ["cloud-0", "cloud-0", "other-0"]
    assert side.reasons == [f"status_{status}"] * 3


@pytest.mark.parametrize("status", [405, 410, 418, 451])
async def test_nothing_helps(launch: Launch, upstream: Upstream, status: int) -> None:
    """An error that is not among those that another candidate may not have ends the walk."""
    _, side = launch(keys(upstream, 2) + keys(upstream, 1, "n"))
    await served(upstream, status_answer(status))
    await side.end()
    assert side.reasons == [f"status_{status}"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        pytest.param(status_answer(401), "status_401", id="key"),
        pytest.param(status_answer(429), "status_429", id="rate"),
        pytest.param(status_answer(529), "status_529", id="overloaded"),
        pytest.param(status_answer(302), "status_302", id="redirect"),
        pytest.param(HTML, "html", id="web-page"),
        pytest.param(json_answer(b'{"error":{"message":"no"}}'), "error_in_answer", id="error-in-answer"),
        pytest.param(EVENTS + chunk(ERROR), "error_in_stream", id="error-first"),
        pytest.param(EVENTS + chunk(ROLE) + chunk(ERROR), "error_in_stream", id="error-after-preamble"),
        pytest.param(EVENTS + chunk(ROLE) + LAST_CHUNK, "empty_stream", id="empty-stream"),
        pytest.param(b"nonsense\r\n\r\n", "bad_http", id="not-http"),
    ],
)
async def test_another_may_help(launch: Launch, upstream: Upstream, answer: bytes, reason: str) -> None:
    """After a failure that says nothing about the next candidate, the caller gets that one's answer, and only that."""
    exchange, side = launch(keys(upstream, 2))
    await served(upstream, answer)
    assert tried(await served(upstream, EVENTS + chunk(ROLE + TEXT + DONE) + LAST_CHUNK)) == "cloud-1"
    await side.end()
    assert (side.data, side.complete) == (ROLE + TEXT + DONE, True)
    assert side.attempt is exchange.attempts[1]
    assert [noted.reason for noted in exchange.record.attempts] == [reason, ""]


@pytest.mark.parametrize("sent", [b"", EVENTS, EVENTS + chunk(ROLE)])
async def test_cut_before_content(launch: Launch, upstream: Upstream, sent: bytes) -> None:
    """An upstream that closes before its first content is followed by the next candidate."""
    exchange, side = launch(keys(upstream, 2))
    peer = await upstream.accept()
    await peer.up_to(BODY)
    peer.write(sent)
    peer.close()
    await served(upstream, json_answer(ANSWER))
    await side.end()
    assert side.data == ANSWER
    assert exchange.record.attempts[0].reason == "connection_closed"


async def test_cannot_connect(launch: Launch, upstream: Upstream, start_upstream: StartUpstream) -> None:
    """So is one that cannot be reached."""
    dead = await start_upstream()
    await dead.stop()
    exchange, side = launch(keys(dead, 1) + keys(upstream, 1))
    await served(upstream, json_answer(ANSWER))
    await side.end()
    assert side.data == ANSWER
    assert exchange.record.attempts[0].reason == "connect"


async def test_silent(launch: Launch, upstream: Upstream) -> None:
    """So is one that is silent for too long, by the limits of its own provider."""
    limits = {"cloud": Limits(per_request_timeout=2)}
    exchange, side = launch(keys(upstream, 1) + keys(upstream, 1, "m", "other"), provider_limits=limits)
    peer = await upstream.accept()
    await peer.up_to(BODY)
    first = exchange.attempts[0]
    assert first.due == pytest.approx(first.record.started + 2)
    first.expired(first.due)
    second = exchange.attempts[1]
    assert second.due == pytest.approx(second.record.started + 60)
    await peer.gone()
    await served(upstream, json_answer(ANSWER))
    await side.end()
    assert side.data == ANSWER
    assert first.record.reason == "timeout"


async def test_provider_error(launch: Launch, upstream: Upstream) -> None:
    """So is one whose provider's code fails."""

    async def own(plainly: Callable[[], Awaitable[Outgoing]]) -> Outgoing:
        raise AttemptFailed("no_token")

    exchange, side = launch([candidate(upstream.origin, own=own), *keys(upstream, 1)])
    await served(upstream, json_answer(ANSWER))
    await side.end()
    assert side.data == ANSWER
    assert exchange.record.attempts[0].reason == "no_token"


async def test_very_many_candidates(launch: Launch, upstream: Upstream) -> None:
    """However many candidates fail at once, the walk comes to its end."""

    async def own(plainly: Callable[[], Awaitable[Outgoing]]) -> Outgoing:
        raise AttemptFailed("no_token")

    _, side = launch([candidate(upstream.origin, own=own)] * 500)
    await side.end()
    assert side.reasons == ["no_token"] * 500


async def test_total_timeout(launch: Launch, upstream: Upstream, quick: None) -> None:
    """All attempts together have a limit, whatever each one's own; no other is begun after it."""
    exchange, side = launch(keys(upstream, 3), limits=Limits(total_timeout=0.05))
    assert exchange.attempts[0].due == exchange.due
    await side.end()
    assert side.out_of_time
    assert side.reasons == ["timeout"]
    assert len(upstream.peers) <= 1


async def test_total_timeout_does_not_end_a_stream(launch: Launch, upstream: Upstream) -> None:
    """Once an answer goes to the caller the limit of the attempts is over."""
    exchange, side = launch(keys(upstream, 1), limits=Limits(total_timeout=1, stream_idle_timeout=80))
    await served(upstream, EVENTS + chunk(TEXT))
    await side.committed()
    assert exchange.attempt is not None
    assert exchange.attempt.due > exchange.due
    exchange.attempt.expired(exchange.due + 9)
    assert not side.over


async def test_no_time_left_for_the_next(launch: Launch, upstream: Upstream) -> None:
    """A failure after the limit is the end, even with candidates left."""
    exchange, side = launch(keys(upstream, 3))
    exchange.due = 0.0
    await served(upstream, status_answer(500))
    await side.end()
    assert side.reasons == ["status_500"]
    assert side.out_of_time


async def test_cancelled(launch: Launch, upstream: Upstream) -> None:
    """After a cancellation no candidate is tried, and nothing that is told to the exchange has an effect."""
    exchange, side = launch(keys(upstream, 3))
    peer = await upstream.accept()
    await peer.up_to(BODY)
    exchange.cancel("client_closed")
    exchange.pause()
    exchange.resume()
    exchange.body_arrived()
    await peer.gone()
    await turns(50)
    assert side.told == []
    assert len(upstream.peers) == 1


# -- bodies that are still on their way ----------------------------------------------------------------------

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
    exchange.candidates = [*exchange.candidates, *keys(upstream, 1, "n", "other")]
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
        begun.append(launch(keys(upstream, 1), body))

    async def echo(peer: Peer) -> None:
        await peer.head()
        canary = (await peer.up_to(b'"}'))[-13:-2]
        peer.write(EVENTS)
        for _ in range(5):
            peer.write(chunk(TEXT.replace(b"hi", canary)))
            await turns(3)
        peer.write(LAST_CHUNK)

    await until(lambda: len(upstream.peers) == 64 and all(peer.came.endswith(b'"}') for peer in upstream.peers))
    for number in range(0, 64, 3):
        begun[number][0].cancel("client_closed")
    await until(lambda: sum(peer.over for peer in upstream.peers) == 22)
    await asyncio.gather(*[echo(peer) for peer in upstream.peers if not peer.over])
    for number, (_, side) in enumerate(begun):
        if number % 3:
            await side.end()
            assert side.data == TEXT.replace(b"hi", canaries[number]) * 5
        else:
            assert side.told == []
