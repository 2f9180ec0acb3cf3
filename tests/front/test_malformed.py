"""HTTP that is wrong, or that two parsers could read differently: answered, never forwarded."""

from __future__ import annotations

import asyncio

import pytest

from ..support.caller import CHAT, HELLO, chunked, request
from ..support.gate import TOKEN, OpenGate

BODY = b'{"model":"up:sandbox-small","messages":[{"role":"user","content":"hi"}]}'
SIZE = b"content-length: %d\r\n" % len(BODY)
CHUNKS = b"transfer-encoding: chunked\r\n"


def post(*fields: bytes, body: bytes = BODY, line: bytes = b"POST /v1/chat/completions HTTP/1.1") -> bytes:
    """A request with a valid key and these fields, byte for byte."""
    head = (line, b"host: gateway", b"authorization: Bearer " + TOKEN.encode(), b"content-type: application/json")
    return b"\r\n".join(head) + b"\r\n" + b"".join(fields) + b"\r\n" + body


def absolute(target: bytes) -> bytes:
    """A request for another target."""
    return post(SIZE, line=b"POST " + target + b" HTTP/1.1")


FRAMING = {
    "length and chunks": post(SIZE, CHUNKS, body=chunked(BODY)),
    "chunks and length": post(CHUNKS, SIZE, body=chunked(BODY)),
    "two lengths": post(SIZE, b"content-length: 3\r\n"),
    "one length twice": post(SIZE, SIZE),
    "list of lengths": post(b"content-length: 72, 72\r\n"),
    "signed length": post(b"content-length: +72\r\n"),
    "negative length": post(b"content-length: -1\r\n"),
    "hexadecimal length": post(b"content-length: 0x48\r\n"),
    "empty length": post(b"content-length: \r\n"),
    "endless length": post(b"content-length: 99999999999999999999999999\r\n"),
    "space before the colon": post(b"content-length : 72\r\n"),
    "unknown coding": post(b"transfer-encoding: xchunked\r\n", body=chunked(BODY)),
    "identity": post(b"transfer-encoding: identity\r\n", body=chunked(BODY)),
    "identity and length": post(b"transfer-encoding: identity\r\n", SIZE),
    "quoted coding": post(b'transfer-encoding: "chunked"\r\n', body=chunked(BODY)),
    "vertical tab": post(b"transfer-encoding: \x0bchunked\r\n", body=chunked(BODY)),
    "chunks twice": post(CHUNKS, CHUNKS, body=chunked(BODY)),
    "chunks, then not": post(CHUNKS, b"transfer-encoding: identity\r\n", body=chunked(BODY)),
    "not, then chunks": post(b"transfer-encoding: gzip\r\n", CHUNKS, body=chunked(BODY)),
    "chunks not last": post(b"transfer-encoding: chunked, identity\r\n", body=chunked(BODY)),
    "another coding below": post(b"transfer-encoding: gzip, chunked\r\n", body=chunked(BODY)),
    "space in the name": post(b"transfer-encoding : chunked\r\n", body=chunked(BODY)),
    "folded coding": post(b"transfer-encoding:\r\n chunked\r\n", body=chunked(BODY)),
    "chunks in HTTP/1.0": post(CHUNKS, body=chunked(BODY), line=b"POST /v1/chat/completions HTTP/1.0"),
    "no number": post(CHUNKS, body=b"zz\r\n" + BODY),
    "negative chunk": post(CHUNKS, body=b"-5\r\n" + BODY),
    "prefixed chunk": post(CHUNKS, body=b"0x48\r\n" + BODY),
    "endless chunk": post(CHUNKS, body=b"fffffffffffffffff\r\n" + BODY),
    "chunk too long": post(CHUNKS, body=b"%x\r\n%bXX0\r\n\r\n" % (len(BODY), BODY)),
    "chunk's extension broken": post(CHUNKS, body=b"48;a\nb\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "endless trailers": post(CHUNKS, body=chunked(BODY)[:-2] + b"x: y\r\n" * 100_000),
}
FIELDS = {
    "folded field": post(SIZE, b"x-a: b\r\n c\r\n"),
    "zero byte": post(SIZE, b"x-a: b\0c\r\n"),
    "carriage return": post(SIZE, b"x-a: b\rc\r\n"),
    "line feed": post(SIZE, b"x-a: b\nx-b: c\r\n"),
    "space in a name": post(SIZE, b"x a: b\r\n"),
    "no colon": post(SIZE, b"xa\r\n"),
    "no name": post(SIZE, b": b\r\n"),
    "two hosts": post(SIZE, b"host: other.example\r\n"),
    "129 fields": post(SIZE, *(b"x-%d: y\r\n" % number for number in range(125))),
    "no host": post(SIZE).replace(b"host: gateway\r\n", b""),
    "bare line feeds": post(SIZE).replace(b"\r\n", b"\n"),
}
LINES = {
    "lower-case method": post(SIZE, line=b"post /v1/chat/completions HTTP/1.1"),
    "unknown method": post(SIZE, line=b"FOO /v1/chat/completions HTTP/1.1"),
    "two spaces": post(SIZE, line=b"POST /v1/chat completions HTTP/1.1"),
    "no version": post(SIZE, line=b"POST /v1/chat/completions"),
    "another version": post(SIZE, line=b"POST /v1/chat/completions HTTP/1.2"),
    "version 2": post(SIZE, line=b"POST /v1/chat/completions HTTP/2.0"),
    "preface of version 2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "bytes above ASCII": absolute(b"/v1/chat/completions?\xc3\xbc=1"),
    "control character": absolute(b"/v1/chat/completions?\x01"),
}


@pytest.mark.parametrize("data", [pytest.param(data, id=id) for id, data in (FRAMING | FIELDS | LINES).items()])
async def test_it_is_refused_and_goes_nowhere(gateway: OpenGate, data: bytes) -> None:
    """One answer with 400 in the format of the path, then the end of the connection; the upstream saw nothing."""
    gate = await gateway()
    caller = await gate.caller()
    caller.send(data)
    answer = await caller.answer()
    assert (answer.status, answer.code) == (400, "bad_request")
    assert answer.header("connection") == "close"
    error = answer.json["error"]
    assert error["code"] == "bad_request"
    assert error["message"].startswith("The request is not valid HTTP/1.1: ")
    assert len(error["message"]) > len("The request is not valid HTTP/1.1: ") + 5
    assert "message:" not in error["message"]
    assert await caller.rest() == b""
    assert not gate.sandbox.requests
    record = await gate.record()
    assert (record.outcome, record.status) == ("refused", 400)


SMUGGLED = request({**HELLO, "model": "up:smuggled"}, token=TOKEN)


@pytest.mark.parametrize("data", [pytest.param(data, id=id) for id, data in FRAMING.items()])
async def test_nothing_behind_it_is_read_as_a_request(gateway: OpenGate, data: bytes) -> None:
    """Where the next request would begin is not known, so nothing that follows is one."""
    gate = await gateway()
    caller = await gate.caller()
    caller.send(data + SMUGGLED)
    assert (await caller.answer()).status == 400
    assert await caller.rest() == b""
    assert not gate.sandbox.requests


@pytest.mark.parametrize(
    "target",
    [
        b"http://other.example/v1/chat/completions",
        b"//v1/chat/completions",
        b"/v1%2fchat/completions",
        b"/v1/x/../chat/completions",
        b"/v1/chat/completions;a=b",
        b"/v1/chat/completions#x",
        b"/v1/chat/completions/",
    ],
)
async def test_other_spellings_of_a_path_name_nothing(gateway: OpenGate, target: bytes) -> None:
    """No part of the target is decoded or normalised; whatever a proxy in front made of it, here is nothing."""
    gate = await gateway()
    caller = await gate.caller()
    caller.send(absolute(target))
    assert (await caller.answer()).code == "unknown_route"
    assert not gate.sandbox.requests


@pytest.mark.parametrize(
    "data",
    [
        b"POST /" + b"a" * 70_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n",
        post(SIZE, *(b"x-%d: %b\r\n" % (number, b"y" * 1000) for number in range(100))),
        post(SIZE, b"x: " + b"y" * 70_000 + b"\r\n"),
        b"GET / HTTP/1.1\r\nx: " + b"y" * 200_000,
    ],
    ids=["line", "all fields", "one field", "without end"],
)
@pytest.mark.parametrize("size", [10_000, 1_000_000])
async def test_a_huge_head_is_431(gateway: OpenGate, data: bytes, size: int) -> None:
    """Beyond `limits.max_head_bytes` a head is refused, in one segment or in many, complete or not."""
    gate = await gateway()
    caller = await gate.caller()
    for at in range(0, len(data), size):
        caller.send(data[at : at + size])
        await asyncio.sleep(0)
    answer = await caller.answer()
    assert (answer.status, answer.code) == (431, "headers_too_large")
    assert "limits.max_head_bytes" in answer.json["error"]["message"]
    assert not gate.sandbox.requests


async def test_a_head_within_the_limit_passes(gateway: OpenGate) -> None:
    """Long credentials, traces and policies have their place, in two segments as well."""
    gate = await gateway()
    caller = await gate.caller()
    data = post(SIZE, *(b"x-%d: %b\r\n" % (number, b"y" * 1000) for number in range(60)))
    caller.send(data[:40_000])
    await asyncio.sleep(0.01)
    caller.send(data[40_000:])
    assert (await caller.answer()).status == 200


@pytest.mark.parametrize(
    ("path", "member"),
    [("/v1/messages", "request_id"), (CHAT, "error"), ("/v1beta/models/x:generateContent", "error")],
)
async def test_in_the_format_of_the_path(gateway: OpenGate, path: str, member: str) -> None:
    """The path of a request that cannot be parsed still tells which errors its caller can read."""
    gate = await gateway()
    caller = await gate.caller()
    caller.send(f"POST {path}?alt=sse HTTP/1.1\r\nhost: x\r\nx a: b\r\n\r\n".encode())
    answer = await caller.answer()
    assert answer.status == 400
    assert member in answer.json
    assert ("status" in answer.json["error"]) is path.startswith("/v1beta")


@pytest.mark.parametrize("upgrade", ["websocket", "h2c", "TLS/1.0"])
async def test_an_upgrade_of_an_ordinary_request_is_ignored(gateway: OpenGate, upgrade: str) -> None:
    """No other protocol is spoken here: the request is served as it is, and so is the next one behind it."""
    gate = await gateway()
    caller = await gate.caller()
    fields = [("connection", "Upgrade, HTTP2-Settings"), ("upgrade", upgrade), ("http2-settings", "AAMAAABkAAQAAP__")]
    asked = request(HELLO, token=TOKEN, headers=fields)
    caller.send(asked + asked)
    assert [(await caller.answer()).status for _ in range(2)] == [200, 200]
    seen = gate.sandbox.requests[0]
    assert [seen.header(name) for name in ("upgrade", "http2-settings")] == [None, None]


async def test_connect_is_no_tunnel(gateway: OpenGate) -> None:
    """A gateway is no proxy."""
    gate = await gateway()
    caller = await gate.caller()
    caller.send(b"CONNECT other.example:443 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer %b\r\n\r\n" % TOKEN.encode())
    assert (await caller.answer()).code == "unknown_route"
