"""One of several processes that share the data plane: it is what its parent tells it to be.

It ends, after the requests under way, on SIGTERM and when the channel ends: a worker does not outlive its parent.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections import deque
from typing import TYPE_CHECKING

import attrs
import structlog

from aigw import allocator, app, channel, running
from aigw.channel import (
    Ask,
    Begin,
    Channel,
    Count,
    Counted,
    Draining,
    Failed,
    Message,
    Piece,
    Prepare,
    Ready,
    Serving,
    Switch,
    Switched,
    Told,
    Used,
    end_of,
)
from aigw.declared import settings_of
from aigw.errors import AigwError, ConfigError
from aigw.first_start import generated
from aigw.swapping import Prepared, Setup

if TYPE_CHECKING:
    from aigw.pieces import Gathering
    from aigw.store.records import Whole

# What the parent tells to be done in turn; what the store holds, as its pieces.
Change = Prepare | Switch | list[bytes]


def work(descriptor: int) -> int:
    """Be a worker until told to end; `descriptor` is the worker's end of the channel.

    Returns the exit code. Raises ConfigError when it is no channel.
    """
    sock = end_of(descriptor)
    # A terminal signals the whole family: what that means is for the parent to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    return running.run(_work(sock))


async def _work(sock: socket.socket) -> int:
    worker = Worker()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, worker.stopped.set)
    end = worker.channel = await Channel.open(sock, worker.hear, worker.stopped.set)
    try:
        begun = await worker.begun()
        if begun is None:
            return 0
        try:
            process = await start(*begun)
        except ConfigError as exc:
            end.send(Failed(exc.message))
            return 1
        except Exception as exc:
            end.send(Failed(f"{type(exc).__name__}: {exc}"))
            raise
        worker.process = process
        if process.swap.epoch:
            end.send(Serving(process.swap.epoch))
        end.send(Ready())
        running.settle()
        changing = asyncio.create_task(worker.change())
        await worker.stopped.wait()
        changing.cancel()
        structlog.get_logger().info("worker_draining", worker=begun[0].worker, in_flight=process.gateway.in_flight)
        end.send(Draining())
        await process.stop()
        worker.tell()
        return 0
    finally:
        end.close()
        await end.wait_ended()


class Worker:
    """What a worker has heard, and does about it: one change after another, in the order it was told them."""

    def __init__(self) -> None:
        self.stopped = asyncio.Event()
        self.process: app.Process | None = None
        self.channel: Channel | None = None
        self._begin: Begin | None = None
        self._heard = asyncio.Event()
        self._pieces: Gathering | None = None
        self._changes: deque[Change] = deque()
        self._changed = asyncio.Event()
        self._prepared: Prepared | None = None

    def hear(self, message: Message) -> None:
        """One message of the parent's."""
        match message:
            case Begin():
                self._begin = message
                self._heard.set()
            case Count():
                self.tell()
            case Piece():
                self._gather(message.data)
            case Prepare() | Switch():
                self._change(message)
            case Ask():
                self._answer(message)
            case _:
                raise ValueError(f"a worker is not told {message!r}")

    def tell(self) -> None:
        """Its metrics, and when keys were used; nothing before there is a process."""
        if self.process is not None:
            self._say(Counted(self.process.read_metrics()))
            if uses := self.process.uses.take():
                self._say(Used(uses))

    def _change(self, change: Change) -> None:
        self._changes.append(change)
        self._changed.set()

    async def _next(self) -> Change:
        while not self._changes:
            self._changed.clear()
            await self._changed.wait()
        return self._changes.popleft()

    async def _stored(self) -> Whole:
        """What the store holds, which is told next."""
        first = await self._next()
        if isinstance(first, Prepare | Switch):
            raise ValueError(f"a worker is not told {first!r} in place of what the store holds")
        return _read(first)

    async def change(self) -> None:
        """Take over what is told, for ever; a worker that cannot ends, and another one takes its place."""
        try:
            while True:
                match await self._next():
                    case Prepare() as prepare:
                        await self._prepare(prepare)
                    case Switch() as switch:
                        self._switch(switch)
                    case gathered:
                        await self._take(gathered)
        except Exception:
            structlog.get_logger().exception("worker_out_of_step")
            self.stopped.set()

    async def _take(self, gathered: list[bytes]) -> None:
        if self._changes and isinstance(self._changes[0], list):
            # What came after it holds everything that this one holds.
            return
        assert self.process is not None
        whole = _read(gathered)
        if await self.process.swap.take(whole):
            self.process.note_uses()
            self._say(Serving(whole.epoch))

    async def _prepare(self, prepare: Prepare) -> None:
        assert self.process is not None
        assert self._begin is not None
        begin = attrs.evolve(
            self._begin, config=prepare.config, access_key=prepare.access_key, sandbox_url=prepare.sandbox_url
        )
        whole = await self._stored() if prepare.stored else None
        try:
            self._prepared = await self.process.swap.prepare(setup_of(begin), whole)
        except Exception as exc:
            known = isinstance(exc, ConfigError)
            self._say(channel.Prepared(prepare.number, str(exc) if known else f"{type(exc).__name__}: {exc}"))
        else:
            self._say(channel.Prepared(prepare.number))

    def _switch(self, switch: Switch) -> None:
        prepared, self._prepared = self._prepared, None
        if switch.go and prepared is not None:
            assert self.process is not None
            self.process.swap.adopt(prepared)
            self._say(Switched(switch.number))
            if prepared.epoch:
                self.process.note_uses()
                self._say(Serving(prepared.epoch))

    def _gather(self, piece: bytes) -> None:
        if self._pieces is None:
            # What it takes to read them is not needed where there is no store.
            from aigw.pieces import Gathering

            self._pieces = Gathering()
        gathered = self._pieces.feed(piece)
        if gathered is not None:
            self._change(gathered)

    def _answer(self, ask: Ask) -> None:
        if self.process is None:
            self._say(Told(ask.number, {}, "the worker has not begun"))
            return
        try:
            self._say(Told(ask.number, self.process.explain(ask.asked)))
        except AigwError as error:
            self._say(Told(ask.number, {}, str(error)))

    def _say(self, message: Message) -> None:
        if self.channel is not None:
            self.channel.send(message)

    async def begun(self) -> tuple[Begin, Whole | None] | None:
        """What to be, and what the store holds; None when the parent left, or told to end, before it said so."""
        telling = asyncio.ensure_future(self._told())
        ending = asyncio.ensure_future(self.stopped.wait())
        await asyncio.wait((telling, ending), return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if not telling.done():
            telling.cancel()
            return None
        return telling.result()

    async def _told(self) -> tuple[Begin, Whole | None]:
        await self._heard.wait()
        assert self._begin is not None
        return self._begin, await self._stored() if self._begin.stored else None


async def start(begin: Begin, whole: Whole | None = None) -> app.Process:
    """The process that the parent described, serving. Raises ConfigError."""
    allocator.keep_memory()
    setup = setup_of(begin)
    process = await app.start(setup.settings, extra_keys=setup.extra_keys, sandbox_url=setup.sandbox_url, whole=whole)
    await process.listen(socket.socket(fileno=begin.data_fd))
    return process


def _read(gathered: list[bytes]) -> Whole:
    from aigw.pieces import read

    return read(gathered)


def setup_of(begin: Begin) -> Setup:
    """What a snapshot is made of, beside the store. Raises ConfigError."""
    keys = (generated(begin.access_key),) if begin.access_key else ()
    return Setup(settings_of(begin.source, begin.config, begin.overrides), keys, begin.sandbox_url)
