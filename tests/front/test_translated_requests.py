"""Requests that cross formats at their edges: large, strict, sealed ones, and what a model refuses."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from aigw.wire.neutral import Thinking
from aigw.wire.signatures import seal

from ..support.gate import Gate, OpenGate
from .test_translated import HELLO, PROVIDERS, SAID, asked, streamed_text, text, text_of

STRICT = [("x-aigw-strict", "true")]


@pytest.fixture
async def gate(gateway: OpenGate) -> Gate:
    """A gateway with a provider for each surface."""
    return await gateway(providers=PROVIDERS)


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
    # At its default it says what its absence says.
    assert ("temperature" in sent) is (more.get("temperature") == 0.2 and not lost)


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


async def test_a_large_request_begun_anew_gets_the_providers_own_error(gate: Gate) -> None:
    """That the first half of it was sent in vain is no failed attempt."""
    sealed = seal(Thinking(signature="bm90IG9uZQ==", maker="messy"))
    turns = [
        {"role": "user", "content": "x" * 600_000},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": sealed}, text("hi")]},
        {"role": "user", "content": HELLO},
    ]
    answer = await gate.ask({"model": "messy:sandbox-1", "max_tokens": 9, "messages": turns}, "/v1/messages")
    assert answer.status == 400
    assert "Invalid `signature`" in json.loads(answer.body)["error"]["message"]


@pytest.mark.parametrize(
    ("query", "events"), [("alt=sse", True), ("%24alt=sse", True), ("alt=json", False), ("", False)]
)
async def test_how_a_gemini_stream_is_asked_for(gate: Gate, query: str, events: bool) -> None:
    """As events with `alt=sse` (or `$alt`), else as an array."""
    path, body = asked("gemini", "messy", stream=True)
    answer = await gate.ask(body, f"{path.partition('?')[0]}?{query}")
    assert (answer.header("content-type") or "").startswith("text/event-stream") is events


async def test_a_stream_that_is_no_boolean(gate: Gate) -> None:
    """Who asks for a stream in another word is told so, not given something else in silence."""
    path, body = asked("chat", "messy")
    answer = await gate.ask({**body, "stream": "yes"}, path)
    assert answer.status == 400
    assert json.loads(answer.body)["error"]["param"] == "stream"
