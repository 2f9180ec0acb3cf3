"""Hedging: when a second candidate is asked, and when none is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import pytest

from aigw import operations
from aigw.relay.failover import Relay
from aigw.relay.request import GrowingBody
from aigw.routing.health import Fault, Health
from aigw.routing.pace import FEWEST
from aigw.snapshot import Policy

from .exchanges import (
    BODY,
    FORMATS,
    Launch,
    asked,
    keys,
)
from .hedges import (
    BEGUN,
    FAILED,
    GOOD,
    HEDGES,
    asked_as,
    both,
    late,
    over,
    settled,
    usually,
)
from .raw import Upstream, turns, until


@pytest.fixture
def relay(relay: Relay) -> Relay:
    """The model `m` usually begins within a millisecond."""
    relay.health = Health(HEDGES)
    relay.formats = FORMATS
    usually(relay)
    return relay


# -- when -------------------------------------------------------------------------------------------------------


def slower(relay: Relay) -> None:
    """Too few answers are known."""
    relay.health = Health(HEDGES)
    usually(relay, samples=FEWEST - 1)


def broke(relay: Relay) -> None:
    """No retry budget is left."""
    budget = relay.health.target("cloud", "aigpk_cloud-0").budget
    while budget.allows():
        budget.spend()


def spent(relay: Relay) -> None:
    """The share is used up."""
    relay.health.adopt(attrs.evolve(HEDGES, hedge_share=0.05))


def limited(relay: Relay) -> None:
    """The other key rests."""
    relay.health.target("cloud", "aigpk_cloud-1").failed(1e9, Fault.BUSY, 60.0, model="m")


@attrs.frozen
class Plain:
    """What keeps a request from being hedged: the state of things, or what it asks for."""

    ail: Callable[[Relay], None] | None = None
    asks: Mapping[str, Any] = attrs.field(factory=dict)
    number: int = 2


NONE: dict[str, Plain] = {
    "too few samples": Plain(slower),
    "no retry budget": Plain(broke),
    "no share left": Plain(spent),
    "the other rests": Plain(limited),
    "nobody else": Plain(number=1),
    "a whole answer": Plain(asks={"stream": False}),
    "not asked for": Plain(asks={"hedge": None}),
    "refused by the request": Plain(asks={"hedge": False, "policies": {"cloud": Policy(hedge=True)}}),
    "the other's policy": Plain(asks={"hedge": None, "policies": {"else": Policy(hedge=True)}}),
    "no conversation": Plain(asks={"operation": operations.EMBEDDINGS}),
}


@pytest.mark.parametrize("case", NONE.values(), ids=NONE.keys())
async def test_when_nobody_else_is_asked(launch: Launch, upstream: Upstream, relay: Relay, case: Plain) -> None:
    """However late it is: the one that was asked goes on alone."""
    if case.ail is not None:
        case.ail(relay)
    asks: dict[str, Any] = {"stream": True, "hedge": True} | dict(case.asks)
    exchange, _ = launch(keys(upstream, case.number), **asks)
    await asked(upstream)
    exchange._hedge() if exchange._due_rival is not None else None
    await turns()
    assert len(exchange.attempts) == 1
    assert exchange.relay.health.hedged == {}
    assert exchange.prospects.resting == []
    assert exchange.prospects.exhausted is (case.number == 1)


async def test_by_policy(launch: Launch, upstream: Upstream) -> None:
    """A provider's policy asks for it as a request does."""
    exchange, side = launch(keys(upstream, 2), stream=True, policies={"cloud": Policy(hedge=True)})
    _, rival = await both(upstream)
    rival.write(GOOD)
    await side.end()
    assert exchange.relay.health.hedged == {("cloud", "won"): 1}


@pytest.mark.parametrize("answer", [BEGUN, FAILED[:-5]])
async def test_who_has_its_answer_gets_no_rival(
    launch: Launch, upstream: Upstream, relay: Relay, answer: bytes
) -> None:
    """Content, or an error that is on its way, needs no second attempt."""
    relay.health = Health(HEDGES)
    usually(relay, 60.0)
    exchange, _ = launch(keys(upstream, 2), stream=True, hedge=True)
    (await asked(upstream)).write(answer)
    await until(lambda: exchange.attempts[0].head is not None)
    exchange._hedge()
    assert len(exchange.attempts) == 1


async def test_the_timer_goes_with_the_request(launch: Launch, upstream: Upstream, relay: Relay) -> None:
    """An answer in time, a failure and a caller that leaves take it away; the next attempt has its own."""
    relay.health = Health(HEDGES)
    usually(relay, 60.0)
    exchange, side = launch(keys(upstream, 3), stream=True, hedge=True)
    before = exchange._due_rival
    assert before is not None
    (await asked(upstream)).write(FAILED)
    peer = await asked_as(upstream, "cloud-1")
    assert before.cancelled()
    assert exchange._due_rival is not None
    peer.write(GOOD)
    await side.end()
    assert settled(exchange)
    exchange, _ = launch(keys(upstream, 3), stream=True, hedge=True)
    assert exchange._due_rival is not None
    exchange.cancel("client_closed")
    assert settled(exchange)


async def test_the_pace_is_the_first_ones(launch: Launch, upstream: Upstream, relay: Relay) -> None:
    """Of a request that was hedged the first one's time counts, though it lost: else all others would seem late."""
    pace = relay.health.pace("cloud", "m")
    _, side, _, rival = await late(launch, upstream)
    rival.write(GOOD)
    await side.end()
    assert pace.samples == FEWEST + 1
    _, side = launch(keys(upstream, 1), stream=True, hedge=True)
    (await asked_as(upstream, "cloud-0")).write(GOOD)
    await side.end()
    assert pace.samples == FEWEST + 2


async def test_a_failure_has_no_pace(launch: Launch, upstream: Upstream, relay: Relay) -> None:
    """Nor has what the second one does alone after it."""
    exchange, side, first, rival = await late(launch, upstream)
    first.write(FAILED)
    await over(exchange, 0)
    rival.write(GOOD)
    await side.end()
    assert relay.health.pace("cloud", "m").samples == FEWEST


@pytest.mark.parametrize("share", [0.05, 0.2])
async def test_the_share(launch: Launch, upstream: Upstream, relay: Relay, share: float) -> None:
    """Of forty requests that are all late at most that share is asked twice."""
    relay.health.adopt(attrs.evolve(HEDGES, hedge_share=share, retry_burst=1000))
    rivals = 0
    for _ in range(40):
        exchange, _ = launch(keys(upstream, 2), stream=True, hedge=True)
        assert exchange._due_rival is not None
        exchange.forget_timer()
        exchange._hedge()
        rivals += len(exchange.attempts) - 1
        exchange.cancel("client_closed")
    assert rivals == 40 * share


async def test_a_body_on_its_way(launch: Launch, upstream: Upstream, relay: Relay) -> None:
    """While the caller is still sending, that it takes long is not the upstream's doing: no hedge, no pace."""
    arrived = [BODY[:9], BODY[9:-1]]
    body = GrowingBody(arrived, len(BODY), "m", -1)
    body.decided = True
    exchange, side = launch(keys(upstream, 2), body, stream=True, hedge=True)
    peer = await upstream.accept()
    assert exchange._due_rival is None
    arrived.append(BODY[-1:])
    body.complete = True
    exchange.body_arrived()
    await peer.up_to(BODY)
    peer.write(GOOD)
    await side.end()
    assert relay.health.pace("cloud", "m").samples == FEWEST
