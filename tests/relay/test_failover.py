"""The walk over the candidates: in which order, what moves it on, where it ends, and what becomes of the body."""

from __future__ import annotations

import pytest

from aigw.adapter import Outgoing
from aigw.errors import AttemptFailed
from aigw.snapshot import Limits

from .conftest import StartUpstream
from .exchanges import (
    ANSWER,
    BODY,
    DONE,
    ERROR,
    EVENTS,
    LAST_CHUNK,
    ROLE,
    TEXT,
    Launch,
    Plainly,
    candidate,
    chunk,
    json_answer,
    keys,
    served,
    status_answer,
    tried,
)
from .raw import Upstream, turns

HTML = b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 6\r\n\r\n<html>"


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
    exchange, side = launch(keys(upstream, 2), stream=True)
    await served(upstream, answer)
    assert tried(await served(upstream, EVENTS + chunk(ROLE + TEXT + DONE) + LAST_CHUNK)) == "cloud-1"
    await side.end()
    assert (side.data, side.complete) == (ROLE + TEXT + DONE, True)
    assert side.attempt is exchange.attempts[1]
    assert [noted.reason for noted in exchange.record.attempts] == [reason, ""]


@pytest.mark.parametrize("sent", [b"", EVENTS, EVENTS + chunk(ROLE)])
async def test_cut_before_content(launch: Launch, upstream: Upstream, sent: bytes) -> None:
    """An upstream that closes before its first content is followed by the next candidate."""
    exchange, side = launch(keys(upstream, 2), stream=True)
    peer = await upstream.accept()
    await peer.up_to(BODY)
    peer.write(sent)
    peer.close()
    await served(upstream, EVENTS + chunk(TEXT + DONE) + LAST_CHUNK)
    await side.end()
    assert (side.data, side.complete) == (TEXT + DONE, True)
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

    async def own(plainly: Plainly) -> Outgoing:
        raise AttemptFailed("no_token")

    exchange, side = launch([candidate(upstream.origin, own=own), *keys(upstream, 1)])
    await served(upstream, json_answer(ANSWER))
    await side.end()
    assert side.data == ANSWER
    assert exchange.record.attempts[0].reason == "no_token"


async def test_very_many_candidates(launch: Launch, upstream: Upstream) -> None:
    """However many candidates fail at once, the walk comes to its end."""

    async def own(plainly: Plainly) -> Outgoing:
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
    exchange, side = launch(keys(upstream, 1), stream=True, limits=Limits(total_timeout=1, stream_idle_timeout=80))
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
