"""Streams that two candidates are asked for, and the upstream's ends of both."""

from __future__ import annotations

from aigw.relay.call import Phase
from aigw.relay.failover import Exchange, Relay
from aigw.routing.pace import FEWEST
from aigw.snapshot import Failover

from .exchanges import (
    BODY,
    DONE,
    EVENTS,
    LAST_CHUNK,
    TEXT,
    Launch,
    Side,
    chunk,
    keys,
    status_answer,
)
from .raw import Peer, Upstream, until

USUAL = 0.001
# Enough of a share that the first request may be hedged.
HEDGES = Failover(breaker_failures=0, retry_burst=5, hedge_share=1.0)
GOOD = EVENTS + chunk(TEXT + DONE) + LAST_CHUNK
BEGUN = EVENTS + chunk(TEXT)
FAILED = status_answer(503)


def usually(relay: Relay, seconds: float = USUAL, samples: int = FEWEST, name: str = "cloud") -> None:
    """So many answers of the model began after so many seconds."""
    for _ in range(samples):
        relay.health.pace(name, "m").add(seconds)


async def asked_as(upstream: Upstream, key: str) -> Peer:
    """The upstream's end of the connection on which this key asks now, after the whole request has come."""

    def asking() -> list[Peer]:
        bearer = f"Bearer {key}-".encode()
        return [each for each in upstream.peers if bearer in each.came and each.came.endswith(BODY) and not each.over]

    await until(asking)
    peer = asking()[0]
    peer.came.clear()
    return peer


async def both(upstream: Upstream) -> tuple[Peer, Peer]:
    """The upstream's ends of a first attempt and its rival."""
    return await asked_as(upstream, "cloud-0"), await asked_as(upstream, "cloud-1")


async def late(launch: Launch, upstream: Upstream, number: int = 2) -> tuple[Exchange, Side, Peer, Peer]:
    """A stream whose first candidate is late, so that a second one is asked: both have the request."""
    exchange, side = launch(keys(upstream, number), stream=True, hedge=True)
    first, rival = await both(upstream)
    return exchange, side, first, rival


async def over(exchange: Exchange, number: int) -> None:
    """This attempt has ended."""
    await until(lambda: exchange.attempts[number].phase is Phase.DONE)


def tries(exchange: Exchange) -> list[tuple[str, bool, str]]:
    """Of each attempt: the key, whether it was a hedge, why it ended."""
    return [(each.key_id[6:], each.hedge, each.reason) for each in exchange.record.attempts]


def settled(exchange: Exchange) -> bool:
    """Whether nobody is in flight and no timer is left."""
    relay = exchange.relay
    flying = [relay.health.target("cloud", f"aigpk_cloud-{number}").in_flight for number in range(3)]
    return not any(flying) and not len(relay.deadlines) and exchange._due_rival is None and exchange._rival is None
