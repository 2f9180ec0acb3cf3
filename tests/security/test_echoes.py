"""What an upstream repeats of a credential: in header fields, error events, pieces, translations; and a proxy, too."""

from __future__ import annotations

import asyncio
import base64

import pytest

from aigw.adapter import Ask, Outgoing, Provider
from aigw.secret import Secret
from aigw.settings.proxies import Proxy

from ..support.caller import CHAT, HELLO
from ..support.gate import Gate, OpenGate
from ..support.upstream import Upstream
from .test_secrets import FIRST, assert_clean, in_json, opened, spellings

FIELDS = (
    *("openai-version", "openai-processing-ms", "anthropic-ratelimit-requests-reset", "x-ratelimit-reset-tokens"),
    *("etag", "content-disposition", "retry-after", "x-request-id", "x-generation-id", "cache-control", "vary"),
)
MESSAGES = {"model": "up:m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
WORD = b'data: {"id":"c","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\n'
STREAM = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    """An HTTP chunk."""
    return b"%x\r\n%b\r\n" % (len(data), data)


async def single(gateway: OpenGate, upstream: Upstream, **fields: object) -> Gate:
    """A gateway with one key alone, so that an upstream's own error goes to the caller."""
    return await gateway(providers={"up": {"base_url": upstream.base_url, "keys": [FIRST], **fields}})


@pytest.mark.parametrize("status", [400, 401, 429, 500])
async def test_an_errors_fields_are_scrubbed(gateway: OpenGate, upstream: Upstream, status: int) -> None:
    """Fields of an upstream's error that pass by their name do not pass with a credential in their value."""
    gate = await single(gateway, upstream)
    caller = await gate.caller()
    caller.ask({"model": "up:m"})
    visit = await upstream.accept()
    await visit.request()
    value = " ".join(spellings(FIRST))
    lines = "".join(f"{field}: Bearer {value}\r\nx-ratelimit-{field}: Bearer\r\n" for field in FIELDS)
    visit.send(
        f"HTTP/1.1 {status} No\r\ncontent-type: application/json\r\n{lines}"
        "connection: close\r\ncontent-length: 2\r\n\r\n{}".encode()
    )
    answer = await caller.answer()
    assert answer.status == status
    names = {name for name, _ in answer.headers}
    assert {f"x-ratelimit-{field}" for field in FIELDS} <= names
    assert set(FIELDS) - {"x-request-id"} <= names
    assert_clean(str(answer.headers))


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize("stream", [False, True])
async def test_a_translated_error_in_pieces(gateway: OpenGate, upstream: Upstream, stream: bool, size: int) -> None:
    """An error on its way through a translation, in however small pieces it comes."""
    gate = await single(gateway, upstream, surfaces=["chat-completions"])
    caller = await gate.caller()
    caller.ask({**MESSAGES, "stream": stream}, "/v1/messages")
    visit = await upstream.accept()
    await visit.request()
    said = in_json(" ".join(spellings(FIRST)).encode())
    visit.send(b"HTTP/1.1 401 No\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(said))
    for at in range(0, len(said), size):
        visit.send(said[at : at + size])
        await asyncio.sleep(0)
    answer = await caller.answer()
    assert answer.status == 401
    assert_clean(answer.body.decode())


@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_a_translated_error_event(gateway: OpenGate, upstream: Upstream, size: int) -> None:
    """An upstream's error in the midst of a stream is told in the caller's format, without what it repeats."""
    gate = await single(gateway, upstream, surfaces=["chat-completions"])
    caller = await gate.caller()
    caller.ask({**MESSAGES, "stream": True}, "/v1/messages")
    visit = await upstream.accept()
    await visit.request()
    visit.send(STREAM + chunk(WORD))
    heard = await caller.until(b"Hello")
    said = b"data: " + in_json(" ".join(spellings(FIRST)).encode()) + b"\n\n"
    for at in range(0, len(said), size):
        visit.send(chunk(said[at : at + size]))
        await asyncio.sleep(0)
    heard += await caller.until(b"0\r\n\r\n")
    assert b"event: error" in heard
    assert_clean(heard.decode())


@pytest.mark.parametrize("format", ["chat", "messages"])
async def test_an_error_as_first_event(gateway: OpenGate, upstream: Upstream, format: str) -> None:
    """A stream that begins with an error is none: what it repeats is told scrubbed, in both lanes."""
    gate = await single(gateway, upstream, surfaces=["chat-completions"])
    caller = await gate.caller()
    caller.ask({**MESSAGES, "stream": True}, CHAT if format == "chat" else "/v1/messages")
    visit = await upstream.accept()
    await visit.request()
    said = b"data: " + in_json(" ".join(spellings(FIRST)).encode()) + b"\n\n"
    visit.send(STREAM + chunk(said[:40]) + chunk(said[40:]) + b"0\r\n\r\n")
    answer = await caller.answer()
    assert answer.status >= 400
    assert_clean(answer.body.decode())
    assert_clean(str(answer.headers))


@pytest.mark.parametrize("refusal", [b"407 Proxy wants %b", b"502 %b", b"200%b"])
async def test_a_proxy_that_repeats_its_password(
    gateway: OpenGate, upstream: Upstream, refusal: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    """A proxy's refusal goes into errors and log lines without the credentials it was sent."""
    password = "planted-proxy-password-0123456789"
    port = int(upstream.base_url.removesuffix("/v1").rpartition(":")[2])
    gate = await gateway(
        providers={"up": {"base_url": "https://provider.example/v1", "keys": [FIRST]}},
        upstream={"https_proxy": Proxy("127.0.0.1", port, credentials=Secret(f"user:{password}"))},
        log={"level": "debug", "format": "json"},
    )
    caller = await gate.caller()
    caller.ask({"model": "up:m"})
    visit = await upstream.accept()
    head, _ = await visit.request()
    pair = base64.b64encode(f"user:{password}".encode())
    assert pair in head
    visit.send(b"HTTP/1.1 " + refusal % pair + b"\r\nx: " + password.encode() + b"\r\n\r\n" + password.encode())
    answer = await caller.answer()
    await gate.stop()
    for text in (answer.body.decode(), str(answer.headers), "".join(capfd.readouterr()), str(gate.records)):
        assert not [spelling for spelling in (*spellings(password), pair.decode()) if spelling in text]


async def test_a_provider_that_stumbles_over_its_key(
    gateway: OpenGate, upstream: Upstream, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """An exception that quotes the credential, from the code that has just opened it: clean for caller and log."""

    async def stumble(self: Provider, ask: Ask) -> Outgoing:
        assert ask.key is not None
        raise RuntimeError(f"cannot sign with {ask.key.secret.reveal()!r}")

    gate = await opened(gateway, upstream, log={"level": "debug", "format": "json"})
    monkeypatch.setattr(Provider, "adapt", stumble)
    answer = await gate.ask(HELLO)
    assert answer.status >= 400
    seen = " ".join(gate._watch.seen)
    gate._watch.seen.clear()
    await gate.stop()
    assert_clean(answer.body.decode() + str(answer.headers))
    assert_clean("".join(capfd.readouterr()))
    assert "RuntimeError" in seen
