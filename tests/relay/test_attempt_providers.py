"""The provider's part in an attempt: its code may wait, fail and misbehave."""

from __future__ import annotations

import asyncio

import pytest

from aigw.adapter import Outgoing
from aigw.errors import AttemptFailed, ConnectFailed
from aigw.relay.call import Phase
from aigw.relay.deadlines import Deadlines
from aigw.relay.failover import Relay

from .conftest import MakePool
from .exchanges import (
    ANSWER,
    BODY,
    Launch,
    Plainly,
    asked,
    candidate,
    json_answer,
    kept,
    phase_of,
)
from .raw import Upstream, turns


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
