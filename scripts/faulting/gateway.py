"""A gateway as a real process, in front of a sandbox, with one provider for each format."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEY = "aigw-faults-0123456789abcdef"
START_SECONDS, STOP_SECONDS = 30.0, 15.0
# A format of callers and upstreams → the surface that a provider is declared with.
SURFACES = {"chat": "chat-completions", "responses": "responses", "messages": "messages", "gemini": "gemini"}
# Nothing is left alone for having failed: every case meets the same gateway. Silence is noticed at once.
_CONFIG = """
[server]
listen = "127.0.0.1:0"
control = "off"
data_dir = "{folder}/data"
max_lag = "0s"
[limits]
per_request_timeout = "{patience}s"
total_timeout = "{total}s"
stream_idle_timeout = "{patience}s"
keepalive_after = "{keepalive}s"
[failover]
breaker_failures = 0
retry_budget = 1.0
retry_burst = 1000000
[[access_keys]]
name = "faults"
key = "{key}"
"""
_PROVIDER = """
[providers.{name}]
surfaces = ["{surface}"]
keys = ["sk-{name}-one-0123456789", "sk-{name}-two-0123456789"]
base_url = "{sandbox}/{version}"
"""


class NoGateway(Exception):
    """The gateway did not start, or did not end well; the message says why."""


def model(upstream: str, name: str = "sandbox-small") -> str:
    """A model whose provider speaks that format alone."""
    return f"only-{upstream}:{name}"


def copied(into: Path) -> Path:
    """A copy of the package as it is now, plain Python: what is edited meanwhile does not change what is under way."""
    folder = into / "code"
    shutil.copytree(ROOT / "aigw", folder / "aigw", ignore=shutil.ignore_patterns("__pycache__", "*.so", "*.c"))
    return folder


def config(folder: Path, sandbox: str, patience: float = 1.5, keepalive: float = 0.5) -> str:
    """The configuration of a gateway whose providers are a sandbox at that address; durations in seconds."""
    text = _CONFIG.format(folder=folder, key=KEY, patience=patience, total=4 * patience, keepalive=keepalive)
    for format, surface in SURFACES.items():
        version = "v1beta" if format == "gemini" else "v1"
        text += _PROVIDER.format(name=f"only-{format}", surface=surface, sandbox=sandbox, version=version)
    return text


@asynccontextmanager
async def gateway(folder: Path, sandbox: str, source: Path = ROOT) -> AsyncIterator[str]:
    """A gateway made of the code in `source`; its root URL. Raises NoGateway."""
    path = folder / "aigw.toml"
    path.write_text(config(folder, sandbox))
    # Nothing of the user's own settings and keys may take part.
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "1"}
    with (folder / "log").open("wb") as log, (folder / "stderr").open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "aigw", "serve", "--config", path),
            cwd=folder,
            env=environ,
            stdout=asyncio.subprocess.PIPE,
            stderr=errors,
        )
        following = None
        try:
            address = await _address(process, folder)
            following = asyncio.create_task(_follow(process, log.write))
            yield address
        finally:
            if process.returncode is None:
                process.terminate()
            await _ended(process)
            if following is not None:
                await following


async def _address(process: asyncio.subprocess.Process, folder: Path) -> str:
    assert process.stdout is not None
    async with asyncio.timeout(START_SECONDS):
        while line := await process.stdout.readline():
            told = json.loads(line)
            if "listen" in told:
                return str(told["listen"])
    raise NoGateway((folder / "stderr").read_text() or "the gateway ended")


async def _follow(process: asyncio.subprocess.Process, write: object) -> None:
    assert process.stdout is not None
    assert callable(write)
    while line := await process.stdout.readline():
        write(line)


async def _ended(process: asyncio.subprocess.Process) -> None:
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
