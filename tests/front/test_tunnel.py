"""The realtime WebSocket: handshake and bytes pass both ways as they are, at the slower side's pace."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

import aiohttp
import pytest
from multidict import CIMultiDict

from aigw.errors import InvalidBody
from aigw.front import tunnel
from aigw.wire.message import RequestHead

from ..support.caller import HELLO, Caller, request
from ..support.gate import TOKEN, Gate, OpenGate, eventually
from ..support.upstream import Upstream, Visit

SECRET = "openai-insecure-api-key."
HANDSHAKE = [
    ("connection", "keep-alive, Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
]
SWITCHED = (
    b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n"
    b"sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nset-cookie: a=b\r\n\r\n"
)


def message(path: str = "/v1/realtime?model=m", *fields: tuple[str, str]) -> RequestHead:
    """A request's head as it was parsed."""
    names = (("Upgrade", "WebSocket"), *fields)

    class Head:
        raw_headers = tuple((name.encode(), value.encode()) for name, value in names)
        headers = CIMultiDict(names)

    Head.path = path  # type: ignore[attr-defined]
    return cast(RequestHead, Head)


@pytest.mark.parametrize(("query", "model"), [("model=m", "m"), ("a=1&model=up%3Ax%2Fy", "up:x/y")])
def test_the_model_of_a_session(query: str, model: str) -> None:
    """It stands in the query."""
    assert tunnel.model(message(f"/v1/realtime?{query}")) == model


@pytest.mark.parametrize("query", ["", "?", "?model=", "?model=a&model=b", "?Model=a"])
def test_one_model_has_to_be_named(query: str) -> None:
    """Not none, and not two."""
    with pytest.raises(InvalidBody, match="Name one model"):
        tunnel.model(message(f"/v1/realtime{query}"))


def test_the_handshake_that_goes_up() -> None:
    """The caller's own, extensions included, without a key among its subprotocols."""
    lines = tunnel.handshake(
        message(
            "/",
            ("Sec-WebSocket-Key", "abc"),
            ("Sec-WebSocket-Extensions", "permessage-deflate"),
            ("Sec-WebSocket-Protocol", f"realtime, {SECRET}sk-secret, openai-beta.realtime-v1"),
            ("X-Other", "1"),
        )
    )
    assert lines == (
        b"connection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-key: abc\r\n"
        b"sec-websocket-extensions: permessage-deflate\r\n"
        b"sec-websocket-protocol: realtime, openai-beta.realtime-v1\r\n"
    )


def test_a_lone_key_among_the_subprotocols_leaves_none() -> None:
    """An empty field would be no list."""
    assert b"protocol" not in tunnel.handshake(message("/", ("Sec-WebSocket-Protocol", f"{SECRET}sk-secret")))


# -- on the wire ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("compress", [0, 15])
async def test_a_conversation(gateway: OpenGate, compress: int) -> None:
    """Events both ways, compressed or not; the upstream has its own key and never the caller's."""
    gate = await gateway()
    url = f"{gate.base_url}/v1/realtime?model=up:sandbox-small&a=1"
    headers = {"authorization": f"Bearer {TOKEN}", "openai-beta": "realtime=v1"}
    async with aiohttp.ClientSession() as session:
        protocols = ("realtime", f"{SECRET}{TOKEN}")
        async with session.ws_connect(url, headers=headers, protocols=protocols, compress=compress) as socket:
            assert socket.protocol == "realtime"
            assert socket.compress == compress
            assert (await socket.receive_json())["session"]["model"] == "sandbox-small"
            item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hello canary"}]}
            await socket.send_json({"type": "conversation.item.create", "item": item})
            await socket.send_json({"type": "response.create"})
            said = ""
            while (event := await socket.receive_json())["type"] != "response.done":
                said += event.get("delta", "")
            assert said == "You said: hello canary"
            big = json.dumps({"type": "session.update", "session": {"instructions": "x" * 2_000_000}})
            await socket.send_str(big)
            assert len((await socket.receive_json())["session"]["instructions"]) == 2_000_000
            assert gate.process.gateway.in_flight == 1
    record = await gate.record()
    assert (record.outcome, record.status, record.provider, record.model) == ("ok", 101, "up", "sandbox-small")
    assert record.surface == "realtime"
    seen = gate.sandbox.requests[0]
    assert seen.path == "/v1/realtime?model=sandbox-small&a=1"
    assert seen.header("authorization") == "Bearer sk-up-0123456789abcdef"
    assert seen.header("openai-beta") == "realtime=v1"
    assert TOKEN not in str(seen.headers)


async def opened(gateway: OpenGate, upstream: Upstream, *, early: bytes = b"") -> tuple[Gate, Caller, Visit]:
    """A session whose handshake the upstream has seen and not yet answered; the caller has said `early` already."""
    gate = await gateway(providers={"up": {"base_url": upstream.base_url}})
    caller = await gate.caller()
    caller.send(request(path="/v1/realtime?model=up:m", token=TOKEN, headers=HANDSHAKE) + early)
    visit = await upstream.accept()
    head = await visit.head()
    assert head.startswith(b"GET /v1/realtime?model=m HTTP/1.1\r\n")
    assert b"\r\nupgrade: websocket\r\n" in head
    return gate, caller, visit


async def test_the_answer_to_the_handshake(gateway: OpenGate, upstream: Upstream) -> None:
    """The upstream's own, with the gateway's ids, without its cookies; then its first bytes."""
    _, caller, visit = await opened(gateway, upstream)
    visit.send(SWITCHED + b"first")
    head = await caller.head()
    assert head.status == 101
    assert head.header("sec-websocket-accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert head.header("x-aigw-provider") == "up"
    assert head.header("x-request-id")
    assert head.header("set-cookie") is None
    assert await caller.until(b"first") == b"first"


async def test_what_a_caller_says_early_is_not_lost(gateway: OpenGate, upstream: Upstream) -> None:
    """Bytes behind the handshake wait for the upstream's agreement, in their order, and go up then."""
    _, caller, visit = await opened(gateway, upstream, early=b"one")
    for part in (b"two", b"three"):
        caller.send(part)
        await asyncio.sleep(0.005)
    assert not visit.reader._buffer  # type: ignore[attr-defined]
    visit.send(SWITCHED)
    await caller.head()
    caller.send(b"four")
    assert await visit.until(b"four") == b"onetwothreefour"


async def test_what_a_caller_says_early_is_bounded(gateway: OpenGate, upstream: Upstream) -> None:
    """Who talks on before the upstream has agreed is not read on."""
    gate, caller, visit = await opened(gateway, upstream)
    for _ in range(64):
        caller.send(b"x" * 2**18)
        await asyncio.sleep(0.001)
    (connection,) = gate.process.gateway.connections
    assert len(connection._waiting) < 2**20
    visit.send(SWITCHED)
    await caller.head()
    assert len(await visit.body(64 * 2**18)) == 64 * 2**18


async def test_early_words_to_an_upstream_that_refuses(gateway: OpenGate, upstream: Upstream) -> None:
    """They are no request: the refusal is an ordinary answer, and the connection ends with it."""
    _, caller, visit = await opened(gateway, upstream, early=b"\x81\x85abcdhello")
    visit.send(b"HTTP/1.1 403 Forbidden\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}")
    answer = await caller.answer()
    assert (answer.status, answer.body, answer.header("connection")) == (403, b"{}", "close")
    assert await caller.rest() == b""


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/v1/realtime?model=up:m", HANDSHAKE[1:1], 400, "invalid_body"),
        ("/v1/realtime", HANDSHAKE, 400, "invalid_body"),
        ("/v1/realtime?model=nothing-like-it", HANDSHAKE, 404, "unknown_model"),
        ("/v1/realtime?model=deaf:m", HANDSHAKE, 400, "lossy_translation"),
        ("/v1/realtime?model=gone:m", HANDSHAKE, 502, "upstream_unreachable"),
        ("/v1/realtime?model=up:m!status=429", HANDSHAKE, 429, None),
    ],
)
async def test_refusals_before_the_switch_are_json(
    gateway: OpenGate, path: str, headers: list[tuple[str, str]], status: int, code: str | None
) -> None:
    """Until both have agreed it is HTTP, with errors that an SDK can read."""
    gate = await gateway(
        providers={
            "up": {},
            "deaf": {"surfaces": ["chat-completions"]},
            "gone": {"base_url": "http://127.0.0.1:9/v1"},
        }
    )
    answer = await gate.ask(path=path, headers=headers)
    assert (answer.status, answer.code) == (status, code)
    assert answer.json["error"]["message"]


async def test_without_a_key_no_session(gateway: OpenGate) -> None:
    """A key in a subprotocol is the browser's way for OpenAI, not one of ours."""
    gate = await gateway()
    caller = await gate.caller()
    fields = [*HANDSHAKE, ("sec-websocket-protocol", f"realtime, {SECRET}{TOKEN}")]
    caller.send(request(path="/v1/realtime?model=up:m", headers=fields))
    assert (await caller.answer()).code == "missing_access_key"
    assert not gate.sandbox.requests


@pytest.mark.parametrize("reset", [False, True])
async def test_the_caller_closes(gateway: OpenGate, upstream: Upstream, reset: bool) -> None:
    """What it said still arrives; then the upstream's side ends too."""
    gate, caller, visit = await opened(gateway, upstream)
    visit.send(SWITCHED)
    await caller.head()
    caller.send(b"bye")
    assert await visit.until(b"bye") == b"bye"
    caller.leave(reset=reset)
    assert await visit.gone() == b""
    assert (await gate.record()).outcome == "ok"


@pytest.mark.parametrize("reset", [False, True])
async def test_the_upstream_closes(gateway: OpenGate, upstream: Upstream, reset: bool) -> None:
    """The same from the other side."""
    gate, caller, visit = await opened(gateway, upstream)
    visit.send(SWITCHED + b"bye")
    await caller.until(b"bye")
    if reset:
        visit.reset()
    else:
        visit.close()
    assert await caller.rest() == b""
    assert (await gate.record()).outcome == "ok"


async def test_each_side_waits_for_the_other(gateway: OpenGate, upstream: Upstream) -> None:
    """What one side does not read the other cannot send without end, in both directions."""
    gate, caller, visit = await opened(gateway, upstream)
    visit.send(SWITCHED)
    await caller.head()
    writers: list[Any] = [(caller.writer, visit.reader), (visit.writer, caller.reader)]
    for writer, reader in writers:
        reader._transport.pause_reading()
        sent = 0
        while writer.transport.get_write_buffer_size() < 2**20:
            assert sent < 128 * 2**20
            writer.write(b"x" * 2**18)
            sent += 2**18
            await asyncio.sleep(0.001)
        reader._transport.resume_reading()
        async with asyncio.timeout(10):
            await reader.readexactly(sent)
    assert gate.process.gateway.in_flight == 1


async def test_draining_cuts_sessions(gateway: OpenGate, upstream: Upstream) -> None:
    """A session has no end of its own to wait for."""
    gate, caller, visit = await opened(gateway, upstream)
    visit.send(SWITCHED)
    await caller.head()
    stopping = asyncio.create_task(gate.process.stop())
    assert await caller.rest() == b""
    await visit.gone()
    await stopping


async def test_an_upgrade_of_another_get_is_ignored(gateway: OpenGate) -> None:
    """Only this path switches; elsewhere the fields mean nothing, and the connection goes on."""
    gate = await gateway()
    caller = await gate.caller()
    asked = request(path="/v1/responses/resp_1", token=TOKEN, headers=HANDSHAKE)
    caller.send(asked + asked + request(HELLO, token=TOKEN))
    assert [(await caller.answer()).status for _ in range(3)] == [404, 404, 200]
    await eventually(lambda: len(gate.records) == 3)
