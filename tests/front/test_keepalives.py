"""Keep-alives: a stream that is silent says so, in words that no SDK sees."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Mapping
from typing import Any

import pytest

from aigw.front.delivery import Delivery
from aigw.relay import deadlines

from ..support.gate import OpenGate, eventually
from ..support.listening import ENDED, SDKS, Heard, begun_stream, behind
from ..support.streams import CHUNKED, KIND, SAID, STREAMS, chunk
from ..support.upstream import Upstream

Json = Mapping[str, Any]
QUIET = {
    "chat": b": keep-alive\n\n",
    "responses": b": keep-alive\n\n",
    "messages": b'event: ping\ndata: {"type": "ping"}\n\n',
    "gemini": b"\r\n",
}


@pytest.mark.parametrize("ours", STREAMS)
@pytest.mark.parametrize("theirs", STREAMS)
async def test_sdks_are_indifferent_to_keep_alives(
    gateway: OpenGate, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, ours: str, theirs: str
) -> None:
    """Where an upstream is silent, something goes to the caller, again and again, that its SDK does not see."""
    monkeypatch.setattr(deadlines, "TICK", 0.001)
    gate = await behind(gateway, upstream, theirs, limits={"keepalive_after": 0.002})
    stream = STREAMS[theirs]
    opened, ask = SDKS[ours]
    said: list[Delivery] = []
    quiet = Delivery.on_silence

    def noted(turn: Delivery) -> None:
        said.append(turn)
        quiet(turn)

    monkeypatch.setattr(Delivery, "on_silence", noted)
    async with opened(gate.base_url) as client, asyncio.timeout(10):
        asked = asyncio.ensure_future(ask(client))
        visit = await upstream.accept()
        await visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\n" + KIND + CHUNKED + chunk(stream.start + stream.words[0]))
        for piece in (stream.words[1] + stream.words[2], stream.end):
            before = len(said)
            await eventually(lambda before=before: len(said) > before + 2)  # type: ignore[misc]
            visit.send(chunk(piece))
        visit.send(b"0\r\n\r\n")
        assert await asked == Heard(SAID, ENDED[ours])
    assert (await gate.record()).outcome == "ok"


@pytest.mark.parametrize("ours", STREAMS)
async def test_the_bytes_of_a_keep_alive(
    gateway: OpenGate, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, ours: str
) -> None:
    """A comment, a ping, or a blank line, in a chunk of its own; never within an event."""
    monkeypatch.setattr(deadlines, "TICK", 0.001)
    gate = await behind(gateway, upstream, ours, limits={"keepalive_after": 0.002})
    stream = STREAMS[ours]
    head = b"HTTP/1.1 200 OK\r\n" + KIND + CHUNKED
    caller, visit = await begun_stream(gate, upstream, ours, head + chunk(stream.start + stream.words[0]))
    await caller.until(chunk(stream.start + stream.words[0]) + chunk(QUIET[ours]) * 2)
    visit.send(chunk(stream.words[1][:-3]))
    await caller.until(chunk(stream.words[1][:-3]))
    await asyncio.sleep(0.02)
    visit.send(chunk(stream.words[1][-3:]))
    assert await caller.until(chunk(stream.words[1][-3:])) == chunk(stream.words[1][-3:])


@pytest.mark.parametrize(
    ("head", "limits"),
    [
        (KIND, {"keepalive_after": 0}),
        (KIND + b"content-encoding: gzip\r\n", {"keepalive_after": 0.002}),
    ],
    ids=["switched off", "coded"],
)
async def test_no_keep_alives(
    gateway: OpenGate, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, head: bytes, limits: Json
) -> None:
    """None where the operator wants none, and none in a content coding, where they would be garbage."""
    monkeypatch.setattr(deadlines, "TICK", 0.001)
    gate = await behind(gateway, upstream, "chat", limits=limits)
    begun = STREAMS["chat"].start + STREAMS["chat"].words[0]
    sent = gzip.compress(begun) if b"gzip" in head else begun
    caller, visit = await begun_stream(gate, upstream, "chat", b"HTTP/1.1 200 OK\r\n" + head + CHUNKED + chunk(sent))
    await caller.until(chunk(sent))
    await asyncio.sleep(0.03)
    visit.send(chunk(b": x"))
    assert await caller.until(chunk(b": x")) == chunk(b": x")
