"""An upstream that is mostly quick, slower with a prompt that it has not seen, and now and then stuck."""

from __future__ import annotations

import asyncio
import json
import math
import random

import attrs


@attrs.frozen
class Modes:
    """Seconds until the first token: `usual`, `cold` for a prompt that is in no cache, or `stuck`; and their shares.

    The first two are spread (log-normal, sigma of the logarithm). Hedging begins at the 95th percentile; the tail that
    it leaves is that and a usual answer's time. So it helps where most answers are much quicker than the slowest
    twentieth, as those of models are; where all take the same time, it ends at twice that.
    """

    usual: float = 0.020
    cold: float = 0.120
    cold_share: float = 0.13
    spread: float = 0.3
    stuck: float = 0.8
    stuck_share: float = 0.02

    def draw(self, rng: random.Random) -> float:
        """One request's."""
        draw = rng.random()
        if draw < self.stuck_share:
            return self.stuck
        mode = self.cold if draw < self.stuck_share + self.cold_share else self.usual
        return min(mode * math.exp(rng.gauss(0.0, self.spread)), self.stuck)


def _event(delta: dict[str, str], finish: str | None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "model"}
    return f"data: {json.dumps({**head, 'choices': [choice]})}\n\n".encode()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


_STREAM = _event({"role": "assistant", "content": "word"}, None) + _event({}, "stop") + b"data: [DONE]\n\n"
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_ANSWER = _HEAD + _chunk(_STREAM) + b"0\r\n\r\n"


class Upstream:
    """A chat completions server on loopback that streams.

    `asked` counts requests, `left` those whose caller was gone before the answer.
    """

    def __init__(self, modes: Modes, seed: int) -> None:
        self.asked = 0
        self.left = 0
        self.port = 0
        self._modes = modes
        self._random = random.Random(seed)
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                await reader.readexactly(int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0]))
                self.asked += 1
                await asyncio.sleep(self._modes.draw(self._random))
                if reader.at_eof() or writer.is_closing():
                    self.left += 1
                    return
                writer.write(_ANSWER)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the gateway left, or all is over
        finally:
            writer.close()
