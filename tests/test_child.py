"""One worker as its parent sees it, played by small programs that behave badly."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from aigw import child as children
from aigw.channel import Begin
from aigw.child import Child, WorkerFailed, how, interpreter

BEGIN = Begin(3, -1, "aigw.toml", "")
METRICS: dict[str, Any] = {
    "aigw_requests_total": [{"labels": ["a"], "values": [7]}],
    "aigw_requests_in_flight": [{"labels": [], "values": [2]}],
}
COUNTED = {"aigw_requests_total": METRICS["aigw_requests_total"]}
# The channel's number is the last argument; its first line is what to be.
_HEAD = """
import json, socket, sys, time
channel = socket.socket(fileno=int(sys.argv[-1])).makefile("rwb", buffering=0)
def say(kind, **told): channel.write(json.dumps({"is": kind, **told}).encode() + b"\\n")
def hear(): return json.loads(channel.readline())
begin = hear()
"""
Play = Callable[[str], Any]


@pytest.fixture
def data() -> Iterator[socket.socket]:
    """A socket that stands for the data plane's."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


@pytest.fixture
def left() -> list[bool]:
    """Filled when the worker says that it takes no more."""
    return []


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch, data: socket.socket, left: list[bool]) -> Play:
    """Starts a program in place of a worker."""

    async def start(program: str) -> Child:
        monkeypatch.setattr(children, "interpreter", lambda: [sys.executable, "-c", _HEAD + program])
        return await Child.start(BEGIN, data, lambda: left.append(True))

    return start


async def test_a_good_life(play: Play, data: socket.socket, left: list[bool]) -> None:
    """It is told what to be, is ready when it says so, counts when asked, and its last numbers stay."""
    child = await play(f"""
assert begin["worker"] == 3 and begin["data_fd"] == {data.fileno()}, begin
say("ready")
assert hear() == {{"is": "count"}}
say("counted", metrics={METRICS!r})
assert hear() == {{"is": "count"}}
say("draining")
say("counted", metrics={METRICS!r})
""")
    assert not child.ready
    await child.started()
    assert child.ready
    assert child.pid
    assert await child.count() == METRICS
    assert await child.count() in (METRICS, COUNTED)
    assert await child.wait() == 0
    assert not child.ready
    assert left == [True]
    assert child.counted == COUNTED
    assert await child.count() == COUNTED


async def test_one_that_says_why_it_failed(play: Play) -> None:
    """What it says is what the operator reads."""
    child = await play("say('failed', error='providers.x: is wrong')")
    with pytest.raises(WorkerFailed, match=r"^providers\.x: is wrong$"):
        await child.started()
    assert await child.wait() == 0


@pytest.mark.parametrize(
    ("program", "told"),
    [("sys.exit(3)", "exit code 3"), ("import os; os.kill(os.getpid(), 9)", "killed by signal 9")],
)
async def test_one_that_just_ends(play: Play, program: str, told: str) -> None:
    """How it ended is told, when it could not tell itself."""
    child = await play(program)
    with pytest.raises(WorkerFailed, match=f"worker 3 ended before it was ready: {told}"):
        await child.started()


async def test_one_that_never_gets_ready(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """A start has an end, too."""
    monkeypatch.setattr(children, "START_SECONDS", 0.05)
    child = await play("time.sleep(60)")
    with pytest.raises(WorkerFailed, match="not ready after"):
        await child.started()
    child.kill()
    assert await child.wait() == -signal.SIGKILL


async def test_one_that_does_not_answer(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its counters are those it told last; gauges of one that is silent say nothing."""
    monkeypatch.setattr(children, "COUNT_SECONDS", 0.05)
    child = await play(f"say('counted', metrics={METRICS!r}); say('ready'); time.sleep(60)")
    await child.started()
    assert await child.count() == COUNTED
    child.terminate()
    assert await child.wait() == -signal.SIGTERM
    child.kill()


async def test_one_that_talks_nonsense(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that is no message ends the conversation, not the parent; who does not follow its channel is killed."""
    monkeypatch.setattr(children, "LAST_WORDS_SECONDS", 0.05)
    child = await play("channel.write(b'nonsense\\n'); time.sleep(60)")
    with pytest.raises(WorkerFailed, match="ended before it was ready: killed by signal 9"):
        await child.started()


async def test_one_that_cannot_be_started(data: socket.socket, monkeypatch: pytest.MonkeyPatch) -> None:
    """No memory, no file: the reason is told, and no end of the channel stays open."""
    monkeypatch.setattr(children, "interpreter", lambda: ["/nonexistent/python"])
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(WorkerFailed, match="worker 3 cannot be started: No such file"):
        await Child.start(BEGIN, data, lambda: None)
    assert len(os.listdir("/proc/self/fd")) <= before + 2


def test_workers_import_what_the_parent_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    """The working directory is on a worker's path only if it is on the parent's: anything may lie in it."""
    monkeypatch.setattr(sys, "path", ["/usr/bin", *sys.path])
    assert interpreter() == [sys.executable, "-P"]
    monkeypatch.setattr(sys, "path", [os.getcwd(), *sys.path])
    assert interpreter() == [sys.executable]


@pytest.mark.parametrize(("code", "told"), [(0, "exit code 0"), (1, "exit code 1"), (-9, "killed by signal 9")])
def test_how(code: int, told: str) -> None:
    """An end in words."""
    assert how(code) == told
