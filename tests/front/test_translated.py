"""Requests that cross formats, through real sockets: what goes up, what comes back, what is said of losses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aigw.wire.neutral import Thinking
from aigw.wire.signatures import seal

from ..support.gate import Gate, OpenGate
from ..support.upstream import Upstream

# One provider per surface, each at the sandbox.
PROVIDERS = {
    "chatty": {"surfaces": ["chat-completions"], "keys": ["sk-chatty-0123456789"]},
    "respondy": {"surfaces": ["responses"], "keys": ["sk-respondy-0123456789"]},
    "messy": {"surfaces": ["messages"], "keys": ["sk-messy-0123456789"]},
    "gemmy": {"surfaces": ["gemini"], "keys": ["sk-gemmy-0123456789"]},
}
HELLO = "hello there my friend"
SAID = f"You said: {HELLO}"


def asked(format: str, provider: str, *, stream: bool = False, **more: Any) -> tuple[str, dict[str, Any]]:
    """Path and body of one question in a format."""
    model = f"{provider}:sandbox-1"
    turn = {"role": "user", "content": HELLO}
    if format == "chat":
        return "/v1/chat/completions", {"model": model, "messages": [turn], "stream": stream, **more}
    if format == "responses":
        return "/v1/responses", {"model": model, "input": [turn], "stream": stream, **more}
    if format == "messages":
        return "/v1/messages", {"model": model, "messages": [turn], "max_tokens": 99, "stream": stream, **more}
    verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return f"/v1beta/models/{model}:{verb}", {"contents": [{"role": "user", "parts": [{"text": HELLO}]}], **more}


def text_of(format: str, answer: Any) -> str:
    """The text of a whole answer."""
    if format == "chat":
        return str(answer["choices"][0]["message"]["content"])
    if format == "responses":
        return "".join(part["text"] for item in answer["output"] for part in item.get("content", ()))
    if format == "messages":
        return "".join(block["text"] for block in answer["content"] if block["type"] == "text")
    return "".join(part["text"] for part in answer["candidates"][0]["content"]["parts"])


def streamed_text(format: str, body: bytes) -> str:
    """The text of a stream, from its deltas alone."""
    events = [json.loads(line[6:]) for line in body.split(b"\n") if line.startswith(b"data: {")]
    if format == "chat":
        return "".join(choice["delta"].get("content") or "" for each in events for choice in each["choices"])
    if format == "responses":
        return "".join(each["delta"] for each in events if each["type"] == "response.output_text.delta")
    if format == "messages":
        deltas = [each["delta"] for each in events if each["type"] == "content_block_delta"]
        return "".join(delta.get("text", "") for delta in deltas)
    parts = [part for each in events for one in each.get("candidates", ()) for part in one["content"].get("parts", ())]
    return "".join(part["text"] for part in parts)


ENDS = {"chat": b"data: [DONE]\n\n", "responses": b"response.completed", "messages": b"message_stop", "gemini": b"STOP"}
FORMATS = list(ENDS)


@pytest.fixture
async def gate(gateway: OpenGate) -> Gate:
    """A gateway with a provider for each surface."""
    return await gateway(providers=PROVIDERS)


@pytest.mark.parametrize("provider", list(PROVIDERS))
@pytest.mark.parametrize("format", FORMATS)
async def test_any_format_reaches_any_surface(gate: Gate, format: str, provider: str) -> None:
    """The answer comes in the caller's format, whole and as a stream that ends as that format's streams do."""
    path, body = asked(format, provider)
    answer = await gate.ask(body, path)
    assert answer.status == 200, answer.body
    assert text_of(format, json.loads(answer.body)) == SAID
    assert (answer.header("content-type") or "").startswith("application/json")
    path, body = asked(format, provider, stream=True)
    answer = await gate.ask(body, path)
    assert answer.status == 200, answer.body
    assert streamed_text(format, answer.body) == SAID
    assert ENDS[format] in answer.body[-9000:]
    assert (answer.header("content-type") or "").startswith("text/event-stream")
    record = await gate.record(2)
    assert record.outcome == "ok"
    assert record.seen is not None
    if (format, provider) == ("chat", "chatty"):
        return  # it passes: a chat stream has no usage unless the caller asks for it
    assert record.seen.usage is not None
    assert (record.seen.usage.input_tokens, record.seen.usage.output_tokens) == (6, 8)


async def test_a_gemini_stream_without_events_is_an_array(gate: Gate) -> None:
    """Gemini's stream without `alt=sse` is one JSON array, also where it is translated."""
    path, body = asked("gemini", "messy", stream=True)
    answer = await gate.ask(body, path.partition("?")[0])
    assert (answer.header("content-type") or "").startswith("application/json")
    chunks = json.loads(answer.body)
    assert (
        "".join(part["text"] for each in chunks for part in each["candidates"][0]["content"].get("parts", ())) == SAID
    )


async def test_losses_are_told(gate: Gate) -> None:
    """In the header, in the record; and a strict caller is refused with the place."""
    path, body = asked("chat", "messy", seed=7, frequency_penalty=0.5)
    answer = await gate.ask(body, path)
    assert answer.status == 200
    assert set((answer.header("x-aigw-loss") or "").split(", ")) == {"/seed;dropped", "/frequency_penalty;dropped"}
    record = await gate.record()
    assert {loss.pointer for loss in record.losses} == {"/seed", "/frequency_penalty"}
    before = len(gate.sandbox.requests)
    answer = await gate.ask(body, path, headers=[("x-aigw-strict", "true")])
    assert answer.status == 400
    error = json.loads(answer.body)["error"]
    assert error["code"] == "lossy_translation"
    assert error["param"] in ("/seed", "/frequency_penalty")
    assert len(gate.sandbox.requests) == before


async def test_strict_is_satisfied_where_nothing_is_lost(gate: Gate) -> None:
    """A strict request that arrives as it was said is served."""
    path, body = asked("chat", "messy")
    answer = await gate.ask(body, path, headers=[("x-aigw-strict", "true")])
    assert answer.status == 200, answer.body
    assert answer.header("x-aigw-loss") is None


async def test_headers_of_the_callers_dialect_stay_behind(gate: Gate) -> None:
    """A translated request carries the provider's dialect alone, and no coding the gateway would have to undo."""
    path, body = asked("messages", "chatty")
    sent = [("anthropic-version", "2026-10-21"), ("anthropic-beta", "x"), ("accept-encoding", "br"), ("x-title", "app")]
    await gate.ask(body, path + "?beta=true", headers=sent)
    seen = gate.sandbox.requests[-1]
    assert seen.path == "/v1/chat/completions"
    assert [seen.header(name) for name in ("anthropic-version", "anthropic-beta", "accept-encoding")] == [None] * 3
    assert seen.header("x-title") == "app"
    assert seen.header("content-type") == "application/json"
    path, body = asked("chat", "messy")
    await gate.ask(body, path)
    assert gate.sandbox.requests[-1].header("anthropic-version") == "2023-06-01"


@pytest.mark.parametrize("stream", [False, True])
async def test_failover_crosses_formats(gate: Gate, stream: bool) -> None:
    """Each candidate gets its own translation of the original, up to the first content."""
    path, body = asked("messages", "chatty", stream=stream)
    body["model"] = "chatty:m!status=429"
    body["models"] = ["respondy:m!status=500", "gemmy:m!error-first", "messy:sandbox-1"]
    answer = await gate.ask(body, path)
    assert answer.status == 200, answer.body
    assert (streamed_text("messages", answer.body) if stream else text_of("messages", json.loads(answer.body))) == SAID
    assert [each.path for each in gate.sandbox.requests] == [
        "/v1/chat/completions",
        "/v1/responses",
        f"/v1beta/models/m%21error-first:{'streamGenerateContent?alt=sse' if stream else 'generateContent'}",
        "/v1/messages",
    ]
    assert answer.header("x-aigw-attempts") == "4"


@pytest.mark.parametrize("provider", list(PROVIDERS))
@pytest.mark.parametrize("format", FORMATS)
async def test_an_upstreams_error_is_told_in_the_callers_format(gate: Gate, format: str, provider: str) -> None:
    """Its status is kept, its message stands where the caller's SDK looks for it."""
    path, body = asked(format, provider)
    path = path.replace("sandbox-1", "m!status=429")
    if "model" in body:
        body["model"] = f"{provider}:m!status=429"
    answer = await gate.ask(body, path)
    assert answer.status == 429
    told = json.loads(answer.body)
    assert told["error"]["message"]
    assert (told["error"].get("status") == "RESOURCE_EXHAUSTED") is (format == "gemini")
    assert (told.get("type") == "error") is (format == "messages")


# Where the formats are the same the bytes pass, with whatever end the upstream gave them.
CROSSING = [
    (each, provider) for each, own in zip(FORMATS, PROVIDERS, strict=True) for provider in PROVIDERS if provider != own
]


@pytest.mark.parametrize("fault", ["cut=2c", "reset=2c", "error-mid=2c", "no-terminal", "malformed=2c"])
@pytest.mark.parametrize(("format", "provider"), CROSSING)
async def test_a_stream_that_breaks_has_no_end(gate: Gate, format: str, provider: str, fault: str) -> None:
    """No stop reason, no terminal event, no clean end: the caller's SDK raises."""
    path, body = asked(format, provider, stream=True)
    path = path.replace("sandbox-1", f"m!{fault}")
    if "model" in body:
        body["model"] = f"{provider}:m!{fault}"
    caller = await gate.caller()
    caller.ask(body, path)
    try:
        answer = await caller.answer()
    except (ConnectionError, EOFError):
        answer = None
    record = await gate.record()
    assert record.outcome in ("broken", "timeout")
    if answer is not None:
        assert b"error" in answer.body
        assert not any(end in answer.body for end in (b"[DONE]", b"message_stop", b"response.completed", b'"STOP"'))


async def test_a_large_request_is_translated(gate: Gate) -> None:
    """One that would go up while it comes has to be there as a whole first."""
    path, body = asked("chat", "messy")
    body["messages"].insert(0, {"role": "user", "content": "x" * 400_000})
    body["messages"].insert(1, {"role": "assistant", "content": "y"})
    answer = await gate.ask(body, path)
    assert text_of("chat", json.loads(answer.body)) == SAID
    seen = json.loads(gate.sandbox.requests[-1].body)
    assert len(json.dumps(seen["messages"][0])) > 400_000


async def test_a_seal_at_the_end_of_a_large_request(gateway: OpenGate) -> None:
    """What has begun to go up is never completed; the provider gets the request without another's thinking."""
    gate = await gateway(providers=PROVIDERS)
    sealed = seal(Thinking(signature="c2ln", maker="gemmy"))
    turns = [
        {"role": "user", "content": "x" * 600_000},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "hm", "signature": sealed}, text("hi")]},
        {"role": "user", "content": HELLO},
    ]
    body = {"model": "messy:sandbox-1", "max_tokens": 9, "messages": turns}
    answer = await gate.ask(body, "/v1/messages")
    assert answer.status == 200, answer.body
    assert answer.header("x-aigw-loss") == "/messages/1/content/0;dropped"
    assert sealed.encode() not in gate.sandbox.requests[-1].body


def text(said: str) -> dict[str, str]:
    """A block of text."""
    return {"type": "text", "text": said}


@pytest.mark.parametrize("coding", ["gzip", "br", "zstd"])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_coded_answer_is_translated(gate: Gate, coding: str, stream: bool) -> None:
    """Some upstreams code their answers whatever the request accepts."""
    path, body = asked("chat", "messy", stream=stream)
    body["model"] = f"messy:m!{coding}"
    answer = await gate.ask(body, path)
    assert (streamed_text("chat", answer.body) if stream else text_of("chat", json.loads(answer.body))) == SAID
    assert answer.header("content-encoding") is None


CHAT_ANSWER = (
    b'{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant",'
    b'"content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}'
)
CHAT_STREAM = (
    b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"hi"}}]}\n\n'
    b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
)


@pytest.mark.parametrize(
    ("stream", "kind", "said"),
    [(True, b"application/json", CHAT_ANSWER), (False, b"text/event-stream", CHAT_STREAM)],
)
async def test_an_upstream_that_answers_otherwise_than_asked(
    gateway: OpenGate, upstream: Upstream, stream: bool, kind: bytes, said: bytes
) -> None:
    """A whole answer where a stream was asked for becomes one, and the other way round."""
    gate = await gateway(providers={"chatty": {"base_url": upstream.base_url, "surfaces": ["chat-completions"]}})
    path, body = asked("messages", "chatty", stream=stream)
    caller = await gate.caller()
    caller.ask(body, path)
    peer = await upstream.accept()
    await peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n%b" % (kind, len(said), said))
    answer = await caller.answer()
    assert answer.status == 200, answer.body
    assert (streamed_text("messages", answer.body) if stream else text_of("messages", json.loads(answer.body))) == "hi"
    assert (answer.header("content-type") or "").startswith("text/event-stream" if stream else "application/json")


async def test_an_answer_that_is_none(gateway: OpenGate, upstream: Upstream) -> None:
    """What cannot be read is a failed attempt, not a 500 and not an empty answer."""
    gate = await gateway(providers={"chatty": {"base_url": upstream.base_url, "surfaces": ["chat-completions"]}})
    path, body = asked("messages", "chatty")
    caller = await gate.caller()
    caller.ask(body, path)
    peer = await upstream.accept()
    await peer.request()
    peer.send(b'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"a":[1]}')
    answer = await caller.answer()
    assert answer.status == 502
    assert json.loads(answer.body)["error"]["details"]["error_code"] == "upstream_error"


async def test_a_request_that_nobody_takes(gate: Gate) -> None:
    """One precise 400 in the caller's format, and no upstream is called."""
    path, body = asked("chat", "messy")
    body["messages"].append({"role": "tool", "tool_call_id": "nobody", "content": "x"})
    answer = await gate.ask(body, path)
    error = json.loads(answer.body)["error"]
    assert (answer.status, error["code"]) == (400, "invalid_body")
    assert "messages" in error["param"]
    assert len(gate.sandbox.requests) == 0


async def test_tokens_are_counted_or_estimated(gateway: OpenGate) -> None:
    """By the provider's own endpoint in its format; else by the gateway, which says that it estimates."""
    providers = {**PROVIDERS, "counter": {"surfaces": ["messages", "count-tokens"], "keys": ["sk-counter-0123456789"]}}
    gate = await gateway(providers=providers)
    contents = {"contents": [{"role": "user", "parts": [{"text": HELLO}]}]}
    answer = await gate.ask(contents, "/v1beta/models/counter:m:countTokens")
    assert (answer.status, answer.header("x-aigw-loss")) == (200, None)
    assert json.loads(answer.body)["totalTokens"] > 0
    assert gate.sandbox.requests[-1].path == "/v1/messages/count_tokens"
    path, body = asked("messages", "chatty")
    answer = await gate.ask(body, path + "/count_tokens")
    assert answer.header("x-aigw-loss") == "/;approximated"
    assert 1 <= json.loads(answer.body)["input_tokens"] < 50
    answer = await gate.ask(body, path + "/count_tokens", headers=[("x-aigw-strict", "true")])
    assert answer.status == 400
    assert len(gate.sandbox.requests) == 1


async def test_embeddings_cross_formats(gateway: OpenGate) -> None:
    """Between OpenAI's and Gemini's shapes, one text or many, packed as OpenAI's SDK asks for it."""
    providers = {
        "openy": {"surfaces": ["embeddings"], "keys": ["sk-openy-0123456789"]},
        "gemmy": {"surfaces": ["gemini"], "keys": ["sk-gemmy-0123456789"]},
    }
    gate = await gateway(providers=providers)
    answer = await gate.ask({"model": "gemmy:m", "input": ["a", "b"], "encoding_format": "base64"}, "/v1/embeddings")
    assert answer.status == 200, answer.body
    told = json.loads(answer.body)
    assert [each["index"] for each in told["data"]] == [0, 1]
    assert all(isinstance(each["embedding"], str) for each in told["data"])
    assert gate.sandbox.requests[-1].path == "/v1beta/models/m:batchEmbedContents"
    one = {"content": {"parts": [{"text": "a"}]}}
    answer = await gate.ask(one, "/v1beta/models/openy:m:embedContent")
    assert answer.status == 200, answer.body
    assert len(json.loads(answer.body)["embedding"]["values"]) > 1
    answer = await gate.ask(
        {"requests": [{"model": "models/m", **one}] * 2}, "/v1beta/models/openy:m:batchEmbedContents"
    )
    assert len(json.loads(answer.body)["embeddings"]) == 2
    answer = await gate.ask({"model": "gemmy:m", "input": [[1, 2]]}, "/v1/embeddings")
    assert answer.status == 400


@pytest.mark.parametrize(("format", "provider"), CROSSING)
async def test_events_that_come_one_by_one(gate: Gate, format: str, provider: str) -> None:
    """What gives the caller nothing to read yet ends nothing: the stream begins when there is something to say."""
    path, body = asked(format, provider, stream=True)
    path = path.replace("sandbox-1", "m!delay=1")
    if "model" in body:
        body["model"] = f"{provider}:m!delay=1"
    answer = await gate.ask(body, path)
    assert streamed_text(format, answer.body) == SAID
    assert answer.complete


def event(name: str, **members: Any) -> bytes:
    """An event of a Responses stream."""
    return f"event: {name}\ndata: {json.dumps({'type': name, **members})}\n\n".encode()


RESPONSE = {"id": "r", "object": "response", "created_at": 1, "status": "in_progress", "model": "m", "output": []}
ITEM = {"type": "message", "id": "i", "role": "assistant", "status": "in_progress", "content": []}
RESPONSES_OPENING = event("response.created", sequence_number=0, response=RESPONSE) + event(
    "response.output_item.added", sequence_number=1, output_index=0, item=ITEM
)
RESPONSES_FAILURE = event("error", sequence_number=2, code="server_error", message="overloaded", param=None)


async def test_a_stream_that_fails_before_it_says_anything(gateway: OpenGate, upstream: Upstream) -> None:
    """Though its events have begun, the caller has read nothing yet: the next candidate is asked."""
    broken = {"base_url": upstream.base_url, "surfaces": ["responses"]}
    gate = await gateway(providers={"broken": broken, **PROVIDERS})
    path, body = asked("messages", "messy", stream=True)
    body.update(model="broken:m", models=["messy:sandbox-1"])
    caller = await gate.caller()
    caller.ask(body, path)
    visit = await upstream.accept()
    await visit.request()
    events = RESPONSES_OPENING + RESPONSES_FAILURE
    visit.send(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncontent-length: %d\r\n\r\n" % len(events))
    visit.send(RESPONSES_OPENING)
    visit.send(RESPONSES_FAILURE)
    answer = await caller.answer()
    assert streamed_text("messages", answer.body) == SAID
    assert answer.body.count(b"message_start") == 2  # the event's name and its type, once
