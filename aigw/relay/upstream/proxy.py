"""The CONNECT handshake with an HTTP proxy, and the fields it wants."""

from __future__ import annotations

import asyncio
import base64
import socket

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


async def tunnel(loop: asyncio.AbstractEventLoop, sock: socket.socket, proxy: Proxy, origin: Origin) -> None:
    """CONNECT through the proxy (RFC 9110, section 9.3.6). Raises ConnectFailed when it refuses."""
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    target = f"{host}:{origin.port}".encode("ascii")
    await loop.sock_sendall(sock, b"CONNECT %b HTTP/1.1\r\nhost: %b\r\n%b\r\n" % (target, target, authorization(proxy)))
    answer = b""
    # The upstream waits for our hello, so nothing can follow the proxy's blank line and be read by mistake.
    while not answer.endswith(b"\r\n\r\n"):
        data = await loop.sock_recv(sock, 4096)
        answer += data
        if not data or len(answer) > MAX_ANSWER:
            raise ConnectFailed("proxy", "the proxy closed the connection or answered something else than HTTP")
    line = answer.split(b"\r\n", 1)[0]
    if not line.split(b" ")[1:2] or not line.split(b" ")[1].startswith(b"2"):
        raise ConnectFailed("proxy", f"the proxy refused the tunnel: {line[:100].decode('latin-1')}")
