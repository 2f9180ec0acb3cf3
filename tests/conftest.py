"""What all tests share: a gateway in this process with a sandbox as its upstream, on the product's event loop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

import pytest
import uvloop
from hypothesis import settings

from .support.gate import Gate, OpenGate, open_gate
from .support.upstream import Upstream

# The same examples every time, however slow the machine is.
settings.register_profile("house", derandomize=True, deadline=None, max_examples=200)
settings.load_profile("house")


def pytest_configure() -> None:
    """Hear SIGINT even where a shell started the tests in the background, which ignores it, for all processes below."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Whatever runs a gateway runs on uvloop, as the product does."""
    if "gateway" in getattr(item, "fixturenames", ()):
        return {"uvloop": uvloop.new_event_loop}
    return {"asyncio": asyncio.new_event_loop}


@pytest.fixture
async def gateway() -> AsyncIterator[OpenGate]:
    """Starts gateways, as many as a test calls it for; stops them and asserts that nothing was left behind."""
    gates: list[Gate] = []

    async def start(**differing: Any) -> Gate:
        gates.append(await open_gate(**differing))
        return gates[-1]

    yield start
    for gate in gates:
        await gate.stop()


@pytest.fixture
async def upstream(gateway: OpenGate) -> AsyncIterator[Upstream]:
    """An upstream whose bytes the test writes itself; declare it as `{"base_url": upstream.base_url}`."""
    async with Upstream() as running:
        yield running
