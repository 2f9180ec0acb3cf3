"""One HTTP/1.1 connection to an upstream: a request at a time, its answer pushed to a listener as it arrives.

aiohttp's C parser (llhttp) reads the heads. Bodies are counted or unchunked here, in the callback that brought them,
so nothing is buffered and every arrival costs one call of the listener.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Sequence
from typing import Any, Protocol

from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpResponseParser

from aigw.adapter import Origin
from aigw.errors import AttemptFailed, BadAnswer, ConnectionClosed
from aigw.relay.cork import Corked, Outbox
from aigw.relay.upstream import reach, tls
from aigw.wire.chunked import BadChunkError, Chunks
from aigw.wire.message import ResponseHead

# Providers send a few KiB of headers, content-security policies included (nginx as a client allows 4-8 KiB).
MAX_HEAD_BYTES = 128 * 1024
MAX_FIELD_BYTES = 32 * 1024
MAX_FIELDS = 256
# A connection idle for longer than this is looked at with poll(2) before it is used again, in seconds.
TRUSTED_IDLE = 0.01

# What of a body is still to come, if it is not a number of bytes.
NOTHING, CHUNKED, UNTIL_CLOSE = 0, -1, -2


class Listener(Protocol):
    """Who asked. Calls come in this order: `on_arrival`* (the first with the head), then nothing after
    `complete`; or `on_lost` once. `on_full` and `on_drained` say whether more of the request may be written.
    """

    def on_arrival(self, head: ResponseHead | None, data: bytes, complete: bool) -> None: ...

    def on_lost(self, error: AttemptFailed) -> None: ...

    def on_full(self) -> None: ...

    def on_drained(self) -> None: ...


class Home(Protocol):
    """Where a connection goes when its answer is complete (`usable` again, or to be closed), or when it is gone.

    `outbox` takes what its connections write.
    """

    outbox: Outbox

    def give_back(self, connection: Connection, usable: bool) -> None: ...

    def forget(self, connection: Connection) -> None: ...


class Connection(asyncio.Protocol):
    """A connection owned by a pool. `via` is set for a plain-HTTP proxy: targets are then written in absolute form
    (RFC 9112, section 3.2.2). `unreached` tells of a lost one that nothing of its last request came to the other end.
    """

    transport: Corked

    def __init__(self, home: Home, origin: Origin, loop: asyncio.AbstractEventLoop) -> None:
        self.idle_since = 0.0
        self.used = 0
        self.via = b""
        self.via_headers = b""
        self._listener: Listener | None = None
        self._head: ResponseHead | None = None
        self._held = b""  # of a head that is not complete
        self._left = NOTHING
        self._chunks: Chunks | None = None
        self._body_open = False
        self._ended = False
        self._closed = False
        self._asked_head = False
        self._poll: select.poll | None = None
        self._acknowledged = reach.UNKNOWN
        self.unreached = False
        self.home = home
        self.origin = origin
        # Told that answers have no body, the parser stops behind each head; it is given heads alone.
        # Any: aiohttp declares its parsers' results as tuples, the C parser's are not.
        self._parser: Any = HttpResponseParser(
            BaseProtocol(loop),
            loop,
            MAX_HEAD_BYTES,
            max_line_size=MAX_FIELD_BYTES,
            max_field_size=MAX_FIELD_BYTES,
            max_headers=MAX_FIELDS,
            response_with_body=False,
            auto_decompress=False,
        )

    # -- asking ------------------------------------------------------------------------------------------

    def ask(self, listener: Listener, head: bytes, body: Sequence[bytes] = (), *, more: bool = False) -> None:
        """Write a request. `head` ends with its blank line; with `more` the body goes on in `send`."""
        self.used += 1
        self._listener = listener
        self._body_open = more
        self._asked_head = head.startswith(b"HEAD ")
        if self.via:
            head = self._absolute(head)
        self.transport.writelines((head, *body))

    def _absolute(self, head: bytes) -> bytes:
        line, rest = head.split(b"\r\n", 1)
        method, target, version = line.split(b" ")
        return b"%b %b%b %b\r\n%b%b" % (method, self.via, target, version, self.via_headers, rest)

    def send(self, data: bytes, *, more: bool) -> None:
        """Write more of the request's body."""
        self._body_open = more
        if data:
            self.transport.write(data)

    def pause(self) -> None:
        """Stop reading: whoever takes the answer is slower than the upstream."""
        self.transport.pause_reading()

    def resume(self) -> None:
        """Go on reading."""
        self.transport.resume_reading()

    @property
    def unanswered(self) -> bool:
        """Whether not a single byte has come since the last request was written."""
        return self._head is None and not self._held

    def close(self) -> None:
        """Close a connection that nobody uses; what an upstream did not want to read is not sent to its end."""
        if self.transport.unsent():
            self.transport.abort()
        else:
            self.transport.close()

    def drop(self) -> None:
        """Close now, whatever is under way; the listener hears nothing more."""
        self._listener = None
        self.transport.abort()

    def detach(self) -> Corked:
        """Give the transport away (a protocol switch): this connection is then nobody's."""
        self._listener = None
        self.home.forget(self)
        return self.transport

    def alive(self, now: float) -> bool:
        """Whether an idle connection may be used. One that has anything to read was closed or is out of step."""
        if self.transport.is_closing():
            return False
        if now - self.idle_since < TRUSTED_IDLE:
            self._acknowledged = reach.UNKNOWN
            return True
        sock = self.transport.get_extra_info("socket")
        self._acknowledged = reach.acknowledged(sock)
        if self._poll is None:
            self._poll = select.poll()
            self._poll.register(sock.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
        return not self._poll.poll(0)

    # -- asyncio.Protocol ----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = Corked(transport, self.home.outbox)  # type: ignore[arg-type]

    def data_received(self, data: bytes) -> None:
        listener = self._listener
        if listener is None:
            self.transport.abort()  # unasked bytes: the next answer on this connection could not be trusted
            return
        self.transport.arrived(len(data))
        try:
            if self._head is None:
                self._read_head(listener, data)
            elif self._left > 0:
                self._count(listener, None, data)
            elif self._left == CHUNKED:
                self._unchunk(listener, None, data)
            else:
                listener.on_arrival(None, data, False)
        except (HttpProcessingError, BadChunkError) as exc:
            self._fail(BadAnswer("bad_http", f"the upstream's answer is not valid HTTP: {_first_line(exc)}"))
        except BadAnswer as exc:
            self._fail(exc)

    def _read_head(self, listener: Listener, data: bytes) -> None:
        """Read the answer's head; informational ones before it (RFC 9110, section 15.2) are skipped."""
        begun = len(self._held)
        if begun:
            data, self._held = self._held + data, b""
        while True:
            end = _head_end(data, max(begun - 3, 0))
            if (len(data) if end < 0 else end) > MAX_HEAD_BYTES:
                raise BadAnswer("bad_http", f"the head of the upstream's answer is larger than {MAX_HEAD_BYTES} bytes")
            if end < 0:
                self._held = data
                return
            messages = self._parser.feed_data(data[:end])[0]
            data, begun = data[end:], 0
            if messages and (messages[0][0].code >= 200 or messages[0][0].code == 101):
                break
        self._begin(listener, messages[0][0], data)

    def _begin(self, listener: Listener, head: ResponseHead, data: bytes) -> None:
        """The head is there: how long is the body (RFC 9112, section 6.3)?"""
        self._head = head
        code = head.code
        if code == 101:
            if not head.upgrade:
                raise BadAnswer("bad_http", "the upstream switched protocols without saying to which")
            self._left = UNTIL_CLOSE
            listener.on_arrival(head, data, False)
        elif self._asked_head or code in (204, 304):
            self._complete(listener, head, b"", data)
        elif head.chunked:
            self._left = CHUNKED
            self._chunks = Chunks()
            self._unchunk(listener, head, data)
        else:
            length = head.headers.get("Content-Length")
            if length is None or "Transfer-Encoding" in head.headers:
                self._left = UNTIL_CLOSE
                listener.on_arrival(head, data, False)
            else:
                self._left = int(length)
                self._count(listener, head, data)

    def _count(self, listener: Listener, head: ResponseHead | None, data: bytes) -> None:
        """Bytes of a body whose length was announced."""
        size = len(data)
        if size < self._left:
            self._left -= size
            listener.on_arrival(head, data, False)
        elif size == self._left:
            self._complete(listener, head, data, b"")
        else:
            self._complete(listener, head, data[: self._left], data[self._left :])

    def _unchunk(self, listener: Listener, head: ResponseHead | None, data: bytes) -> None:
        chunks = self._chunks
        assert chunks is not None
        data = chunks.feed(data)
        if chunks.complete:
            self._complete(listener, head, data, chunks.rest)
        elif data or head is not None:
            listener.on_arrival(head, data, False)

    def _complete(self, listener: Listener, head: ResponseHead | None, data: bytes, rest: bytes) -> None:
        """The answer is complete. Bytes behind it, or a request that was not sent to its end, spoil the connection."""
        message = self._head
        assert message is not None
        self._listener = self._head = self._chunks = None
        self._left = NOTHING
        spoilt = rest or self._body_open or message.should_close or self.transport.unsent()
        self.home.give_back(self, not spoilt)
        listener.on_arrival(head, data, True)

    def _fail(self, error: AttemptFailed) -> None:
        listener, self._listener = self._listener, None
        self.transport.abort()
        if listener is not None:
            listener.on_lost(error)

    def eof_received(self) -> None:
        """Nothing more comes. Over TLS that counts only if TLS says so too: else somebody cut it (RFC 9112, 9.8)."""
        self._closed = True
        connected = self.transport.get_extra_info("ssl_object")
        self._ended = connected is None or tls.ended(connected)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.home.forget(self)
        listener, self._listener = self._listener, None
        if listener is None:
            return
        if self._closed and self.unanswered and self._acknowledged != reach.UNKNOWN:
            self.unreached = reach.nothing_arrived(self.transport.get_extra_info("socket"), self._acknowledged)
        if exc is None and self._ended and self._head is not None and self._left == UNTIL_CLOSE:
            listener.on_arrival(None, b"", True)
            return
        what = "in the middle of its answer" if self._head is not None else "before it answered"
        listener.on_lost(ConnectionClosed("connection_closed", f"the upstream closed the connection {what}"))

    def pause_writing(self) -> None:
        if self._listener is not None:
            self._listener.on_full()

    def resume_writing(self) -> None:
        if self._listener is not None:
            self._listener.on_drained()


def _head_end(data: bytes, start: int) -> int:
    """Where the first head ends, -1 if it has not; bare line feeds are read too (RFC 9112, section 2.2).

    The first blank line of either kind: an end that depended on how the bytes were sliced would be two answers in one.
    """
    end = data.find(b"\n\r\n", start)  # CR LF CR LF has it, too
    bare = data.find(b"\n\n", start, end + 1) if end >= 0 else data.find(b"\n\n", start)
    if bare >= 0:
        return bare + 2
    return end + 3 if end >= 0 else -1


def _first_line(exc: BaseException) -> str:
    return str(exc).strip().split("\n", 1)[0][:200]
