"""Hedging: who of two candidates is the one, and what becomes of the other."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from aigw.relay.call import Phase
from aigw.relay.failover import Relay
from aigw.relay.request import WholeBody
from aigw.routing.health import Health
from aigw.routing.plan import Candidate, Way
from aigw.wire.dialect import Dialect

from .exchanges import (
    DONE,
    ERROR,
    EVENTS,
    FORMATS,
    LAST_CHUNK,
    ROLE,
    TEXT,
    Launch,
    asked,
    candidate,
    chunk,
    status_answer,
)
from .hedges import (
    BEGUN,
    FAILED,
    GOOD,
    HEDGES,
    asked_as,
    late,
    over,
    settled,
    tries,
    usually,
)
from .raw import Peer, Upstream, turns, until


@pytest.fixture
def relay(relay: Relay) -> Relay:
    """The model `m` usually begins within a millisecond."""
    relay.health = Health(HEDGES)
    relay.formats = FORMATS
    usually(relay)
    return relay


# -- who is the one ---------------------------------------------------------------------------------------------


async def test_the_second_is_quicker(launch: Launch, upstream: Upstream) -> None:
    """Its content goes to the caller, and the first one's connection is closed in that very turn."""
    exchange, side, first, rival = await late(launch, upstream)
    rival.write(BEGUN)
    await side.committed()
    assert exchange.attempts[0].phase is Phase.DONE
    await first.gone()
    rival.write(chunk(DONE) + LAST_CHUNK)
    await side.end()
    assert (side.data, side.complete) == (TEXT + DONE, True)
    assert side.attempt is exchange.attempts[1]
    assert tries(exchange) == [("cloud-0", False, "hedge_lost"), ("cloud-1", True, "")]
    assert exchange.relay.health.hedged == {("cloud", "won"): 1}
    assert settled(exchange)


async def test_the_first_is_quicker_after_all(launch: Launch, upstream: Upstream) -> None:
    """Then the second is the one to be closed; a preamble alone decides nothing."""
    exchange, side, first, rival = await late(launch, upstream)
    rival.write(EVENTS + chunk(ROLE))
    await until(lambda: exchange.attempts[1].phase is Phase.HOLDING)
    first.write(GOOD)
    await side.end()
    await rival.gone()
    assert (side.data, side.complete) == (TEXT + DONE, True)
    assert tries(exchange) == [("cloud-0", False, ""), ("cloud-1", True, "hedge_lost")]
    assert exchange.relay.health.hedged == {("cloud", "lost"): 1}
    assert settled(exchange)


async def test_nothing_of_the_other(launch: Launch, upstream: Upstream) -> None:
    """What the one who lost had sent, head and preamble, never shows."""
    _, side, first, rival = await late(launch, upstream)
    first.write(EVENTS.replace(b"\r\n\r\n", b"\r\nx-request-id: req-first\r\n\r\n") + chunk(ROLE))
    rival.write(EVENTS.replace(b"\r\n\r\n", b"\r\nx-request-id: req-rival\r\n\r\n") + chunk(TEXT + DONE) + LAST_CHUNK)
    await side.end()
    assert side.attempt is not None
    assert side.attempt.head is not None
    assert side.attempt.head.headers["x-request-id"] == "req-rival"
    assert side.data == TEXT + DONE


@pytest.mark.parametrize("fails", [0, 1])
@pytest.mark.parametrize("answer", [FAILED, EVENTS + chunk(ERROR), b"nonsense\r\n\r\n"])
async def test_one_fails(launch: Launch, upstream: Upstream, fails: int, answer: bytes) -> None:
    """The other goes on alone: nobody else is asked while it may still answer."""
    exchange, side, *peers = await late(launch, upstream, 3)
    peers[fails].write(answer)
    await over(exchange, fails)
    await turns()
    assert len(exchange.attempts) == 2
    peers[1 - fails].write(GOOD)
    await side.end()
    assert (side.data, side.complete) == (TEXT + DONE, True)
    assert exchange.relay.health.hedged == {("cloud", "failed" if fails else "won"): 1}
    assert settled(exchange)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_both_fail(launch: Launch, upstream: Upstream, order: Sequence[int]) -> None:
    """The next candidate is asked, once both have failed."""
    exchange, side, *peers = await late(launch, upstream, 3)
    for number in order:
        peers[number].write(FAILED)
        await over(exchange, number)
    (await asked_as(upstream, "cloud-2")).write(GOOD)
    await side.end()
    assert side.complete
    assert [each[2] for each in tries(exchange)] == ["status_503", "status_503", ""]
    assert exchange.relay.health.hedged == {("cloud", "failed"): 1}
    assert exchange.relay.health.target("cloud", "").budget.left == 5.0


async def test_both_fail_and_nobody_is_left(launch: Launch, upstream: Upstream) -> None:
    """Then the request has failed, with what each of them met."""
    exchange, side, first, rival = await late(launch, upstream)
    rival.write(status_answer(429))
    await over(exchange, 1)
    first.write(FAILED)
    await side.end()
    assert side.reasons == ["status_503", "status_429"]
    assert settled(exchange)


async def test_an_error_that_nothing_helps_against(launch: Launch, upstream: Upstream) -> None:
    """The first one's ends the request, as it does without a second one, and is what the caller is told."""
    exchange, side, first, rival = await late(launch, upstream, 3)
    first.write(status_answer(418))
    await side.end()
    await rival.gone()
    assert side.reasons == ["status_418"]
    assert tries(exchange) == [("cloud-0", False, "status_418"), ("cloud-1", True, "hedge_lost")]
    assert settled(exchange)


async def test_a_rival_ends_nothing(launch: Launch, upstream: Upstream) -> None:
    """A second one's does not, while the first may still answer; it only fails."""
    exchange, side, first, rival = await late(launch, upstream, 3)
    rival.write(status_answer(418))
    await over(exchange, 1)
    assert not side.over
    first.write(GOOD)
    await side.end()
    assert side.complete


async def test_a_rival_alone_does(launch: Launch, upstream: Upstream) -> None:
    """Once the first has failed, the second one's error is as any other attempt's."""
    exchange, side, first, rival = await late(launch, upstream, 3)
    first.write(FAILED)
    await over(exchange, 0)
    rival.write(status_answer(418))
    await side.end()
    assert side.reasons == ["status_503", "status_418"]
    assert exchange.relay.health.hedged == {("cloud", "failed"): 1}


async def test_the_caller_leaves(launch: Launch, upstream: Upstream) -> None:
    """Both upstreams are let go in that very turn, and nobody is blamed."""
    exchange, _, first, rival = await late(launch, upstream)
    exchange.cancel("client_closed")
    assert settled(exchange)
    await first.gone()
    await rival.gone()
    assert {each[2] for each in tries(exchange)} == {"client_closed"}
    assert exchange.relay.health.hedged == {}


async def test_the_caller_is_slow(launch: Launch, upstream: Upstream) -> None:
    """A caller that fell behind is not read for by the one that wins: its connection is paused."""
    exchange, side, _, rival = await late(launch, upstream)
    exchange.pause()
    rival.write(BEGUN)
    await side.committed()
    rival.write(chunk(TEXT))
    await turns()
    assert side.data == TEXT
    exchange.resume()
    rival.write(chunk(DONE) + LAST_CHUNK)
    await side.end()
    assert side.data == TEXT + TEXT + DONE


# -- another format ---------------------------------------------------------------------------------------------

MESSAGES = (
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",'
    b'"model":"m","content":[],"stop_reason":null,"usage":{"input_tokens":1,"output_tokens":1}}}\n\n'
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,'
    b'"content_block":{"type":"text","text":""}}\n\n'
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,'
    b'"delta":{"type":"text_delta","text":"hi"}}\n\n'
    b'event: content_block_stop\ndata: {"type":"content_block_stop","index":0}\n\n'
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"},'
    b'"usage":{"output_tokens":2}}\n\n'
    b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
)


def foreign(of: Candidate) -> Candidate:
    """One that speaks another format than the caller."""
    return Candidate(of.provider, of.model, of.key, True, (Way("messages", "messages", Dialect()),))


ASKED = b'{"model":"m","stream":true,"messages":[{"role":"user","content":"hello"}]}'


async def test_a_rival_of_another_format(launch: Launch, upstream: Upstream) -> None:
    """It gets the request in its own words, and its answer comes in the caller's."""
    second = foreign(candidate(upstream.origin, "m", "sk-1", "cloud"))
    exchange, side = launch(
        [candidate(upstream.origin), second], WholeBody(ASKED, "m", listed=False), stream=True, hedge=True
    )

    def told() -> list[Peer]:
        # The two connections may be accepted in any order.
        return [
            each for each in upstream.peers if each.came.startswith(b"POST /v1/messages ") and b"hello" in each.came
        ]

    await until(told)
    (rival,) = told()
    rival.write(EVENTS + chunk(MESSAGES) + LAST_CHUNK)
    await side.end()
    assert side.complete
    assert b'"content":"hi"' in side.data
    assert side.data.endswith(DONE)
    assert exchange.relay.health.hedged == {("cloud", "won"): 1}


async def test_a_rival_that_cannot_be_asked(launch: Launch, upstream: Upstream) -> None:
    """A request that cannot be said to the second is not asked twice; if the first fails, that is told."""
    second = foreign(candidate(upstream.origin, "n", "sk-1", "cloud"))
    exchange, side = launch([candidate(upstream.origin), second], stream=True, hedge=True)
    first = await asked(upstream)
    await until(lambda: exchange._due_rival is None)
    await turns()
    assert len(exchange.attempts) == 1
    first.write(FAILED)
    await side.end()
    assert side.reasons == ["status_503"]
    assert [each.model for each, _ in exchange.unasked] == ["n"]
