"""One of several processes that share the data plane: it is what its parent tells it to be.

It ends, after the requests under way, on SIGTERM and when the channel ends: a worker does not outlive its parent.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import structlog

from aigw import allocator, app, running
from aigw.channel import Begin, Channel, Count, Counted, Draining, Failed, Message, Ready, end_of
from aigw.declared import load_settings
from aigw.errors import ConfigError
from aigw.first_start import generated
from aigw.settings import Settings


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
    channel = await Channel.open(sock, worker.hear, worker.stopped.set)
    try:
        begin = await worker.begun()
        if begin is None:
            return 0
        try:
            process = await start(begin)
        except ConfigError as exc:
            channel.send(Failed(exc.message))
            return 1
        except Exception as exc:
            channel.send(Failed(f"{type(exc).__name__}: {exc}"))
            raise
        worker.tell = lambda: channel.send(Counted(process.read_metrics()))
        channel.send(Ready())
        running.settle()
        await worker.stopped.wait()
        structlog.get_logger().info("worker_draining", worker=begin.worker, in_flight=process.gateway.in_flight)
        channel.send(Draining())
        await process.stop()
        worker.tell()
        return 0
    finally:
        channel.close()
        await channel.wait_ended()


class Worker:
    """What a worker has heard. `tell` answers a question for its metrics."""

    def __init__(self) -> None:
        self.stopped = asyncio.Event()
        self.tell: Callable[[], None] = lambda: None
        self._begin: Begin | None = None
        self._heard = asyncio.Event()

    def hear(self, message: Message) -> None:
        """One message of the parent's."""
        match message:
            case Begin():
                self._begin = message
                self._heard.set()
            case Count():
                self.tell()
            case _:
                raise ValueError(f"a worker is not told {message!r}")

    async def begun(self) -> Begin | None:
        """What to be; None when the parent left, or told to end, before it said so."""
        waiting = [asyncio.ensure_future(event.wait()) for event in (self._heard, self.stopped)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for each in waiting:
            each.cancel()
        return self._begin


async def start(begin: Begin) -> app.Process:
    """The process that the parent described, serving. Raises ConfigError."""
    allocator.keep_memory()
    settings = settings_of(begin)
    keys = (generated(begin.access_key),) if begin.access_key else ()
    process = await app.start(settings, extra_keys=keys, sandbox_url=begin.sandbox_url)
    await process.listen(socket.socket(fileno=begin.data_fd))
    return process


def settings_of(begin: Begin) -> Settings:
    """The settings as the parent read them: of the same text, whatever has become of the file meanwhile.

    A worker that is started again, hours later, must not be of another configuration than its siblings.
    Raises ConfigError.
    """
    with _file_of(begin) as path:
        try:
            settings = load_settings(path, None, begin.overrides)
        except ConfigError as exc:
            raise ConfigError(exc.message.replace(str(path), begin.source)) from None
    return attrs.evolve(settings, source=begin.source)


@contextmanager
def _file_of(begin: Begin) -> Iterator[Path | None]:
    """The text of the configuration under a path; never on a disk, as it may hold secrets (memfd_create(2))."""
    if sys.platform != "linux":
        # Without files in memory the one on the disk has to serve; no configuration file is none.
        yield Path(begin.source) if begin.config else None
        return
    descriptor = os.memfd_create("aigw.toml")
    try:
        os.write(descriptor, begin.config.encode("utf-8"))
        yield Path(f"/proc/self/fd/{descriptor}")
    finally:
        os.close(descriptor)
