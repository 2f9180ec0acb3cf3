"""Open a connection to an origin: names to addresses, several addresses tried, proxy, TLS, all in one time limit."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Collection, Sequence
from typing import Self, TypeVar

import aiohappyeyeballs
import attrs

from aigw.adapter import Origin
from aigw.errors import ConnectFailed
from aigw.relay.upstream import proxy
from aigw.relay.upstream.connection import Connection
from aigw.relay.upstream.tls import ResumingContext, client_context
from aigw.settings import Upstream
from aigw.settings.destinations import objection, unresolved
from aigw.settings.proxies import Proxy

P = TypeVar("P", bound=asyncio.Protocol)

# The next address is tried beside a silent one after this many seconds (RFC 8305, section 8).
NEXT_ADDRESS_AFTER = 0.25

# What the loop's look-up of a name gives for each address: family, kind, protocol, canonical name, address.
_Info = tuple[int, int, int, str, tuple[object, ...]]

# What the loop raises when it cannot connect; a name that is no name is a ValueError, uvloop has RuntimeErrors.
_FAILURES = (OSError, ValueError, RuntimeError)


def directly(origin: Origin) -> Proxy | None:
    """No proxy for any origin."""
    return None


@attrs.define(eq=False)
class Connector:
    """How connections are opened: `proxy_for` names the proxy of an origin, `ca_file` adds authorities to trust.

    `allow` are the operator's patterns of hosts and networks where guarded origins may lead besides the usual ones.
    The TLS context is made at the first use: most of its cost is the trust store.
    """

    proxy_for: Callable[[Origin], Proxy | None] = directly
    ca_file: str | None = None
    allow: Collection[str] = ()
    _context: ResumingContext | None = None

    @classmethod
    def of(cls, upstream: Upstream) -> Self:
        """As the configuration says."""

        def proxy_for(origin: Origin) -> Proxy | None:
            return upstream.proxy_for(origin.scheme, origin.host, origin.port)

        return cls(proxy_for, str(upstream.ca_file) if upstream.ca_file else None, upstream.allow_http)

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
        if origin.guarded:
            # The proxy looks the name up: only an address as such can be told.
            _check(origin, unresolved(origin.scheme, origin.host, self.allow))
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
            return (await self._reach(where, make))[1]
        transport, _ = await self._reach(where, _Unready)
        return await self._secure(transport, make(), where)

    async def _reach(self, where: Origin | Proxy, make: Callable[[], P]) -> tuple[asyncio.Transport, P]:
        """A plain connection to an origin or a proxy."""
        loop = asyncio.get_running_loop()
        try:
            sock = await _dial(loop, await self._addresses(loop, where))
            try:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                return await loop.create_connection(make, sock=sock)
            except BaseException:
                sock.close()
                raise
        except _FAILURES as exc:
            raise failure(exc, where) from None

    async def _addresses(self, loop: asyncio.AbstractEventLoop, where: Origin | Proxy) -> Sequence[_Info]:
        """The addresses to try: of a guarded origin those alone that it may lead to.

        It is these addresses that are connected to. The name is not looked up a second time, when it could have others.
        """
        infos = await loop.getaddrinfo(where.host, where.port, type=socket.SOCK_STREAM)
        if not (isinstance(where, Origin) and where.guarded):
            return infos
        refused = [objection(str(info[4][0]), where.scheme, where.host, self.allow) for info in infos]
        if infos and all(refused):
            _check(where, refused[0])
        return [info for info, why in zip(infos, refused, strict=True) if not why]

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


def _check(origin: Origin, why: str) -> None:
    """Raises ConnectFailed if there is a reason not to go there.

    The address itself is not told: who named the host could find out how names resolve here.
    """
    if why:
        raise ConnectFailed(
            "address_refused", f"{origin} leads to {why}; only the operator can allow it (setting upstream.allow_http)"
        )


async def _dial(loop: asyncio.AbstractEventLoop, infos: Sequence[_Info]) -> socket.socket:
    """A connected TCP socket to the first address that answers (RFC 8305)."""
    return await aiohappyeyeballs.start_connection(
        infos, happy_eyeballs_delay=NEXT_ADDRESS_AFTER, interleave=1, loop=loop
    )
