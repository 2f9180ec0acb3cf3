"""How a process runs, hears that it should end, and settles; signals as real processes get them."""

from __future__ import annotations

import asyncio
import gc
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import structlog
import uvloop

from aigw import running

from .support.command import PATIENCE, environment, eventually

# Says that it waits, waits for its stop event, says that it ends, and waits for a second signal.
PROGRAM = """
import asyncio, sys
from aigw import running

async def main():
    stopped = running.stop_event(lambda: print("at once", flush=True))
    if "hang up" in sys.argv:
        running.on_hang_up(lambda: print("hung up", flush=True))
    print("waiting", flush=True)
    await stopped.wait()
    print("stopped", flush=True)
    if "again" in sys.argv:
        await asyncio.sleep(60)
    return 7

sys.exit(running.run(main()))
"""


def start(tmp_path: Path, *arguments: str) -> subprocess.Popen[bytes]:
    """The program, once it waits."""
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, *arguments], env=environment(), stdout=out)
    eventually(lambda: said(tmp_path) == ["waiting"])
    return process


def said(tmp_path: Path) -> list[str]:
    """What it has said."""
    return (tmp_path / "out").read_text().splitlines()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops(tmp_path: Path, number: signal.Signals) -> None:
    """SIGTERM and SIGINT set the event; the coroutine's value is the exit code."""
    with start(tmp_path) as process:
        process.send_signal(number)
        assert process.wait(PATIENCE) == 7
    assert said(tmp_path) == ["waiting", "stopped"]


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    """What has to be done at once is done, and nothing else."""
    with start(tmp_path, "again") as process:
        process.send_signal(signal.SIGTERM)
        eventually(lambda: "stopped" in said(tmp_path))
        process.send_signal(signal.SIGINT)
        assert process.wait(PATIENCE) == running.CUT_SHORT
    assert said(tmp_path) == ["waiting", "stopped", "at once"]


def test_a_hang_up(tmp_path: Path) -> None:
    """SIGHUP is no end; what it means is for others to say."""
    with start(tmp_path) as process:
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 7
    with start(tmp_path, "hang up") as process:
        process.send_signal(signal.SIGHUP)
        eventually(lambda: "hung up" in said(tmp_path))
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 7


def test_the_loop_is_uvloop() -> None:
    """The product's own loop, with its report of what nobody caught."""

    async def main() -> int:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, uvloop.Loop)
        with structlog.testing.capture_logs() as logs:
            loop.call_soon(lambda: 1 / 0)
            await asyncio.sleep(0)
        assert [line["event"] for line in logs] == ["unhandled"]
        return 3

    assert running.run(main()) == 3


async def test_a_report_tells_no_more_than_it_must() -> None:
    """The message and the exception; the context may hold transports, and those secrets."""
    loop = asyncio.get_running_loop()
    error = ValueError("x")
    with structlog.testing.capture_logs() as logs:
        running.report(loop, {"message": "went wrong", "exception": error, "transport": "sk-secret"})
        running.report(loop, {"message": "no exception"})
    assert logs[0] == {"event": "unhandled", "message": "went wrong", "exc_info": error, "log_level": "error"}
    assert logs[1]["exc_info"] is None


def test_what_a_start_leaves_is_collected_no_more() -> None:
    """After settling the collector passes over everything that was there."""
    running.settle()
    try:
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()


async def test_work_unless_it_ends() -> None:
    """What the work gives, its error, or nothing where the end comes first: and then the work is over, too."""
    stopped, over = asyncio.Event(), []

    async def works(seconds: float) -> str:
        try:
            await asyncio.sleep(seconds)
        finally:
            over.append(seconds)
        return "done"

    async def fails() -> None:
        raise ValueError("broken")

    assert await running.unless(stopped, works(0.0)) == "done"
    with pytest.raises(ValueError, match="broken"):
        await running.unless(stopped, fails())
    asyncio.get_running_loop().call_soon(stopped.set)
    assert await running.unless(stopped, works(60.0)) is None
    assert over == [0.0, 60.0]


def test_without_collections() -> None:
    """They are off meanwhile, also where one is within another, and on again in the end."""
    with running.no_collections():
        with running.no_collections():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_small_steps() -> None:
    """Threads take turns faster meanwhile, also where two want it who do not end in the order they began in."""
    before = sys.getswitchinterval()
    first, second = running.small_steps(), running.small_steps()
    for step in (first.__enter__, second.__enter__):
        step()
        assert sys.getswitchinterval() < before
    first.__exit__(None, None, None)
    assert sys.getswitchinterval() < before
    second.__exit__(None, None, None)
    assert sys.getswitchinterval() == before


async def test_very_many_end_little_by_little() -> None:
    """Others have their turn in between."""
    things, turns = [object() for _ in range(running.RELEASED_AT_ONCE * 3)], []
    loop = asyncio.get_running_loop()
    loop.call_soon(lambda: turns.append(len(things)))
    await running.release(things)
    assert not things
    assert turns == [running.RELEASED_AT_ONCE * 2]
