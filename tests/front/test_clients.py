"""Who is at the other end, and how often."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.front.clients import Clients, client_of


@pytest.mark.parametrize(
    ("peer", "client"),
    [
        (("192.0.2.7", 4711), "192.0.2.7"),
        (("127.0.0.1", 1), "127.0.0.1"),
        (("2001:db8:1:2:3:4:5:6", 4711, 0, 0), "2001:db8:1:2::/64"),
        (("2001:db8:1:2::1", 1, 0, 0), "2001:db8:1:2::/64"),
        (("2001:db8:1:3::1", 1, 0, 0), "2001:db8:1:3::/64"),
        # A socket for both families tells IPv4 callers by mapped addresses, which all share one /64.
        (("::ffff:192.0.2.7", 4711, 0, 0), "192.0.2.7"),
        (("fe80::1%eth0", 4711, 0, 2), "fe80::/64"),
        (("::1", 4711, 0, 0), "::/64"),
        ("", ""),
        (b"", ""),
        ("/run/other.sock", ""),
        (None, ""),
        ((), ""),
    ],
)
def test_who_a_connection_belongs_to(peer: Any, client: str) -> None:
    """An address of IPv4, a network of IPv6, nobody for a Unix socket."""
    assert client_of(peer) == client


def test_counting() -> None:
    """Each client is counted for itself, and forgotten when its last connection is gone."""
    clients = Clients(2)
    assert [clients.came("a") for _ in range(4)] == [-1, 0, 1, 2]
    assert clients.came("b") == -1
    for _ in range(4):
        clients.went("a")
    assert len(clients) == 1
    assert clients.came("a") == -1
