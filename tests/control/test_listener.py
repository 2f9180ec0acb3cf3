"""The control listener's own HTTP: small, patient within limits, and never in the way of an end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import structlog

from aigw.control import listener as listening
from aigw.control.framing import MAX_BODY_BYTES
from aigw.control.listener import Listener
from aigw.control.message import Answer, Request


async def answer(request: Request) -> Answer:
    """Tells what was asked."""
    if request.path == "/broken":
        raise RuntimeError("broken")
    if request.path == "/large":
        return Answer(200, b"x" * 5_000_000)
    if request.path == "/nothing":
        return Answer(204, b"")
    if request.body:
        return Answer(200, request.body)
    return Answer(200, f"{request.method} {request.path}\n".encode(), headers=(("x-own", "1"),))


@pytest.fixture
async def address() -> AsyncIterator[tuple[str, int]]:
    """Where a listener listens."""
    sock = socket.create_server(("127.0.0.1", 0))
    where = sock.getsockname()
    listener = Listener(answer)
    await listener.listen(sock)
    yield where
    await listener.close()


async def ask(address: tuple[str, int], data: bytes, *, eof: bool = False) -> bytes:
    """Everything that comes back for these bytes."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(data)
    if eof:
        writer.write_eof()
    async with asyncio.timeout(10):
        heard = await reader.read()
    writer.close()
    await writer.wait_closed()
    return heard


async def test_an_answer(address: tuple[str, int]) -> None:
    """One request, one answer with its length and kind, then the connection is closed."""
    head, _, body = (await ask(address, b"GET /x?y=1 HTTP/1.1\r\nhost: a\r\n\r\n")).partition(b"\r\n\r\n")
    assert head.split(b"\r\n") == [
        b"HTTP/1.1 200 OK",
        b"content-type: text/plain; charset=utf-8",
        b"content-length: 7",
        b"cache-control: no-store",
        b"connection: close",
        b"x-own: 1",
    ]
    assert body == b"GET /x\n"


async def test_a_head_alone(address: tuple[str, int]) -> None:
    """HEAD has GET's head without the body."""
    heard = await ask(address, b"HEAD /x HTTP/1.0\r\n\r\n")
    assert b"content-length: 8\r\n" in heard
    assert heard.endswith(b"\r\n\r\n")


async def test_bit_by_bit(address: tuple[str, int]) -> None:
    """A head may come in pieces."""
    reader, writer = await asyncio.open_connection(*address)
    for byte in b"GET /x HTTP/1.1\r\n\r\n":
        writer.write(bytes([byte]))
        await writer.drain()
    assert (await reader.read()).endswith(b"GET /x\n")
    writer.close()
    await writer.wait_closed()


async def test_a_large_answer(address: tuple[str, int]) -> None:
    """An answer beyond every buffer arrives whole."""
    assert len((await ask(address, b"GET /large HTTP/1.1\r\n\r\n")).partition(b"\r\n\r\n")[2]) == 5_000_000


async def test_a_body(address: tuple[str, int]) -> None:
    """A body of the length that was told is read whole, in whatever pieces it comes; what follows is no second body."""
    body = b"x" * 300_000
    reader, writer = await asyncio.open_connection(*address)
    head = b"POST /x HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(body)
    for part in (head[:20], head[20:], body[:1], body[1:100_000], body[100_000:], b"GET /y HTTP/1.1\r\n\r\n"):
        writer.write(part)
        await writer.drain()
    heard = await reader.read()
    assert heard.partition(b"\r\n\r\n")[2] == body
    assert heard.count(b"HTTP/1.1") == 1
    writer.close()
    await writer.wait_closed()


async def test_a_caller_that_waits_is_told_to_go_on(address: tuple[str, int]) -> None:
    """Who asks first is told to send its body; who has none is not."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(b"POST /x HTTP/1.1\r\nexpect: 100-Continue\r\ncontent-length: 2\r\n\r\n")
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"{}")
    assert (await reader.read()).endswith(b"\r\n\r\n{}")
    writer.close()
    await writer.wait_closed()
    heard = await ask(address, b"POST /x HTTP/1.1\r\nexpect: 100-continue\r\n\r\n")
    assert heard.startswith(b"HTTP/1.1 200 ")


async def test_an_answer_without_content(address: tuple[str, int]) -> None:
    """204 has neither length nor kind."""
    heard = await ask(address, b"DELETE /nothing HTTP/1.1\r\n\r\n")
    assert heard == b"HTTP/1.1 204 No Content\r\ncache-control: no-store\r\nconnection: close\r\n\r\n"


async def test_a_body_that_does_not_come(address: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Who announces a body and does not send it is dropped."""
    monkeypatch.setattr(listening, "BODY_SECONDS", 0.02)
    assert await ask(address, b"POST /x HTTP/1.1\r\ncontent-length: 9\r\n\r\n{") == b""


async def test_who_keeps_the_listener_waiting_makes_room(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of too many connections the one that has said nothing for longest is closed, so that probes come through."""
    monkeypatch.setattr(listening, "MAX_CONNECTIONS", 1)
    for sent in (b"", b"GET /x", b"POST /x HTTP/1.1\r\ncontent-length: 9\r\n\r\n{"):
        reader, writer = await asyncio.open_connection(*address)
        writer.write(sent)
        await asyncio.sleep(0.01)
        assert (await ask(address, b"GET /x HTTP/1.1\r\n\r\n")).endswith(b"GET /x\n")
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()


async def test_who_waits_for_an_answer_keeps_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is closed while an answer is made for it: where all wait for theirs, who comes is closed instead."""
    monkeypatch.setattr(listening, "MAX_CONNECTIONS", 1)
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def slowly(request: Request) -> Answer:
        asked.set()
        await go_on.wait()
        return Answer(200, b"done")

    sock = socket.create_server(("127.0.0.1", 0))
    listener = Listener(slowly)
    await listener.listen(sock)
    first = asyncio.create_task(ask(sock.getsockname(), b"GET /x HTTP/1.1\r\n\r\n"))
    await asked.wait()
    with suppress(ConnectionResetError):
        assert await ask(sock.getsockname(), b"GET /x HTTP/1.1\r\n\r\n") == b""
    go_on.set()
    assert (await first).endswith(b"done")
    await listener.close()


async def test_large_bodies_are_few(address: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Bodies are read before it is known who sends them: so many large ones at once, and small ones beside them."""
    monkeypatch.setattr(listening, "MAX_LARGE_BODIES", 1)
    large = listening.SMALL_BODY_BYTES + 1
    head = b"POST /x HTTP/1.1\r\ncontent-length: %d\r\n\r\n"
    reader, writer = await asyncio.open_connection(*address)
    writer.write(head % large)
    await asyncio.sleep(0.01)
    refused = await ask(address, head % large)
    assert refused.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 1\r\n" in refused
    assert (await ask(address, head % 2 + b"{}")).endswith(b"{}")
    writer.write(b"x" * large)
    assert (await reader.read()).endswith(b"xx")
    writer.close()
    await writer.wait_closed()
    assert (await ask(address, head % large + b"y" * large)).endswith(b"yy")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET\r\n\r\n", 400),
        (b"GET /x\r\n\r\n", 400),
        (b"GET http://a/x HTTP/1.1\r\n\r\n", 400),
        (b"GET /x HTTP/2.0\r\n\r\n", 400),
        (b"\x16\x03\x01 \xff\r\n\r\n", 400),
        (b"POST /x HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n", 411),
        (b"POST /x HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1) + b"x" * 100_000, 413),
        (b"GET /" + b"x" * 20_000 + b" HTTP/1.1\r\n\r\n", 431),
        (b"GET /broken HTTP/1.1\r\n\r\n", 500),
    ],
)
async def test_errors(address: tuple[str, int], data: bytes, status: int) -> None:
    """What is no request for a path, is too long, or cannot be answered gets an error in the control API's form."""
    with structlog.testing.capture_logs() as logs:
        heard = await ask(address, data)
    assert heard.startswith(b"HTTP/1.1 %d " % status)
    assert b'"errorCode":' in heard
    assert [line["event"] for line in logs] == (["control_failed"] if status == 500 else [])


@pytest.mark.parametrize("data", [b"", b"GET /x"])
async def test_who_says_nothing_is_dropped(
    address: tuple[str, int], data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection on which no head comes is closed."""
    monkeypatch.setattr(listening, "HEAD_SECONDS", 0.02)
    reader, writer = await asyncio.open_connection(*address)
    writer.write(data)
    async with asyncio.timeout(10):
        with suppress(ConnectionResetError):
            assert await reader.read() == b""
    writer.close()


async def test_who_leaves_leaves_nothing(address: tuple[str, int]) -> None:
    """A client that goes away in the middle disturbs nobody."""
    _, writer = await asyncio.open_connection(*address)
    writer.write(b"GET /large HTTP/1.1\r\n\r\n")
    await writer.drain()
    writer.transport.abort()
    assert (await ask(address, b"GET /x HTTP/1.1\r\n\r\n")).endswith(b"GET /x\n")


async def test_the_end() -> None:
    """Closing does not wait for a client that holds its connection open."""
    sock = socket.create_server(("127.0.0.1", 0))
    where = sock.getsockname()
    listener = Listener(answer)
    await listener.listen(sock)
    reader, writer = await asyncio.open_connection(*where)
    await ask(where, b"GET /x HTTP/1.1\r\n\r\n")
    await listener.close()
    with pytest.raises(ConnectionError):
        await asyncio.open_connection(*where)
    with suppress(ConnectionResetError):
        assert await reader.read() == b""
    writer.close()


async def test_an_end_without_a_beginning() -> None:
    """One that never listened can be closed."""
    await Listener(answer).close()
