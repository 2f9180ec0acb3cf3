"""`aigw serve --workers N`: a parent that opens the sockets, keeps N workers alive, and answers for all of them.

The parent serves no request of the data plane and knows no catalog, so it stays small and quick; what it cannot
know (requests counted, whether a request is under way) its workers tell it.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Coroutine, Mapping
from functools import partial
from itertools import count
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import attrs
import structlog

from aigw import channel, declared, listen, running
from aigw.channel import Ask, Begin, Prepare, Serving, Switch
from aigw.child import Child, WorkerFailed, how
from aigw.errors import AigwError, ConfigError
from aigw.feed import Feed
from aigw.first_start import Start
from aigw.host import Host
from aigw.listen import Door
from aigw.observe.log import LogSink
from aigw.observe.scrub import Scrubber
from aigw.observe.totals import Snapshot, merge
from aigw.roster import Used
from aigw.serve import announce, control_socket
from aigw.settings import Settings
from aigw.settings.whole import BUILT_IN_DEFAULTS

if TYPE_CHECKING:
    from aigw.store.records import Whole

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
    host = Host(settings, overrides)
    supervisors: list[Supervisor] = []

    def kill() -> None:
        for each in supervisors:
            each.kill()

    stopped = running.stop_event(kill)
    in_time = True
    try:
        whole = await running.unless(stopped, host.begin())
        if not stopped.is_set():
            scrubber = Scrubber(declared.secrets_of(settings, host.begun.extra_keys))
            log = declared.open_log(settings, scrubber, asyncio.get_running_loop())
            begin = begin_of(settings, overrides, host.begun)
            supervisors.append(Supervisor(settings, begin, door, Beside(host.feed, log)))
            await supervisors[0].take(whole)
            del whole
            in_time = await _supervise_until(stopped, supervisors[0], host, control, quiet=quiet)
            log.close()
    finally:
        await host.close()
        sockets.remove_files()
    return 0 if in_time else 1


async def _supervise_until(
    stopped: asyncio.Event, supervisor: Supervisor, host: Host, control: socket.socket | None, *, quiet: bool
) -> bool:
    """Let workers serve until the end; whether all of them ended in time."""
    host.serve(supervisor)
    await host.listen(control)
    try:
        if await supervisor.start(stopped):
            running.on_hang_up(host.hang_up)
            announce(host.settings, host.begun, supervisor.anchor, control, quiet=quiet)
            running.settle()
            await stopped.wait()
    finally:
        in_time = await supervisor.stop()
    return in_time


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


@attrs.frozen(eq=False)
class Beside:
    """What stands beside the workers in their parent: who holds the store, and the parent's own log."""

    feed: Feed
    log: LogSink


class Supervisor:
    """Keeps the workers of one gateway alive, and of one mind."""

    def __init__(self, settings: Settings, begin: Begin, door: Door, beside: Beside | None = None) -> None:
        self._server = settings.server
        self._begin = begin
        self._door = door
        self._beside = beside
        # What the store holds, for the next worker that is started; none without a store.
        self._pieces: list[bytes] = []
        # Nobody is hired while what workers are told changes.
        self._hiring = asyncio.Lock()
        self._numbers = count(1)
        self._children: set[Child] = set()
        self._keepers: list[asyncio.Task[None]] = []
        self._begun = False
        self._stopped = asyncio.Event()
        # What workers that are gone had counted.
        self._kept: Snapshot = {}

    @property
    def anchor(self) -> socket.socket:
        """The socket whose address is that of the data plane."""
        return self._door.anchor

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

    async def count(self) -> Snapshot:
        """The metrics of all workers together, with what those that are gone had counted."""
        # Read before anything is awaited: a worker that ends meanwhile is among those asked, and must not count twice.
        kept = self._kept
        return merge([kept, *await self._count()])

    # -- what workers serve --------------------------------------------------------------------------------------------

    async def take(self, whole: Whole | None) -> None:
        """Let workers serve what the store holds; they say when they do. Nothing to do without a store."""
        if whole is None:
            return
        pieces = await _cut(whole)
        async with self._hiring:
            self._pieces = pieces
            for child in self._children:
                child.give(pieces)

    async def switch(self, settings: Settings, begun: Start, whole: Whole | None) -> None:
        """Let all workers serve another configuration, or none: each makes ready first. Raises AigwError for none."""
        begin = begin_of(settings, self._begin.overrides, begun)
        if await asyncio.to_thread(declared.settings_of, begin.source, begin.config, begin.overrides) != settings:
            raise ConfigError(f"{begin.source} changed while it was read: nothing was changed; try again")
        pieces = [] if whole is None else await _cut(whole)
        number = next(self._numbers)
        prepare = Prepare(number, begin.config, begin.access_key, begin.sandbox_url)
        async with self._hiring:
            children = list(self._children)
            structlog.get_logger().info("reloading", workers=len(children))
            try:
                await _all_of([child.prepare(prepare, pieces) for child in children])
            except AigwError:
                for child in children:
                    await child.switch(Switch(number, go=False))
                raise
            self._begin, self._pieces, self._server = begin, pieces, settings.server
            for failed in await asyncio.gather(
                *[child.switch(Switch(number, go=True)) for child in children], return_exceptions=True
            ):
                # It is about to serve it, or about to end and to be replaced by one that does.
                if isinstance(failed, BaseException):
                    structlog.get_logger().warning("worker_late", error=str(failed))
        if self._beside is not None:
            self._beside.log.guard(Scrubber(declared.secrets_of(settings, begun.extra_keys)))

    async def explain(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """A dry run by one of the workers. Raises AigwError."""
        for child in self._children:
            if child.ready:
                return await child.ask(Ask(next(self._numbers), asked))
        raise WorkerFailed("no worker is ready")

    def uses(self) -> list[Used]:
        """None of the parent's own: workers tell theirs."""
        return []

    def _left(self, number: int, name: str) -> None:
        """A worker takes no more connections and begins no more requests."""
        self._door.leave(number)
        self._gone(name)

    def _gone(self, name: str) -> None:
        if self._beside is not None:
            self._beside.feed.roster.gone(name)

    def _noticed(self, child: Child, message: Serving | channel.Used) -> None:
        if self._beside is None:
            return
        roster = self._beside.feed.roster
        if isinstance(message, Serving):
            roster.serving(child.name, message.epoch)
        else:
            roster.used((account, id, at) for account, id, at in message.uses)

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
        name = f"{number}.{next(self._numbers)}"
        try:
            if self._beside is not None:
                await self._beside.feed.expect(name)
            await self._attend_to(await self._hired(number, name), first)
        finally:
            self._gone(name)

    async def _hired(self, number: int, name: str) -> Child:
        """A worker that is being started. Raises as above."""
        async with self._hiring:
            begin = attrs.evolve(self._begin, worker=number)
            left = partial(self._left, number, name)
            child = await Child.start(begin, self._door.open(number), left, self._noticed, self._pieces)
            child.name = name
            self._children.add(child)
        return child

    async def _attend_to(self, child: Child, first: asyncio.Future[None]) -> None:
        number = child.number
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


async def _cut(whole: Whole) -> list[bytes]:
    """The pieces of a whole, as messages; others have their turn in between."""
    from aigw.pieces import pieces

    cut = []
    for piece in pieces(whole):
        cut.append(channel.write(channel.Piece(piece)))
        await asyncio.sleep(0)
    return cut


async def _all_of(tasks: list[Coroutine[Any, Any, None]]) -> None:
    """Wait for all, however each of them ends. Raises what the first one that failed did."""
    for ended in await asyncio.gather(*tasks, return_exceptions=True):
        if isinstance(ended, BaseException):
            raise ended
