"""Header fields hold what they may: nothing from a body, a path or an upstream begins a line of its own."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import quote

import pytest

from ..support.caller import CHAT, HELLO, Answer
from ..support.gate import OpenGate
from ..support.upstream import Upstream, Visit

NAMES = [
    *(
        "m\r\nset-cookie: a=b",
        "m\nx-injected: 1",
        "m\rx-injected: 1",
        "m\0x",
        "m\r\n\r\nHTTP/1.1 200 OK",
        "\u010a\u010d",
    ),
    *("m\u2028x-injected: 1", "m\x85x-injected: 1", "m" * 5000, "\xff\xfe", "m x-injected: 1", "m\x01\x7f", " m "),
]
OURS = (b"x-injected", b"set-cookie", b"http/")


async def serve(visit: Visit) -> None:
    """Answer one request, once it is certain that it is one."""
    head, _ = await visit.request()
    lines = head.split(b"\r\n")
    assert lines[0].count(b" ") == 2
    assert not [line for line in lines[1:] if line.lower().startswith(OURS)]
    assert not set(b"\r\n\0").intersection(head.replace(b"\r\n", b""))
    visit.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}")


async def asked(gateway: OpenGate, upstream: Upstream, path: str, body: bytes) -> Answer:
    """The answer to a request that is refused, or asked of the upstream."""
    gate = await gateway(providers={"up": {"base_url": upstream.base_url, "keys": ["sk-up-0123456789"]}})
    caller = await gate.caller()
    caller.ask(body, path)
    answering = asyncio.create_task(caller.answer())
    visiting = asyncio.create_task(upstream.accept())
    await asyncio.wait((answering, visiting), return_when=asyncio.FIRST_COMPLETED)
    if visiting.done():
        await serve(visiting.result())
    visiting.cancel()
    return await answering


@pytest.mark.parametrize("where", ["chat", "messages", "gemini"])
@pytest.mark.parametrize("name", NAMES, ids=ascii)
async def test_a_models_name(gateway: OpenGate, upstream: Upstream, name: str, where: str) -> None:
    """It goes into `x-aigw-model`, into texts, and for Gemini into the upstream's path: as one value, or not at all."""
    body = json.dumps({**HELLO, "model": f"up:{name}", "max_tokens": 5}).encode()
    path = CHAT if where == "chat" else "/v1/messages"
    if where == "gemini":
        path, body = f"/v1beta/models/up:{quote(name)}:generateContent", b'{"contents":[]}'
    answer = await asked(gateway, upstream, path, body)
    assert not {each for each, _ in answer.headers} & {"x-injected", "set-cookie"}
    for _, value in answer.headers:
        assert value.isprintable()
        assert value.isascii()


INJECTED = [
    b"openai-version: 1\rset-cookie: a=b",
    b"openai-version: 1\r\n\tset-cookie: a=b",
    b"openai-version: 1\nset-cookie: a=b",
    b"openai-version: 1\0set-cookie: a=b",
    b"openai-version\r: 1",
    b"openai-version : 1",
    b"set-cookie: a=b",
    b"Set-Cookie2: a=b",
    b"connection: close, openai-version\r\nopenai-version: 1",
    b"keep-alive: timeout=5",
    b"proxy-authenticate: Basic",
    b"trailer: set-cookie",
    b"location: http://evil.example/",
    b"x-accel-redirect: /etc/passwd",
    b"access-control-allow-origin: *",
    b"x-aigw-provider: another",
    b"x-aigw-attempts: 99",
    b"x-ratelimit-a: " + b"y" * 30_000,
]
PASSED = frozenset({"content-type", "content-length", "connection", "x-request-id", "request-id", "server-timing"})


@pytest.mark.parametrize("line", INJECTED, ids=lambda line: ascii(line[:40]))
async def test_an_upstreams_fields(gateway: OpenGate, upstream: Upstream, line: bytes) -> None:
    """Nothing of theirs becomes a field that does not pass by its name, nor one of the gateway's own."""
    gate = await gateway(providers={"up": {"base_url": upstream.base_url, "keys": ["sk-up-0123456789"]}})
    caller = await gate.caller()
    caller.ask({"model": "up:m"})
    visit = await upstream.accept()
    await visit.request()
    visit.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n" + line + b"\r\n\r\n{}")
    answer = await caller.answer()
    fields = dict(answer.headers)
    assert len(fields) == len(answer.headers)
    others = {name for name in fields if name not in PASSED and not name.startswith(("x-aigw-", "x-ratelimit-"))}
    assert others <= {"openai-version"}
    assert fields.get("x-aigw-provider", "up") == "up"
    assert fields.get("x-aigw-attempts", "1") == "1"
    assert "set-cookie" not in fields.get("openai-version", "") or answer.header("set-cookie") is None


SMUGGLED = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n!!"
FRAMED = {
    "two lengths": (b"content-length: 2\r\ncontent-length: 80", b"{}"),
    "one length twice": (b"content-length: 2, 2", b"{}"),
    "length and chunks": (b"content-length: 2\r\ntransfer-encoding: chunked", b"2\r\n{}\r\n0\r\n\r\n"),
    "a signed length": (b"content-length: +2", b"{}"),
    "a length with a space": (b"content-length: 2 2", b"{}"),
    "a negative length": (b"content-length: -2", b"{}"),
    "a signed chunk": (b"transfer-encoding: chunked", b"+2\r\n{}\r\n0\r\n\r\n"),
    "a prefixed chunk": (b"transfer-encoding: chunked", b"0x2\r\n{}\r\n0\r\n\r\n"),
    "a chunk without its end": (b"transfer-encoding: chunked", b"2\r\n{}0\r\n\r\n"),
    "a chunk's extension over lines": (b"transfer-encoding: chunked", b"2;a=\n\r\n{}\r\n0\r\n\r\n"),
    "a hundred thousand trailers": (
        b"transfer-encoding: chunked",
        b"2\r\n{}\r\n0\r\n" + b"x: y\r\n" * 100_000 + b"\r\n",
    ),
}


@pytest.mark.parametrize("name", FRAMED)
async def test_an_upstreams_framing(gateway: OpenGate, upstream: Upstream, name: str) -> None:
    """An answer whose end could be read in two ways has none: the caller hears of it, and nobody gets what follows."""
    line, body = FRAMED[name]
    gate = await gateway(providers={"up": {"base_url": upstream.base_url, "keys": ["sk-up-0123456789"]}})
    caller = await gate.caller()
    caller.ask({"model": "up:m"})
    visit = await upstream.accept()
    await visit.request()
    visit.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n" + line + b"\r\n\r\n" + body + SMUGGLED)
    answer = await caller.answer()
    assert answer.status >= 500 or not answer.complete
    assert b"!!" not in answer.body
    await visit.gone()
    caller = await gate.caller()
    caller.ask({"model": "up:m"})
    again = await upstream.accept()
    await again.request()
    again.send(SMUGGLED.replace(b"!!", b"{}"))
    assert (await caller.answer()).body == b"{}"
