"""What a request that crosses formats leaves in memory."""

from __future__ import annotations

import gc
from collections import Counter
from typing import Any

import pytest

from ..support.gate import Gate, OpenGate
from .test_translated import PROVIDERS

PICTURE = "aGk="
TOOL = {"type": "object", "properties": {"city": {"type": "string"}}}
# A turn with a picture, a call and its result, and another question: all that readers and writers have tables for.
ASKED: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": (
        "/v1/chat/completions",
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "text", "text": "Look"},
                        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PICTURE}"}},
                    ],
                },
                {
                    "role": "assistant",
                    "tool_calls": [
                        {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
                    ],
                },
                {"role": "tool", "tool_call_id": "call_1", "content": "rain"},
                {"role": "user", "content": "use the tool"},
            ],
            "tools": [{"type": "function", "function": {"name": "look", "parameters": TOOL}}],
        },
    ),
    "responses": (
        "/v1/responses",
        {
            "input": [
                {"role": "user", "content": [{"type": "input_image", "image_url": f"data:image/png;base64,{PICTURE}"}]},
                {"type": "function_call", "call_id": "call_1", "name": "look", "arguments": "{}"},
                {"type": "function_call_output", "call_id": "call_1", "output": "rain"},
                {"role": "user", "content": "use the tool"},
            ],
            "tools": [{"type": "function", "name": "look", "parameters": TOOL}],
        },
    ),
    "messages": (
        "/v1/messages",
        {
            "max_tokens": 99,
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PICTURE}}
                    ],
                },
                {"role": "assistant", "content": [{"type": "tool_use", "id": "call_1", "name": "look", "input": {}}]},
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": "call_1", "content": "rain"},
                        {"type": "text", "text": "use the tool"},
                    ],
                },
            ],
            "tools": [{"name": "look", "input_schema": TOOL}],
        },
    ),
    "gemini": (
        "/v1beta/models/{model}:{verb}",
        {
            "contents": [
                {"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": PICTURE}}]},
                {"role": "model", "parts": [{"functionCall": {"name": "look", "args": {}}}]},
                {
                    "role": "user",
                    "parts": [
                        {"functionResponse": {"name": "look", "response": {"output": "rain"}}},
                        {"text": "use the tool"},
                    ],
                },
            ],
            "tools": [{"functionDeclarations": [{"name": "look", "parameters": TOOL}]}],
        },
    ),
}


async def ask(gate: Gate, format: str, provider: str, *, stream: bool) -> None:
    """One request, to its end."""
    path, body = ASKED[format]
    model = f"{provider}:sandbox-1"
    if format != "gemini":
        body = {**body, "model": model, "stream": stream}
    verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
    answer = await gate.ask(body, path.format(model=model, verb=verb))
    assert answer.status == 200, answer.body


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("format", ASKED)
async def test_nothing_waits_for_the_collector(gateway: OpenGate, format: str, stream: bool) -> None:
    """A request, what it became and what read its answer are freed with its end: none of them holds itself."""
    gate = await gateway(providers=PROVIDERS)
    for provider in PROVIDERS:
        await ask(gate, format, provider, stream=stream)  # what is made once for all of them
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for count, provider in enumerate(PROVIDERS, len(PROVIDERS) + 1):
            await ask(gate, format, provider, stream=stream)
            await gate.record(count)
        gc.collect()
        left = Counter(type(each).__qualname__ for each in gc.garbage if _is_of_a_request(type(each).__module__))
    finally:
        gc.set_debug(0)
        gc.enable()
        gc.garbage.clear()
    assert left == {}


async def test_nor_does_a_form(gateway: OpenGate) -> None:
    """The same of a form, which passes through."""
    gate = await gateway()
    form = (
        b'--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nup:m\r\n'
        b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF\r\n--b--\r\n'
    )
    fields = [("content-type", "multipart/form-data; boundary=b")]
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        answer = await gate.ask(form, "/v1/audio/transcriptions", headers=fields)
        assert answer.status == 200, answer.body
        await gate.record()
        gc.collect()
        left = Counter(type(each).__qualname__ for each in gc.garbage if _is_of_a_request(type(each).__module__))
    finally:
        gc.set_debug(0)
        gc.enable()
        gc.garbage.clear()
    assert left == {}


def _is_of_a_request(module: str) -> bool:
    return module.startswith(("aigw.wire", "aigw.relay", "aigw.front"))
