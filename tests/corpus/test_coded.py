"""Answers in a content coding: they pass undone, and are metered all the same."""

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import aiohttp
import brotli
import pytest

zstd = pytest.importorskip("backports.zstd")

DECODERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "br": brotli.decompress,
    "zstd": zstd.decompress,
}
SURFACES: dict[str, tuple[str, dict[str, Any]]] = {
    "chat-completions": (
        "/v1/chat/completions",
        {"messages": [{"role": "user", "content": "hello canary"}], "stream_options": {"include_usage": True}},
    ),
    "responses": ("/v1/responses", {"input": "hello canary"}),
    "messages": ("/v1/messages", {"messages": [{"role": "user", "content": "hello canary"}], "max_tokens": 99}),
}


@pytest.mark.parametrize("streamed", [False, True], ids=["plain", "streamed"])
@pytest.mark.parametrize("surface", sorted(SURFACES))
@pytest.mark.parametrize("coding", sorted(DECODERS))
async def test_coded_answers_pass_undone(coding: str, surface: str, streamed: bool, gateway: Any) -> None:
    """A compressed answer reaches the caller compressed, decodes to the answer, and its usage is on record."""
    gate = await gateway()
    path, body = SURFACES[surface]
    asked = {**body, "model": f"up:sandbox-small!{coding},chunk=7", "stream": streamed}
    headers = {"authorization": f"Bearer {gate.token}", "accept-encoding": coding}
    async with (
        aiohttp.ClientSession(gate.base_url, headers=headers, auto_decompress=False) as client,
        client.post(path, json=asked) as answer,
    ):
        coded = await answer.read()
    assert (answer.status, answer.headers["content-encoding"]) == (200, coding)
    text = DECODERS[coding](coded).decode()
    assert "canary" in (text if streamed else json.dumps(json.loads(text)))
    seen = (await gate.record()).seen
    assert (seen.usage.input_tokens, seen.usage.output_tokens) == (3, 6)
    assert seen.terminal
