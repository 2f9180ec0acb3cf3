"""The gateway and its simulated provider as processes, watched from outside: metrics, memory, log."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 30.0
KEY = "aigw-soak-0123456789abcdef"
_SAMPLE = re.compile(r"^(\w+)(\{[^}]*\})? (\S+)$", re.MULTILINE)
# Outcomes that a request may have when upstreams fail and callers leave; `failed` would be the gateway's own fault.
_OUTCOMES = {"ok", "client_error", "client_closed", "refused", "upstream_error", "timeout", "broken"}

CONFIG = """
[server]
listen = "127.0.0.1:0"
control = "127.0.0.1:0"
workers = {workers}
data_dir = "{folder}/data"
[limits]
per_request_timeout = "4s"
total_timeout = "12s"
stream_idle_timeout = "4s"
[[access_keys]]
name = "soak"
key = "{key}"
[providers.up]
base_url = "{sandbox}/v1"
surfaces = ["chat-completions", "responses", "messages", "gemini", "completions", "audio"]
surface_urls = {{ gemini = "{sandbox}/v1beta" }}
keys = ["sk-soak-0123456789"]
"""


class SoakError(Exception):
    """The soak cannot go on; the message says why."""


@attrs.define
class Log:
    """What the gateway wrote: its request lines by outcome, and every line that should not be there."""

    requests: Counter[str] = attrs.field(factory=Counter)
    odd: list[str] = attrs.field(factory=list)

    def take(self, line: bytes) -> None:
        """Count one line."""
        try:
            told = json.loads(line)
        except ValueError:
            self.odd.append(line.decode("utf-8", "replace"))
            return
        if told.get("event") == "request" and told.get("outcome") in _OUTCOMES:
            self.requests[told["outcome"]] += 1
        elif told.get("event") == "request" or told.get("level") not in ("debug", "info"):
            self.odd.append(line.decode("utf-8", "replace"))


@attrs.define
class Watched:
    """A gateway under load."""

    process: asyncio.subprocess.Process
    listen: tuple[str, int]
    control: tuple[str, int]
    log: Log

    async def metrics(self) -> dict[str, float]:
        """Every sample of /metrics, summed over its labels, and each with them. Raises OSError."""
        reader, writer = await asyncio.open_connection(*self.control)
        writer.write(b"GET /metrics HTTP/1.1\r\nhost: soak\r\nconnection: close\r\n\r\n")
        text = (await reader.read()).decode()
        writer.close()
        samples: dict[str, float] = {}
        for name, labels, value in _SAMPLE.findall(text):
            samples[name + labels] = float(value)
            if labels:
                samples[name] = samples.get(name, 0.0) + float(value)
        return samples

    def memory(self) -> int:
        """Resident memory in KiB, of the process and its children."""
        return sum(map(_resident, _family(self.process.pid)))

    def descriptors(self) -> int:
        """Open file descriptors of the process itself."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


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


@asynccontextmanager
async def watched(folder: Path, workers: int) -> AsyncIterator[Watched]:
    """A sandbox and a gateway in front of it, each a process of its own. Raises SoakError."""
    async with _started(folder, "sandbox", "--listen", "127.0.0.1:0") as sandbox:
        address = (await _first_line(sandbox)).split()[3].decode()
        config = CONFIG.format(folder=folder, key=KEY, sandbox=address, workers=workers)
        path = await asyncio.to_thread(_written, folder, config)
        async with _started(folder, "serve", "--config", path) as gateway:
            told = json.loads(await _first_line(gateway))
            log = Log()
            following = asyncio.create_task(_follow(gateway, log))
            yield Watched(gateway, _address(told["listen"]), _address(told["control"]), log)
        await following
    for name in ("sandbox", "serve"):
        errors = (folder / f"{name}.stderr").read_text().strip()
        if errors:
            log.odd.append(f"stderr of aigw {name}: {errors[-2000:]}")


def _written(folder: Path, config: str) -> str:
    path = folder / "aigw.toml"
    path.write_text(config)
    return str(path)


def _address(url: str) -> tuple[str, int]:
    host, _, port = url.removeprefix("http://").rpartition(":")
    return host, int(port)


@asynccontextmanager
async def _started(folder: Path, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    # Nothing of the user's own settings and keys may take part.
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    with (folder / f"{arguments[0]}.stderr").open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "aigw", *arguments),
            env=environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
            limit=2**20,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
    if await process.wait():
        raise SoakError(f"aigw {arguments[0]} ended with exit code {process.returncode}")


async def _first_line(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdout is not None
    async with asyncio.timeout(START_SECONDS):
        line = await process.stdout.readline()
    if not line:
        raise SoakError("a process did not start")
    return line


async def _follow(process: asyncio.subprocess.Process, log: Log) -> None:
    assert process.stdout is not None
    async for line in process.stdout:
        log.take(line)
