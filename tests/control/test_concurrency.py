"""Calls at once: nobody takes all places."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import Any

import pytest

from aigw.control.concurrency import MOST, MOST_OF_AN_ACCOUNT, Calls
from aigw.control.listener import MAX_CONNECTIONS
from aigw.control.problems import ApiError
from aigw.errors import ConfigError

from .conftest import Serve


def test_places() -> None:
    """An account has so many, all together leave some connections for probes, and each that ends makes room."""
    assert MOST + MOST_OF_AN_ACCOUNT <= MAX_CONNECTIONS
    calls = Calls()
    with ExitStack() as crowd:
        for account in ("one", "two", "three"):
            for _ in range(MOST_OF_AN_ACCOUNT):
                crowd.enter_context(calls.one_more(account))
        for account, code in (("one", "tooManyCalls"), ("four", "unavailable")):
            with pytest.raises(ApiError) as refused, calls.one_more(account):
                pass
            assert (refused.value.code, refused.value.headers) == (code, (("retry-after", "1"),))
    with calls.one_more("one"), calls.one_more("four"):
        pass


async def test_calls_that_take_long(serve: Serve) -> None:
    """An account whose calls all wait for something is told to come again; the others are served."""
    go_on, asked = asyncio.Event(), asyncio.Semaphore(0)

    async def explain(_: Any) -> Any:
        asked.release()
        await go_on.wait()
        raise ConfigError("as the test says")

    live = await serve(explain=explain)
    _, other = await live.account("other")
    slow = [
        asyncio.create_task(live.ask("POST", "/explain", {"model": "m"}, token=other))
        for _ in range(MOST_OF_AN_ACCOUNT)
    ]
    for _ in slow:
        await asked.acquire()
    refused = await live.ask("GET", "/access-keys", token=other)
    assert (refused.status, refused.code, refused.headers["retry-after"]) == (429, "tooManyCalls", "1")
    assert (await live.ask("GET", "/access-keys")).status == 200
    go_on.set()
    await asyncio.gather(*slow)
    assert (await live.ask("GET", "/access-keys", token=other)).status == 200
