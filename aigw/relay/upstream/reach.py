"""Did anything of a request reach the upstream? The kernel knows what its peer has acknowledged (tcp(7), TCP_INFO)."""

from __future__ import annotations

import socket
import struct
import sys

# linux/tcp.h, struct tcp_info: the state is its first byte; then, at these places, the segments that are not
# acknowledged, the bytes that are, and the bytes that were not even sent.
_TCP_INFO = 11
_SIZE = 148
_UNACKNOWLEDGED, _ACKNOWLEDGED, _UNSENT = 24, 120, 144
_LONG, _LONG_LONG = struct.Struct("=I"), struct.Struct("=Q")
_CLOSED = 7  # TCP_CLOSE: a reset has come

UNKNOWN = -1


def acknowledged(sock: socket.socket) -> int:
    """How many bytes of what was sent on this connection the peer has acknowledged; UNKNOWN where nobody tells."""
    info = _info(sock)
    return UNKNOWN if info is None else _acknowledged(info)


def nothing_arrived(sock: socket.socket, before: int) -> bool:
    """Whether what was sent on a connection since `before` bytes came too late: its peer had closed it (its FIN came).

    The FIN carries an acknowledgement of all that had come by then. So if no more is acknowledged than `before`, what
    was sent since came to a closed socket, which a reset says; or it has not even left this machine. Then no program
    at the other end has seen any of it. A reset without a FIN proves nothing, as acknowledgements may be delayed
    (RFC 1122, section 4.2.3.2). False where it cannot be known.
    """
    info = _info(sock) if before != UNKNOWN else None
    if info is None or _acknowledged(info) != before:
        return False
    under_way = _LONG.unpack_from(info, _UNACKNOWLEDGED)[0] or _LONG.unpack_from(info, _UNSENT)[0]
    return info[0] == _CLOSED or not under_way


def _acknowledged(info: bytes) -> int:
    return int(_LONG_LONG.unpack_from(info, _ACKNOWLEDGED)[0])


def _info(sock: socket.socket) -> bytes | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, _TCP_INFO, _SIZE)
    except OSError:
        return None  # a Unix socket, or one that is closed already
    return info if len(info) >= _SIZE else None
