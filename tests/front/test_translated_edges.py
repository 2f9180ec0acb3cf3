"""Requests that cross formats at their edges: large, slow, broken, hostile ones, and what is told and recorded of them."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import pytest

from aigw.wire.neutral import Thinking
from aigw.wire.signatures import seal

from ..support.gate import Gate, OpenGate, eventually
from ..support.upstream import Upstream, Visit
from .test_translated import CROSSING, ENDS, HELLO, PROVIDERS, SAID, asked, streamed_text, text, text_of

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


async def large(gate: Gate, body: dict[str, Any], path: str, **more: Any) -> Any:
    """Ask with a body whose content stands before its other members, as SDKs write it."""
    order = sorted(body, key=lambda name: name == "stream")
    return await gate.ask({name: body[name] for name in order}, path, **more)


@pytest.mark.parametrize("format", ["chat", "responses", "messages"])
async def test_a_large_request_asks_for_a_stream_at_its_end(gate: Gate, format: str) -> None:
    """`stream` may come long after the model is known."""
    other = "messy" if format != "messages" else "chatty"
    path, body = asked(format, other, stream=True)
    turns = body["input" if format == "responses" else "messages"]
    turns[:0] = [{"role": "user", "content": "x" * 400_000}, {"role": "assistant", "content": "y"}]
    body = {"model": body["model"], **body}
    del body["stream"]
    body["stream"] = True
    answer = await gate.ask(body, path)
    assert answer.status == 200, answer.body
    assert (answer.header("content-type") or "").startswith("text/event-stream")
    assert streamed_text(format, answer.body) == SAID
    assert json.loads(gate.sandbox.requests[-1].body)["stream"] is True
    assert (await gate.record()).stream is True


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


async def test_only_the_losses_of_the_one_that_answered(gate: Gate) -> None:
    """A candidate that failed lost nothing that matters."""
    path, body = asked("chat", "messy", seed=7, stop=["x"])
    body.update(model="messy:m!status=500", models=["gemmy:sandbox-1"])
    answer = await gate.ask(body, path)
    assert answer.status == 200, answer.body
    assert answer.header("x-aigw-loss") is None
    assert (await gate.record()).losses == []


async def test_strict_passes_over_who_would_lose(gate: Gate) -> None:
    """A strict request goes to the first candidate that can carry it."""
    path, body = asked("chat", "messy", seed=7)
    body["models"] = ["gemmy:sandbox-1"]
    answer = await gate.ask(body, path, headers=STRICT)
    assert answer.status == 200, answer.body
    assert answer.header("x-aigw-provider") == "gemmy"
    assert [each.path.partition(":")[0] for each in gate.sandbox.requests] == ["/v1beta/models/sandbox-1"]


@pytest.mark.parametrize("coded", [False, True])
async def test_passing_and_translated_candidates_of_a_large_body(gate: Gate, coded: bool) -> None:
    """The first gets the caller's bytes while they come, the second its translation."""
    path, body = asked("chat", "chatty")
    body["messages"][:0] = [{"role": "user", "content": "x" * 400_000}, {"role": "assistant", "content": "y"}]
    body = {"model": "chatty:m!status=503", "models": ["messy:sandbox-1"], **{"messages": body["messages"]}}
    raw = json.dumps(body).encode()
    headers = [("content-type", "application/json")]
    if coded:
        raw, headers = gzip.compress(raw), [*headers, ("content-encoding", "gzip")]
    answer = await gate.ask(raw, path, headers=headers)
    assert answer.status == 200, answer.body
    assert text_of("chat", json.loads(answer.body)) == SAID
    assert [each.path for each in gate.sandbox.requests] == ["/v1/chat/completions", "/v1/messages"]
    for each in gate.sandbox.requests:
        assert each.header("content-encoding") is None
        assert json.loads(each.body)


async def test_models_at_the_end_of_a_large_body(gate: Gate) -> None:
    """Names that come last still get their translation."""
    path, body = asked("chat", "chatty")
    body["messages"][:0] = [{"role": "user", "content": "x" * 400_000}, {"role": "assistant", "content": "y"}]
    body = {"model": "chatty:m!status=503", "messages": body["messages"], "models": ["messy:sandbox-1"]}
    answer = await gate.ask(body, path)
    assert text_of("chat", json.loads(answer.body)) == SAID
    assert answer.header("x-aigw-attempts") == "2"


# -- what cannot be read ---------------------------------------------------------------------------------------------

DEEP = b"[" * 100_000 + b"]" * 100_000


def hostile() -> dict[str, bytes]:
    """Values that parsers stumble over, as the raw JSON of one member of a chat request."""
    return {
        "deep tool": b'"tools":[{"type":"function","function":{"name":"f","parameters":{"x":' + DEEP + b"}}}]",
        "deep own": b'"metadata":' + DEEP,
        "deep temperature": b'"temperature":' + DEEP,
        "huge number": b'"temperature":1e999',
        "huge own number": b'"metadata":{"a":1e999}',
        "huge int": b'"seed":' + b"9" * 5000,
        "huge int in a schema": b'"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object",'
        b'"properties":{"a":{"maximum":' + b"9" * 5000 + b"}}}}}]",
        "twice": b'"temperature":1,"temperature":2',
        "NaN": b'"temperature":NaN',
        "long number": b'"max_tokens":1' + b"0" * 40,
    }


@pytest.mark.parametrize("size", [0, 400_000])
@pytest.mark.parametrize("model", ["chatty:m", "respondy:m", "messy:m", "gemmy:m", "openai:gpt-5", "openai:gpt-5-codex"])
@pytest.mark.parametrize("case", list(hostile()))
async def test_hostile_values(gateway: OpenGate, case: str, model: str, size: int) -> None:
    """A 200 or a 400, never a fault of the gateway's own."""
    providers = {**PROVIDERS, "openai": {"keys": ["sk-openai-0123456789"]}}
    gate = await gateway(providers=providers)
    turn = json.dumps([{"role": "user", "content": "x" * size + "hello"}]).encode()
    raw = b'{"model":"%b","messages":%b,%b}' % (model.encode(), turn, hostile()[case])
    answer = await gate.ask(raw, headers=[("content-type", "application/json")])
    assert answer.status in (200, 400), answer.body[:300]
    if answer.status == 400:
        assert json.loads(answer.body)["error"]["message"]


TEXTS = {
    "a lone surrogate": b'"a\\ud800b"',
    "a lone surrogate at the end": b'"a\\udfff"',
    "NUL": b'"a\\u0000b"',
    "invalid UTF-8": b'"a\xff\xfeb"',
    "a control character": b'"a\x01b"',
}


@pytest.mark.parametrize("model", ["chatty:m", "respondy:m", "messy:m", "gemmy:m"])
@pytest.mark.parametrize("case", list(TEXTS))
async def test_hostile_texts(gate: Gate, case: str, model: str) -> None:
    """A 200 or a 400, never a fault of the gateway's own."""
    raw = b'{"model":"%b","messages":[{"role":"user","content":%b}]}' % (model.encode(), TEXTS[case])
    answer = await gate.ask(raw, headers=[("content-type", "application/json")])
    assert answer.status in (200, 400), answer.body[:300]
