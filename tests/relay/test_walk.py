"""The walk over the candidates in bad times: what is not asked, what is asked once more, and within which time."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import Any

import pytest

from aigw.relay.failover import Exchange, Relay
from aigw.relay.request import GrowingBody
from aigw.routing.health import Fault, Health
from aigw.snapshot import Failover, Limits

from .conftest import StartUpstream
from .exchanges import (
    ANSWER,
    BODY,
    Launch,
    asked,
    json_answer,
    keys,
    paused,
    served,
    status_answer,
    tried,
)
from .raw import Upstream, turns

BURST = 5.0


@pytest.fixture
def health(relay: Relay) -> Health:
    """Circuits open after three failures, and there is a budget of five."""
    relay.health = Health(Failover(breaker_failures=3, retry_burst=int(BURST)))
    return relay.health


def spend(health: Health, name: str = "cloud") -> None:
    """Use the retry budget up."""
    budget = health.target(name, f"aigpk_{name}-0").budget
    while budget.allows():
        budget.spend()


def left(health: Health, name: str = "cloud") -> float:
    """What is left of it."""
    return health.target(name, f"aigpk_{name}-0").budget.left


# -- who is not asked -------------------------------------------------------------------------------------------


async def test_when_all_rest_nobody_is_asked(launch: Launch, upstream: Upstream, health: Health) -> None:
    """The request fails at once, without an attempt, and tells who rests and for how long."""
    for key in range(2):
        health.target("cloud", f"aigpk_cloud-{key}").failed(monotonic(), Fault.BUSY, 40.0 + key, model="m")
    exchange, side = launch(keys(upstream, 2))
    assert side.failed == []
    assert not side.out_of_time
    assert [round(each.seconds) for each in exchange.prospects.resting] == [40, 41]
    assert upstream.peers == []


async def test_a_limit_is_for_one_model(launch: Launch, upstream: Upstream, health: Health) -> None:
    """A key that is limited for one model is asked for the request's next one, after those without a limit."""
    health.target("cloud", "aigpk_cloud-0").failed(monotonic(), Fault.BUSY, 40.0, model="m")
    _, side = launch([*keys(upstream, 1), *keys(upstream, 1, "n"), *keys(upstream, 1, "m", "other")])
    asked = [tried(await served(upstream, status_answer(503))) for _ in range(2)]
    await side.end()
    assert asked == ["other-0", "cloud-0"]


async def test_a_circuit_that_opens_meanwhile(launch: Launch, upstream: Upstream, health: Health) -> None:
    """Each candidate is looked at when it is its turn: three keys that fail spare the provider the fourth."""
    exchange, side = launch([*keys(upstream, 4), *keys(upstream, 1, "m", "other")])
    asked = [tried(await served(upstream, status_answer(503))) for _ in range(4)]
    await side.end()
    assert asked == ["cloud-0", "cloud-1", "cloud-2", "other-0"]
    assert [each.fault for each in exchange.prospects.resting] == [Fault.UPSTREAM]


# -- what it costs ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "cost"), [(401, 0), (403, 0), (404, 0), (400, 0), (429, 1), (408, 1), (500, 1), (503, 1), (529, 1)]
)
async def test_what_a_fallback_costs(
    launch: Launch, upstream: Upstream, health: Health, status: int, cost: int
) -> None:
    """One retry after what may be an outage; nothing after what is the key's fault or the request's."""
    _, side = launch([*keys(upstream, 1), *keys(upstream, 1, "n", "cloud")])
    await served(upstream, status_answer(status))
    await served(upstream, status_answer(status))
    await side.end()
    assert left(health) == BURST - cost


async def test_a_fallback_that_helps_costs_nothing(launch: Launch, upstream: Upstream, health: Health) -> None:
    """What it cost comes back when it succeeds, and adds nothing."""
    _, side = launch(keys(upstream, 2))
    await served(upstream, status_answer(503))
    await served(upstream, json_answer(ANSWER))
    await side.end()
    assert side.complete
    assert left(health) == BURST


async def test_an_empty_budget(launch: Launch, upstream: Upstream, health: Health) -> None:
    """Then the first candidate alone is asked; that the others were not is told and counted."""
    spend(health)
    exchange, side = launch(keys(upstream, 3))
    await served(upstream, status_answer(503))
    await side.end()
    assert side.reasons == ["status_503"]
    assert [each.fault for each in exchange.prospects.resting] == [None, None]
    assert health.refused_retries == {"cloud": 2}


async def test_each_provider_has_its_own_budget(launch: Launch, upstream: Upstream, health: Health) -> None:
    """A fallback at another provider is paid from that one's."""
    spend(health)
    _, side = launch([*keys(upstream, 2), *keys(upstream, 1, "m", "other")])
    await served(upstream, status_answer(503))
    assert tried(await served(upstream, status_answer(503))) == "other-0"
    await side.end()
    assert left(health, "other") == BURST - 1


async def test_a_try_of_the_sdk_costs_as_ours_does(launch: Launch, upstream: Upstream, health: Health) -> None:
    """It spends one; with an empty budget it is refused without an attempt."""
    _, side = launch(keys(upstream, 1), retries=1)
    await served(upstream, status_answer(503))
    await side.end()
    assert left(health) == BURST - 1
    spend(health)
    _, side = launch(keys(upstream, 1), retries=2)
    assert side.failed == []
    assert health.refused_retries == {"cloud": 1}


async def test_a_try_that_comes_back_as_it_was_told(launch: Launch, upstream: Upstream, health: Health) -> None:
    """A request that could ask nobody may ask once when it comes back, however empty the budget is; as a first one."""
    spend(health)
    before = left(health)
    target = health.target("cloud", "aigpk_cloud-0")
    target.failed(monotonic(), Fault.BUSY, 40.0, model="m")
    for retries in (0, 1):
        _, side = launch(keys(upstream, 2)[:1], retries=retries)
        assert side.failed == []
    assert target.budget.credits == 1
    target.served(monotonic() + 60.0, 0.0, model="m")
    _, side = launch(keys(upstream, 1), retries=1)
    await served(upstream, json_answer(ANSWER))
    await side.end()
    assert side.complete
    assert left(health) == pytest.approx(before + 0.1)
    _, side = launch(keys(upstream, 1), retries=1)
    assert side.failed == []


@pytest.mark.parametrize("retries", [0, 1])
async def test_a_probe_is_not_paid(launch: Launch, upstream: Upstream, health: Health, retries: int) -> None:
    """Nor does it get anything back, when it succeeds, that it did not cost."""
    spend(health)
    before = left(health)
    target = health.target("cloud", "aigpk_cloud-0")
    for _ in range(3):
        target.failed(0.0, Fault.UPSTREAM, None)
    assert target.probes(monotonic())
    _, side = launch(keys(upstream, 1), retries=retries)
    await served(upstream, json_answer(ANSWER))
    await side.end()
    assert not target.shared.opened
    assert left(health) == pytest.approx(before + 0.1)


# -- once more --------------------------------------------------------------------------------------------------


async def refusing(start_upstream: StartUpstream) -> Upstream:
    """Nobody listens there, for now."""
    gone = await start_upstream()
    await gone.stop()
    return gone


def go_on(exchange: Exchange) -> None:
    """What the timer does."""
    assert exchange._later is not None
    exchange._later.cancel()
    exchange._retry(exchange.attempts[0].candidate)


async def test_once_more(launch: Launch, start_upstream: StartUpstream, health: Health) -> None:
    """A server that is being restarted is back a moment later: the only candidate is asked again, at a price."""
    gone = await refusing(start_upstream)
    exchange, side = launch(keys(gone, 1))
    await paused(exchange)
    assert exchange.attempt is None
    await gone.start()
    go_on(exchange)
    assert left(health) == BURST - 1
    await served(gone, json_answer(ANSWER))
    await side.end()
    assert side.complete
    assert [each.reason for each in exchange.record.attempts] == ["connect", ""]
    assert left(health) == BURST


async def test_once_and_no_more(launch: Launch, start_upstream: StartUpstream, health: Health) -> None:
    """If that fails as well, the request has failed."""
    exchange, side = launch(keys(await refusing(start_upstream), 1))
    await paused(exchange)
    go_on(exchange)
    await side.end()
    assert side.reasons == ["connect", "connect"]


async def test_what_happened_in_the_pause_counts(launch: Launch, start_upstream: StartUpstream, health: Health) -> None:
    """A circuit that others have opened by then is not asked through, nor waited for again."""
    exchange, side = launch(keys(await refusing(start_upstream), 1))
    await paused(exchange)
    for _ in range(3):
        health.target("cloud", "aigpk_cloud-0").failed(monotonic(), Fault.UPSTREAM, None)
    go_on(exchange)
    assert side.reasons == ["connect"]
    assert exchange._later is None
    assert [each.fault for each in exchange.prospects.resting] == [Fault.UPSTREAM]


def broke(health: Health) -> None:
    """No budget."""
    spend(health)


def one_more_opens(health: Health) -> None:
    """The circuit opens with this failure."""
    for _ in range(2):
        health.target("cloud", "aigpk_cloud-0").failed(monotonic(), Fault.UPSTREAM, None)


@pytest.mark.parametrize(
    ("ail", "number", "asks"),
    [
        (broke, 1, {}),
        (one_more_opens, 1, {}),
        (None, 2, {}),
        (None, 1, {"timeouts": {"total_timeout": 0.09}}),
        (None, 1, {"limits": Limits(total_timeout=0.09)}),
    ],
    ids=["no-budget", "circuit", "another", "callers-time", "time"],
)
async def test_not_once_more(
    launch: Launch,
    start_upstream: StartUpstream,
    health: Health,
    ail: Callable[[Health], None] | None,
    number: int,
    asks: dict[str, Any],
) -> None:
    """Not without budget, nor through an open circuit, nor after another candidate, nor when time is up by then."""
    if ail is not None:
        ail(health)
    exchange, side = launch(keys(await refusing(start_upstream), number), **asks)
    await side.end()
    assert side.reasons == ["connect"] * number
    assert exchange._later is None


@pytest.mark.parametrize("answer", [status_answer(503), b"nonsense\r\n\r\n", b""])
async def test_what_reached_the_upstream_is_not_sent_again(
    launch: Launch, upstream: Upstream, health: Health, answer: bytes
) -> None:
    """Whoever took the connection may have taken the request too."""
    exchange, side = launch(keys(upstream, 1))
    peer = await asked(upstream)
    peer.write(answer)
    peer.close()
    await side.end()
    assert len(exchange.attempts) == 1
    assert exchange._later is None


async def test_left_before_it_was_tried_again(launch: Launch, start_upstream: StartUpstream, health: Health) -> None:
    """A caller that leaves in the pause is not asked for again."""
    exchange, side = launch(keys(await refusing(start_upstream), 1))
    await paused(exchange)
    exchange.cancel("client_closed")
    assert exchange._later is None
    await turns()
    assert len(exchange.record.attempts) == 1
    assert not side.over


# -- time -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "first_byte", "total"),
    [
        (None, 60.0, 120.0),
        ({"per_request_timeout": 7.0}, 7.0, 120.0),
        ({"per_request_timeout": 700.0}, 60.0, 120.0),
        ({"total_timeout": 9.0}, 9.0, 9.0),
        ({"total_timeout": 900.0}, 60.0, 120.0),
    ],
)
async def test_the_callers_own_limits(
    launch: Launch, upstream: Upstream, asked: dict[str, float] | None, first_byte: float, total: float
) -> None:
    """They shorten what the operator gives, and never make it longer."""
    before = monotonic()
    exchange, _ = launch(keys(upstream, 1), timeouts=asked)
    attempt = exchange.attempt
    assert attempt is not None
    assert attempt.due - before == pytest.approx(first_byte, abs=1.0)
    assert exchange.due - before == pytest.approx(total, abs=1.0)
    assert exchange.total == total


async def test_the_limits_of_each_provider(launch: Launch, upstream: Upstream) -> None:
    """The caller's limits are bounded by those of the provider that is asked."""
    slow = Limits(per_request_timeout=100.0, stream_idle_timeout=3.0)
    asked = {"per_request_timeout": 80.0, "stream_idle_timeout": 5.0, "connect_timeout": 1.0}
    exchange, _ = launch(keys(upstream, 1), timeouts=asked, provider_limits={"cloud": slow})
    assert exchange.attempt is not None
    own = exchange.attempt.limits
    assert (own.per_request_timeout, own.stream_idle_timeout, own.connect_timeout) == (80.0, 3.0, 1.0)


async def test_waiting_for_the_caller_costs_no_time(launch: Launch, upstream: Upstream) -> None:
    """The time that a body takes before anybody can be asked is not counted against the answers."""
    arrived = [BODY[:-1]]
    body = GrowingBody(arrived, len(BODY), "m", -1)
    exchange, side = launch([], body)
    assert not side.over
    exchange.extend(keys(upstream, 1))
    exchange._waits_since -= 500.0
    exchange.due -= 500.0
    arrived.append(BODY[-1:])
    body.complete = body.decided = True
    exchange.body_arrived()
    await served(upstream, json_answer(ANSWER))
    await side.end()
    assert side.complete
