"""How does a process of the gateway run, hear that it should end, and settle down once it is ready?"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

# What a shell reports for a command that a second Ctrl-C ended: not the code of an orderly end.
CUT_SHORT = 1


def run(main: Coroutine[Any, Any, int]) -> int:
    """Run a process's main coroutine on uvloop and return its exit code."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.get_loop().set_exception_handler(report)
        return runner.run(main)


def stop_event(at_once: Callable[[], None] = lambda: None) -> asyncio.Event:
    """An event that SIGTERM and SIGINT set; a second signal calls `at_once` and ends the process right there.

    SIGHUP is heard and changes nothing: a terminal that closes, or an operator who expects a reload, does not
    end the gateway.
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
    loop.add_signal_handler(signal.SIGHUP, _hang_up)
    return stopped


def _hang_up() -> None:
    structlog.get_logger().warning("reload_ignored", signal="SIGHUP", hint="restart to take a new configuration over")


def settle() -> None:
    """Once everything long-lived is there: leave it out of every later garbage collection.

    What a start leaves (modules, the catalog) is some 10 ms of work for each full collection, and never garbage.
    """
    gc.collect()
    gc.freeze()


def report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What nobody caught: one log line, never a dump of the context, which may hold secrets."""
    exc = context.get("exception")
    structlog.get_logger().error(
        "unhandled", message=context.get("message"), exc_info=exc if isinstance(exc, BaseException) else None
    )
