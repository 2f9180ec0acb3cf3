"""An upstream that nginx cannot be: paced, slow and long streams, an endless answer, a sink. A process of its own.

The first part of a path says which. It does as little as it can for each chunk, since it shares a core with wrk.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import cast

import uvloop

from .asks import BURSTS, ENDLESS, SINGLE, SINK, SLOW, STORIES, answer

STREAM_CHUNKS = 50
CHUNK_BYTES = 200
# In bursts: so many chunks, each flushed by itself, and the next ones as soon as every stream had its own.
BURST = 10
# One by one: every stream gets one chunk in each such period, which is no faster than a proxy can pass on. Otherwise
# chunks would pile up in sockets, be read several at once, and the slower proxy would have less to do for each.
PERIOD_SECONDS = 0.001
SLOW_SECONDS = 1.0
ENDLESS_BYTES = 100 << 20
# It begins as an answer does: what is no JSON is no answer to a gateway.
_BEGINNING = b'{"object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"'
_PIECE = b"x" * (256 << 10)
_BACKLOG = 4096
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_STREAM_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"
)


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _event(delta: bytes, tail: bytes) -> bytes:
    start = (
        b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"bench","choices":[{"index":0,'
    )
    return start + b'"delta":{%s},"finish_reason":%s}\n\n' % (delta, tail)


def _word() -> bytes:
    size = CHUNK_BYTES - len(_event(b'"content":""', b"null}]"))
    return _event(b'"content":"%s"' % (b" word" * 20)[:size], b"null}]")


WORD = _framed(_word())
LAST = _framed(_event(b"", b'"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":48,"total_tokens":57}'))
END = _framed(b"data: [DONE]\n\n") + b"0\r\n\r\n"
# What is flushed one after the other: the words, the event with usage, the end.
FLUSHES = (*[WORD] * (STREAM_CHUNKS - 2), LAST, END)


def story(deltas: int) -> bytes:
    """A whole stream of Messages with so many deltas, each in an HTTP chunk of its own."""
    usage = {"input_tokens": 9, "output_tokens": 1}
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": "bench", "content": [], "usage": usage}
    stop = {"stop_reason": "end_turn", "stop_sequence": None}
    text = {"type": "text_delta", "text": " word word word word"}
    begin = _named("message_start", message={**message, "stop_reason": None, "stop_sequence": None})
    begin += _named("content_block_start", index=0, content_block={"type": "text", "text": ""})
    end = _named("content_block_stop", index=0)
    end += _named("message_delta", delta=stop, usage={"output_tokens": deltas}) + _named("message_stop")
    return begin + _named("content_block_delta", index=0, delta=text) * deltas + end + b"0\r\n\r\n"


def _named(name: str, **members: object) -> bytes:
    data = json.dumps({"type": name, **members}, separators=(",", ":"))
    return _framed(f"event: {name}\ndata: {data}\n\n".encode())


class Ticker:
    """The beat of the streams: so many flushes for each of them, then so many seconds of rest."""

    def __init__(self, flushes: int, rest: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._flushes = flushes
        self._rest = rest
        self._streams: dict[Connection, int] = {}

    def join(self, stream: Connection) -> None:
        """One more stream, from its first chunk on."""
        if not self._streams:
            self._loop.call_later(self._rest, self._tick)
        self._streams[stream] = 0

    def leave(self, stream: Connection) -> None:
        """The stream's caller is gone."""
        self._streams.pop(stream, None)

    def _tick(self) -> None:
        for stream, at in list(self._streams.items()):
            until = at + self._flushes
            for data in FLUSHES[at:until]:
                stream.send(data)
            if until < len(FLUSHES):
                self._streams[stream] = until
            else:
                self._streams.pop(stream, None)
        if self._streams:
            self._loop.call_later(self._rest, self._tick)


class Connection(asyncio.Protocol):
    """One connection, one request at a time: reads it whole, then answers as the path says."""

    def __init__(self, tickers: Mapping[str, Ticker]) -> None:
        self._tickers = tickers
        self._head = b""
        self._path = b""
        # Bytes of the request's body that have yet to come; bytes of the endless answer that have yet to go.
        self._missing = self._owed = 0
        self._paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._loop = asyncio.get_running_loop()
        self._descriptor = transport.get_extra_info("socket").fileno()

    def connection_lost(self, exc: Exception | None) -> None:
        for ticker in self._tickers.values():
            ticker.leave(self)
        self._owed = 0

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._missing -= len(data)
        else:
            self._head += data
            head, found, body = self._head.partition(b"\r\n\r\n")
            if not found:
                return
            self._head = b""
            length = _LENGTH.search(head)
            self._path = head.split(b" ", 2)[1].split(b"/")[1]
            self._missing = (int(length[1]) if length else 0) - len(body)
        if self._missing <= 0:
            self._missing = 0
            self._answer(self._path.decode())

    def _answer(self, kind: str) -> None:
        if kind in self._tickers:
            self._transport.write(_STREAM_HEAD)
            self._tickers[kind].join(self)
        elif kind == SLOW:
            self._transport.write(_STREAM_HEAD)
            self._slowly()
        elif kind == ENDLESS:
            self._transport.write(_head(200, ENDLESS_BYTES) + _BEGINNING)
            self._owed = ENDLESS_BYTES - len(_BEGINNING)
            self._pour()
        elif kind in STORIES:
            self._transport.write(_STREAM_HEAD + story(STORIES[kind]))
        else:
            text = answer().encode() if kind == SINK else b""
            self._transport.write(_head(200 if kind == SINK else 404, len(text)) + text)

    def send(self, data: bytes) -> None:
        """Flush some bytes by themselves, at once."""
        sent = 0
        if not self._transport.get_write_buffer_size():
            with suppress(BlockingIOError, ConnectionError):
                sent = os.write(self._descriptor, data)
        if sent < len(data):
            self._transport.write(data[sent:])

    def _slowly(self) -> None:
        if not self._transport.is_closing():
            self._transport.write(WORD)
            self._loop.call_later(SLOW_SECONDS, self._slowly)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._pour()

    def _pour(self) -> None:
        while self._owed and not self._paused:
            piece = _PIECE[: self._owed]
            self._owed -= len(piece)
            self._transport.write(piece)


def _head(status: int, length: int) -> bytes:
    return b"HTTP/1.1 %d OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % (status, length)


async def serve(port: int) -> None:
    """Answer on a port of loopback until the process is ended."""
    tickers = {BURSTS: Ticker(BURST, 0.0), SINGLE: Ticker(1, PERIOD_SECONDS)}
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(tickers), "127.0.0.1", port, backlog=_BACKLOG)
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(int(sys.argv[1])))
