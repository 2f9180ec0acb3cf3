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

from aigw.errors import BadRequest, MethodNotAllowed, NotFound, Refusal
from aigw.front import tunnel
from aigw.front.familiar import Familiar, familiarise
from aigw.front.framing import CHUNKED, body_length, head_too_large, last_without_body, not_http, path_in
from aigw.front.identify import identify
from aigw.front.parting import NOTHING, Parting
from aigw.front.routes import ModelsRoute, Route, route
from aigw.front.turn import Turn
from aigw.records import AccessKey
from aigw.relay.cork import Corked
from aigw.wire.chunked import BadChunkError, Chunks
from aigw.wire.head import Head
from aigw.wire.message import RequestHead

if TYPE_CHECKING:
    from aigw.front.gateway import Gateway

MAX_FIELDS = 128
# What may wait behind the request under way, in bytes, before no more is read.
MAX_WAITING = 65_536
# Methods are upper-case; empty lines before one are passed over (RFC 9112, section 2.2).
_FIRST = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_BLANK = b"\r\n"


class CallerConnection(Parting):
    """The server side of one connection."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        self.client = ""  # counted under this name, where clients are counted
        self._chunks: Chunks | None = None
        self._familiar: Familiar | None = None
        self._tunnelled = False
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
            elif self.turn is None and not (self._lingering or self._advancing or self._full):
                self._read(self._head + data if self._head else data)
            elif self._tunnelled:
                super().data_received(data)
            elif not self._lingering:
                self._wait(data)
        except Exception as exc:
            self.failed(exc)

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
            return
        self._full = True
        if self.turn is not None:
            self.turn.pause()

    def resume_writing(self) -> None:
        if self._tunnelled:
            super().resume_writing()
            return
        self._full = False
        if self.turn is not None:
            self.turn.resume()
        elif self._advancing:
            self.gateway.relay.loop.call_soon(self._advance)

    # -- reading -----------------------------------------------------------------------------------------------

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
            if not turn.done:
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

    def _advance(self) -> None:
        """Begin the next request if it came while another one was under way, and that one's answer is taken."""
        if self._full:
            return
        self._advancing = False
        data, self._waiting = self._waiting, b""
        if data and not self._lingering and not self.transport.is_closing():
            self.transport.resume_reading()
            self.data_received(data)

    def failed(self, exc: Exception) -> None:
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
        self.write(self.gateway.refused(refusal, path, message, close=close))
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

    def tunnel(self, upstream: Corked) -> None:
        """Pass bytes both ways from now on."""
        self._tunnelled = True
        tunnel.join(self, upstream)
        # What the caller said before the upstream had agreed.
        early, self._waiting = self._waiting, b""
        if early:
            upstream.write(early)
            self.transport.resume_reading()

    def refuse(self, refusal: Refusal) -> None:
        """Answer before anything was asked, and close."""
        self._refuse(refusal, "")
