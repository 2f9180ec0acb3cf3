"""SDKs of one generation in a process of their own: questions come as lines of JSON, outcomes go back so.

Two majors of an SDK cannot live in one process. `player.py KEY TIMEOUT`; each question names its gateway.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import warnings
from typing import Any

from aigw.conformance.outcome import Ask
from aigw.conformance.play import Callers, open_callers

# A line is a question, no answer.
_LINE_BYTES = 2**16


class Player:
    """The callers by gateway and format, opened when they are first asked."""

    def __init__(self, key: str, timeout: float) -> None:
        self._key = key
        self._timeout = timeout
        self._callers: dict[tuple[str, str], Callers] = {}

    async def serve(self) -> None:
        """Answer questions, side by side, until there are no more."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=_LINE_BYTES)
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        async with asyncio.TaskGroup() as group:
            async for line in reader:
                group.create_task(self._answer(json.loads(line)))
        for each in self._callers.values():
            await each.close()

    async def _answer(self, asked: dict[str, Any]) -> None:
        url, format = asked["url"], asked["format"]
        callers = self._callers.get((url, format))
        if callers is None:
            callers = self._callers[url, format] = open_callers(url, self._key, self._timeout, [format])
        outcome = await callers.asked(format, Ask(**asked["ask"]))
        print(json.dumps({"id": asked["id"], "outcome": outcome.dump()}), flush=True)


if __name__ == "__main__":
    logging.disable(logging.ERROR)
    warnings.simplefilter("ignore")
    asyncio.run(Player(sys.argv[1], float(sys.argv[2])).serve())
