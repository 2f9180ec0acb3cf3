"""Open a connection to an origin: names to addresses, several addresses tried, proxy, TLS, all in one time limit."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable

import aiohappyeyeballs
import attrs

from aigw.adapter import Origin
from aigw.errors import ConnectFailed
from aigw.relay.upstream import proxy
from aigw.relay.upstream.connection import Connection
from aigw.relay.upstream.tls import ResumingContext, client_context
from aigw.settings.proxies import Proxy

# The next address is tried beside a silent one after this many seconds (RFC 8305, section 8).
NEXT_ADDRESS_AFTER = 0.25


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
            raise ConnectFailed("connect_timeout", f"no connection to {origin} within {timeout:g} s") from None
        except ssl.SSLCertVerificationError as exc:
            raise ConnectFailed("tls", f"the certificate of {origin} is not valid: {exc.verify_message}") from None
        except ssl.SSLError as exc:
            raise ConnectFailed("tls", f"TLS with {origin} failed: {exc.reason or exc}") from None
        except socket.gaierror as exc:
            raise ConnectFailed("dns", f"the name {origin.host} cannot be resolved: {exc.strerror}") from None
        except OSError as exc:
            raise ConnectFailed("connect", f"no connection to {origin}: {exc.strerror or exc}") from None

    async def _open(self, origin: Origin, make: Callable[[], Connection]) -> Connection:
        loop = asyncio.get_running_loop()
        through = self.proxy_for(origin)
        sock = await _dial(loop, *((through.host, through.port) if through else (origin.host, origin.port)))
        try:
            if through and origin.scheme == "https":
                await proxy.tunnel(loop, sock, through, origin)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            secure = origin.scheme == "https"
            _, connection = await loop.create_connection(
                make,
                sock=sock,
                ssl=self.context if secure else None,
                server_hostname=origin.host if secure else None,
            )
        except BaseException:
            sock.close()
            raise
        if through and not secure:
            connection.via = f"http://{origin.authority}".encode("ascii")
            connection.via_headers = proxy.authorization(through)
        return connection

    def keep_session(self, connection: Connection) -> None:
        """Remember the TLS session of a connection whose answer came, for the next handshake."""
        connected = connection.transport.get_extra_info("ssl_object")
        if connected is not None and self._context is not None:
            self._context.keep_session(connection.origin.host, connected)


async def _dial(loop: asyncio.AbstractEventLoop, host: str, port: int) -> socket.socket:
    """A connected TCP socket to the first address that answers (RFC 8305)."""
    infos = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return await aiohappyeyeballs.start_connection(
        infos, happy_eyeballs_delay=NEXT_ADDRESS_AFTER, interleave=1, loop=loop
    )
