"""How a walk begins and ends: in a queue, left in between, and with nothing left behind."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from aigw.errors import InvalidBody
from aigw.relay.call import Phase
from aigw.routing.pace import FEWEST

from .conftest import StartUpstream
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
    paused,
    served,
)
from .raw import Upstream, turns, until


@pytest.mark.parametrize("calls", [("body_arrived",), ("pause", "body_arrived", "resume"), ("pause", "resume")])
async def test_before_its_turn(launch: Launch, upstream: Upstream, calls: Sequence[str]) -> None:
    """What comes while a request waits in the queue begins nothing, and loses nothing."""
    exchange, side = launch(keys(upstream, 2), queued=True)
    for call in calls:
        getattr(exchange, call)()
    assert exchange.attempts == []
    exchange.start()
    await served(upstream, json_answer(ANSWER))
    await side.end()
    assert side.complete


async def test_gone_before_its_turn(launch: Launch, upstream: Upstream) -> None:
    """A caller that left the queue is let go of without a trace, once and twice."""
    exchange, side = launch(keys(upstream, 2), queued=True)
    exchange.cancel("client_closed")
    exchange.release()
    exchange.release()
    exchange.cancel("test over")
    assert side.told == []
    launch.begun.clear()


async def a_success(launch: Launch, upstream: Upstream, gone: Upstream) -> None:
    """Served."""
    exchange, side = launch(keys(upstream, 2))
    await served(upstream, json_answer(ANSWER))
    await side.end()
    exchange.release()


async def failures(launch: Launch, upstream: Upstream, gone: Upstream) -> None:
    """Refused, of no use, an error that was raised: all fail."""
    exchange, side = launch([*keys(gone, 1), *keys(upstream, 1, "n"), *keys(upstream, 1, "o")], stream=True)
    await served(upstream, b"nonsense\r\n\r\n")
    await served(upstream, EVENTS + LAST_CHUNK)
    await side.end()
    exchange.release()


async def never_said(launch: Launch, upstream: Upstream, gone: Upstream) -> None:
    """A request that cannot be said to anybody."""
    exchange, side = launch(keys(upstream, 1))
    exchange.cancel("anew")
    try:
        raise InvalidBody("no")
    except InvalidBody as refusal:
        exchange.unasked.append((keys(upstream, 1)[0], refusal))
    exchange.release()
    del side


async def hedged(launch: Launch, upstream: Upstream, gone: Upstream) -> None:
    """The first was late, the second won."""
    for _ in range(FEWEST):
        launch.relay.health.pace("cloud", "m").add(0.001)
    launch.relay.health.hedges("cloud").share = 1.0
    exchange, side = launch(keys(upstream, 2), stream=True, hedge=True)
    await until(lambda: len(exchange.attempts) == 2 and exchange.attempts[1].phase is Phase.WAITING)
    await served(upstream, EVENTS + chunk(TEXT + DONE) + LAST_CHUNK)
    await side.end()
    exchange.release()


async def with_timers(launch: Launch, upstream: Upstream, gone: Upstream) -> None:
    """Left while a second attempt was due, and while the only one was to be tried again."""
    for _ in range(FEWEST):
        launch.relay.health.pace("cloud", "m").add(60.0)
    exchange, _ = launch(keys(upstream, 2), stream=True, hedge=True)
    assert exchange._due_rival is not None
    exchange.cancel("client_closed")
    exchange.release()
    exchange, _ = launch(keys(gone, 1))
    await paused(exchange)
    exchange.cancel("client_closed")
    exchange.release()


@pytest.mark.parametrize("life", [a_success, failures, never_said, hedged, with_timers])
async def test_nothing_is_left(
    launch: Launch, upstream: Upstream, start_upstream: StartUpstream, life: Callable[..., Any]
) -> None:
    """A released exchange and its attempts are freed at once, without the garbage collector, timers or not."""
    gone = await start_upstream()
    await gone.stop()  # nobody listens there
    gc.collect()
    before = _exchanges()
    gc.disable()
    try:
        await life(launch, upstream, gone)
        launch.begun.clear()
        await turns()
        assert _exchanges() == before
    finally:
        gc.enable()


def _exchanges() -> int:
    kinds = ("Exchange", "Attempt")
    return sum(
        type(each).__name__ in kinds and type(each).__module__.startswith("aigw.relay") for each in gc.get_objects()
    )
