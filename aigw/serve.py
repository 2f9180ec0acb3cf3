"""`aigw serve`: the first start made easy, sockets, signals, one process or many."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

import structlog

from aigw import __version__, declared, listen, running
from aigw.errors import ConfigError
from aigw.first_start import Start, own_key, welcome
from aigw.settings import Settings, Tcp

if TYPE_CHECKING:
    from aigw.sandbox.server import Running

LISTEN, CONTROL = "server.listen", "server.control"
ANY_PORT = Tcp("127.0.0.1", 0)


def serve(settings: Settings, overrides: Mapping[str, str] | None = None, *, quiet: bool = False) -> int:
    """Run the gateway until SIGTERM or SIGINT; the exit code.

    `overrides` are the keys that the command line set, for workers to set them as well; `quiet` leaves the
    welcome of a first start out. Raises ConfigError.
    """
    if settings.server.workers > 1:
        from aigw.supervisor import supervise

        return running.run(supervise(settings, overrides or {}, quiet=quiet))
    return running.run(_serve_one(settings, quiet))


async def _serve_one(settings: Settings, quiet: bool) -> int:
    from aigw import allocator, app

    allocator.keep_memory()
    stopped = running.stop_event()
    sockets = listen.Sockets(listen.inherited(os.environ))
    data = sockets.take("data", settings.server.listen, LISTEN)
    control = control_socket(settings, sockets)
    sandbox = await start_sandbox() if declared.needs_sandbox(settings) else None
    begun = Start(own_key(settings), sandbox.base_url if sandbox else None)
    process = await app.start(settings, extra_keys=begun.extra_keys, sandbox_url=begun.sandbox_url)
    if control is not None:
        await process.listen_control(control)
    await process.listen(data)
    announce(settings, begun, data, control, quiet=quiet)
    running.settle()
    await stopped.wait()
    structlog.get_logger().info("draining", in_flight=process.gateway.in_flight)
    await process.stop()
    if sandbox is not None:
        await sandbox.stop()
    sockets.remove_files()
    return 0


def control_socket(settings: Settings, sockets: listen.Sockets) -> socket.socket | None:
    """The control listener's socket, None when it is off. Raises ConfigError."""
    address = settings.server.control
    return sockets.passed.get("control") if address is None else sockets.take("control", address, CONTROL)


async def start_sandbox(address: Tcp = ANY_PORT) -> Running:
    """The provider simulator, in this process. Raises ConfigError when it cannot listen there."""
    from aigw.sandbox import server

    try:
        return await server.start(address.host, address.port)
    except OSError as exc:
        raise ConfigError(f"the sandbox cannot listen on {address}: {exc.strerror or exc}") from None


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
