"""One caller's TCP connection: heads read by aiohttp's C parser, bodies counted or unchunked, one turn at a time.

What the gateway relays is handled here, without a task and without aiohttp's request objects; every other
well-formed request without a body goes to the ordinary aiohttp handler (`front.local`) with the whole connection.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Any

from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong
from aiohttp.http_parser import HttpRequestParser

from aigw.errors import BadRequest, MethodNotAllowed, NotFound, Refusal, RequestTimeout
from aigw.front import answers, tunnel
from aigw.front.familiar import Familiar, familiarise
from aigw.front.framing import CHUNKED, body_length, head_too_large, last_without_body, not_http, path_in
from aigw.front.identify import identify
from aigw.front.routes import ModelsRoute, Route, format_of, route
from aigw.front.turn import Turn
from aigw.records import AccessKey
from aigw.relay.cork import Corked
from aigw.wire.chunked import BadChunkError, Chunks
from aigw.wire.head import Head
from aigw.wire.message import RequestHead

if TYPE_CHECKING:
    from aigw.front.delivery import Delivery
    from aigw.front.gateway import Gateway

# What of a body is still to come.
NOTHING = 0
MAX_FIELDS = 128
# What may wait behind the request under way, in bytes, before no more is read.
MAX_WAITING = 65_536
# Methods are upper-case; empty lines before one are passed over (RFC 9112, section 2.2).
_FIRST = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_BLANK = b"\r\n"
# After an answer to a request that was not read to its end, what still comes is thrown away until it has been quiet
# for so many seconds, or for so many in all: to close at once could take the answer with it (RFC 9112, section 9.6).
LINGER, MAX_LINGER = 5.0, 30.0


class CallerConnection(tunnel.Side):
    """The server side of one connection."""

    def __init__(self, gateway: Gateway) -> None:
        self.turn: Turn | None = None
        self.since = 0.0
        self.arrived = False
        self._head = b""  # of a head that is not complete
        self._left = NOTHING
        self._chunks: Chunks | None = None
        self._waiting = b""  # pipelined bytes behind the request under way
        self._served = 0
        self._familiar: Familiar | None = None
        self._lingering = False
        self._refused = 0.0
        self._tunnelled = False
        self._advancing = False
        self.gateway = gateway
        loop = gateway.relay.loop
        # Told that requests have no body, the parser stops behind each head; it is given heads alone.
        # Any: aiohttp declares its parsers' results as tuples, the C parser's are not.
        self._parser: Any = HttpRequestParser(
            BaseProtocol(loop),
            loop,
            gateway.max_head_bytes,
            max_line_size=gateway.max_head_bytes,
            max_field_size=gateway.max_head_bytes,
            max_headers=MAX_FIELDS,
            response_with_body=False,
            auto_decompress=False,
        )

    # -- asyncio.Protocol ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = Corked(transport, self.gateway.relay.outbox)  # type: ignore[arg-type]
        self.since = monotonic()
        self.gateway.connected(self)

    def data_received(self, data: bytes) -> None:
        self.arrived = True
        try:
            if self._left:
                self.transport.arrived(len(data))
                self._take_body(data)
            elif self.turn is None and not self._lingering and not self._advancing:
                self._read(self._head + data if self._head else data)
            elif self._tunnelled:
                super().data_received(data)
            elif not self._lingering:
                self._wait(data)
        except Exception as exc:
            self._failed(exc)

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
        return self._left != NOTHING

    def _read(self, data: bytes) -> None:
        """Bytes that begin with a request's head, perhaps with all of it and more."""
        if data[0] in _BLANK:
            data = data.lstrip(_BLANK)
        end = data.find(b"\r\n\r\n") + 4
        if not 4 <= end <= self.gateway.max_head_bytes:
            self._keep_head(data)
            return
        raw = data[:end]
        familiar = self._familiar
        if familiar is not None and familiar.snapshot is self.gateway.snapshot:
            length = familiar.length(raw)
            if length >= 0:
                self._head = b""
                self._start(familiar.message, familiar.head, familiar.route, length, familiar.key, data[end:])
                return
        try:
            messages = self._parser.feed_data(raw)[0]
        except HttpProcessingError as exc:
            self._malformed(exc, data)
            return
        self._head = b""
        if messages:
            self._begin(messages[0][0], raw, data[end:])
        else:
            self._refuse(not_http("it is no request"), path_in(data))

    def _keep_head(self, data: bytes) -> None:
        """A head that is not complete, or too large to be. One with bare line feeds never will be complete."""
        if len(data) > self.gateway.max_head_bytes:
            self._refuse(head_too_large(self.gateway.max_head_bytes), path_in(data))
        elif b"\n\n" in data or b"\n\r\n" in data.replace(b"\r\n", b""):
            self._refuse(not_http("lines end with CR LF"), path_in(data))
        elif not _FIRST.issuperset(data[:1]):
            self._refuse(not_http("it begins with no method"), "")
        elif data:
            if not self._head:
                self.since = monotonic()
            self._head = data

    def _begin(self, message: RequestHead, raw: bytes, data: bytes) -> None:
        """A head is read; `data` is what came behind it."""
        path = message.path.partition("?")[0]
        head = Head(message.raw_headers)
        try:
            length = body_length(message, head)
            found = route(message.method, path)
        except BadRequest as refusal:
            self._refuse(refusal, path, message)
            return
        except (NotFound, MethodNotAllowed) as refusal:
            self._refuse_unknown(refusal, message, head, path, length, data)
            return
        if isinstance(found, ModelsRoute):
            self._hand_over(message)
            return
        key = self._start(message, head, found, length, None, data)
        self._familiar = familiarise(raw, message, head, found, key, self.gateway.snapshot) if key else None

    def _start(
        self, message: RequestHead, head: Head, route: Route, length: int, key: AccessKey | None, data: bytes
    ) -> AccessKey | None:
        """Begin a turn; `key` is known for a familiar head. Returns the access key, None if there was none."""
        self._served += 1
        self.turn = turn = Turn(self.gateway, self, message, head, route)
        if 0 <= length <= len(data):
            known = turn.begin(length, key)
            if self.turn is turn:
                turn.on_body(data[:length], True)
            if length < len(data):
                self._wait(data[length:])
            return known
        self._left = length
        if length == CHUNKED:
            self._chunks = Chunks()
        known = turn.begin(length, key)
        if data and self._left:
            self._take_body(data)
        return known

    def _take_body(self, data: bytes) -> None:
        """Bytes of the current request's body, and perhaps what comes behind it."""
        rest = b""
        if self._left == CHUNKED:
            assert self._chunks is not None
            try:
                data = self._chunks.feed(data)
            except BadChunkError as exc:
                self._bad_body(exc)
                return
            if self._chunks.complete:
                rest, self._chunks, self._left = self._chunks.rest, None, NOTHING
        elif len(data) <= self._left:
            self._left -= len(data)
        else:
            data, rest, self._left = data[: self._left], data[self._left :], NOTHING
        if self.turn is not None:
            self.turn.on_body(data, not self._left)
        if rest:
            self._wait(rest)

    def _wait(self, data: bytes) -> None:
        """Bytes behind the request under way: the next one's, which waits for its turn."""
        if self._lingering or self.transport.is_closing():
            return
        self._waiting += data
        if len(self._waiting) > MAX_WAITING:
            # Not before: a caller who leaves is noticed only while it is read.
            self.transport.pause_reading()
        if self.turn is None:
            self._advance_soon()

    def _advance_soon(self) -> None:
        """Not at once: a thousand requests in one segment would be a thousand calls deep."""
        if not self._advancing:
            self._advancing = True
            self.gateway.relay.loop.call_soon(self._advance)

    def _advance(self) -> None:
        """Begin the next request if it came while another one was under way."""
        self._advancing = False
        data, self._waiting = self._waiting, b""
        if not self._lingering and not self.transport.is_closing():
            self.transport.resume_reading()
            self.data_received(data)

    def _failed(self, exc: Exception) -> None:
        """A fault of our own: the operator gets its traceback, the caller an answer instead of a broken connection."""
        self.gateway.relay.loop.call_exception_handler({"message": "a request failed", "exception": exc})
        if self.turn is not None:
            self.turn.failed()
        else:
            self.transport.abort()

    def _bad_body(self, exc: Exception) -> None:
        """The body's chunks are broken: where the next request would begin cannot be known."""
        if self.turn is not None:
            self.turn.body_failed(not_http(str(exc)))
        else:
            self.transport.abort()

    def _malformed(self, exc: HttpProcessingError, data: bytes) -> None:
        """Bytes that are not HTTP, or HTTP that two parsers could read differently: answered, never forwarded."""
        too_long = isinstance(exc, LineTooLong)
        error = head_too_large(self.gateway.max_head_bytes) if too_long else not_http(exc.message)
        self._refuse(error, path_in(data))

    def _refuse_unknown(
        self, refusal: Refusal, message: RequestHead, head: Head, path: str, length: int, data: bytes
    ) -> None:
        """Nothing at this path, or not with this method; but who calls is asked first."""
        try:
            identify(head, self.gateway.snapshot)
        except Refusal as unknown:
            refusal = unknown
        goes_on = 0 <= length <= len(data) and not message.should_close and not self.gateway.draining
        self._refuse(refusal, path, message, close=not goes_on)
        if goes_on and length < len(data):
            self._wait(data[length:])

    def _refuse(self, refusal: Refusal, path: str, message: RequestHead | None = None, *, close: bool = True) -> None:
        """Answer what never became a turn, and close unless the next request can follow."""
        anthropic = message is not None and "anthropic-version" in message.headers
        format = self.gateway.formats[format_of(path, anthropic)]
        request_id = self.gateway.request_id(Head(message.raw_headers if message is not None else ()))
        lines, body = answers.refusal_parts(refusal, format, request_id)
        head_only = message is not None and message.method == "HEAD"
        self.write(answers.body_answer(refusal.http_status, lines, body, close=close, head_only=head_only))
        self.gateway.refused(refusal, request_id, message.method if message is not None else "", path)
        if close:
            self._linger()

    def _hand_over(self, message: RequestHead) -> None:
        """Give the connection to aiohttp: the request is told again, without a body, and is the last one on it."""
        handler = self.gateway.local_server()
        self.gateway.disconnected(self)
        self.transport.raw.set_protocol(handler)
        handler.connection_made(self.transport.raw)
        handler.data_received(last_without_body(message))
        self._lingering = True

    # -- writing -------------------------------------------------------------------------------------------------

    def write(self, data: bytes) -> None:
        """To the caller."""
        self.transport.write(data)

    def pause_body(self) -> None:
        """Read no more of the request for now."""
        self.transport.pause_reading()

    def resume_body(self) -> None:
        """Read on."""
        self.transport.resume_reading()

    def tunnel(self, upstream: Corked) -> None:
        """Pass bytes both ways from now on."""
        self._tunnelled = True
        tunnel.join(self, upstream)
        # What the caller said before the upstream had agreed.
        early, self._waiting = self._waiting, b""
        if early:
            upstream.write(early)
            self.transport.resume_reading()

    # -- the end ---------------------------------------------------------------------------------------------------

    def turn_done(self, turn: Delivery) -> None:
        """The answer is written, or will never be: go on with the next request or close."""
        if self.turn is not turn:
            return
        self.turn = None
        if turn.closes or self.gateway.draining:
            if self.body_open or self._waiting:
                self._linger()
            else:
                self.transport.close()
        elif self._waiting:
            self._advance_soon()

    def _linger(self) -> None:
        """Say that nothing more comes, and throw away what the caller still sends."""
        self._lingering = True
        self._left = NOTHING
        self._head = b""
        self.turn = None
        self.since = self._refused = monotonic()
        if self.transport.is_closing():
            return
        self.transport.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def refuse(self, refusal: Refusal) -> None:
        """Answer before anything was asked, and close."""
        self._refuse(refusal, "")

    def close(self) -> None:
        """Close now if nothing is under way, or with the answer that is."""
        if self.turn is None:
            self.transport.close()
        else:
            self.turn.closes = True

    def sweep(self, now: float) -> None:
        """Called about once a second: is this connection worth its place?"""
        if self.arrived:
            self.arrived = False
            # Bytes of a head do not buy time: it has to be complete within its limit.
            if not self._head:
                self.since = now
        idle = now - self.since
        if self._lingering:
            if idle > LINGER or now - self._refused > MAX_LINGER:
                self.transport.abort()
        elif self.turn is not None:
            self._sweep_body(idle)
        else:
            self._sweep_idle(idle)

    def _sweep_body(self, idle: float) -> None:
        limit = self.gateway.patience.body_idle_timeout
        if self.body_open and idle > limit and self.turn is not None:
            self.turn.body_failed(RequestTimeout(f"The rest of the request's body did not come within {limit:g} s."))

    def _sweep_idle(self, idle: float) -> None:
        patience = self.gateway.patience
        if self._head and idle > patience.head_timeout:
            limit = patience.head_timeout
            self._refuse(RequestTimeout(f"The request's head did not come within {limit:g} s."), "")
        elif idle > (patience.keepalive_timeout if self._served else patience.head_timeout):
            self.transport.close()
