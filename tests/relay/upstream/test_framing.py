"""Where an answer ends, however it is framed and however it is cut on the way; and what is no answer."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import pytest

from aigw.errors import BadAnswer, ConnectionClosed
from aigw.relay.upstream import connection as upstream_connection
from aigw.relay.upstream.connection import MAX_HEAD_BYTES

from ..raw import GET, OK, Heard
from .wires import ORIGIN, Line, make_line

HEAD = b"HEAD /x HTTP/1.1\r\nhost: up\r\n\r\n"


@attrs.frozen
class Case:
    """An answer's bytes, what a listener has to hear of it, and whether the connection can be used again."""

    raw: bytes
    status: int
    body: bytes
    usable: bool = True
    asked: bytes = GET


PLAIN = b"HTTP/1.1 200 OK\r\n"
CHUNKED = PLAIN + b"transfer-encoding: chunked\r\n\r\n"
CASES = {
    "length": Case(PLAIN + b"content-length: 11\r\n\r\nhello world", 200, b"hello world"),
    "empty": Case(PLAIN + b"content-length: 0\r\n\r\n", 200, b""),
    "chunks": Case(CHUNKED + b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", 200, b"hello world"),
    "no-chunk": Case(CHUNKED + b"0\r\n\r\n", 200, b""),
    "line-ends-in-chunks": Case(CHUNKED + b"4\r\n\r\n\r\n\r\n2\r\n0\r\r\n0\r\n\r\n", 200, b"\r\n\r\n0\r"),
    "upper-case-size": Case(CHUNKED + b"00A\r\n0123456789\r\n00\r\n\r\n", 200, b"0123456789"),
    "chunk-extension": Case(CHUNKED + b"5;a=b; c\r\nhello\r\n0;last\r\n\r\n", 200, b"hello"),
    "trailers": Case(CHUNKED + b"5\r\nhello\r\n0\r\nx-sum: 1\r\nset-cookie: a\r\n\r\n", 200, b"hello"),
    "no-content": Case(b"HTTP/1.1 204 No Content\r\nx: y\r\n\r\n", 204, b""),
    "not-modified": Case(b"HTTP/1.1 304 Not Modified\r\ncontent-length: 99\r\n\r\n", 304, b""),
    "head": Case(PLAIN + b"content-length: 99\r\n\r\n", 200, b"", asked=HEAD),
    "head-chunked": Case(CHUNKED, 200, b"", asked=HEAD),
    "continue": Case(b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"ok"),
    "early-hints": Case(
        b"HTTP/1.1 103 Early Hints\r\nlink: </a>\r\nlink: </b>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n" + OK, 200, b"ok"
    ),
    "no-reason": Case(b"HTTP/1.1 200\r\ncontent-length: 2\r\n\r\nok", 200, b"ok"),
    "error": Case(b"HTTP/1.1 529 Overloaded\r\ncontent-length: 2\r\n\r\nno", 529, b"no"),
    "close": Case(PLAIN + b"connection: close\r\ncontent-length: 2\r\n\r\nok", 200, b"ok", usable=False),
    "old": Case(b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", 200, b"ok", usable=False),
    "old-kept": Case(b"HTTP/1.0 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok", 200, b"ok"),
    "no-body-close": Case(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n", 204, b"", usable=False),
}


def slicings(raw: bytes) -> Iterator[list[bytes]]:
    """The whole, every cut in two, and byte by byte."""
    yield [raw]
    for at in range(1, len(raw)):
        yield [raw[:at], raw[at:]]
    yield [raw[at : at + 1] for at in range(len(raw))]


@pytest.mark.parametrize("case", [pytest.param(case, id=name) for name, case in CASES.items()])
async def test_framing(case: Case) -> None:
    """However an answer is cut on the way, the same status and body arrive, once complete, and nothing else."""
    for pieces in slicings(case.raw):
        line, heard = await make_line(), Heard()
        await line.ask(heard, case.asked)
        for piece in pieces:
            assert not heard.complete
            line.connection.data_received(piece)
        assert (heard.status, heard.data, heard.complete, heard.error) == (case.status, case.body, True, None)
        assert line.usable is case.usable


async def test_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """On one connection every kind of answer may follow every other, cut anywhere."""
    monkeypatch.setattr(upstream_connection, "TRUSTED_IDLE", float("inf"))  # there is no socket to look at
    kept = [case for case in CASES.values() if case.usable]
    for first in kept:
        for second in kept:
            line = await make_line()
            for case in (first, second):
                heard = Heard()
                await line.ask(heard, case.asked)
                line.pool.take(ORIGIN)
                for at in range(0, len(case.raw), 7):
                    line.connection.data_received(case.raw[at : at + 7])
                assert (heard.status, heard.data, heard.complete) == (case.status, case.body, True)


UNTIL_CLOSE = {
    "no-framing": PLAIN + b"\r\nhello world",
    "closing": PLAIN + b"connection: close\r\n\r\nhello world",
    "old": b"HTTP/1.0 200 OK\r\n\r\nhello world",
    "other-coding": PLAIN + b"transfer-encoding: gzip\r\n\r\nhello world",
}


@pytest.mark.parametrize("raw", [pytest.param(raw, id=name) for name, raw in UNTIL_CLOSE.items()])
async def test_until_close(raw: bytes) -> None:
    """A body without a length and without chunks goes on until the upstream closes, however it is cut."""
    for pieces in slicings(raw):
        line, heard = await make_line(), Heard()
        await line.ask(heard, GET)
        for piece in pieces:
            line.connection.data_received(piece)
        assert (heard.data, heard.complete) == (b"hello world", False)
        line.connection.eof_received()
        line.connection.connection_lost(None)
        assert (heard.data, heard.complete, heard.error) == (b"hello world", True, None)
        assert line.pool.open == 0


@pytest.mark.parametrize("exc", [ConnectionResetError(), None])
async def test_until_cut(line: Line, heard: Heard, exc: Exception | None) -> None:
    """Neither a reset nor our own closing is the end of a body that goes on until the upstream closes."""
    await line.ask(heard, GET)
    line.connection.data_received(UNTIL_CLOSE["no-framing"])
    line.connection.connection_lost(exc)
    assert (heard.complete, type(heard.error)) == (False, ConnectionClosed)


@pytest.mark.parametrize("name", ["length", "chunks", "chunk-extension", "trailers", "early-hints", "no-content"])
async def test_truncated(name: str) -> None:
    """An answer that stops anywhere before its end is lost, never complete."""
    raw = CASES[name].raw
    for at in range(len(raw)):
        line, heard = await make_line(), Heard()
        await line.ask(heard, GET)
        line.connection.data_received(raw[:at]) if at else None
        line.connection.eof_received()
        line.connection.connection_lost(None)
        assert (heard.complete, type(heard.error)) == (False, ConnectionClosed)
        said = "in the middle of its answer" if heard.head is not None else "before it answered"
        assert said in str(heard.error)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"SSH-2.0-OpenSSH_9.6\r\n\r\n", id="another-protocol"),
        pytest.param(b"HTTP/1.1 abc OK\r\n\r\n", id="status"),
        pytest.param(b"HTTP/3.7 200 OK\r\n\r\n", id="version"),
        pytest.param(PLAIN + b"content-length: x\r\n\r\n", id="length"),
        pytest.param(PLAIN + b"content-length: -1\r\n\r\n", id="negative"),
        pytest.param(PLAIN + b"content-length: 99999999999999999999999\r\n\r\n", id="endless"),
        pytest.param(PLAIN + b"content-length: 2\r\ncontent-length: 3\r\n\r\nok", id="two-lengths"),
        pytest.param(PLAIN + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n", id="both"),
        pytest.param(CHUNKED + b"zz\r\nhello\r\n", id="chunk-size"),
        pytest.param(CHUNKED + b"-5\r\nhello\r\n", id="negative-chunk"),
        pytest.param(CHUNKED + b"4\r\nhello\r\n0\r\n\r\n", id="long-chunk"),
        pytest.param(CHUNKED + b"6\r\nhello\r\n0\r\n\r\n", id="short-chunk"),
        pytest.param(CHUNKED + b"ffffffffffffffffffff\r\n", id="endless-chunk"),
        pytest.param(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", id="switched-to-nothing"),
        pytest.param(PLAIN + b"x: a\0b\r\n\r\n", id="nul"),
    ],
)
async def test_not_http(raw: bytes) -> None:
    """What is not valid HTTP ends the connection at once with an error that says so, however it is cut."""
    for pieces in ([raw], [raw[at : at + 1] for at in range(len(raw))]):
        line, heard = await make_line(), Heard()
        await line.ask(heard, GET)
        for piece in pieces:
            line.connection.data_received(piece) if not line.wire.aborted else None
        assert (heard.complete, type(heard.error)) == (False, BadAnswer)
        assert heard.error is not None
        assert heard.error.reason == "bad_http"
        assert line.wire.aborted


@pytest.mark.parametrize("size", [1000, 65_536, 262_144])
async def test_head_too_large(size: int) -> None:
    """A head over the limit is refused, in whatever pieces it comes, ended or not."""
    fields = b"".join(b"x-%d: %b\r\n" % (number, b"y" * 2000) for number in range(70))
    raw = PLAIN + fields + b"content-length: 0\r\n\r\n"
    assert len(raw) > MAX_HEAD_BYTES
    line, heard = await make_line(), Heard()
    await line.ask(heard, GET)
    for at in range(0, len(raw), size):
        if not line.wire.aborted:
            line.connection.data_received(raw[at : at + size])
    assert heard.head is None
    assert isinstance(heard.error, BadAnswer)


async def test_large_head_within_the_limit(line: Line, heard: Heard) -> None:
    """Providers' larger heads pass."""
    fields = b"".join(b"x-%d: %b\r\n" % (number, b"y" * 500) for number in range(200))
    await line.ask(heard, GET)
    line.connection.data_received(PLAIN + fields + b"content-length: 0\r\n\r\n")
    assert heard.complete


async def test_endless_trailers(line: Line, heard: Heard) -> None:
    """A hundred thousand trailers are not read to their end, nor kept."""
    await line.ask(heard, GET)
    line.connection.data_received(CHUNKED + b"5\r\nhello\r\n0\r\n")
    sent = 0
    while not line.wire.aborted:
        line.connection.data_received(b"x-trailer: y\r\n" * 100)
        sent += 100
    assert sent < 100_000
    assert (heard.data, heard.complete, type(heard.error)) == (b"hello", False, BadAnswer)


async def test_many_small_chunks(line: Line, heard: Heard) -> None:
    """A quarter of a MiB that came at once in chunks of one byte is an answer like any other."""
    chunks = 262_144 // 6
    await line.ask(heard, GET)
    line.connection.data_received(CHUNKED)
    line.connection.data_received(b"1\r\nx\r\n" * chunks)
    line.connection.data_received(b"0\r\n\r\n")
    assert (heard.data, heard.complete) == (b"x" * chunks, True)
