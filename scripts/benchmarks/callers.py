"""Callers that wrk cannot be: listeners of slow streams, senders of huge bodies, a probe. A process of its own.

It tells what it sees in lines of JSON; listeners and senders go on until they are ended.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import uvloop

from .asks import head

# Callers that knock at the same time: fewer than any listener's backlog.
_KNOCKING = 100
_OPEN_SECONDS = 20.0
_CHUNK_MARK = b"data: "
# Between two requests of the probe on a connection: it must not be a load by itself.
PACE_SECONDS = 0.004


class Listener(asyncio.Protocol):
    """A caller who asks once and listens; `heard` is done with the first event of the answer."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._seen = b""
        self.heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(self._request)

    def data_received(self, data: bytes) -> None:
        if self.heard.done():
            return
        self._seen += data
        if _CHUNK_MARK in self._seen:
            self.heard.set_result(None)
        elif not b"HTTP/1.1 200".startswith(self._seen[:12]):
            self.heard.set_exception(ConnectionError(self._seen[:200].decode("latin-1")))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.heard.done():
            self.heard.set_exception(exc or ConnectionError("closed before the first event"))


async def listen(port: int, count: int, request: bytes) -> None:
    """Open so many streams, tell how many talk, keep them open."""
    loop = asyncio.get_running_loop()
    talking, failures = 0, ""
    for begun in range(0, count, _KNOCKING):
        wave = []
        for _ in range(min(_KNOCKING, count - begun)):
            _, caller = await loop.create_connection(lambda: Listener(request), "127.0.0.1", port)
            wave.append(caller.heard)
        done, _ = await asyncio.wait(wave, timeout=_OPEN_SECONDS)
        errors = [error for each in done if (error := each.exception()) is not None]
        talking += len(done) - len(errors)
        failures = failures or "".join(map(str, errors[:1])) or ("" if len(done) == len(wave) else "silence")
    print(json.dumps({"talking": talking, "failure": failures}), flush=True)
    await asyncio.Event().wait()


async def send(port: int, count: int, request: bytes) -> None:
    """Send the same huge request on so many connections, again and again; tell of each answer's status."""
    await asyncio.gather(*(_sender(port, request) for _ in range(count)))


async def _sender(port: int, request: bytes) -> None:
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while True:
                print(json.dumps({"status": await _exchange(reader, writer, request)}), flush=True)
        except (OSError, EOFError, ValueError) as error:
            print(json.dumps({"status": 0, "failure": repr(error)}), flush=True)
        finally:
            writer.close()


async def _exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> int:
    """One request and its answer, which has a content-length; the status."""
    writer.write(request)
    answer = await reader.readuntil(b"\r\n\r\n")
    length = answer.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
    await reader.readexactly(int(length))
    return int(answer.split(b" ", 2)[1])


async def probe(port: int, count: int, request: bytes, seconds: float) -> None:
    """Send small requests at a steady pace on so many connections, then tell how long the answers took."""
    until = time.monotonic() + seconds
    probing = (_prober(port, request, each * PACE_SECONDS / count, until) for each in range(count))
    took = sorted(each for part in await asyncio.gather(*probing) for each in part)
    print(json.dumps({"requests": len(took), "p50": rank(took, 0.5) * 1e3, "p99": rank(took, 0.99) * 1e3}), flush=True)


def rank(ordered: Sequence[float], share: float) -> float:
    """The smallest of these numbers that at least this share of them does not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


async def _prober(port: int, request: bytes, offset: float, until: float) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await _exchange(reader, writer, request)
    took: list[float] = []
    await asyncio.sleep(offset)
    # Not the loop's clock, which stands still between its turns.
    while (begun := time.monotonic()) < until:
        if (status := await _exchange(reader, writer, request)) != 200:
            raise ConnectionError(f"status {status}")
        took.append(time.monotonic() - begun)
        await asyncio.sleep(max(0.0, PACE_SECONDS - took[-1]))
    writer.close()
    return took


def main() -> None:
    """Be what the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=("listen", "send", "probe"))
    parser.add_argument("port", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("path")
    parser.add_argument("body", type=Path)
    parser.add_argument("--seconds", type=float, default=1.0)
    options = parser.parse_args()
    body = options.body.read_bytes()
    request = head(options.path, len(body)) + body
    roles = {
        "listen": lambda: listen(options.port, options.count, request),
        "send": lambda: send(options.port, options.count, request),
        "probe": lambda: probe(options.port, options.count, request, options.seconds),
    }
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(roles[options.role]())


if __name__ == "__main__":
    main()
