"""Who is at the other end of a connection, and how many connections does each have?"""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address
from typing import Any

# Whoever has one address of IPv6 has the whole network of 64 bits (RFC 6177), so that is what counts as one client.
_CLIENT_BITS = 64


def client_of(peer: Any) -> str:
    """Whom a connection belongs to, by the address of its other end: one of IPv4, or a /64 of IPv6.

    Empty for a Unix socket, whose callers have no address.
    """
    if not isinstance(peer, tuple) or not peer:
        return ""
    address = ip_address(str(peer[0]).partition("%")[0])
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{IPv6Address(int(address) >> _CLIENT_BITS << _CLIENT_BITS)}/{_CLIENT_BITS}"


class Clients:
    """How many connections each client has."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._open: dict[str, int] = {}

    def came(self, client: str) -> int:
        """How many connections more than allowed the client has with this one; 0 and less: none."""
        self._open[client] = now = self._open.get(client, 0) + 1
        return now - self._most

    def went(self, client: str) -> None:
        """One of them is gone. A client without any is forgotten."""
        now = self._open[client] - 1
        if now:
            self._open[client] = now
        else:
            del self._open[client]

    def __len__(self) -> int:
        return len(self._open)
