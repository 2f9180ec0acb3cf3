"""`aigw serve --workers N`: a parent that opens the sockets, keeps N workers alive, and answers for all of them.

The parent serves no request of the data plane and knows no catalog, so it stays small and quick; what it cannot
know (requests counted, whether a request is under way) its workers tell it.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from time import monotonic

import attrs
import structlog

from aigw import declared, listen, running
from aigw.channel import Begin
from aigw.child import Child, WorkerFailed, how
from aigw.control.health import Health
from aigw.control.listener import Listener
from aigw.errors import AigwError, ConfigError
from aigw.first_start import Start, own_key
from aigw.observe.exposition import render
from aigw.observe.scrub import Scrubber
from aigw.observe.totals import Snapshot, merge
from aigw.serve import LISTEN, announce, control_socket, start_sandbox
from aigw.settings import Settings
from aigw.settings.whole import BUILT_IN_DEFAULTS

# What workers may take beyond drain_timeout to cut what is left and write their last lines.
GRACE_SECONDS = 5.0
# A worker that lived this long is replaced at once when it ends, and so is the first that did not; from the second
# on there is a pause, twice as long each time.
HEALTHY_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0
# How often workers are asked for their metrics unasked by a scrape: what a killed one may take with it.
COUNT_EVERY_SECONDS = 10.0


async def supervise(settings: Settings, overrides: Mapping[str, str], *, quiet: bool = False) -> int:
    """Run workers until SIGTERM or SIGINT; the exit code, 1 when some had to be killed.

    `overrides` are the keys that the command line set; `quiet` leaves the welcome of a first start out.
    Raises ConfigError when a worker cannot start.
    """
    sockets = listen.Sockets(listen.inherited(os.environ))
    door = Door.of(settings, sockets)
    control = control_socket(settings, sockets)
    sandbox = await start_sandbox() if declared.needs_sandbox(settings) else None
    begun = Start(own_key(settings), sandbox.base_url if sandbox else None)
    scrubber = Scrubber(declared.secrets_of(settings, begun.extra_keys))
    log = declared.open_log(settings, scrubber, asyncio.get_running_loop())
    supervisor = Supervisor(settings, begin_of(settings, overrides, begun), door)
    stopped = running.stop_event(supervisor.kill)
    listener = Listener(Health(lambda: supervisor.ready, supervisor.metrics).answer)
    if control is not None:
        await listener.listen(control)
    try:
        if await supervisor.start(stopped):
            announce(settings, begun, door.anchor, control, quiet=quiet)
            running.settle()
            await stopped.wait()
    finally:
        in_time = await supervisor.stop()
        await listener.close()
        if sandbox is not None:
            await sandbox.stop()
        sockets.remove_files()
        log.close()
    return 0 if in_time else 1


def begin_of(settings: Settings, overrides: Mapping[str, str], begun: Start) -> Begin:
    """What every worker is told. Raises ConfigError when the configuration file is gone."""
    text = ""
    if settings.source != BUILT_IN_DEFAULTS:
        try:
            text = Path(settings.source).read_text("utf-8-sig")
        except OSError as exc:
            raise ConfigError(f"{settings.source}: cannot read the configuration file: {exc.strerror}") from None
    token = begun.made_key.key.reveal() if begun.made_key else None
    return Begin(0, -1, settings.source, text, dict(overrides), token, begun.sandbox_url)


@attrs.define(eq=False)
class Door:
    """Where workers take connections: a socket each on the address of `anchor`, or the anchor shared by all.

    Each its own spreads connections evenly and wakes one worker for one connection (SO_REUSEPORT, socket(7)); what
    cannot be opened twice (a Unix socket, one passed by systemd) is shared. The parent keeps every socket open, so
    that connections that wait at one whose worker has died are taken by the next worker.
    """

    anchor: socket.socket
    _shared: bool
    _opened: dict[int, socket.socket] = attrs.field(factory=dict)

    @classmethod
    def of(cls, settings: Settings, sockets: listen.Sockets) -> Door:
        """The door on `server.listen`, or the one that was passed. Raises ConfigError."""
        anchor = sockets.take("data", settings.server.listen, LISTEN, shared=True)
        return cls(anchor, "data" in sockets.passed or anchor.family == socket.AF_UNIX)

    def open(self, worker: int) -> socket.socket:
        """The socket of a worker: the one its predecessor left, or a new one. Raises OSError."""
        if self._shared:
            return self.anchor
        if worker not in self._opened:
            self._opened[worker] = listen.sibling(self.anchor)
        return self._opened[worker]

    def leave(self, worker: int) -> None:
        """A worker takes no more connections: the system gives them to the others, and none waits here."""
        if worker in self._opened:
            self._opened.pop(worker).close()

    def close(self) -> None:
        """Take no more connections at all."""
        for worker in list(self._opened):
            self.leave(worker)
        self.anchor.close()


class Supervisor:
    """Keeps the workers of one gateway alive."""

    def __init__(self, settings: Settings, begin: Begin, door: Door) -> None:
        self._server = settings.server
        self._begin = begin
        self._door = door
        self._children: set[Child] = set()
        self._keepers: list[asyncio.Task[None]] = []
        self._begun = False
        self._stopped = asyncio.Event()
        # What workers that are gone had counted.
        self._kept: Snapshot = {}

    @property
    def ready(self) -> bool:
        """Whether requests are taken: at first by all workers, later by one at least."""
        return self._begun and not self._stopped.is_set() and any(child.ready for child in self._children)

    async def start(self, stopped: asyncio.Event) -> bool:
        """Start all workers; whether they take requests, False when `stopped` came first.

        Raises ConfigError with what a worker told that cannot start.
        """
        loop = asyncio.get_running_loop()
        firsts: list[asyncio.Future[None]] = [loop.create_future() for _ in range(self._server.workers)]
        self._keepers = [loop.create_task(self._keep(number, first)) for number, first in enumerate(firsts, 1)]
        self._keepers.append(loop.create_task(self._count_often()))
        everyone = asyncio.ensure_future(_all(firsts))
        waiting = asyncio.ensure_future(stopped.wait())
        await asyncio.wait((everyone, waiting), return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not everyone.done():
            everyone.cancel()
            return False
        try:
            self._begun = everyone.result()
        except (AigwError, OSError) as exc:
            raise ConfigError(str(exc)) from None
        return True

    async def stop(self) -> bool:
        """Let workers finish what is under way, and kill those that do not end in time; whether none had to be."""
        if self._begun:
            structlog.get_logger().info("draining", workers=len(self._children))
        self._stopped.set()
        self._door.close()
        for child in self._children:
            child.terminate()
        _, late = await asyncio.wait(self._keepers, timeout=self._server.drain_timeout + GRACE_SECONDS)
        if late:
            structlog.get_logger().error("workers_killed", workers=[child.number for child in self._children])
            self.kill()
            await asyncio.wait(late)
        return not late

    def kill(self) -> None:
        """End every worker now."""
        for child in self._children:
            child.kill()

    async def metrics(self) -> bytes:
        """The metrics of all workers together, with what those that are gone had counted."""
        # Read before anything is awaited: a worker that ends meanwhile is among those asked, and must not count twice.
        kept = self._kept
        return await asyncio.to_thread(render, merge([kept, *await self._count()]))

    async def _count(self) -> list[Snapshot]:
        return await asyncio.gather(*[child.count() for child in self._children])

    async def _count_often(self) -> None:
        while not await self._pause(COUNT_EVERY_SECONDS):
            await self._count()

    async def _pause(self, seconds: float) -> bool:
        """Wait; whether the gateway was stopped meanwhile."""
        try:
            async with asyncio.timeout(seconds):
                return await self._stopped.wait()
        except TimeoutError:
            return False

    async def _keep(self, number: int, first: asyncio.Future[None]) -> None:
        """Keep a worker's place filled; `first` is told how the first start went."""
        quick = 0
        while not self._stopped.is_set():
            began = monotonic()
            try:
                await self._attend(number, first)
            except Exception as exc:  # whatever it is: a place that is given up would never be filled again
                if not first.done():
                    first.set_exception(exc)
                    return
                known = isinstance(exc, AigwError | OSError)
                structlog.get_logger().error("worker_failed", worker=number, error=str(exc), exc_info=not known)
            quick = quick + 1 if monotonic() - began < HEALTHY_SECONDS else 0
            if pause := pause_after(quick):
                self._door.leave(number)
                await self._pause(pause)

    async def _attend(self, number: int, first: asyncio.Future[None]) -> None:
        """One worker from its start to its end. Raises WorkerFailed, and OSError when it cannot have a socket."""
        begin = attrs.evolve(self._begin, worker=number)
        child = await Child.start(begin, self._door.open(number), lambda: self._door.leave(number))
        self._children.add(child)
        try:
            if self._stopped.is_set():
                child.terminate()
            await child.started()
            if first.done():
                structlog.get_logger().info("worker_restarted", worker=number, pid=child.pid)
            else:
                first.set_result(None)
            code = await child.wait()
            if not self._stopped.is_set():
                structlog.get_logger().warning("worker_ended", worker=number, pid=child.pid, how=how(code))
        except WorkerFailed:
            child.kill()
            await child.wait()
            raise
        finally:
            self._children.discard(child)
            self._kept = merge([self._kept, child.counted])


def pause_after(quick: int) -> float:
    """How long to wait before a worker is replaced, after so many in a row that did not last: the first at once."""
    return 0.0 if quick < 2 else min(FIRST_PAUSE_SECONDS * 2 ** (quick - 2), LONGEST_PAUSE_SECONDS)


async def _all(firsts: list[asyncio.Future[None]]) -> bool:
    await asyncio.gather(*firsts)
    return True
