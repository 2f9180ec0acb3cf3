"""Open a connection to an origin: names to addresses, several addresses tried, proxy, TLS, all in one time limit."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from typing import TypeVar

import aiohappyeyeballs
import attrs

from aigw.adapter import Origin
from aigw.errors import ConnectFailed
from aigw.relay.upstream import proxy
from aigw.relay.upstream.connection import Connection
from aigw.relay.upstream.tls import ResumingContext, client_context
from aigw.settings.proxies import Proxy

P = TypeVar("P", bound=asyncio.Protocol)

# The next address is tried beside a silent one after this many seconds (RFC 8305, section 8).
NEXT_ADDRESS_AFTER = 0.25

# What the loop raises when it cannot connect; a name that is no name is a ValueError, uvloop has RuntimeErrors.
_FAILURES = (OSError, ValueError, RuntimeError)


def directly(origin: Origin) -> Proxy | None:
    """No proxy for any origin."""
    return None


@attrs.define(eq=False)
class Connector:
    """How connections are opened: `proxy_for` names the proxy of an origin, `ca_file` adds authorities to trust.

    The TLS context is made at the first use: most of its cost is the trust store.
    """

    proxy_for: Callable[[Origin], Proxy | None] = directly
    ca_file: str | None = None
    _context: ResumingContext | None = None

    @property
    def context(self) -> ResumingContext:
        """The TLS context, made once."""
        if self._context is None:
            self._context = client_context(self.ca_file)
        return self._context

    async def open(self, origin: Origin, make: Callable[[], Connection], timeout: float) -> Connection:
        """Connect within `timeout` seconds. Raises ConnectFailed; nothing has been sent to the upstream then."""
        try:
            async with asyncio.timeout(timeout):
                return await self._open(origin, make)
        except TimeoutError:
            raise ConnectFailed("connect_timeout", f"no connection to {origin} within {timeout:.3g} s") from None

    async def _open(self, origin: Origin, make: Callable[[], Connection]) -> Connection:
        through = self.proxy_for(origin)
        secure = origin.scheme == "https"
        if through is None:
            return await self._to(origin, secure, make)
        if secure:
            transport = await self._tunnel(through, origin)
            return await self._secure(transport, make(), origin)
        connection = await self._to(through, through.tls, make)
        connection.via = f"http://{origin.authority}".encode("ascii")
        connection.via_headers = proxy.authorization(through)
        return connection

    async def _tunnel(self, through: Proxy, origin: Origin) -> asyncio.Transport:
        """A way to the origin through a proxy, which may itself be spoken to over TLS."""
        loop, head = asyncio.get_running_loop(), proxy.connect_head(through, origin)
        tunnel = await self._to(through, through.tls, lambda: proxy.Tunnel(loop, head))
        try:
            await tunnel.opened
        except BaseException:
            tunnel.transport.abort()
            raise
        return tunnel.transport

    async def _to(self, where: Origin | Proxy, secure: bool, make: Callable[[], P]) -> P:
        """TCP, and TLS if `secure`, to an origin or a proxy."""
        if not secure:
            return (await _reach(where, make))[1]
        transport, _ = await _reach(where, _Unready)
        return await self._secure(transport, make(), where)

    async def _secure(self, transport: asyncio.Transport, protocol: P, where: Origin | Proxy) -> P:
        """TLS on top of a transport. A step of its own, because a handshake that asyncio's `create_connection` is
        doing cannot be cancelled without a leak: the transport below it is out of reach.
        """
        try:
            if transport.is_closing():
                raise ssl.SSLError(0, "it closed the connection or did not wait for the handshake")
            loop = asyncio.get_running_loop()
            secured = await loop.start_tls(transport, protocol, self.context, server_hostname=where.host)
            assert secured is not None
        except BaseException as exc:
            transport.abort()
            if isinstance(exc, _FAILURES):
                raise failure(exc, where) from None
            raise
        protocol.connection_made(secured)
        return protocol

    def keep_session(self, connection: Connection) -> None:
        """Remember the TLS session of a connection whose answer came, for the next handshake."""
        connected = connection.transport.get_extra_info("ssl_object")
        if connected is not None and self._context is not None:
            self._context.keep_session(connection.origin.host, connected)


class _Unready(asyncio.Protocol):
    """Whose a connection is until its handshake begins. A TLS server waits for us; one that speaks first is none."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.abort()  # type: ignore[attr-defined]


def failure(exc: Exception, where: Origin | Proxy) -> ConnectFailed:
    """What went wrong on the way to an origin or a proxy, in words for the operator."""
    what = f"the proxy {where}" if isinstance(where, Proxy) else str(where)
    if isinstance(exc, ssl.SSLCertVerificationError):
        return ConnectFailed("tls", f"the certificate of {what} is not valid: {exc.verify_message}")
    if isinstance(exc, ssl.SSLError):
        return ConnectFailed("tls", f"TLS with {what} failed: {getattr(exc, 'reason', None) or exc}")
    if isinstance(exc, socket.gaierror):
        return ConnectFailed("dns", f"the name {where.host} cannot be resolved: {exc.strerror}")
    if isinstance(exc, UnicodeError):
        return ConnectFailed("dns", f"the name {where.host} cannot be resolved: it is not a valid host name")
    number = exc.errno if isinstance(exc, OSError) else None
    words = os.strerror(number) if number else str(exc) or "it was closed before it was ready"
    return ConnectFailed("connect", f"no connection to {what}: {words}")


async def _reach(where: Origin | Proxy, make: Callable[[], P]) -> tuple[asyncio.Transport, P]:
    """A plain connection to an origin or a proxy."""
    loop = asyncio.get_running_loop()
    try:
        sock = await _dial(loop, where.host, where.port)
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            return await loop.create_connection(make, sock=sock)
        except BaseException:
            sock.close()
            raise
    except _FAILURES as exc:
        raise failure(exc, where) from None


async def _dial(loop: asyncio.AbstractEventLoop, host: str, port: int) -> socket.socket:
    """A connected TCP socket to the first address that answers (RFC 8305)."""
    infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return await aiohappyeyeballs.start_connection(
        infos, happy_eyeballs_delay=NEXT_ADDRESS_AFTER, interleave=1, loop=loop
    )
