"""Requests that cross formats and that parsers stumble over: a 200 or a 400, never a fault of the gateway's own."""

from __future__ import annotations

import json

import pytest

from aigw.relay.translation import Translated, Translator
from aigw.routing.plan import Candidate

from ..support.gate import Gate, OpenGate
from ..support.upstream import Upstream
from .test_translated import PROVIDERS, asked


@pytest.fixture
async def gate(gateway: OpenGate) -> Gate:
    """A gateway with a provider for each surface."""
    return await gateway(providers=PROVIDERS)


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
@pytest.mark.parametrize(
    "model", ["chatty:m", "respondy:m", "messy:m", "gemmy:m", "openai:gpt-5", "openai:gpt-5-codex"]
)
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


DEEP_OBJECT = b'{"a":' * 9_000 + b"1" + b"}" * 9_000
ANSWERS = {
    "deep": b'{"id":"c","output":' + DEEP_OBJECT + b',"choices":' + DEEP_OBJECT + b',"content":' + DEEP_OBJECT + b"}",
    "another type": b'{"id":[],"type":[],"status":[],"choices":5,"output":5,"content":5,"candidates":5}',
    "a list": b"[[]]",
    "a huge number": b'{"id":"c","created":1e999,"usage":{"prompt_tokens":1e300},"choices":[],"output":[]}',
}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("surface", ["chat-completions", "responses", "messages", "gemini"])
@pytest.mark.parametrize("case", list(ANSWERS))
async def test_hostile_answers(gateway: OpenGate, upstream: Upstream, case: str, surface: str, stream: bool) -> None:
    """What an upstream sends is the upstream's fault: a failed attempt, or a stream that breaks."""
    at = {"base_url": upstream.base_url, "surfaces": [surface], "surface_urls": ((surface, upstream.base_url),)}
    gate = await gateway(providers={"odd": at})
    path, body = asked("messages" if surface != "messages" else "chat", "odd", stream=stream)
    caller = await gate.caller()
    caller.ask(body, path)
    visit = await upstream.accept()
    await visit.request()
    said = ANSWERS[case]
    kind = b"application/json"
    if stream:
        said, kind = b"data: " + said + b"\n\n", b"text/event-stream"
    visit.send(b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-length: %d\r\n\r\n%b" % (kind, len(said), said))
    answer = await caller.answer()
    assert answer.header("x-aigw-error") in (None, "upstream_error"), answer.body[:300]
    assert (await gate.record()).error != "internal_error"


ERRORS = {
    "deep": DEEP_OBJECT,
    "deep error": b'{"error":' + DEEP_OBJECT + b"}",
    "other types": b'{"type":[],"error":{"type":[],"message":{},"code":[],"param":{},"status":[],"details":[[5]]}}',
    "a list": b"[]",
    "huge": b'{"error":{"message":"x","code":1e999}}',
}


@pytest.mark.parametrize("surface", ["chat-completions", "responses", "messages", "gemini"])
@pytest.mark.parametrize("format", ["chat", "messages", "gemini"])
@pytest.mark.parametrize("case", list(ERRORS))
async def test_hostile_errors(gateway: OpenGate, upstream: Upstream, case: str, surface: str, format: str) -> None:
    """An error's status goes to the caller, whatever its body is."""
    at = {"base_url": upstream.base_url, "surfaces": [surface], "surface_urls": ((surface, upstream.base_url),)}
    gate = await gateway(providers={"odd": at})
    path, body = asked(format, "odd")
    caller = await gate.caller()
    caller.ask(body, path)
    visit = await upstream.accept()
    await visit.request()
    said = ERRORS[case][:60_000]
    head = b"HTTP/1.1 418 Tea\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    visit.send(head % len(said) + said)
    answer = await caller.answer()
    assert answer.status == 418
    assert answer.body


async def test_a_shape_that_nobody_thought_of(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a 400 for the caller, the next candidate is asked, and the operator is told of it."""

    def stumble(self: Translator, candidate: Candidate) -> Translated | None:
        if candidate.provider.id == "messy":
            raise TypeError("unhashable type: 'list'")
        return translated(self, candidate)

    translated = Translator.translated
    monkeypatch.setattr(Translator, "translated", stumble)
    path, body = asked("chat", "messy")
    answer = await gate.ask(body, path)
    assert (answer.status, answer.code) == (400, "invalid_body")
    answer = await gate.ask({**body, "models": ["gemmy:sandbox-1"]}, path)
    assert answer.status == 200
    assert len(gate._watch.seen) == 2
    gate._watch.seen.clear()
