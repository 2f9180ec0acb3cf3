"""Coroutines run without a task up to where they have to wait."""

from __future__ import annotations

import asyncio

import pytest

from aigw.relay.drive import Unfinished, run


async def test_no_wait() -> None:
    """A coroutine that never waits is run at once, in the caller's turn."""

    async def inner() -> int:
        return 40

    async def outer() -> int:
        return await inner() + 2

    assert run(outer()) == 42


async def test_no_wait_but_a_fault() -> None:
    """What it raises, it raises at once."""

    async def fails() -> int:
        raise LookupError

    with pytest.raises(LookupError):
        run(fails())


async def test_waits() -> None:
    """A coroutine that waits goes on where it stopped when it is awaited, however often it waits."""
    steps: list[str] = []
    ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def waits() -> int:
        steps.append("begun")
        await asyncio.sleep(0)
        steps.append("once")
        number = await ready
        steps.append("twice")
        await asyncio.sleep(0)
        return number + 2

    unfinished = run(waits())
    assert isinstance(unfinished, Unfinished)
    assert steps == ["begun"]
    asyncio.get_running_loop().call_later(0.001, ready.set_result, 40)
    assert await unfinished == 42
    assert steps == ["begun", "once", "twice"]


async def test_the_future_fails() -> None:
    """What it waits for may fail, and it may handle that."""
    loop = asyncio.get_running_loop()
    first, second = loop.create_future(), loop.create_future()

    async def waits() -> str:
        try:
            await first
        except LookupError:
            await second
        return "unreached"

    unfinished = run(waits())
    assert isinstance(unfinished, Unfinished)
    first.set_exception(LookupError())
    loop.call_soon(second.set_exception, ArithmeticError())
    with pytest.raises(ArithmeticError):
        await unfinished


async def test_the_future_is_done_meanwhile() -> None:
    """What it waits for may be there before anybody awaits it."""
    ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def waits() -> int:
        return await ready

    unfinished = run(waits())
    assert isinstance(unfinished, Unfinished)
    ready.set_result(42)
    assert await unfinished == 42


async def test_cancelled() -> None:
    """A task that awaits it passes its cancellation on, so that it can clean up."""
    cleaned: list[bool] = []

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            cleaned.append(True)

    unfinished = run(waits())
    assert isinstance(unfinished, Unfinished)

    async def task() -> None:
        await unfinished

    running = asyncio.ensure_future(task())
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert cleaned == [True]


async def test_dropped() -> None:
    """One that nobody awaits any more is closed when it is let go, without a warning."""
    closed: list[bool] = []

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    unfinished = run(waits())
    assert isinstance(unfinished, Unfinished)
    del unfinished
    assert closed == [True]


async def test_a_task_of_its_own() -> None:
    """What needs a task from its first step on has to be put into one."""

    async def limited() -> int:
        async with asyncio.timeout(10):
            await asyncio.sleep(0)
            return 42

    async def wrapped() -> int:
        return await asyncio.ensure_future(limited())

    outside = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(lambda: outside.set_result(run(wrapped())))
    assert await (await outside) == 42

    def refused() -> None:
        with pytest.raises(RuntimeError):
            run(limited())
        other.set_result(None)

    other = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_soon(refused)
    await other
