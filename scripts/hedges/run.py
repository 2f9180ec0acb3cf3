"""Two providers with the same upstream, one hedged and one not, under the same steady load."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

import attrs
from trials.code import Code
from trials.numbers import Numbers
from trials.process import TrialError, gateway

from .upstream import Modes, Upstream

KEY = "aigw-hedging-0123456789abcdef"
HEDGED, PLAIN = "hedged", "plain"
# Requests that are not measured: the gateway has to know how long a model usually takes.
WARM_UP = 100
PATIENCE = 30.0
_MARK = b'"content": "word"'
CONFIG = """
[server]
listen = "127.0.0.1:0"
control = "127.0.0.1:0"
data_dir = "{folder}/data"
max_lag = "0s"
[[access_keys]]
name = "hedging"
key = "{key}"
"""
_PROVIDER = """
[providers.{id}]
base_url = "http://127.0.0.1:{port}/v1"
surfaces = ["chat-completions"]
keys = ["sk-{id}-0123456789-one", "sk-{id}-0123456789-two"]
hedge = {hedge}
"""


@attrs.frozen
class Result:
    """What came of one provider: seconds to the first token of each request, what the upstream saw, who won."""

    provider: str
    firsts: Sequence[float]
    requests: int
    asked: int
    hedges: dict[str, int]

    def quantile(self, share: float) -> float:
        """The time within which this share of the requests had their first token."""
        ordered = sorted(self.firsts)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]

    @property
    def extra(self) -> float:
        """Upstream calls beyond one per request, as a share of those."""
        return self.asked / self.requests - 1


async def run(seconds: float, rate: float, modes: Modes, folder: Path, code: Code, seed: int = 1) -> list[Result]:
    """Ask both providers for so long, at this rate each. Raises TrialError."""
    upstreams = {id: Upstream(modes, seed) for id in (HEDGED, PLAIN)}
    config = CONFIG.format(folder=folder, key=KEY)
    for id, upstream in upstreams.items():
        await upstream.start()
        config += _PROVIDER.format(id=id, port=upstream.port, hedge="true" if id == HEDGED else "false")
    try:
        async with gateway(folder, code.folder, config, lambda line: None) as running:
            loads = [_Load(running.listen, id, seconds, rate) for id in upstreams]
            await asyncio.gather(*(load.run() for load in loads))
            numbers = await running.numbers()
    finally:
        for upstream in upstreams.values():
            upstream.stop()
    return [
        Result(
            load.provider,
            load.firsts[WARM_UP:],
            len(load.firsts),
            upstreams[load.provider].asked,
            _won(numbers, load.provider),
        )
        for load in loads
    ]


def _won(numbers: Numbers, provider: str) -> dict[str, int]:
    kinds = ("won", "lost", "failed")
    return {kind: int(numbers.total("aigw_hedges_total", provider=provider, result=kind)) for kind in kinds}


class _Load:
    """Requests at a steady rate, each on its own, however long the others take."""

    def __init__(self, address: tuple[str, int], provider: str, seconds: float, rate: float) -> None:
        self.provider = provider
        self.firsts: list[float] = []
        self._address = address
        self._seconds = seconds
        self._rate = rate
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []

    async def run(self) -> None:
        """Until the time is over and every answer is there. Raises TrialError when one is not whole."""
        rng = random.Random(self.provider)
        until = monotonic() + self._seconds
        try:
            async with asyncio.TaskGroup() as asking:
                while monotonic() < until:
                    asking.create_task(self._ask())
                    await asyncio.sleep(rng.expovariate(self._rate))
        except* (OSError, asyncio.IncompleteReadError) as failed:
            raise TrialError(f"{self.provider}: a request was not answered: {failed.exceptions[0]!r}") from None
        finally:
            for _, writer in self._idle:
                writer.close()

    async def _ask(self) -> None:
        reader, writer = self._idle.pop() if self._idle else await asyncio.open_connection(*self._address)
        began = monotonic()
        writer.write(self._request())
        async with asyncio.timeout(PATIENCE):
            head = await reader.readuntil(b"\r\n\r\n")
            if b" 200 " not in head[:16]:
                raise OSError(head.split(b"\r\n", 1)[0].decode())
            await reader.readuntil(_MARK)
            self.firsts.append(monotonic() - began)
            await reader.readuntil(b"\r\n0\r\n\r\n")
        self._idle.append((reader, writer))

    def _request(self) -> bytes:
        asked = {"model": f"{self.provider}:model", "stream": True, "messages": [{"role": "user", "content": "hello"}]}
        body = json.dumps(asked).encode()
        lines = (
            "POST /v1/chat/completions HTTP/1.1",
            "host: trial",
            f"authorization: Bearer {KEY}",
            "content-type: application/json",
            f"content-length: {len(body)}",
        )
        return "\r\n".join((*lines, "", "")).encode() + body
