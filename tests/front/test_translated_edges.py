"""Requests that cross formats at their edges: large, slow and broken ones, and what is told and recorded of them."""

from __future__ import annotations

import asyncio
import gzip
import json
from typing import Any

import pytest

from aigw.wire.neutral import Thinking
from aigw.wire.signatures import seal

from ..support.gate import Gate, OpenGate
from ..support.upstream import Upstream, Visit
from .test_translated import ENDS, HELLO, PROVIDERS, SAID, asked, streamed_text, text, text_of

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
    body = {"model": "chatty:m!status=503", "models": ["messy:sandbox-1"], "messages": body["messages"]}
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


@pytest.mark.parametrize("format", ["messages", "gemini"])
async def test_who_cannot_count_is_not_asked(gateway: OpenGate, format: str) -> None:
    """Also behind one that can; and a strict request goes on to one that can."""
    counter = {"surfaces": ["messages", "count-tokens"], "keys": ["sk-counter-0123456789"]}
    gate = await gateway(providers={**PROVIDERS, "counter": counter})
    path, body = asked("messages", "counter")
    body.update(model="counter:m!status=500", models=["chatty:m"])
    answer = await gate.ask(body, path + "/count_tokens")
    assert (answer.status, answer.header("x-aigw-loss")) == (200, "/;approximated")
    assert answer.header("x-aigw-provider") == "chatty"
    assert answer.header("x-aigw-attempts") == "1"
    assert [each.path for each in gate.sandbox.requests] == ["/v1/messages/count_tokens"]
    body.update(model="chatty:m", models=["counter:m"])
    answer = await gate.ask(body, path + "/count_tokens", headers=STRICT)
    assert (answer.status, answer.header("x-aigw-loss")) == (200, None)
    assert answer.header("x-aigw-provider") == "counter"


async def test_a_large_request_to_count_is_estimated(gate: Gate) -> None:
    """When it is there as a whole."""
    body = {"model": "chatty:m", "messages": [{"role": "user", "content": "word " * 80_000}]}
    answer = await gate.ask(body, "/v1/messages/count_tokens")
    assert answer.status == 200
    assert json.loads(answer.body)["input_tokens"] > 40_000


REFUSED: list[tuple[str, str, dict[str, Any], set[str]]] = [
    ("chat", "gpt-5-codex", {"temperature": 0.2}, {"/temperature"}),
    ("messages", "gpt-5", {"temperature": 0.2, "top_p": 0.5}, {"/temperature", "/top_p"}),
    ("messages", "gpt-5", {"temperature": 1, "top_p": 1}, set()),
    ("messages", "gpt-5.1", {"temperature": 0.2}, set()),
    ("messages", "gpt-5.1", {"temperature": 0.2, "output_config": {"effort": "high"}}, {"/temperature"}),
    (
        "gemini",
        "gpt-5",
        {"generationConfig": {"temperature": 0.2, "stopSequences": ["x"]}},
        {"/generationConfig/temperature", "/generationConfig/stopSequences"},
    ),
]


@pytest.mark.parametrize(("format", "model", "more", "lost"), REFUSED)
async def test_what_a_model_refuses_is_not_translated(
    gateway: OpenGate, format: str, model: str, more: dict[str, Any], lost: set[str]
) -> None:
    """What the catalog knows the model to refuse is dropped and reported, at the caller's own place."""
    gate = await gateway(
        providers={"openai": {"surfaces": ["chat-completions", "responses"], "keys": ["sk-0123456789"]}}
    )
    path, body = asked(format, "openai", **more)
    body = {**body, "model": f"openai:{model}"} if "model" in body else body
    answer = await gate.ask(body, path.replace("sandbox-1", model))
    assert answer.status == 200, answer.body
    told = set((answer.header("x-aigw-loss") or "").split(", "))
    assert {each for each in told if each and not each.startswith("answer:")} == {f"{each};dropped" for each in lost}
    sent = json.loads(gate.sandbox.requests[-1].body)
    assert ("temperature" in sent) is ("temperature" in more and not lost)


async def test_a_sealed_request_still_loses_what_the_model_refuses(gateway: OpenGate) -> None:
    """Written anew in the same format, it knows what the catalog knows."""
    gate = await gateway(providers={"anthropic": {"surfaces": ["messages", "count-tokens"], "keys": ["sk-0123456789"]}})
    sealed = seal(Thinking(signature="c2ln", maker="google"))
    turns = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": sealed}, text("hi")]},
        {"role": "user", "content": HELLO},
    ]
    body = {"model": "anthropic:claude-opus-4-7", "max_tokens": 9, "messages": turns}
    answer = await gate.ask({**body, "temperature": 0.2}, "/v1/messages")
    assert answer.status == 200, answer.body
    losses = set((answer.header("x-aigw-loss") or "").split(", "))
    assert losses == {"/temperature;dropped", "/messages/1/content/0;dropped"}
    del body["max_tokens"]
    answer = await gate.ask(body, "/v1/messages/count_tokens")
    assert answer.status == 200, answer.body
    assert answer.header("x-aigw-loss") == "/messages/1/content/0;dropped"
    assert sealed.encode() not in gate.sandbox.requests[-1].body


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
