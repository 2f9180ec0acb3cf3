"""Answers that cross formats at their edges: large, slow and broken ones, and what is told and recorded of them."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
from typing import Any

import pytest

from ..support.gate import Gate, OpenGate
from ..support.upstream import Upstream, Visit
from .test_translated import ENDS, PROVIDERS, asked, streamed_text, text_of

EVENTS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
STRICT = [("x-aigw-strict", "true")]


@pytest.fixture
async def gate(gateway: OpenGate) -> Gate:
    """A gateway with a provider for each surface."""
    return await gateway(providers=PROVIDERS)


def chunk(data: bytes) -> bytes:
    """One HTTP chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def data(value: Any) -> bytes:
    """One event without a name."""
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def delta(**members: Any) -> bytes:
    """One chunk of a chat stream."""
    return data({"id": "c", "model": "m", "choices": [{"index": 0, "delta": members, "finish_reason": None}]})


STOP = data({"id": "c", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
USAGE = data(
    {"id": "c", "model": "m", "choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}}
)
DONE = b"data: [DONE]\n\n"
ANSWER: dict[str, Any] = {
    "id": "c",
    "object": "chat.completion",
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18},
}


def at(upstream: Upstream, *surfaces: str) -> dict[str, Any]:
    """A provider at this upstream."""
    return {"base_url": upstream.base_url, "surfaces": list(surfaces or ("chat-completions",))}


async def drip(visit: Visit, said: bytes, size: int) -> None:
    """Send a stream in HTTP chunks of so many bytes, each in a loop turn of its own."""
    visit.send(EVENTS)
    for start in range(0, len(said), size):
        visit.send(chunk(said[start : start + size]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)


@pytest.mark.parametrize("size", [1, 7, 100_000])
@pytest.mark.parametrize("format", ["messages", "responses", "gemini"])
async def test_usage_is_recorded_however_a_stream_arrives(
    gateway: OpenGate, upstream: Upstream, format: str, size: int
) -> None:
    """What gives the caller nothing new still is metered."""
    gate = await gateway(providers={"chatty": at(upstream)})
    path, body = asked(format, "chatty", stream=True)
    caller = await gate.caller()
    caller.ask(body, path)
    visit = await upstream.accept()
    await visit.request()
    await drip(visit, delta(role="assistant", content="hi") + delta(content=" there") + STOP, size)
    await drip_more(visit, USAGE, size)
    await drip_more(visit, DONE, size)
    visit.send(b"0\r\n\r\n")
    answer = await caller.answer()
    assert streamed_text(format, answer.body) == "hi there"
    assert answer.complete
    seen = (await gate.record()).seen
    assert seen is not None
    assert seen.usage is not None
    assert (seen.usage.input_tokens, seen.usage.output_tokens) == (11, 7)
    assert seen.terminal


async def drip_more(visit: Visit, said: bytes, size: int) -> None:
    """More of a stream, after the gateway has taken what was sent before."""
    await asyncio.sleep(0.02)
    for start in range(0, len(said), size):
        visit.send(chunk(said[start : start + size]))
        await asyncio.sleep(0)


async def test_usage_of_a_stream_that_breaks(gateway: OpenGate, upstream: Upstream) -> None:
    """What the upstream had told by then is recorded."""
    gate = await gateway(providers={"chatty": at(upstream)})
    path, body = asked("messages", "chatty", stream=True)
    caller = await gate.caller()
    caller.ask(body, path)
    visit = await upstream.accept()
    await visit.request()
    visit.send(EVENTS + chunk(delta(role="assistant", content="hi")))
    await caller.until(b"hi")
    visit.send(chunk(USAGE))
    await asyncio.sleep(0.02)
    visit.reset()
    record = await gate.record()
    assert record.outcome == "broken"
    assert record.seen is not None
    assert record.seen.usage is not None
    assert record.seen.usage.input_tokens == 11


async def test_a_caller_who_leaves_a_translated_stream(gateway: OpenGate, upstream: Upstream) -> None:
    """The upstream's connection is closed at once; the record says why, and what was used."""
    gate = await gateway(providers={"chatty": at(upstream)})
    path, body = asked("messages", "chatty", stream=True)
    caller = await gate.caller()
    caller.ask(body, path)
    visit = await upstream.accept()
    await visit.request()
    visit.send(EVENTS + chunk(delta(role="assistant", content="hi") + USAGE))
    await caller.until(b"hi")
    caller.leave()
    async with asyncio.timeout(0.25):
        await visit.gone()
    record = await gate.record()
    assert record.outcome == "client_closed"
    assert record.seen is not None
    assert record.seen.usage is not None


@pytest.mark.parametrize("stream", [True, False])
async def test_a_caller_who_leaves_before_anything_came(gateway: OpenGate, upstream: Upstream, stream: bool) -> None:
    """Also while a whole answer is gathered or a stream's preamble is held."""
    gate = await gateway(providers={"chatty": at(upstream)})
    path, body = asked("messages", "chatty", stream=stream)
    caller = await gate.caller()
    caller.ask(body, path)
    visit = await upstream.accept()
    await visit.request()
    visit.send(EVENTS + chunk(delta(role="assistant")))
    await asyncio.sleep(0.01)
    caller.leave()
    async with asyncio.timeout(0.25):
        await visit.gone()
    assert (await gate.record()).outcome == "client_closed"


async def test_a_stream_whose_framing_lacks_its_end(gateway: OpenGate, upstream: Upstream) -> None:
    """The upstream said all and its terminal event: the caller's stream ends well, and nothing follows its end."""
    gate = await gateway(providers={"chatty": at(upstream)})
    path, body = asked("messages", "chatty", stream=True)
    caller = await gate.caller()
    caller.ask(body, path)
    visit = await upstream.accept()
    await visit.request()
    visit.send(EVENTS + chunk(delta(role="assistant", content="hi") + STOP + USAGE + DONE))
    await caller.until(b"message_stop")
    visit.reset()
    await caller.until(b"0\r\n\r\n")
    assert (await gate.record()).outcome == "ok"


async def test_an_array_that_breaks_tells_why(gateway: OpenGate, upstream: Upstream) -> None:
    """A Gemini stream without events gets the error as an element, then the cut."""
    gate = await gateway(providers={"chatty": at(upstream)})
    path, body = asked("gemini", "chatty", stream=True)
    caller = await gate.caller()
    caller.ask(body, path.partition("?")[0])
    visit = await upstream.accept()
    await visit.request()
    visit.send(EVENTS + chunk(delta(role="assistant", content="hi")))
    await caller.until(b"hi")
    visit.send(chunk(data({"error": {"message": "overloaded", "type": "server_error", "code": "server_error"}})))
    rest = await caller.rest()
    assert b',\r\n{"error":{' in rest
    assert not rest.endswith(b"0\r\n\r\n")


@pytest.mark.parametrize("format", list(ENDS))
async def test_google_tells_in_the_body_when_to_ask_again(gateway: OpenGate, upstream: Upstream, format: str) -> None:
    """A RetryInfo becomes the header that SDKs read."""
    gate = await gateway(
        providers={"gemmy": {**at(upstream, "gemini"), "surface_urls": (("gemini", upstream.base_url),)}}
    )
    path, body = asked(format, "gemmy")
    caller = await gate.caller()
    caller.ask(body, path)
    visit = await upstream.accept()
    await visit.request()
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "17.2s"}
    error = {"error": {"code": 429, "message": "quota", "status": "RESOURCE_EXHAUSTED", "details": [info]}}
    said = json.dumps(error).encode()
    visit.send(
        b"HTTP/1.1 429 Too\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(said), said)
    )
    answer = await caller.answer()
    assert (answer.status, answer.header("retry-after")) == (429, "18")


async def test_a_large_coded_answer(gateway: OpenGate, upstream: Upstream) -> None:
    """Larger than what is undone of a stream at once."""
    gate = await gateway(providers={"chatty": at(upstream)})
    path, body = asked("messages", "chatty")
    caller = await gate.caller()
    caller.ask(body, path)
    visit = await upstream.accept()
    await visit.request()
    content = random.Random(7).randbytes(10_000_000).hex()
    message = {"role": "assistant", "content": content}
    said = gzip.compress(json.dumps({**ANSWER, "choices": [{**ANSWER["choices"][0], "message": message}]}).encode(), 1)
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n"
    visit.send(head % len(said) + said)
    answer = await caller.answer()
    assert answer.status == 200, answer.body[:300]
    assert text_of("messages", json.loads(answer.body)) == content


async def test_a_whole_answer_that_stops_midway(gateway: OpenGate, upstream: Upstream) -> None:
    """The limit that was passed is named."""
    gate = await gateway(providers={"chatty": at(upstream)}, limits={"stream_idle_timeout": 0.1})
    path, body = asked("messages", "chatty")
    caller = await gate.caller()
    caller.ask(body, path)
    visit = await upstream.accept()
    await visit.request()
    visit.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{")
    answer = await caller.answer()
    assert answer.status == 504
    assert b"limits.stream_idle_timeout" in answer.body
