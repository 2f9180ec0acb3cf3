"""The measurement of scripts/bench as tests call it: its modules here, or the whole of it as a process of its own."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[2]
SCRIPTS = ROOT / "scripts"
COMMAND = (sys.executable, "-P", "-m", "benchmarks")
SECONDS = 60

needs_tools = pytest.mark.skipif(
    not (shutil.which("nginx") and shutil.which("wrk")), reason="nginx and wrk are not installed"
)


async def exchange(bench: SimpleNamespace, path: str, slices: list[bytes], until: bytes) -> bytes:
    """Send a request in these slices to an upstream in this process; the answer up to some bytes."""
    tickers = {"bursts": bench.upstream.Ticker(10, 0.0), "single": bench.upstream.Ticker(1, 0.0)}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: bench.upstream.Connection(tickers), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), limit=1 << 22)
    try:
        for data in (*bench.asks.head(path, sum(map(len, slices))).partition(b"\r\n"), *slices):
            writer.write(data)
            await asyncio.sleep(0)
        return await reader.readuntil(until)
    finally:
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()


@contextmanager
def running(folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The measurement of the uncompiled sources as a process, with its temporary files in a folder of ours."""
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SCRIPTS), "TMPDIR": str(folder)}
    pipe = subprocess.PIPE
    with subprocess.Popen(
        [*COMMAND, "--plain", *arguments], env=environ, text=True, stdout=pipe, stderr=pipe, cwd=ROOT
    ) as process:
        try:
            yield process
        finally:
            process.kill()  # one that did not end by itself must not be waited for


def left_behind(folder: Path) -> list[str]:
    """Files in a folder, and processes that have something to do with it."""
    commands = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            commands.append(path.read_bytes().decode(errors="replace"))
        except OSError:
            continue  # it has ended meanwhile
    return [*map(str, folder.iterdir()), *(command for command in commands if str(folder) in command)]
