"""Requests that cross formats and that parsers stumble over: a 200 or a 400, never a fault of the gateway's own."""

from __future__ import annotations

import json

import pytest

from ..support.gate import Gate, OpenGate
from .test_translated import PROVIDERS


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
