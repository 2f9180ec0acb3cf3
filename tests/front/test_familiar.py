"""A head read before is used again only where reading it again would find the same."""

from __future__ import annotations

import asyncio

import attrs
import pytest
from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_parser import HttpRequestParser

from aigw.front.familiar import Familiar, familiarise
from aigw.front.routes import Route, route
from aigw.records import AccessKey
from aigw.snapshot import Snapshot
from aigw.wire.head import Head

from ..support.caller import CHAT, HELLO, request
from ..support.gate import TOKEN, OpenGate

KEY = AccessKey("aigk_1", "app", b"")
RAW = (
    b"POST /v1/chat/completions HTTP/1.1\r\nhost: h\r\nauthorization: Bearer t\r\n"
    b"Content-Length: 12\r\naccept: */*\r\n\r\n"
)


async def known(raw: bytes) -> Familiar | None:
    """What is remembered of a head, read by the parser that the connection uses."""

    loop = asyncio.get_running_loop()
    parser = HttpRequestParser(BaseProtocol(loop), loop, 2**16, response_with_body=False, auto_decompress=False)
    message = parser.feed_data(raw)[0][0][0]
    found = route("POST", CHAT)
    assert isinstance(found, Route)
    return familiarise(raw, message, Head(message.raw_headers), found, KEY, Snapshot.__new__(Snapshot))


@pytest.mark.parametrize("digits", [b"0", b"7", b"12", b"994", b"999999999999"])
async def test_another_length_is_the_same_head(digits: bytes) -> None:
    """Requests that differ in the length of their bodies alone are read alike."""
    familiar = await known(RAW)
    assert familiar is not None
    assert familiar.length(RAW.replace(b"12", digits)) == int(digits)


@pytest.mark.parametrize(
    "raw",
    [
        RAW.replace(b"Bearer t", b"Bearer u"),
        RAW.replace(b"chat/completions", b"chat/completionz"),
        RAW.replace(b"POST", b"PUTT"),
        RAW.replace(b"HTTP/1.1", b"HTTP/1.0"),
        RAW.replace(b"host: h", b"host: i"),
        RAW.replace(b"*/*", b"a/b"),
        RAW.replace(b"\r\n\r\n", b"\r\nx: y\r\n\r\n"),
        RAW.replace(b" 12", b" "),
        RAW.replace(b"12", b"+1"),
        RAW.replace(b"12", b"1_2"),
        RAW.replace(b"12", b"0x1"),
        RAW.replace(b"12", b"1 2"),
        RAW.replace(b"12", b"\xb2"),
        RAW.replace(b"12", b"1\r\nx: y"),
        RAW.replace(b"12", b"12, 12"),
        RAW.replace(b"12", b"1234567890123"),
        RAW.replace(b"Content-Length", b"content-length"),
        RAW[:40],
        b"",
    ],
)
async def test_anything_else_is_another_head(raw: bytes) -> None:
    """One other byte, or a length that is not plain digits, and the parser decides."""
    familiar = await known(RAW)
    assert familiar is not None
    assert familiar.length(raw) == -1


@pytest.mark.parametrize(
    "raw",
    [
        RAW.replace(b"Content-Length: 12\r\n", b""),
        RAW.replace(b"Content-Length: 12", b"Transfer-Encoding: chunked"),
        RAW.replace(b"accept: */*", b"connection: Upgrade\r\nupgrade: websocket"),
    ],
)
async def test_what_has_no_length_to_vary_is_not_remembered(raw: bytes) -> None:
    """Chunked bodies, no bodies and protocol switches are read anew each time."""
    assert await known(raw) is None


async def test_a_familiar_head_is_served_alike(gateway: OpenGate) -> None:
    """On one connection: bodies of any length after the same head, then another key, then the first again."""
    gate = await gateway()
    caller = await gate.caller()
    for size in (1, 10, 100, 1000, 10_000, 300_000, 5):
        body = {**HELLO, "messages": [{"role": "user", "content": "x" * size}]}
        caller.send(request(body, token=TOKEN))
        answer = await caller.answer()
        assert answer.status == 200
        assert b"x" * size in answer.body
    caller.send(request(HELLO, token="aigw-tests-access-key-9876543210"))
    assert (await caller.answer()).status == 401
    caller.send(request(HELLO, token=TOKEN))
    assert (await caller.answer()).status == 200


async def test_a_new_snapshot_asks_for_the_key_again(gateway: OpenGate) -> None:
    """A key that was taken away is refused on a connection that knows it by heart."""

    gate = await gateway()
    caller = await gate.caller()
    caller.send(request(HELLO, token=TOKEN))
    assert (await caller.answer()).status == 200
    front = gate.process.gateway
    front.snapshot = attrs.evolve(front.snapshot, epoch=front.snapshot.epoch + 1, access_keys={})
    caller.send(request(HELLO, token=TOKEN))
    assert (await caller.answer()).status == 401
