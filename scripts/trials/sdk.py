"""A caller that sends and retries as the official SDKs do by default, at a fraction of their cost.

Two retries: of 408, 409, 429, 5xx and lost connections, unless `x-should-retry` says otherwise. It waits for what
`retry-after-ms` or `retry-after` say, up to two minutes; a longer word is no. Else half a second, doubled each
time up to eight, less up to a quarter of it. `x-stainless-retry-count` tells which try it is. (openai 3.54.0,
`_base_client.py`: `_should_retry`, `_calculate_retry_timeout`; that both do the same is tested.)
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Mapping
from time import monotonic

import attrs

RETRIES = 2
FIRST_DELAY, LONGEST_DELAY, LONGEST_TOLD = 0.5, 8.0, 120.0
# Longer than any limit of the gateways on trial.
PATIENCE = 60.0
_RETRIED = frozenset({408, 409, 429})


@attrs.frozen
class Try:
    """One HTTP request: when it began and ended, its status (0: no answer), what the answer's head said."""

    began: float
    ended: float
    status: int
    headers: Mapping[str, str]


def should_retry(status: int, headers: Mapping[str, str]) -> bool:
    """Whether an SDK asks again after this answer; 0 for none."""
    told = told_delay(headers)
    if told is not None and told > LONGEST_TOLD:
        return False
    word = headers.get("x-should-retry")
    if word in ("true", "false"):
        return word == "true"
    return status == 0 or status in _RETRIED or status >= 500


def told_delay(headers: Mapping[str, str]) -> float | None:
    """Seconds that an answer says to wait."""
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        try:
            return float(headers[name]) * unit
        except (KeyError, ValueError):
            continue
    return None


def delay(retry: int, headers: Mapping[str, str], rng: random.Random) -> float:
    """Seconds before retry number `retry`, from 0 on."""
    told = told_delay(headers)
    if told is not None and 0 < told <= LONGEST_TOLD:
        return told
    return min(FIRST_DELAY * 2.0**retry, LONGEST_DELAY) * (1 - 0.25 * rng.random())


class Sdk:
    """Asks for chat completions of one address with one access key."""

    def __init__(self, address: tuple[str, int], key: str, seed: int = 0) -> None:
        self._address = address
        self._key = key
        self._random = random.Random(seed)

    async def ask(self, model: str, *more: str) -> list[Try]:
        """One call of an app: every try it took, the last one's answer being the app's. `more` are fallbacks."""
        body = {"model": model, "messages": [{"role": "user", "content": "hello"}]}
        if more:
            body["models"] = list(more)
        tries: list[Try] = []
        while True:
            tries.append(await self._try(json.dumps(body).encode(), len(tries)))
            last = tries[-1]
            if last.status == 200 or len(tries) > RETRIES or not should_retry(last.status, last.headers):
                return tries
            await asyncio.sleep(delay(len(tries) - 1, last.headers, self._random))

    async def _try(self, body: bytes, retry: int) -> Try:
        lines = (
            "POST /v1/chat/completions HTTP/1.1",
            "host: trial",
            f"authorization: Bearer {self._key}",
            "content-type: application/json",
            f"content-length: {len(body)}",
            f"x-stainless-retry-count: {retry}",
            "connection: close",
        )
        began = monotonic()
        status, headers = 0, dict[str, str]()
        try:
            async with asyncio.timeout(PATIENCE):
                reader, writer = await asyncio.open_connection(*self._address)
                try:
                    writer.write("\r\n".join((*lines, "", "")).encode() + body)
                    status, headers = _head(await reader.readuntil(b"\r\n\r\n"))
                    await reader.read()
                finally:
                    writer.close()
        except (OSError, asyncio.IncompleteReadError):
            status = 0
        return Try(began, monotonic(), status, headers)


def _head(data: bytes) -> tuple[int, dict[str, str]]:
    line, *fields = data.decode("latin-1")[:-4].split("\r\n")
    pairs = (field.partition(":") for field in fields)
    return int(line.split(" ", 2)[1]), {name.lower(): value.strip() for name, _, value in pairs}
