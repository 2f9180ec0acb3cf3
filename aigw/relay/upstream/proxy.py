"""The CONNECT handshake with an HTTP proxy, and the fields it wants."""

from __future__ import annotations

import asyncio
import base64

from aigw.adapter import Origin
from aigw.errors import ConnectFailed
from aigw.settings.proxies import Proxy

# A proxy's answer to CONNECT is a status line and a few fields.
MAX_ANSWER = 16_384


def authorization(proxy: Proxy) -> bytes:
    """The Proxy-Authorization field (RFC 7617) for a proxy with credentials, or nothing."""
    if proxy.credentials is None:
        return b""
    pair = base64.b64encode(proxy.credentials.reveal().encode())
    return b"proxy-authorization: Basic " + pair + b"\r\n"


def connect_head(proxy: Proxy, origin: Origin) -> bytes:
    """What asks the proxy for a tunnel to the origin (RFC 9110, section 9.3.6)."""
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    target = f"{host}:{origin.port}".encode("ascii")
    return b"CONNECT %b HTTP/1.1\r\nhost: %b\r\n%b\r\n" % (target, target, authorization(proxy))


class Tunnel(asyncio.Protocol):
    """A connection to a proxy until its answer to CONNECT; `opened` then has None, or ConnectFailed."""

    transport: asyncio.Transport

    def __init__(self, loop: asyncio.AbstractEventLoop, head: bytes) -> None:
        self.opened: asyncio.Future[None] = loop.create_future()
        self._head = head
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.transport.write(self._head)

    def data_received(self, data: bytes) -> None:
        self._answer += data
        line, ended, _ = self._answer.partition(b"\r\n")
        if ended and not _granted(line):
            self._settle(f"the proxy refused the tunnel: {line[:100].decode('latin-1')}")
        elif self._answer.endswith(b"\r\n\r\n"):
            self._settle("")
        elif b"\r\n\r\n" in self._answer or len(self._answer) > MAX_ANSWER:
            # The upstream waits for our hello, so nothing may follow the blank line.
            self._settle("the proxy answered something else than HTTP")

    def connection_lost(self, exc: BaseException | None) -> None:
        self._settle("the proxy closed the connection")

    def _settle(self, trouble: str) -> None:
        if self.opened.done():
            return
        if trouble:
            self.opened.set_exception(ConnectFailed("proxy", trouble))
            self.opened.exception()  # seen: after a failed handshake with the proxy nobody asks for it
        else:
            self.opened.set_result(None)


def _granted(line: bytes) -> bool:
    words = line.split(b" ", 2)
    return len(words) > 1 and words[0].startswith(b"HTTP/1.") and words[1].startswith(b"2")
