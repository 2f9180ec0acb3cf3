"""Small things that stand for large ones, and things without end: refused early, and nobody else waits for them."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator

import pytest

from ..support.caller import HELLO
from ..support.gate import Gate, OpenGate, eventually
from ..support.upstream import Upstream

MEGABYTE = 1 << 20


def bomb(wbits: int, size: int) -> bytes:
    """So many spaces, compressed."""
    coder = zlib.compressobj(9, zlib.DEFLATED, wbits)
    pieces = [coder.compress(bytes([32]) * MEGABYTE) for _ in range(size // MEGABYTE)]
    return b"".join([*pieces, coder.flush()])


BOMBS = {
    "gzip": ("gzip", bomb(31, 64 * MEGABYTE)),
    "deflate": ("deflate", bomb(15, 64 * MEGABYTE)),
    "gzip twice": ("gzip, gzip", gzip.compress(bomb(31, 64 * MEGABYTE))),
    "many members": ("gzip", gzip.compress(b"") * 50_000),
    "members of JSON": ("gzip", gzip.compress(b"{" + b'"a":1,' * 4_000_000 + b'"model":"up:m"}')),
}


async def served(gate: Gate) -> None:
    """The next caller is served as if nothing had been, and nothing is left over."""
    assert (await gate.ask(HELLO)).status == 200
    await eventually(lambda: gate.idle)


@pytest.mark.parametrize("name", BOMBS)
async def test_a_compressed_request(gateway: OpenGate, name: str) -> None:
    """Refused by its size as it would be, or by its form, before it is held; nothing of it goes up."""
    encoding, body = BOMBS[name]
    gate = await gateway()
    answer = await gate.ask(body, headers=[("content-encoding", encoding), ("content-type", "application/json")])
    assert answer.status in (400, 413)
    assert not gate.sandbox.requests
    await served(gate)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("surface", ["chat-completions", "messages"])
async def test_a_compressed_answer(gateway: OpenGate, upstream: Upstream, surface: str, stream: bool) -> None:
    """One that passes costs nothing but its coded bytes; one that is translated is given up when it is too large."""
    up = {"base_url": upstream.base_url, "keys": ["sk-up-0123456789"], "surfaces": [surface]}
    gate = await gateway(providers={"up": up, "other": {"keys": ["sk-other-0123456789"]}})
    caller = await gate.caller()
    caller.ask({**HELLO, "model": "up:m", "stream": stream})
    visit = await upstream.accept()
    await visit.request()
    body = BOMBS["gzip"][1]
    kind = b"text/event-stream" if stream else b"application/json"
    visit.send(
        b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n%b"
        % (kind, len(body), body)
    )
    head = await caller.head()
    assert surface == "chat-completions" or head.status >= 500
    caller.leave()
    assert (await gate.ask({**HELLO, "model": "other:sandbox-small"})).status == 200
    await eventually(lambda: gate.idle)


def parts(number: int) -> Iterator[bytes]:
    """Parts of a form that say nothing."""
    for _ in range(number):
        yield b'--b\r\ncontent-disposition: form-data; name="x"\r\n\r\n\r\n'


FORMS = {
    "ten thousand parts": (b"b", b"".join(parts(10_000)) + b"--b--\r\n"),
    "an endless head": (b"b", b"--b\r\n" + b"x: y\r\n" * 100_000),
    "a boundary of a megabyte": (b"b" * 60_000, b"--b--"),
    "a boundary that is none": (b"b\xff", b"--b--"),
    "an endless value": (b"b", b'--b\r\ncontent-disposition: form-data; name="model"\r\n\r\n' + b"m" * 100_000),
    "almost boundaries": (b"b", b'--b\r\ncontent-disposition: form-data; name="model"\r\n\r\n' + b"\r\n--" * 50_000),
    "no boundary at all": (b"", b"--\r\n" * 1000),
}


@pytest.mark.parametrize("name", FORMS)
async def test_a_form(gateway: OpenGate, name: str) -> None:
    """Forms are bounded in parts, heads and values, and none of these goes up as a whole (CVE-2024-8984 elsewhere)."""
    boundary, body = FORMS[name]
    gate = await gateway()
    kind = f"multipart/form-data; boundary={boundary.decode('latin-1')}"
    answer = await gate.ask(body, "/v1/audio/transcriptions", headers=[("content-type", kind)])
    assert answer.status in (400, 413, 431)
    assert not gate.sandbox.requests
    await served(gate)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1beta/models/up:m:generateContent"])
async def test_a_form_where_none_belongs(gateway: OpenGate, path: str) -> None:
    """A form on a path that takes JSON is not read as one."""
    gate = await gateway()
    body = b'--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nup:m\r\n--b--\r\n'
    answer = await gate.ask(body, path, headers=[("content-type", "multipart/form-data; boundary=b")])
    assert (answer.status, answer.code) == (400, "invalid_body")
    assert not gate.sandbox.requests


def deep(depth: int) -> bytes:
    """Nested objects."""
    return b'{"model":"up:sandbox-small","messages":[{"role":"user","content":"hi"}],"x":' + b'{"a":' * depth


@pytest.mark.parametrize("depth", [1000, 100_000, 1_000_000])
@pytest.mark.parametrize("closed", [False, True])
async def test_a_deep_body(gateway: OpenGate, depth: int, closed: bool) -> None:
    """However deep, the answer is a refusal or an upstream's; never a fault of the gateway's own."""
    gate = await gateway()
    answer = await gate.ask(deep(depth) + (b"1" + b"}" * (depth + 1) if closed else b""))
    assert answer.status in (200, 400)
    assert json.loads(answer.body)
    await served(gate)
