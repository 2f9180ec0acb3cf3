"""A worker as a real process, with the test in its parent's place."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import attrs
import pytest
import structlog

from aigw import worker
from aigw.channel import (
    Begin,
    Count,
    Counted,
    Draining,
    Failed,
    Message,
    Piece,
    Prepare,
    Ready,
    Switch,
    pair,
    read,
    write,
)
from aigw.pieces import pieces
from aigw.store.records import Whole

from .support.caller import HELLO
from .support.command import KEY, PATIENCE, Talk, aigw, environment, fetch
from .support.gate import eventually
from .test_pieces import whole

CONFIG = f'[[access_keys]]\nname = "app"\nkey = "{KEY}"\n'


class Worker:
    """A worker that was started on a free port, and the parent's end of the channel."""

    def __init__(self, cwd: Path, **differing: object) -> None:
        self.data = socket.create_server(("127.0.0.1", 0))
        self.port = self.data.getsockname()[1]
        mine, theirs = pair()
        self.errors = cwd / "stderr"
        with theirs, self.errors.open("wb") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "aigw", "worker", str(theirs.fileno())],
                cwd=cwd,
                env=environment(),
                pass_fds=(theirs.fileno(), self.data.fileno()),
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )
        mine.settimeout(PATIENCE)
        self.channel = mine
        self.lines = mine.makefile("rb")
        told = {"worker": 1, "data_fd": self.data.fileno(), "source": "aigw.toml", "config": CONFIG, **differing}
        self.say(Begin(**told))  # type: ignore[arg-type]

    def say(self, message: Message) -> None:
        """Tell it something."""
        self.channel.sendall(write(message))

    def hear(self) -> Message:
        """The next thing it says."""
        return read(self.lines.readline())

    def leave(self) -> None:
        """As a parent that has died."""
        # The file shares the socket, which closes with the last of both.
        self.lines.close()
        self.channel.close()

    def close(self) -> None:
        """Leave nothing behind."""
        self.leave()
        self.data.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)


@contextlib.contextmanager
def started(cwd: Path, **differing: object) -> Iterator[Worker]:
    """A worker, whatever it says."""
    made = Worker(cwd, **differing)
    try:
        yield made
    finally:
        made.close()


def test_the_life_of_a_worker(tmp_path: Path) -> None:
    """Ready, serving, counting; on SIGTERM it says that it drains, tells its last numbers, and ends in order."""
    with started(tmp_path, sandbox_url="http://127.0.0.1:9") as worker:
        assert worker.hear() == Ready()
        with Talk(worker.port, {**HELLO, "model": "sandbox-small"}) as talk:
            assert talk.rest().startswith(b"HTTP/1.1 502 ")
        worker.say(Count())
        counted = worker.hear()
        assert isinstance(counted, Counted)
        assert sum(row["values"][0] for row in counted.metrics["aigw_requests_total"]) == 1
        worker.process.send_signal(signal.SIGTERM)
        assert worker.hear() == Draining()
        last = worker.hear()
        assert isinstance(last, Counted)
        assert last.metrics["aigw_requests_total"] == counted.metrics["aigw_requests_total"]
        assert worker.lines.readline() == b""
        assert worker.process.wait(PATIENCE) == 0
        assert worker.errors.read_text() == ""


def test_a_generated_key_counts(tmp_path: Path) -> None:
    """The token that the parent made is an access key of this worker, too."""
    with started(tmp_path, config="", access_key="aigw-generated-0123456789") as worker:
        assert worker.hear() == Ready()
        with Talk(worker.port, HELLO, "aigw-generated-0123456789") as talk:
            assert talk.rest().startswith(b"HTTP/1.1 404 ")
        assert fetch(("127.0.0.1", worker.port), "/v1/models")[0] == 401


def test_without_its_parent_it_ends(tmp_path: Path) -> None:
    """The end of the channel is the sign."""
    with started(tmp_path) as worker:
        assert worker.hear() == Ready()
        worker.leave()
        assert worker.process.wait(PATIENCE) == 0


def test_its_parent_leaves_before_it_says_anything(tmp_path: Path) -> None:
    """Then there is nothing to be, and that is in order."""
    mine, theirs = pair()
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "aigw", "worker", str(theirs.fileno())],
            cwd=tmp_path,
            env=environment(),
            pass_fds=(theirs.fileno(),),
        )
    mine.close()
    assert process.wait(PATIENCE) == 0


def test_the_terminal_s_signals_are_the_parent_s(tmp_path: Path) -> None:
    """Ctrl-C and a closed terminal reach workers as well, and mean nothing to them."""
    with started(tmp_path) as worker:
        assert worker.hear() == Ready()
        worker.process.send_signal(signal.SIGINT)
        worker.process.send_signal(signal.SIGHUP)
        worker.say(Count())
        assert isinstance(worker.hear(), Counted)
        for _ in range(2):
            # A service manager that signals the whole group does so beside the parent: twice is not at once.
            worker.process.send_signal(signal.SIGTERM)
        assert worker.hear() == Draining()
        assert worker.process.wait(PATIENCE) == 0


def test_one_that_cannot_start(tmp_path: Path) -> None:
    """It says why on the channel, in the file's own name, and nothing on stderr: the parent tells it once for all."""
    with started(tmp_path, config="[limits]\ntotal_timeout = 3\n") as worker:
        failed = worker.hear()
        assert isinstance(failed, Failed)
        assert failed.error.startswith("aigw.toml: limits.total_timeout = 3: needs a unit")
        assert worker.process.wait(PATIENCE) == 1
        assert worker.errors.read_text() == ""


def test_one_that_breaks(tmp_path: Path) -> None:
    """What is no mistake of the operator's is told in short, and in full on stderr."""
    with started(tmp_path, data_fd=999) as worker:
        failed = worker.hear()
        assert isinstance(failed, Failed)
        assert failed.error.startswith("OSError: ")
        assert worker.process.wait(PATIENCE) == 1
        assert "Traceback" in worker.errors.read_text()


def test_by_hand(tmp_path: Path) -> None:
    """Nobody starts a worker by hand."""
    told = aigw("worker", "0", cwd=tmp_path)
    assert (told.returncode, told.stdout) == (1, "")
    assert "never by hand" in told.stderr


async def test_what_a_worker_is_not_told() -> None:
    """A message for a parent is refused; a question before the start is passed over."""
    heard = worker.Worker()
    heard.hear(Count())
    with pytest.raises(ValueError, match="not told"):
        heard.hear(Ready())
    heard.stopped.set()
    assert await heard.begun() is None
    await asyncio.sleep(0)


async def test_only_the_newest_counts() -> None:
    """Of several states of the store behind one another the last is taken; what is to be prepared has its own."""
    heard, taken = worker.Worker(), []

    async def take(whole: Whole) -> bool:
        taken.append(whole.epoch)
        return False

    heard.process = cast(Any, SimpleNamespace(swap=SimpleNamespace(take=take)))
    for epoch in (7, 8, 9):
        for piece in pieces(attrs.evolve(whole(1), epoch=epoch)):
            heard.hear(Piece(piece))
    changing = asyncio.create_task(heard.change())
    await eventually(lambda: taken == [9])
    changing.cancel()


async def test_a_worker_that_goes_astray() -> None:
    """One that can take nothing over any more ends, and is replaced."""
    heard = worker.Worker()
    heard.process = cast(Any, SimpleNamespace())
    heard.hear(Prepare(1, "", stored=True))
    heard.hear(Switch(1, go=True))
    with structlog.testing.capture_logs() as logs:
        await heard.change()
    assert heard.stopped.is_set()
    assert [line["event"] for line in logs] == ["worker_out_of_step"]


def test_a_worker_has_no_store() -> None:
    """What a worker, and a gateway without a store, import has no database and no cryptography in it: 40 MB."""
    code = "import sys, aigw.worker, aigw.app, aigw.pieces, aigw.accounts, aigw.host, aigw.serve; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "aigw.pieces" in told
    assert not {"sqlalchemy", "alembic", "cryptography", "asyncpg", "aiosqlite"} & set(told)
