"""A gateway and whatever else of the command a trial needs, each as a process of its own, on loopback."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import attrs

from .numbers import Numbers, read

START_SECONDS = 30.0
# A log line is a few hundred bytes; of a failed request with many attempts some thousand.
LINE_BYTES = 2**20


class TrialError(Exception):
    """The trial cannot go on; the message says why."""


@attrs.define
class Gateway:
    """A running gateway: where it listens, and what can be seen of it from outside."""

    process: asyncio.subprocess.Process
    listen: tuple[str, int]
    control: tuple[str, int]

    async def numbers(self) -> Numbers:
        """What /metrics says now. Raises OSError."""
        reader, writer = await asyncio.open_connection(*self.control)
        writer.write(b"GET /metrics HTTP/1.1\r\nhost: trial\r\nconnection: close\r\n\r\n")
        text = (await reader.read()).decode()
        writer.close()
        return read(text)

    def memory(self) -> int:
        """Resident memory in KiB, of the process and its children."""
        return sum(map(_resident, _family(self.process.pid)))

    def memories(self) -> list[int]:
        """Resident memory in MiB, of the process and of each of its children."""
        return [_resident(pid) // 1024 for pid in _family(self.process.pid)]

    def descriptors(self) -> int:
        """Open file descriptors of the process and its children."""
        return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in _family(self.process.pid))


@asynccontextmanager
async def gateway(
    folder: Path, code: Path, config: str, take: Callable[[bytes], None], **environ: str
) -> AsyncIterator[Gateway]:
    """A gateway with this configuration and environment; `take` gets its log's lines. Raises TrialError.

    `code` is the folder with the package; `folder` gets the files, `serve.stderr` among them.
    """
    path = folder / "aigw.toml"
    await asyncio.to_thread(path.write_text, config)
    async with started(folder, code, "serve", "--config", str(path), **environ) as process:
        told = json.loads(await first_line(process))
        following = asyncio.create_task(_follow(process, take))
        yield Gateway(process, address(told["listen"]), address(told["control"]))
    await following


@asynccontextmanager
async def started(
    folder: Path, code: Path, *arguments: str, **environ: str
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A command of `aigw` as a process; at the end it is asked to end, and has to do so well. Raises TrialError."""
    process = await spawn(folder, code, *arguments, **environ)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        ended = await process.wait()
    if ended:
        raise TrialError(f"aigw {arguments[0]} ended with exit code {ended}")


async def spawn(folder: Path, code: Path, *arguments: str, **environ: str) -> asyncio.subprocess.Process:
    """A command of `aigw` as a process; what it says on stderr goes to `COMMAND.stderr` in the folder."""
    with (folder / f"{arguments[0]}.stderr").open("ab") as errors:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "aigw", *arguments),
            # Nothing of the user's own settings and keys may take part.
            env={"PATH": os.environ["PATH"], "PYTHONPATH": str(code), **environ},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            limit=LINE_BYTES,
        )


async def first_line(process: asyncio.subprocess.Process) -> bytes:
    """What a process says when it is ready. Raises TrialError."""
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START_SECONDS):
            line = await process.stdout.readline()
    except TimeoutError:
        line = b""
    if not line:
        raise TrialError("a process did not start")
    return line


def address(url: str) -> tuple[str, int]:
    """Host and port of a URL without a path."""
    host, _, port = url.strip().removeprefix("http://").rpartition(":")
    return host, int(port)


async def _follow(process: asyncio.subprocess.Process, take: Callable[[bytes], None]) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        take(line)


def _resident(pid: int) -> int:
    try:
        found = re.search(r"^VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def _family(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        children = []
    return [pid, *map(int, children)]
