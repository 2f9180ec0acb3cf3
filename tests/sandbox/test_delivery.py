"""Faults as they are seen on the socket."""

import asyncio
import zlib
from typing import Any

import orjson
import pytest

from aigw.sandbox.server import Running, start

from .raw import CHAT, HELLO, Exchange, ask, request

brotli: Any = pytest.importorskip("brotli")

STREAM = {**HELLO, "stream": True}
_TERMINAL = b"data: [DONE]\n\n"


async def test_a_plain_answer_has_a_length_and_leaves_the_connection_open(sandbox: Running) -> None:
    """Without faults two requests on one connection get two complete answers."""
    reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.port)
    for _ in range(2):
        writer.write(request(CHAT, HELLO, keep=True))
        head = await reader.readuntil(b"\r\n\r\n")
        answer = Exchange(head + await reader.readexactly(int(Exchange(head).header("content-length") or 0)))
        assert answer.status == 200
        assert orjson.loads(answer.body)["choices"][0]["message"]["content"] == "You said: hello canary"
    writer.close()


async def test_a_stream_has_one_chunk_per_event(sandbox: Running) -> None:
    """Events go out as HTTP chunks of their own, and an empty chunk ends the body."""
    answer = await ask(sandbox.port, CHAT, STREAM)
    assert answer.header("content-type") == "text/event-stream; charset=utf-8"
    assert all(chunk.startswith(b"data: ") and chunk.endswith(b"\n\n") for chunk in answer.chunks[:-1])
    assert answer.chunks[-2:] == [_TERMINAL, b""]


async def test_faults_in_the_models_name(sandbox: Running) -> None:
    """What stands after the `!` happens, and the model answers by its name alone."""
    failed = await ask(sandbox.port, CHAT, {**HELLO, "model": "sandbox-small!status=503"})
    answered = await ask(sandbox.port, CHAT, {**HELLO, "model": "sandbox-small!words=30"})
    assert (failed.status, orjson.loads(answered.body)["model"]) == (503, "sandbox-small")


async def test_the_header_wins_over_the_models_name(sandbox: Running) -> None:
    """With the header there, the name's faults are not read."""
    answer = await ask(sandbox.port, CHAT, {**HELLO, "model": "m!status=503"}, "status=429,retry-after=2")
    assert (answer.status, answer.header("retry-after")) == (429, "2")


async def test_hints_for_retrying(sandbox: Running) -> None:
    """The three headers that tell a client when to come back carry what was asked for."""
    answer = await ask(sandbox.port, CHAT, HELLO, "status=500,retry-after-ms=150,should-retry=false")
    assert (answer.header("retry-after-ms"), answer.header("x-should-retry")) == ("150", "false")


async def test_a_redirect_points_back_here(sandbox: Running) -> None:
    """A redirect names a path of the sandbox, where following it would be seen."""
    answer = await ask(sandbox.port, CHAT, HELLO, "status=307")
    assert (answer.status, answer.header("location")) == (307, "/redirected")


async def test_no_content(sandbox: Running) -> None:
    """A 204 has neither body nor length (RFC 9110, 15.3.5)."""
    answer = await ask(sandbox.port, CHAT, HELLO, "status=204")
    assert (answer.status, answer.rest, answer.header("content-length")) == (204, b"", None)


async def test_an_overload_has_its_own_status_line(sandbox: Running) -> None:
    """529 is not a registered status; it is sent with a phrase all the same."""
    answer = await ask(sandbox.port, CHAT, HELLO, "status=529")
    assert answer.data.startswith(b"HTTP/1.1 529 Overloaded\r\n")


@pytest.mark.parametrize("fault", ["close-before-head", "cut=0"])
async def test_closing_before_any_content(sandbox: Running, fault: str) -> None:
    """The connection ends without a body: before the head, or right after it."""
    answer = await ask(sandbox.port, CHAT, STREAM, fault, keep=True)
    assert (answer.rest, answer.reset) == (b"", False)
    assert bool(answer.head) is (fault == "cut=0")


async def test_a_cut_stream_lacks_the_last_chunk(sandbox: Running) -> None:
    """What was sent before the cut arrives whole, and no empty chunk follows."""
    answer = await ask(sandbox.port, CHAT, STREAM, "cut=3", keep=True)
    assert len(answer.chunks) == 3
    assert b"" not in answer.chunks
    assert not answer.reset


async def test_a_cut_at_a_byte(sandbox: Running) -> None:
    """`cut-bytes` counts bytes of the body, not of its framing."""
    answer = await ask(sandbox.port, CHAT, STREAM, "cut-bytes=17", keep=True)
    assert len(answer.body) == 17


async def test_a_cut_plain_answer_breaks_its_promise(sandbox: Running) -> None:
    """Fewer bytes come than `content-length` says."""
    answer = await ask(sandbox.port, CHAT, HELLO, "cut", keep=True)
    assert 0 < len(answer.body) < int(answer.header("content-length") or 0)


@pytest.mark.parametrize(("fault", "chunks"), [("reset=0", None), ("reset=0c", 1), ("reset=2", 2), ("reset", 2)])
async def test_a_reset_is_a_reset(sandbox: Running, fault: str, chunks: int | None) -> None:
    """The connection ends with a TCP reset after the events before it; at zero not even a head came."""
    answer = await ask(sandbox.port, CHAT, STREAM, fault, keep=True)
    assert answer.reset
    assert answer.data == b"" if chunks is None else len(answer.chunks) == chunks


async def test_silence_before_the_head(sandbox: Running) -> None:
    """`stall-head` takes the request and never answers; the caller's leaving ends it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.port)
    arrival = sandbox.arrival()
    writer.write(request(CHAT, STREAM, "stall-head"))
    seen = await arrival
    assert not seen.over.is_set()
    writer.close()
    await seen.over.wait()
    assert (seen.hung_up, seen.sent, await reader.read()) == (True, 0, b"")


@pytest.mark.parametrize("body", [HELLO, STREAM])
async def test_silence_after_some_content(sandbox: Running, body: dict[str, Any]) -> None:
    """`stall` sends the head and some content, then nothing more, and the connection stays open."""
    reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.port)
    writer.write(request(CHAT, body, "stall"))
    await reader.readuntil(b"\r\n\r\n")
    assert await reader.read(10)
    seen = sandbox.requests[-1]
    assert not seen.over.is_set()
    writer.close()
    await seen.over.wait()
    assert seen.hung_up


async def test_a_broken_event_among_good_ones(sandbox: Running) -> None:
    """`malformed` tears the JSON of one event; the rest of the stream is sound."""
    answer = await ask(sandbox.port, CHAT, STREAM, "malformed")
    good = 0
    for line in answer.body.split(b"\n\n")[:-2]:
        try:
            orjson.loads(line.removeprefix(b"data: "))
            good += 1
        except orjson.JSONDecodeError:
            pass
    assert good == len(answer.chunks) - 3
    assert answer.chunks[-1] == b""


@pytest.mark.parametrize("fault", ["no-terminal", "empty"])
async def test_a_clean_end_that_is_none(sandbox: Running, fault: str) -> None:
    """The body ends as HTTP wants it, but the event that ends the stream is missing."""
    answer = await ask(sandbox.port, CHAT, STREAM, fault)
    assert answer.chunks[-1] == b""
    assert _TERMINAL not in answer.body
    assert b'"finish_reason":"stop"' not in answer.body


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
@pytest.mark.parametrize("body", [HELLO, STREAM])
async def test_coded_answers(sandbox: Running, body: dict[str, Any], coding: str) -> None:
    """The coding is named in the head and undoing it gives the answer."""
    zstd = pytest.importorskip("backports.zstd")
    answer = await ask(sandbox.port, CHAT, body, coding)
    assert answer.header("content-encoding") == coding
    undo: Any = {
        "gzip": lambda data: zlib.decompress(data, 31),
        "deflate": zlib.decompress,
        "br": brotli.decompress,
        "zstd": zstd.decompress,
    }[coding]
    text = undo(answer.body)
    assert text.endswith(_TERMINAL) if body is STREAM else orjson.loads(text)["object"] == "chat.completion"


async def test_bytes_one_by_one(sandbox: Running) -> None:
    """`chunk=1` frames every byte by itself, also within a character."""
    answer = await ask(sandbox.port, CHAT, {**STREAM, "messages": [{"role": "user", "content": "ü"}]}, "chunk=1")
    assert {len(chunk) for chunk in answer.chunks} == {1, 0}
    assert "ü".encode() in answer.body


async def test_a_body_that_ends_with_the_connection(sandbox: Running) -> None:
    """`nolen` announces neither a length nor chunks: the end of the connection is the end of the body."""
    answer = await ask(sandbox.port, CHAT, STREAM, "nolen", keep=True)
    assert (answer.header("content-length"), answer.header("transfer-encoding")) == (None, None)
    assert (answer.header("connection"), answer.rest.endswith(_TERMINAL)) == ("close", True)


async def test_a_connection_that_closes_unannounced(sandbox: Running) -> None:
    """`close-after` gives a complete answer and closes without having said so."""
    answer = await ask(sandbox.port, CHAT, HELLO, "close-after", keep=True)
    assert (answer.status, answer.header("connection")) == (200, None)
    assert len(answer.body) == int(answer.header("content-length") or 0)


async def test_informational_answers_come_first(sandbox: Running) -> None:
    """A 100 and a 103 precede the answer (RFC 9110, 15.2)."""
    answer = await ask(sandbox.port, CHAT, HELLO, "informational")
    statuses = [line for line in answer.data.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    assert statuses == [b"HTTP/1.1 100 Continue", b"HTTP/1.1 103 Early Hints", b"HTTP/1.1 200 OK"]


async def test_a_slow_reader_slows_the_sandbox(sandbox: Running) -> None:
    """An answer that is not read is not written into memory: the sandbox waits for its reader."""
    reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.port)
    writer.write(request(CHAT, STREAM, "events=200000"))
    await reader.readuntil(b"\r\n\r\n")
    seen = sandbox.requests[-1]
    assert not seen.over.is_set()
    # The whole is some 50 MB; what is written is what the kernel takes for a socket, and one buffer's worth.
    assert seen.sent < 25_000_000
    writer.close()
    await seen.over.wait()
    assert seen.hung_up


async def test_a_page_instead_of_json(sandbox: Running) -> None:
    """`html` is what a captive portal or a wrong address answers."""
    answer = await ask(sandbox.port, CHAT, HELLO, "html")
    assert (answer.status, answer.header("content-type")) == (200, "text/html; charset=utf-8")


async def test_big_heads(sandbox: Running) -> None:
    """Headers come as many and as long as asked."""
    many = await ask(sandbox.port, CHAT, HELLO, "headers=big")
    one = await ask(sandbox.port, CHAT, HELLO, "headers=9000")
    assert len(many.head) > 20_000
    assert len(one.header("x-sandbox-big-0") or "") == 9000


@pytest.mark.parametrize("size", [1000, 20_000])
async def test_answers_of_a_size(sandbox: Running, size: int) -> None:
    """A plain answer has exactly the bytes asked for and is still JSON."""
    answer = await ask(sandbox.port, CHAT, HELLO, f"size={size}")
    assert len(answer.body) == size
    assert orjson.loads(answer.body)["object"] == "chat.completion"


async def test_a_server_answers_the_expectation_of_continue(sandbox: Running) -> None:
    """A body announced with `expect: 100-continue` is asked for before the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.port)
    head, _, body = request(CHAT, HELLO).partition(b"\r\n\r\n")
    writer.write(head + b"\r\nexpect: 100-continue\r\n\r\n")
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(body)
    assert (await reader.read()).startswith(b"HTTP/1.1 200 OK\r\n")
    writer.close()


async def test_an_old_client_gets_no_chunks(sandbox: Running) -> None:
    """HTTP/1.0 knows no chunks, so the stream ends with the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", sandbox.port)
    writer.write(request(CHAT, STREAM, keep=True).replace(b"HTTP/1.1", b"HTTP/1.0", 1))
    answer = Exchange(await reader.read())
    writer.close()
    assert answer.header("transfer-encoding") is None
    assert answer.rest.endswith(_TERMINAL)


async def test_pauses_delay_and_change_nothing(sandbox: Running) -> None:
    """Delays before the head, before the body and between events leave the bytes as they are."""
    answer = await ask(sandbox.port, CHAT, STREAM, "first-byte-delay=1,first-event-delay=1,delay=1")
    assert answer.chunks[-2:] == [_TERMINAL, b""]


def test_faults_are_the_same_on_uvloop() -> None:
    """The other event loop writes, cuts and resets alike."""
    uvloop = pytest.importorskip("uvloop")

    async def main() -> tuple[Exchange, Exchange]:
        async with await start() as sandbox:
            cut = await ask(sandbox.port, CHAT, STREAM, "cut=3", keep=True)
            return cut, await ask(sandbox.port, CHAT, STREAM, "reset=2", keep=True)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        cut, reset = runner.run(main())
    assert (len(cut.chunks), cut.reset) == (3, False)
    assert (len(reset.chunks), reset.reset) == (2, True)


@pytest.mark.parametrize(("length", "declared"), [(-7, -7), (7, 7)])
async def test_a_length_that_is_not_true(sandbox: Running, length: int, declared: int) -> None:
    """The body is whole; what is declared beforehand is off by so many bytes, and who waits for more gets the end."""
    answer = await ask(sandbox.port, CHAT, HELLO, f"length={length}")
    assert int(answer.header("content-length") or 0) - len(answer.body) == declared
    assert orjson.loads(answer.body)["object"] == "chat.completion"


async def test_chunks_that_are_none(sandbox: Running) -> None:
    """Where the next chunk's length should stand is something else, and then the end."""
    answer = await ask(sandbox.port, CHAT, STREAM, "bad-chunk=1")
    assert answer.data.endswith(b"\r\nzz\r\nnot a chunk\r\n")


@pytest.mark.parametrize("streamed", [True, False])
async def test_a_type_that_is_not_true(sandbox: Running, streamed: bool) -> None:
    """The content type is whatever is asked for; the body is what it would have been."""
    answer = await ask(sandbox.port, CHAT, {**HELLO, "stream": streamed}, "type=text/plain")
    assert answer.header("content-type") == "text/plain"
    assert answer.body.startswith(b"data: {" if streamed else b"{")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, HELLO),
        ("/v1/responses", {"model": "m", "input": "hello"}),
        ("/v1/messages", {**HELLO, "max_tokens": 9}),
        ("/v1beta/models/m:generateContent", {"contents": [{"parts": [{"text": "hello"}]}]}),
    ],
)
async def test_streams_that_nobody_asked_for(sandbox: Running, path: str, body: dict[str, Any]) -> None:
    """Every surface can stream unasked, and answer whole where a stream was asked for."""
    streamed = await ask(sandbox.port, path, body, "streamed")
    assert (streamed.header("content-type") or "").startswith("text/event-stream")
    asked = path.replace(":generateContent", ":streamGenerateContent?alt=sse")
    whole = await ask(sandbox.port, asked, {**body, "stream": True}, "unstreamed")
    assert (whole.header("content-type") or "").startswith("application/json")
    assert orjson.loads(whole.body)


@pytest.mark.parametrize(("fault", "whole"), [("gzip,no-trailer", True), ("gzip,coding-cut=2", False)])
async def test_codings_that_break_off(sandbox: Running, fault: str, whole: bool) -> None:
    """The framing says that it was all; the coding does not."""
    answer = await ask(sandbox.port, CHAT, STREAM, fault)
    assert answer.chunks[-1] == b""
    inflater = zlib.decompressobj(wbits=31)
    said = inflater.decompress(answer.body)
    assert not inflater.eof
    assert said.endswith(_TERMINAL) is whole
