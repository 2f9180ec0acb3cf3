"""The providers of a soak: one that is always there, one that is killed again and again, both with their copies.

A copy speaks one format alone, so that callers of the other formats are translated. Each provider has two keys.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from trials.process import address, first_line, spawn, started

KEY = "aigw-soak-0123456789abcdef"
STEADY, SHAKY = "steady", "shaky"
FORMATS = ("chat-completions", "responses", "messages", "gemini")
# Seconds that a killed provider lived, and that it stays away.
LIVES, AWAY = (3.0, 12.0), (0.0, 0.6)

_WHOLE = """
[providers.{id}]
base_url = "{address}/v1"
surfaces = ["chat-completions", "responses", "messages", "gemini", "completions", "audio"]
surface_urls = {{ gemini = "{address}/v1beta" }}
keys = ["sk-{id}-0123456789-one", "sk-{id}-0123456789-two"]
hedge = {hedge}
"""
_SINGLE = """
[providers.{id}-{surface}]
base_url = "{address}/{version}"
surfaces = ["{surface}"]
keys = ["sk-{id}-0123456789-one", "sk-{id}-0123456789-two"]
"""
# Failover as often as there is something to fail over from: budgets and circuits have trials of their own, here they
# must not decide whether a request succeeds that could.
_COMMON = """
[server]
listen = "127.0.0.1:0"
control = "127.0.0.1:0"
workers = {workers}
data_dir = "{folder}/data"
max_lag = "0s"
[limits]
per_request_timeout = "4s"
total_timeout = "12s"
stream_idle_timeout = "4s"
[failover]
breaker_open = "100ms"
breaker_max_open = "500ms"
retry_budget = 1.0
retry_burst = 1000000
[[access_keys]]
name = "soak"
key = "{key}"
"""


def config(folder: Path, workers: int, steady: str, shaky: str) -> str:
    """The configuration of the gateway; the addresses are those of the two sandboxes."""
    text = _COMMON.format(folder=folder, key=KEY, workers=workers)
    for id, where in ((STEADY, steady), (SHAKY, shaky)):
        text += _WHOLE.format(id=id, address=where, hedge="true" if id == STEADY else "false")
        for surface in FORMATS:
            version = "v1beta" if surface == "gemini" else "v1"
            text += _SINGLE.format(id=id, address=where, surface=surface, version=version)
    return text


@asynccontextmanager
async def steady(folder: Path, code: Path) -> AsyncIterator[str]:
    """A sandbox that stays; its address."""
    async with started(folder, code, "sandbox", "--listen", "127.0.0.1:0") as process:
        yield (await first_line(process)).split()[3].decode()


class Shaky:
    """A sandbox that is killed (SIGKILL) at random and comes back on the same port."""

    def __init__(self, folder: Path, code: Path, seed: int) -> None:
        self.kills = 0
        self.address = ""
        self._folder = folder
        self._code = code
        self._random = random.Random(seed)
        self._process: asyncio.subprocess.Process | None = None
        self._over = asyncio.Event()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Start it, and kill it again and again meanwhile. Raises TrialError when it does not come back."""
        await self._start("127.0.0.1:0")
        killing = asyncio.create_task(self._kill_often())
        try:
            yield
        finally:
            # Not cancelled: it may be starting a process just now.
            self._over.set()
            await asyncio.wait([killing])
            await self._kill()
        await killing

    async def _start(self, listen: str) -> None:
        self._process = await spawn(self._folder, self._code, "sandbox", "--listen", listen)
        self.address = (await first_line(self._process)).split()[3].decode()

    async def _kill(self) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    async def _kill_often(self) -> None:
        host, port = address(self.address)
        while not await self._over_within(self._random.uniform(*LIVES)):
            await self._kill()
            self.kills += 1
            await self._over_within(self._random.uniform(*AWAY))
            await self._start(f"{host}:{port}")

    async def _over_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), seconds)
        return self._over.is_set()
