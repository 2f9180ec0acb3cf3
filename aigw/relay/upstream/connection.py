"""One HTTP/1.1 connection to an upstream: a request at a time, its answer pushed to a listener as it arrives.

aiohttp's C parser (llhttp) reads the answers. It puts body bytes into a StreamReader, which is emptied in the
same callback, so nothing is buffered here and every arrival costs one call of the listener.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Sequence
from typing import Any, Protocol

from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpResponseParser, RawResponseMessage

from aigw.adapter import Origin
from aigw.errors import AttemptFailed, BadAnswer, ConnectionClosed

# One arrival is at most 256 KiB (uvloop's read size); the reader must take it without asking to pause.
PARSER_LIMIT = 2**20
# Providers send a few KiB of headers, content-security policies included (nginx as a client allows 4–8 KiB).
MAX_HEAD_BYTES = 128 * 1024
MAX_FIELD_BYTES = 32 * 1024
MAX_FIELDS = 256
# Below this the copy of a join is cheaper than the longer system call of a vectored write.
JOIN_BELOW = 65_536
# A connection idle for longer than this is looked at with poll(2) before it is used again, in seconds.
TRUSTED_IDLE = 0.5


class Listener(Protocol):
    """Who asked. Calls come in this order: `on_arrival`* (the first with the head), then nothing after
    `complete`; or `on_lost` once. `on_full` and `on_drained` say whether more of the request may be written.
    """

    def on_arrival(self, head: RawResponseMessage | None, data: bytes, complete: bool) -> None: ...

    def on_lost(self, error: AttemptFailed) -> None: ...

    def on_full(self) -> None: ...

    def on_drained(self) -> None: ...


class Home(Protocol):
    """Where a connection goes when its answer is complete, or when it is gone."""

    def give_back(self, connection: Connection) -> None: ...

    def forget(self, connection: Connection) -> None: ...


class Connection(asyncio.Protocol):
    """A connection owned by a pool. `via` is set for a plain-HTTP proxy: targets are then written in absolute form
    (RFC 9112, section 3.2.2)."""

    __slots__ = (
        "_asked_head",
        "_body_open",
        "_got",
        "_head",
        "_listener",
        "_loop",
        "_parser",
        "_payload",
        "_poll",
        "_sink",
        "home",
        "idle_since",
        "origin",
        "transport",
        "used",
        "via",
        "via_headers",
    )

    def __init__(self, home: Home, origin: Origin, loop: asyncio.AbstractEventLoop) -> None:
        self.home = home
        self.origin = origin
        self.transport: asyncio.Transport = None  # type: ignore[assignment]
        self.idle_since = 0.0
        self.used = 0
        self.via = b""
        self.via_headers = b""
        self._loop = loop
        self._sink = BaseProtocol(loop)
        self._parser = self._new_parser(True)
        self._asked_head = False
        self._listener: Listener | None = None
        self._head: RawResponseMessage | None = None
        self._payload: Any = None
        self._body_open = False
        self._got = 0
        self._poll: select.poll | None = None

    def _new_parser(self, with_body: bool) -> HttpResponseParser:
        return HttpResponseParser(
            self._sink,
            self._loop,
            PARSER_LIMIT,
            max_line_size=MAX_FIELD_BYTES,
            max_field_size=MAX_FIELD_BYTES,
            max_headers=MAX_FIELDS,
            response_with_body=with_body,
            read_until_eof=True,
            auto_decompress=False,
        )

    # -- asking ------------------------------------------------------------------------------------------

    def ask(self, listener: Listener, head: bytes, body: Sequence[bytes] = (), *, more: bool = False) -> None:
        """Write a request. `head` ends with its blank line; with `more` the body goes on in `send`."""
        self.used += 1
        self._listener = listener
        self._got = 0
        self._body_open = more
        if self.via:
            head = self._absolute(head)
        if self._asked_head or head.startswith(b"HEAD "):
            self._asked_head = head.startswith(b"HEAD ")
            self._parser = self._new_parser(not self._asked_head)
        size = sum(map(len, body))
        if size < JOIN_BELOW:
            self.transport.write(b"".join((head, *body)))
        else:
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

    def drop(self) -> None:
        """Close now, whatever is under way; the listener hears nothing more."""
        self._listener = None
        self.transport.abort()

    def detach(self) -> asyncio.Transport:
        """Give the transport away (a protocol switch): this connection is then nobody's."""
        self._listener = None
        self.home.forget(self)
        return self.transport

    def alive(self, now: float) -> bool:
        """Whether an idle connection may be used. One that has anything to read was closed or is out of step."""
        if self.transport.is_closing():
            return False
        if now - self.idle_since < TRUSTED_IDLE:
            return True
        if self._poll is None:
            sock = self.transport.get_extra_info("socket")
            self._poll = select.poll()
            self._poll.register(sock.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
        return not self._poll.poll(0)

    # -- asyncio.Protocol ----------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        listener = self._listener
        if listener is None:
            self.transport.abort()  # unasked bytes: the next answer on this connection could not be trusted
            return
        try:
            messages, upgraded, tail = self._parser.feed_data(data)
            head = self._take_head(messages) if messages else None
            if upgraded and head is not None:
                listener.on_arrival(head, tail, False)
                return
            payload = self._payload
            if payload is None:
                self._count_head(data)
                return
            chunk = payload.read_nowait(-1)
        except (HttpProcessingError, ValueError, RuntimeError) as exc:
            self._fail(BadAnswer("bad_http", f"the upstream's answer is not valid HTTP: {_first_line(exc)}"))
            return
        except BadAnswer as exc:
            self._fail(exc)
            return
        if not payload.is_eof():
            listener.on_arrival(head, chunk, False)
            return
        self._complete(listener, head, chunk)

    def _take_head(self, messages: Sequence[tuple[RawResponseMessage, Any]]) -> RawResponseMessage | None:
        """The answer's head among what was parsed; informational ones (RFC 9110, 15.2) are skipped."""
        head: RawResponseMessage | None = None
        for message, payload in messages:
            if 100 <= message.code < 200 and message.code != 101:
                continue
            if self._head is not None:
                raise BadAnswer("bad_http", "the upstream sent a second answer to one request")
            self._head = head = message
            self._payload = payload
        return head

    def _count_head(self, data: bytes) -> None:
        self._got += len(data)
        if self._got > MAX_HEAD_BYTES:
            raise BadAnswer("bad_http", "the head of the upstream's answer is too large")

    def _complete(self, listener: Listener, head: RawResponseMessage | None, chunk: bytes) -> None:
        message = self._head
        self._listener = self._head = self._payload = None
        if self._body_open or message is None or message.should_close:
            self.transport.close()
        else:
            self.home.give_back(self)
        listener.on_arrival(head, chunk, True)

    def _fail(self, error: AttemptFailed) -> None:
        listener, self._listener = self._listener, None
        self.transport.abort()
        if listener is not None:
            listener.on_lost(error)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.home.forget(self)
        listener, self._listener = self._listener, None
        if listener is None:
            return
        payload = self._payload
        if exc is None and payload is not None and self._ended_by_close():
            self._head = self._payload = None
            listener.on_arrival(None, b"", True)
            return
        what = "in the middle of its answer" if self._head is not None else "before it answered"
        listener.on_lost(ConnectionClosed("connection_closed", f"the upstream closed the connection {what}"))

    def _ended_by_close(self) -> bool:
        """Whether the end of the connection is the proper end of the body (RFC 9112, section 6.3, rule 8)."""
        try:
            self._parser.feed_eof()
        except (HttpProcessingError, ValueError, RuntimeError):
            return False
        # A body with a length or in chunks would have completed before; feed_eof raised then.
        return bool(self._payload.is_eof())

    def pause_writing(self) -> None:
        if self._listener is not None:
            self._listener.on_full()

    def resume_writing(self) -> None:
        if self._listener is not None:
            self._listener.on_drained()


def _first_line(exc: BaseException) -> str:
    return str(exc).strip().split("\n", 1)[0][:200]
