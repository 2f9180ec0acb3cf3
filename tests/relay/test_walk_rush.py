"""Many requests fail at once, and turn to a candidate that is well, or is not: what the retry budget does with them."""

from __future__ import annotations

import pytest

from aigw.relay.failover import Relay
from aigw.routing.budget import Budget
from aigw.routing.health import Health
from aigw.snapshot import Failover

from .exchanges import ANSWER, BODY, Launch, json_answer, keys, served, status_answer, tried
from .raw import Upstream, until


@pytest.fixture
def health(relay: Relay) -> Health:
    """No circuits, which would end a rush before its retries."""
    relay.health = Health(Failover(breaker_failures=0, retry_burst=5))
    return relay.health


def one_retry(health: Health) -> Budget:
    """A budget for one more attempt."""
    budget = health.target("cloud", "aigpk_cloud-0").budget
    budget.left = 1.0
    return budget


async def fail_together(upstream: Upstream, size: int) -> None:
    """All first attempts of a rush are there, and then all fail."""
    await until(lambda: sum(b"\r\n\r\n" in peer.came for peer in upstream.peers) == size)
    for peer in list(upstream.peers):
        await peer.head()
        await peer.body(len(BODY))
        peer.write(status_answer(503))


async def test_a_rush_waits_for_what_the_first_of_it_meet(launch: Launch, upstream: Upstream, health: Health) -> None:
    """While attempts that the budget pays for are under way, others wait for it instead of failing."""
    budget = one_retry(health)
    rush = [launch(keys(upstream, 2)) for _ in range(4)]
    await fail_together(upstream, len(rush))
    for _ in rush:
        assert tried(await served(upstream, json_answer(ANSWER))) == "cloud-1"
    for exchange, side in rush:
        await side.end()
        assert side.complete
        assert exchange.prospects.resting == []
    assert (budget.under_way, health.refused_retries) == (0, {})


@pytest.mark.parametrize("gone", [0, 1])
async def test_a_rush_at_the_dead_is_refused(launch: Launch, upstream: Upstream, health: Health, gone: int) -> None:
    """When what the budget paid for has failed or was given up, those who waited for it get their error at once."""
    budget = one_retry(health)
    rush = [launch(keys(upstream, 2)) for _ in range(3)]
    await fail_together(upstream, len(rush))
    await until(lambda: budget.under_way == 1)
    paying = [exchange for exchange, _ in rush if len(exchange.attempts) == 2]
    others = [side for exchange, side in rush if exchange not in paying]
    assert (len(paying), len(others)) == (1, 2)
    if gone:
        paying[0].cancel("client_closed")
    else:
        await served(upstream, status_answer(503))
    for side in others:
        await side.end()
        assert side.reasons == ["status_503"]
    assert (budget.under_way, health.refused_retries["cloud"]) == (0, 2)


async def test_who_waits_for_a_budget_may_leave(launch: Launch, upstream: Upstream, health: Health) -> None:
    """It keeps nobody behind it waiting, and is not asked for any more."""
    budget = one_retry(health)
    rush = [launch(keys(upstream, 2)) for _ in range(3)]
    await fail_together(upstream, len(rush))
    await until(lambda: budget.under_way == 1)
    waiting = [(exchange, side) for exchange, side in rush if len(exchange.attempts) == 1]
    waiting[0][0].cancel("client_closed")
    for _ in range(2):
        await served(upstream, json_answer(ANSWER))
    await waiting[1][1].end()
    assert waiting[1][1].complete
    assert len(waiting[0][0].attempts) == 1
    assert budget.under_way == 0
