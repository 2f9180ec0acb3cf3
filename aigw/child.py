"""One worker as its parent sees it: a process, a channel to it, and what it last told."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Self, TypeVar

import attrs

from aigw.channel import (
    Ask,
    Begin,
    Channel,
    Count,
    Counted,
    Draining,
    Failed,
    Message,
    Prepare,
    Prepared,
    Ready,
    Serving,
    Switch,
    Switched,
    Told,
    Used,
    pair,
)
from aigw.errors import AigwError, ConfigError
from aigw.observe.totals import Snapshot, counters_only

# Longer than any start on a machine that is worth starting on: reading the modules from a cold disk.
START_SECONDS = 60.0
# How long a scrape waits for a worker whose loop is busy; a scraper's own patience is 10 s.
COUNT_SECONDS = 2.0
# How long a worker may take to make ready for another configuration, a snapshot of very many keys included, and then
# to have it in force.
PREPARE_SECONDS = 60.0
SWITCH_SECONDS = 5.0
ASK_SECONDS = 10.0
# What a worker has said before it ended has arrived by then.
LAST_WORDS_SECONDS = 1.0


# What a worker tells because it was asked under a number.
Answer = Prepared | Switched | Told
A = TypeVar("A", Prepared, Switched, Told)
Notice = Callable[["Child", Serving | Used], None]


class WorkerFailed(AigwError):
    """A worker could not start; the message is what it told, or how it ended."""


def _unnoticed(child: Child, message: Serving | Used) -> None:
    pass


@attrs.define(eq=False)
class Child:
    """A worker process. `ready` while it takes requests; `left` is called when it says that it takes no more.

    `notice` is called with what it tells unasked. `name` tells it from those that had its number before.
    """

    number: int
    _left: Callable[[], None]
    _notice: Notice = _unnoticed
    ready: bool = False
    name: str = ""
    _metrics: Snapshot = attrs.field(factory=dict)
    _error: str = ""
    # From its start to its very end, also while it drains.
    _answers: bool = False
    _over: bool = False
    _started: asyncio.Event = attrs.field(factory=asyncio.Event)
    _counted: asyncio.Event = attrs.field(factory=asyncio.Event)
    _answers_to: dict[tuple[type[Answer], int], asyncio.Future[Answer]] = attrs.field(factory=dict)
    _process: Process | None = None
    _channel: Channel | None = None

    @classmethod
    async def start(
        cls,
        begin: Begin,
        data: socket.socket,
        left: Callable[[], None],
        notice: Notice = _unnoticed,
        pieces: Sequence[bytes] = (),
    ) -> Self:
        """A worker that has been told what to be and has yet to say that it is `started`. Raises WorkerFailed.

        `pieces` are what the store holds, if there is one: messages as `channel.write` makes them.
        """
        child = cls(begin.worker, left, notice)
        mine, theirs = pair()
        try:
            child._channel = await Channel.open(mine, child._hear, child._ended)
            child._process = await asyncio.create_subprocess_exec(
                *interpreter(),
                *("-m", "aigw", "worker", str(theirs.fileno())),
                stdin=DEVNULL,
                pass_fds=(theirs.fileno(), data.fileno()),
            )
        except OSError as exc:
            if child._channel is not None:
                child._channel.close()
                await child._channel.wait_ended()
            raise WorkerFailed(f"worker {begin.worker} cannot be started: {exc.strerror or exc}") from None
        finally:
            theirs.close()
        child._channel.send(attrs.evolve(begin, data_fd=data.fileno(), stored=bool(pieces)))
        child.give(pieces)
        return child

    @property
    def pid(self) -> int:
        """The process's id; 0 before there is a process."""
        return self._process.pid if self._process else 0

    def give(self, pieces: Sequence[bytes]) -> None:
        """Let it serve what the store holds; it says when it does."""
        if self._channel is not None:
            self._channel.send_written(pieces)

    async def prepare(self, prepare: Prepare, pieces: Sequence[bytes]) -> None:
        """Let it make ready for another configuration. Raises WorkerFailed with what it told."""
        told = await self._ask(attrs.evolve(prepare, stored=bool(pieces)), Prepared, PREPARE_SECONDS, pieces)
        if told.error:
            raise WorkerFailed(told.error)

    async def switch(self, switch: Switch) -> None:
        """Let it serve what it has made ready, or forget that. Raises WorkerFailed."""
        if switch.go:
            await self._ask(switch, Switched, SWITCH_SECONDS)
        elif self._channel is not None:
            self._channel.send(switch)

    async def ask(self, ask: Ask) -> Mapping[str, Any]:
        """Its answer to a dry run. Raises ConfigError for one that cannot be made, WorkerFailed."""
        told = await self._ask(ask, Told, ASK_SECONDS)
        if told.error:
            raise ConfigError(told.error)
        return told.answer

    async def _ask(
        self, message: Prepare | Switch | Ask, kind: type[A], seconds: float, pieces: Sequence[bytes] = ()
    ) -> A:
        if self._channel is None or self._over:
            raise WorkerFailed(f"worker {self.number} has ended")
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._answers_to[kind, message.number] = answer
        self._channel.send(message)
        self.give(pieces)
        try:
            async with asyncio.timeout(seconds):
                told = await answer
        except TimeoutError:
            raise WorkerFailed(f"worker {self.number} did not answer within {seconds:g} s") from None
        finally:
            del self._answers_to[kind, message.number]
        assert isinstance(told, kind)
        return told

    async def started(self) -> None:
        """Wait until it takes requests. Raises WorkerFailed; there may still be a process then."""
        try:
            async with asyncio.timeout(START_SECONDS):
                await self._started.wait()
        except TimeoutError:
            raise WorkerFailed(f"worker {self.number} is not ready after {START_SECONDS:g} s") from None
        if self._error:
            raise WorkerFailed(self._error)
        if not self.ready:
            code = await self._rest()
            raise WorkerFailed(f"worker {self.number} ended before it was ready: {how(code)}")

    async def wait(self) -> int:
        """Wait until the process has ended and everything it said is heard; its exit code, or minus its signal."""
        assert self._process is not None
        assert self._channel is not None
        code = await self._process.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                await self._channel.wait_ended()
        self._channel.close()
        return code

    async def _rest(self) -> int:
        """Its exit code, when its end of the channel is gone: it has a moment to follow."""
        try:
            async with asyncio.timeout(LAST_WORDS_SECONDS):
                return await self.wait()
        except TimeoutError:
            self.kill()
            return await self.wait()

    async def count(self) -> Snapshot:
        """Its metrics now; of one that does not answer in time what it counted when it last did."""
        if not self._answers or self._channel is None:
            return self.counted
        self._counted.clear()
        self._channel.send(Count())
        try:
            async with asyncio.timeout(COUNT_SECONDS):
                await self._counted.wait()
        except TimeoutError:
            return self.counted
        return self._metrics if self._answers else self.counted

    @property
    def counted(self) -> Snapshot:
        """What it had counted when it last told: what stays true when it is gone."""
        return counters_only(self._metrics)

    def terminate(self) -> None:
        """Ask it to end after the requests under way."""
        self._signal(Process.terminate)

    def kill(self) -> None:
        """End it now."""
        self._signal(Process.kill)

    def _signal(self, send: Callable[[Process], None]) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                send(self._process)

    def _hear(self, message: Message) -> None:
        match message:
            case Ready():
                self.ready = self._answers = True
                self._started.set()
            case Failed():
                self._error = message.error
                self._started.set()
            case Counted():
                self._metrics = message.metrics
                self._counted.set()
            case Prepared() | Switched() | Told():
                answer = self._answers_to.get((type(message), message.number))
                if answer is not None and not answer.done():
                    answer.set_result(message)
            case Serving() | Used():
                self._notice(self, message)
            case Draining():
                self.ready = False
                self._left()
            case _:
                raise ValueError(f"a parent is not told {message!r}")

    def _ended(self) -> None:
        self.ready = self._answers = False
        self._over = True
        for answer in self._answers_to.values():
            if not answer.done():
                answer.set_exception(WorkerFailed(f"worker {self.number} has ended"))
        self._started.set()
        self._counted.set()


def interpreter() -> list[str]:
    """The command that runs this very Python and imports what this process imports."""
    # `-m` puts the working directory first on the path, where anything may lie, and `-P` keeps it off: unless the
    # parent was started that way itself, as from a checkout.
    return [sys.executable] if sys.path[:1] == [os.getcwd()] else [sys.executable, "-P"]


def how(code: int) -> str:
    """How a process ended, in words."""
    return f"killed by signal {-code}" if code < 0 else f"exit code {code}"
