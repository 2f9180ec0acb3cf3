"""The processes that hold the SDKs, seen from here: ask one, get what its app was left with."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs

from aigw.conformance.outcome import Ask, Outcome

from .gateway import KEY, ROOT

OLD_SDKS = ROOT / ".venv" / "old-sdks"
# Generation → the formats that have an SDK of it.
GENERATIONS = {
    "current": ("chat", "responses", "messages", "gemini"),
    "old": ("chat", "responses", "messages"),
}
_LINE_BYTES = 2**22


@attrs.define(eq=False)
class Player:
    """A process with the SDKs of one generation."""

    process: asyncio.subprocess.Process
    _numbers: itertools.count[int] = attrs.field(factory=itertools.count)
    _waiting: dict[int, asyncio.Future[Outcome]] = attrs.field(factory=dict)

    async def ask(self, url: str, format: str, ask: Ask) -> Outcome:
        """How a call to a gateway ends there."""
        assert self.process.stdin is not None
        number = next(self._numbers)
        waiting: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting[number] = waiting
        line = json.dumps({"id": number, "url": url, "format": format, "ask": attrs.asdict(ask)})
        self.process.stdin.write(line.encode() + b"\n")
        return await waiting

    async def listen(self) -> None:
        """Hand out what comes back, until the process ends."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            told = json.loads(line)
            self._waiting.pop(told["id"]).set_result(Outcome.load(told["outcome"]))
        for each in self._waiting.values():
            each.set_exception(RuntimeError("the process with the SDKs ended"))


@asynccontextmanager
async def player(generation: str, timeout: float) -> AsyncIterator[Player]:
    """A player of a generation, who waits so many seconds for an end."""
    path = [str(ROOT), str(ROOT / "scripts")]
    path = [str(OLD_SDKS), *path] if generation == "old" else path
    script = Path(__file__).with_name("player.py")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", script, KEY, str(timeout)),
        env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(path)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LINE_BYTES,
    )
    made = Player(process)
    listening = asyncio.create_task(made.listen())
    try:
        yield made
    finally:
        assert process.stdin is not None
        process.stdin.close()
        await listening
        await process.wait()
