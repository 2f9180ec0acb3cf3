"""How does a process of the gateway run, hear that it should end, and settle down once it is ready?"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import structlog

# What a shell reports for a command that a second Ctrl-C ended: not the code of an orderly end.
CUT_SHORT = 1

# How long a thread beside the loop may hold it up at a time.
SWITCH_SECONDS = 0.0005
# Things that end in one turn of the loop: a fraction of a millisecond.
RELEASED_AT_ONCE = 500

T = TypeVar("T")

# What each that wants small steps now found when it began.
_usual_switches: list[float] = []


def run(main: Coroutine[Any, Any, int]) -> int:
    """Run a process's main coroutine on uvloop and return its exit code."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.get_loop().set_exception_handler(report)
        return runner.run(main)


def stop_event(at_once: Callable[[], None] = lambda: None) -> asyncio.Event:
    """An event that SIGTERM and SIGINT set; a second signal calls `at_once` and ends the process right there.

    SIGHUP, as of a terminal that closes, does not end it; see `on_hang_up`.
    """
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()

    def stop() -> None:
        if stopped.is_set():
            at_once()
            os._exit(CUT_SHORT)
        stopped.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    on_hang_up(lambda: None)
    return stopped


async def unless(stopped: asyncio.Event, work: Coroutine[Any, Any, T]) -> T | None:
    """What the work gives; None when `stopped` comes first, which ends the work."""
    working, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stopped.wait())
    try:
        await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        stopping.cancel()
        working.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)


def on_hang_up(call: Callable[[], None]) -> None:
    """Call this on SIGHUP from now on."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, call)


def settle() -> None:
    """Once everything long-lived is there: leave it out of every later garbage collection.

    What a start leaves (modules, the catalog) is some 10 ms of work for each full collection, and never garbage.
    """
    gc.collect()
    gc.freeze()


@contextmanager
def no_collections() -> Iterator[None]:
    """While very much is made of which nothing is garbage: the collector would walk all of it again and again."""
    enabled = gc.isenabled()
    if enabled:
        # What is garbage now would be kept by a `freeze` for ever.
        gc.collect()
        gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@contextmanager
def small_steps() -> Iterator[None]:
    """While other threads work hard: the loop gets its turn within this time, not after 5 ms each."""
    _usual_switches.append(sys.getswitchinterval())
    sys.setswitchinterval(SWITCH_SECONDS)
    try:
        yield
    finally:
        # They may end in another order than they began: the last one brings back what the first one found.
        if len(_usual_switches) == 1:
            sys.setswitchinterval(_usual_switches[0])
        _usual_switches.pop()


async def release(things: list[Any]) -> None:
    """Let go of very many things, a few at a time: the end of all of them at once takes as long as many requests."""
    while things:
        del things[-RELEASED_AT_ONCE:]
        await asyncio.sleep(0)


def report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What nobody caught: one log line, never a dump of the context, which may hold secrets."""
    exc = context.get("exception")
    structlog.get_logger().error(
        "unhandled", message=context.get("message"), exc_info=exc if isinstance(exc, BaseException) else None
    )
