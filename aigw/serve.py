"""`aigw serve`: the first start made easy, sockets, signals, one process or many."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import structlog

from aigw import __version__, listen, running
from aigw.first_start import Start, welcome
from aigw.host import Host, start_sandbox
from aigw.settings import Settings, Tcp

if TYPE_CHECKING:
    from aigw.app import Process
    from aigw.observe.totals import Snapshot
    from aigw.roster import Used
    from aigw.store.records import Whole

CONTROL = "server.control"
# What a process without workers is called.
ALONE = "1"


def serve(settings: Settings, overrides: Mapping[str, str] | None = None, *, quiet: bool = False) -> int:
    """Run the gateway until SIGTERM or SIGINT; the exit code.

    `overrides` are the keys that the command line set, for workers to set them as well; `quiet` leaves the
    welcome of a first start out. Raises ConfigError.
    """
    if settings.server.workers > 1:
        from aigw.supervisor import supervise

        return running.run(supervise(settings, overrides or {}, quiet=quiet))
    return running.run(_serve_one(settings, overrides or {}, quiet))


async def _serve_one(settings: Settings, overrides: Mapping[str, str], quiet: bool) -> int:
    from aigw import allocator, app

    allocator.keep_memory()
    stopped = running.stop_event()
    sockets = listen.Sockets(listen.inherited(os.environ))
    data = sockets.take("data", settings.server.listen, listen.LISTEN)
    control = control_socket(settings, sockets)
    host = Host(settings, overrides)
    try:
        whole = await running.unless(stopped, host.begin())
        if not stopped.is_set():
            begun = host.begun
            process = await app.start(settings, extra_keys=begun.extra_keys, sandbox_url=begun.sandbox_url, whole=whole)
            del whole
            await _serve_until(stopped, Alone(process, host, data, control), quiet=quiet)
    finally:
        await host.close()
    sockets.remove_files()
    return 0


async def _serve_until(stopped: asyncio.Event, alone: Alone, *, quiet: bool) -> None:
    await alone.begin()
    running.on_hang_up(alone.host.hang_up)
    announce(alone.host.settings, alone.host.begun, alone.data, alone.control, quiet=quiet)
    running.settle()
    await stopped.wait()
    await alone.end()


class Alone:
    """A single process: it serves by itself what its host holds."""

    def __init__(self, process: Process, host: Host, data: socket.socket, control: socket.socket | None) -> None:
        self.host = host
        self.data = data
        self.control = control
        self._process = process

    async def begin(self) -> None:
        """Take requests: first those that ask whether others may come."""
        self.host.serve(self)
        await self.host.listen(self.control)
        await self.host.feed.expect(ALONE)
        self._tell()
        await self._process.listen(self.data)

    async def end(self) -> None:
        """Let requests finish, and take no more."""
        structlog.get_logger().info("draining", in_flight=self._process.gateway.in_flight)
        await self._process.stop()

    @property
    def ready(self) -> bool:
        """Whether requests are taken."""
        return self._process.ready

    async def count(self) -> Snapshot:
        """All metrics now."""
        return self._process.read_metrics()

    async def take(self, whole: Whole) -> None:
        """Serve what the store holds."""
        if await self._process.swap.take(whole):
            self._process.note_uses()
            self._tell()

    async def switch(self, settings: Settings, begun: Start, whole: Whole | None) -> None:
        """Serve this configuration. Raises ConfigError."""
        from aigw.swapping import Setup

        setup = Setup(settings, begun.extra_keys, begun.sandbox_url)
        self._process.swap.adopt(await self._process.swap.prepare(setup, whole))
        self._tell()

    async def explain(self, asked: Mapping[str, Any]) -> Mapping[str, Any]:
        """A dry run of a request. Raises ConfigError."""
        return self._process.explain(asked)

    def uses(self) -> list[Used]:
        """When keys were used since the last time."""
        return self._process.uses.take()

    def _tell(self) -> None:
        self.host.feed.roster.serving(ALONE, self._process.swap.epoch)


def control_socket(settings: Settings, sockets: listen.Sockets) -> socket.socket | None:
    """The control listener's socket, None when it is off. Raises ConfigError."""
    address = settings.server.control
    return sockets.passed.get("control") if address is None else sockets.take("control", address, CONTROL)


def serve_sandbox(address: Tcp, *, as_json: bool = False) -> int:
    """`aigw sandbox`: the simulator alone until a signal; its address goes to stdout. Raises ConfigError."""

    async def main() -> int:
        stopped = running.stop_event()
        sandbox = await start_sandbox(address)
        url = sandbox.base_url
        told = f"sandbox provider on {url} (OpenAI and Anthropic: {url}/v1, Gemini: {url}/v1beta)"
        print(json.dumps({"url": url}) if as_json else told, flush=True)
        await stopped.wait()
        await sandbox.stop()
        return 0

    return running.run(main())


def announce(
    settings: Settings, begun: Start, data: socket.socket, control: socket.socket | None, *, quiet: bool = False
) -> None:
    """Tell the operator that it runs: a log line, and for a first start a page of how to call it on stderr."""
    where, health = listen.shown(data), listen.shown(control) if control else None
    structlog.get_logger().info(
        "started",
        version=__version__,
        listen=where,
        control=health or "off",
        workers=settings.server.workers,
        config=settings.source,
    )
    if begun != Start() and not quiet:
        print(welcome(begun, where, health), file=sys.stderr, flush=True)
