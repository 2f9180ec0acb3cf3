"""One caller's TCP connection: requests read by aiohttp's C parser, one turn at a time.

What the gateway relays is handled here, without a task and without aiohttp's request objects; every other
well-formed request without a body goes to the ordinary aiohttp handler (`front.local`) with the whole connection.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.http_parser import HttpRequestParser, RawRequestMessage

from aigw.errors import AigwError, BadRequest, MethodNotAllowed, NotFound, Refusal, RequestTimeout, TooLarge
from aigw.front import answers, tunnel
from aigw.front.identify import identify
from aigw.front.routes import ModelsRoute, format_of, route
from aigw.front.turn import Turn

if TYPE_CHECKING:
    from aigw.front.gateway import Gateway

PARSER_LIMIT = 2**20
MAX_FIELDS = 128
# After an answer to a request whose body was not read to its end, what still comes is thrown away for this many
# seconds: closing at once would reset the connection and could take the answer with it (RFC 9112, section 9.6).
LINGER = 5.0


class CallerConnection(tunnel.Side):
    """The server side of one connection."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.transport: asyncio.Transport = None  # type: ignore[assignment]
        self.turn: Turn | None = None
        self.since = 0.0
        self.arrived = False
        self._parser = HttpRequestParser(
            BaseProtocol(gateway.relay.loop),
            gateway.relay.loop,
            PARSER_LIMIT,
            max_line_size=gateway.max_head_bytes,
            max_field_size=gateway.max_head_bytes,
            max_headers=MAX_FIELDS,
            auto_decompress=False,
        )
        self._payload: Any = None
        self._waiting: deque[tuple[RawRequestMessage, Any]] = deque()
        self._head_bytes = 0
        self._served = 0
        self._lingering = False
        self._tunnelled = False
        self._advancing = False

    # -- asyncio.Protocol ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.since = monotonic()
        self.gateway.connected(self)

    def data_received(self, data: bytes) -> None:
        self.arrived = True
        if self._tunnelled:
            super().data_received(data)
            return
        if self._lingering:
            return
        try:
            messages, _upgraded, _tail = self._parser.feed_data(data)
            if self._payload is not None:
                self._take_body(self._payload)
        except (HttpProcessingError, ValueError, RuntimeError) as exc:
            self._malformed(exc, data)
            return
        if messages:
            self._head_bytes = 0
            self._waiting.extend(messages)
            self._advance(len(data))
        elif self.turn is None:
            self._count_head(len(data), data)

    def connection_lost(self, exc: BaseException | None) -> None:
        self.gateway.disconnected(self)
        turn, self.turn = self.turn, None
        if turn is not None:
            turn.caller_gone()
        if self._tunnelled:
            super().connection_lost(exc)

    def pause_writing(self) -> None:
        if self._tunnelled:
            super().pause_writing()
        elif self.turn is not None:
            self.turn.pause()

    def resume_writing(self) -> None:
        if self._tunnelled:
            super().resume_writing()
        elif self.turn is not None:
            self.turn.resume()

    # -- reading -----------------------------------------------------------------------------------------------

    @property
    def body_open(self) -> bool:
        """Whether the current request's body has not come to its end."""
        return self._payload is not None

    def _take_body(self, payload: Any) -> None:
        data = payload.read_nowait(-1)
        complete = payload.is_eof()
        if complete:
            self._payload = None
        if self.turn is not None:
            self.turn.on_body(data, complete)

    def _advance(self, arrived: int = 0) -> None:
        """Begin the next request when none is under way; pipelined ones wait their turn unread."""
        if self._advancing:
            return
        self._advancing = True
        while self._waiting and self.turn is None and not self._lingering:
            message, payload = self._waiting.popleft()
            self._begin(message, payload, arrived)
        self._advancing = False
        if self._waiting and not self._tunnelled:
            self.transport.pause_reading()

    def _begin(self, message: RawRequestMessage, payload: Any, arrived: int) -> None:
        self._served += 1
        self._payload = payload
        path = message.path.partition("?")[0]
        try:
            if arrived > self.gateway.max_head_bytes:
                self._check_head(message)
            found = route(message.method, path)
            if isinstance(found, ModelsRoute):
                self._hand_over(message)
                return
        except (NotFound, MethodNotAllowed) as refusal:
            self._refuse_unknown(refusal, message, path)
            return
        except TooLarge as refusal:
            self._refuse(refusal, path)
            return
        self.turn = turn = Turn(self.gateway, self, message, found)
        turn.begin()
        if self.turn is turn:
            self._take_body(payload)

    def _check_head(self, message: RawRequestMessage) -> None:
        size = len(message.path) + sum(len(name) + len(value) + 4 for name, value in message.raw_headers)
        if size > self.gateway.max_head_bytes:
            raise head_too_large(self.gateway.max_head_bytes)

    def _count_head(self, size: int, data: bytes) -> None:
        self._head_bytes += size
        if self._head_bytes > self.gateway.max_head_bytes:
            self._refuse(head_too_large(self.gateway.max_head_bytes), _path_in(data))

    def _malformed(self, exc: Exception, data: bytes) -> None:
        """Bytes that are not HTTP, or HTTP that two parsers could read differently: answered, never forwarded."""
        error: Refusal
        if isinstance(exc, LineTooLong):
            error = head_too_large(self.gateway.max_head_bytes)
        else:
            error = BadRequest(f"The request is not valid HTTP/1.1: {_first_line(exc)}")
        if self.turn is not None:
            # The body of the request under way is broken, or what follows it is.
            self._payload = self._payload or True
            self.turn.body_failed(error)
        else:
            self._refuse(error, _path_in(data))

    def _refuse_unknown(self, refusal: Refusal, message: RawRequestMessage, path: str) -> None:
        """Nothing at this path, or not with this method; but who calls is asked first."""
        try:
            identify(message.headers, self.gateway.snapshot)
        except Refusal as unknown:
            refusal = unknown
        self._refuse(refusal, path, message)

    def _refuse(self, refusal: Refusal, path: str, message: RawRequestMessage | None = None) -> None:
        """Answer what never became a turn, and close."""
        anthropic = message is not None and "anthropic-version" in message.headers
        format = self.gateway.formats[format_of(path, anthropic)]
        request_id = self.gateway.request_id(message.headers if message is not None else {})
        lines, body = answers.refusal_parts(refusal, format, request_id)
        head_only = message is not None and message.method == "HEAD"
        self.write(answers.body_answer(refusal.http_status, lines, body, close=True, head_only=head_only))
        self.gateway.refused(refusal, request_id, message.method if message is not None else "", path)
        self._linger()

    def _hand_over(self, message: RawRequestMessage) -> None:
        """Give the connection to aiohttp: the request is told again, without a body, and is the last one on it."""
        lines = [f"{message.method} {message.path} HTTP/1.1".encode("ascii", "surrogateescape")]
        framing = (b"content-length", b"transfer-encoding", b"connection", b"expect", b"upgrade")
        lines += [b"%b: %b" % pair for pair in message.raw_headers if pair[0].lower() not in framing]
        lines += [b"connection: close", b"", b""]
        handler = self.gateway.local_server()
        self.gateway.disconnected(self)
        self.transport.set_protocol(handler)
        handler.connection_made(self.transport)
        handler.data_received(b"\r\n".join(lines))
        self._lingering = True

    # -- writing -------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """To the caller."""
        self.transport.write(data)

    def write_all(self, pieces: Sequence[bytes]) -> None:
        """To the caller, without joining."""
        self.transport.writelines(pieces)

    def pause_body(self) -> None:
        """Read no more of the request for now."""
        self.transport.pause_reading()

    def resume_body(self) -> None:
        """Read on."""
        self.transport.resume_reading()

    def tunnel(self, upstream: asyncio.Transport) -> None:
        """Pass bytes both ways from now on."""
        self._tunnelled = True
        tunnel.join(self, upstream)

    # -- the end ---------------------------------------------------------------------------------------------------

    def turn_done(self, turn: Turn) -> None:
        """The answer is written, or will never be: go on with the next request or close."""
        if self.turn is not turn:
            return
        self.turn = None
        self.since = monotonic()
        if turn.closes or self.gateway.draining:
            if self.body_open:
                self._linger()
            else:
                self.transport.close()
            return
        self.transport.resume_reading()
        if self._waiting and not self._advancing:
            self.gateway.relay.loop.call_soon(self._advance)

    def _linger(self) -> None:
        """Say that nothing more comes, and throw away what the caller still sends."""
        self._lingering = True
        self.turn = None
        self.since = monotonic()
        if self.transport.is_closing():
            return
        self.transport.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def close(self) -> None:
        """Close now if nothing is under way."""
        if self.turn is None:
            self.transport.close()

    def sweep(self, now: float) -> None:
        """Called about once a second: is this connection worth its place?"""
        limits = self.gateway.patience
        if self.arrived:
            # Bytes of a head do not buy time: it has to be complete within its limit.
            if self._head_bytes == 0 or self.turn is not None:
                self.since = now
            self.arrived = False
            if not self._lingering and self.turn is None and self._head_bytes:
                return
        idle = now - self.since
        if self._lingering:
            if idle > LINGER:
                self.transport.abort()
        elif self.turn is not None:
            if self.body_open and idle > limits.body_idle_timeout:
                self.turn.body_failed(RequestTimeout(_SLOW.format("body", limits.body_idle_timeout)))
        elif self._head_bytes and idle > limits.head_timeout:
            self._refuse(RequestTimeout(_SLOW.format("head", limits.head_timeout)), "")
        elif idle > (limits.keepalive_timeout if self._served else limits.head_timeout):
            self.transport.close()


_SLOW = "The request's {} did not come within {:g} s."


def head_too_large(most: int) -> TooLarge:
    """A request head over the limit."""
    return TooLarge(
        f"The request line and headers are larger than {most} bytes (limits.max_head_bytes).",
        status=431,
        code="headers_too_large",
    )


def _path_in(data: bytes) -> str:
    """The path in the first line of bytes that could not be parsed, for the format of the error."""
    parts = data[:2048].split(b"\r\n", 1)[0].split(b" ")
    return parts[1].decode("latin-1") if len(parts) > 1 else ""


def _first_line(exc: Exception) -> str:
    return str(exc).strip().split("\n", 1)[0][:200]


_ = AigwError
