"""The control listener's own HTTP: small, patient within limits, and never in the way of an end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
import structlog

from aigw.control import listener as listening
from aigw.control.health import Answer
from aigw.control.listener import Listener


async def answer(method: str, path: str) -> Answer:
    """Tells what was asked."""
    if path == "/broken":
        raise RuntimeError("broken")
    if path == "/large":
        return Answer(200, b"x" * 5_000_000)
    return Answer(200, f"{method} {path}\n".encode(), headers=(("x-own", "1"),))


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


async def test_a_body_is_not_read(address: tuple[str, int]) -> None:
    """What a client sends beyond its head does not cost it the answer."""
    heard = await ask(address, b"POST /x HTTP/1.1\r\ncontent-length: 100000\r\n\r\n" + b"x" * 100_000, eof=True)
    assert heard.endswith(b"POST /x\n")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET\r\n\r\n", 400),
        (b"GET /x\r\n\r\n", 400),
        (b"GET http://a/x HTTP/1.1\r\n\r\n", 400),
        (b"GET /x HTTP/2.0\r\n\r\n", 400),
        (b"\x16\x03\x01 \xff\r\n\r\n", 400),
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
