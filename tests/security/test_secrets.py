"""No secret of the configuration is ever told: not in errors, headers, log lines or metrics."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any
from urllib.parse import quote

import pytest

from aigw.front.gateway import MAX_WORDS

from ..support.caller import Answer, connect, request
from ..support.gate import TOKEN, Gate, OpenGate
from ..support.upstream import Upstream

FIRST = "sk-planted-first/0123456789+abcdefghij"
SECOND = "planted-second-0123456789-abcdefghij"
MANAGED = "sk-planted-managed-0123456789abcdef"
HEADER = "planted-header-value-0123456789abcd"
HELLO = b'data: {"choices":[{"delta":{"content":"Hello"}}]}\n\n'
OTHER = "aigw-planted-other-key-0123456789"
PLANTED = (FIRST, SECOND, MANAGED, HEADER, TOKEN, OTHER)


def spellings(secret: str) -> list[str]:
    """How a secret turns up in texts."""
    return [secret, quote(secret, safe=""), base64.b64encode(secret.encode()).decode().rstrip("=")[:-1]]


def assert_clean(text: str) -> None:
    """None of the planted secrets stands in it, in no spelling."""
    found = [spelling for secret in PLANTED for spelling in spellings(secret) if spelling in text]
    assert found == []


async def opened(gateway: OpenGate, upstream: Upstream, **details: Any) -> Gate:
    """A gateway with secrets planted wherever there can be one."""
    own = {"keys": [FIRST, SECOND], "managed_keys": [MANAGED], "headers": {"x-team": HEADER}}
    return await gateway(
        providers={"up": {"base_url": upstream.base_url, **own}},
        access_keys=[{"name": "app", "key": TOKEN}, {"name": "other", "key": OTHER}],
        **details,
    )


def echo(head: bytes) -> bytes:
    """What an upstream could say about a request: everything it was sent, in every spelling."""
    said = head.decode("latin-1") + " ".join(" ".join(spellings(secret)) for secret in PLANTED)
    return said.encode()


async def answered(gate: Gate, upstream: Upstream, kind: bytes, wrap: Any, *fields: bytes, tries: int = 3) -> Answer:
    """The caller's answer when every attempt fails with an echo of its request."""
    caller = await gate.caller()
    caller.ask({"model": "up:m"}, headers=[("x-api-key", OTHER)])
    for _ in range(tries):
        visit = await upstream.accept()
        head, _ = await visit.request()
        body = wrap(echo(head))
        more = b"".join(field + b"\r\n" for field in fields)
        visit.send(
            b"HTTP/1.1 401 No\r\ncontent-type: %b\r\nset-cookie: key=%b\r\nwww-authenticate: Bearer %b\r\n"
            b"x-echo: %b\r\nopenai-organization: org-secret\r\nconnection: close\r\n%bcontent-length: %d\r\n\r\n%b"
            % (kind, FIRST.encode(), FIRST.encode(), FIRST.encode(), more, len(body), body)
        )
    return await caller.answer()


def in_json(text: bytes) -> bytes:
    """As an error object."""
    return json.dumps({"error": {"message": text.decode("latin-1"), "code": "invalid_api_key"}}).encode()


@pytest.mark.parametrize(
    ("kind", "wrap", "fields"),
    [
        (b"application/json", in_json, ()),
        (b"application/json", lambda text: gzip.compress(in_json(text)), (b"content-encoding: gzip",)),
        (b"text/html", lambda text: b"<html><p>" + text, ()),
        (b"text/plain", bytes, ()),
        (b"application/json", lambda text: in_json(text)[: MAX_WORDS + 40], ()),
        (b"application/json", lambda text: b'{"error":"' + base64.b64encode(b"user:" + FIRST.encode()) + b'"}', ()),
    ],
    ids=["json", "coded", "page", "text", "half", "base64"],
)
async def test_an_upstreams_error_is_scrubbed(
    gateway: OpenGate, upstream: Upstream, kind: bytes, wrap: Any, fields: tuple[bytes, ...]
) -> None:
    """Whatever form it has; its fields pass by name alone."""
    gate = await opened(gateway, upstream)
    answer = await answered(gate, upstream, kind, wrap, *fields)
    assert answer.status == 401
    assert_clean(answer.body.decode())
    assert_clean(str(answer.headers))
    assert not {"set-cookie", "www-authenticate", "x-echo", "openai-organization"} & {
        name for name, _ in answer.headers
    }


async def test_a_summary_is_scrubbed(gateway: OpenGate, upstream: Upstream) -> None:
    """What several upstreams said is listed with redacted keys, and their words without any."""
    gate = await opened(gateway, upstream, failover={"breaker_failures": 0})
    caller = await gate.caller()
    caller.ask({"model": "up:m", "models": ["up:n"], "stream": True})
    for number in range(6):
        visit = await upstream.accept()
        head, _ = await visit.request()
        data = b"data: " + in_json(echo(head)) + b"\n\n"
        kind = b"text/event-stream" if number % 2 else b"application/json"
        body = data if number % 2 else data[6:]
        visit.send(
            b"HTTP/1.1 200 OK\r\ncontent-type: %b\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%b"
            % (kind, len(body), body)
        )
    answer = await caller.answer()
    assert (answer.status, answer.code) == (503, "all_candidates_failed")
    assert "***" in answer.body.decode()
    assert_clean(answer.body.decode())


@pytest.mark.parametrize(
    "data",
    [
        b"GET /nothing?key=%b HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %b\r\n\r\n",
        b"GET /v1/chat/completions?key=%b HTTP/1.1\r\nhost: x\r\nx-api-key: %b\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: %b\r\nauthorization: Bearer %b\x00\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: %b\r\nauthorization : Bearer %b\r\n\r\n",
        b"%b %b\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %b\r\ncontent-length: 40\r\n\r\n%b{",
    ],
)
async def test_what_a_caller_sent_is_not_repeated(gateway: OpenGate, upstream: Upstream, data: bytes) -> None:
    """Refusals name what is wrong, not what was sent: a key in the wrong place stays unseen."""
    gate = await opened(gateway, upstream)
    caller = await gate.caller()
    caller.send(data % (OTHER.encode(), OTHER.encode()) + b" " * 50)
    answer = await caller.answer()
    assert answer.status >= 400
    assert_clean(answer.body.decode())
    assert_clean(str(answer.headers))


async def test_log_and_metrics_tell_no_secret(
    gateway: OpenGate, upstream: Upstream, capfd: pytest.CaptureFixture[str]
) -> None:
    """Served, failed, refused and malformed requests with secrets in every corner: one line each, all clean."""
    gate = await opened(gateway, upstream, log={"level": "debug", "format": "json"})
    await answered(gate, upstream, b"application/json", in_json)
    for name in (FIRST, f"up:{SECOND}", OTHER, f"{TOKEN}:m"):
        caller = await gate.caller()
        caller.ask({"model": name, "user": TOKEN}, headers=[("x-request-id", "id-1"), ("user-agent", FIRST)])
        if name.startswith("up:"):
            visit = await upstream.accept()
            await visit.request()
            visit.send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}")
        await caller.answer()
    for data in (
        request(path=f"/{OTHER}?key={OTHER}", token=OTHER),
        request(token="wrong" + FIRST),
        b"x " + FIRST.encode(),
    ):
        caller = await gate.caller()
        caller.send(data + b"\r\n\r\n")
        await caller.answer()
    await gate.record(8)
    probe = await connect(gate.control_port, "")
    probe.send(request(path="/metrics"))
    metrics = await probe.answer()
    probe.leave()
    await gate.stop()
    written = capfd.readouterr()
    lines = [json.loads(line) for line in written.out.splitlines() if line]
    assert len([line for line in lines if line.get("event") == "request"]) == 8
    assert_clean(written.out)
    assert_clean(written.err)
    assert_clean(metrics.body.decode())
    assert 'provider="up"' in metrics.body.decode()


async def test_a_broken_stream_tells_no_secret(gateway: OpenGate, upstream: Upstream) -> None:
    """The error event is in the gateway's own words."""
    gate = await opened(gateway, upstream)
    caller = await gate.caller()
    caller.ask({"model": "up:m", "stream": True})
    visit = await upstream.accept()
    await visit.request()
    visit.send(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        b"%x\r\n%b\r\n" % (len(HELLO), HELLO)
    )
    await caller.until(b"Hello")
    visit.send(b"zz" + FIRST.encode() + b"\r\n")
    rest = await caller.until(b"0\r\n\r\n")
    assert b"stopped midway" in rest
    assert_clean(rest.decode())


async def test_nothing_shows_a_secret_by_accident(gateway: OpenGate, upstream: Upstream) -> None:
    """What a debugger or a traceback would print of the running parts."""
    gate = await opened(gateway, upstream)
    process = gate.process
    for thing in (process, process.settings, process.gateway.snapshot, process.gateway, process.gateway.relay):
        assert_clean(repr(thing))
