"""What the kernel tells of how far a request came."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from aigw.relay.upstream import reach

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="TCP_INFO is Linux's")


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """The two ends of a connection on which one exchange has taken place, the asking one first."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        asking = stack.enter_context(socket.create_connection(listener.getsockname()))
        answering = stack.enter_context(listener.accept()[0])
        asking.settimeout(20)
        answering.settimeout(20)
        asking.sendall(b"first")
        assert answering.recv(100) == b"first"
        answering.sendall(b"ok")
        assert asking.recv(100) == b"ok"
        yield asking, answering


def test_what_was_answered_has_arrived(ends: tuple[socket.socket, socket.socket]) -> None:
    """An answer acknowledges what it answers."""
    assert reach.acknowledged(ends[0]) == 1 + len(b"first")  # the SYN counts as one


def test_what_comes_to_a_closed_end_has_not(ends: tuple[socket.socket, socket.socket]) -> None:
    """A request sent to an end that had closed before is proven to have reached nobody."""
    asking, answering = ends
    before = reach.acknowledged(asking)
    answering.close()
    asking.sendall(b"second")
    assert reach.nothing_arrived(asking, before)


def test_what_was_read_has(ends: tuple[socket.socket, socket.socket]) -> None:
    """One that was read before the end closed is not taken for that."""
    asking, answering = ends
    before = reach.acknowledged(asking)
    asking.sendall(b"second")
    assert answering.recv(100) == b"second"
    answering.close()
    assert asking.recv(100) == b""
    assert not reach.nothing_arrived(asking, before)


def test_half_closed(ends: tuple[socket.socket, socket.socket]) -> None:
    """An end that only says nothing more may still listen."""
    asking, answering = ends
    before = reach.acknowledged(asking)
    answering.shutdown(socket.SHUT_WR)
    asking.sendall(b"second")
    assert answering.recv(100) == b"second"
    assert not reach.nothing_arrived(asking, before)


def test_nothing_is_known_of_other_sockets(ends: tuple[socket.socket, socket.socket]) -> None:
    """Where the kernel tells nothing, nothing is claimed: Unix sockets, closed ones, an unknown beginning."""
    one, other = socket.socketpair()
    with one, other:
        assert reach.acknowledged(one) == reach.UNKNOWN
        assert not reach.nothing_arrived(one, 0)
    assert reach.acknowledged(one) == reach.UNKNOWN
    ends[1].close()
    ends[0].sendall(b"second")
    assert not reach.nothing_arrived(ends[0], reach.UNKNOWN)
