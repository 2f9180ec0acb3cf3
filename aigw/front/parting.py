"""How long a caller may keep its connection, and how that ends: idle, too slow, refused, with its last answer taken."""

from __future__ import annotations

from fcntl import ioctl
from termios import TIOCOUTQ
from time import monotonic
from typing import TYPE_CHECKING

from aigw.errors import Refusal, RequestTimeout
from aigw.front import tunnel
from aigw.relay.cork import Corked
from aigw.wire.message import RequestHead

if TYPE_CHECKING:
    from aigw.front.delivery import Delivery
    from aigw.front.gateway import Gateway
    from aigw.front.turn import Turn

# What of a body is still to come.
NOTHING = 0
# After an answer to a request that was not read to its end, what still comes is thrown away until it has been quiet
# for so many seconds, or for so many in all: to close at once could take the answer with it (RFC 9112, section 9.6).
LINGER, MAX_LINGER = 5.0, 30.0
# A caller that takes nothing of what is still to be written to it for so many seconds does not want it.
MAX_STALL = 60.0


class Parting(tunnel.Side):
    """One connection between its requests and at its end."""

    def __init__(self, gateway: Gateway) -> None:
        self.turn: Turn | None = None
        self.since = 0.0
        self.arrived = False
        self.gateway = gateway
        self._head = b""  # of a head that is not complete
        self._left = NOTHING
        self._waiting = b""  # pipelined bytes behind the request under way
        self._served = 0
        self._lingering = False
        self._advancing = False
        self._full = False  # what was written is not taken: nothing new begins
        self._halted = False  # the upstream takes no more of the body
        self._refused = 0.0
        self._unread = 0  # of what was written to a connection that is closing

    @property
    def body_open(self) -> bool:
        """Whether the current request's body has not come to its end."""
        return self._left != NOTHING

    def pause_body(self) -> None:
        """Read no more of the request for now; that it does not come is no fault of the caller's."""
        self._halted = True
        self.transport.pause_reading()

    def resume_body(self) -> None:
        """Read on."""
        self._halted = False
        self.transport.resume_reading()

    def turn_done(self, turn: Delivery) -> None:
        """The answer is written, or will never be: go on with the next request or close."""
        if self.turn is not turn:
            return
        self.turn = None
        self._halted = False
        if turn.closes or self.gateway.draining:
            if self.body_open or self._waiting:
                self._linger()
            else:
                self.transport.close()
        elif self._waiting:
            self._advance_soon()

    def _advance_soon(self) -> None:
        """Not at once: a thousand requests in one segment would be a thousand calls deep."""
        if not self._advancing:
            self._advancing = True
            self.gateway.relay.loop.call_soon(self._advance)

    def _linger(self) -> None:
        """Say that nothing more comes, and throw away what the caller still sends."""
        self._lingering = True
        self._left = NOTHING
        self._head = b""
        self.turn = None
        self.since = self._refused = monotonic()
        if self.transport.is_closing():
            return
        self.transport.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def close(self) -> None:
        """Close now if nothing is under way, or with the answer that is."""
        if self.turn is None:
            self.transport.close()
        else:
            self.turn.closes = True

    # -- time ----------------------------------------------------------------------------------------------------

    def sweep(self, now: float) -> None:
        """Called about once a second: is this connection worth its place?"""
        if self.arrived:
            self.arrived = False
            # Bytes of a head do not buy time: it has to be complete within its limit.
            if not self._head:
                self.since = now
        idle = now - self.since
        if self._lingering:
            if idle > LINGER or now - self._refused > MAX_LINGER:
                self.transport.abort()
        elif self.transport.is_closing():
            self._sweep_closing(now)
        elif self.turn is None:
            self._sweep_idle(idle)
        else:
            self._sweep_turn(now, idle, self.turn)

    def _sweep_closing(self, now: float) -> None:
        """It is closed as soon as all that was written is taken; whoever takes nothing is not waited for."""
        unread = unread_of(self.transport)
        if unread != self._unread:
            self._unread, self.since = unread, now
        elif now - self.since > MAX_STALL:
            self.transport.abort()

    def _sweep_turn(self, now: float, idle: float, turn: Turn) -> None:
        idle_timeout, timeout = self.gateway.patience.body_idle_timeout, self.gateway.patience.body_timeout
        if self._halted:
            self.since = now
        elif not self.body_open:
            return
        elif idle > idle_timeout:
            turn.body_failed(RequestTimeout(f"The rest of the request's body did not come within {idle_timeout:g} s."))
        elif now - turn.record.started > timeout:
            turn.body_failed(RequestTimeout(f"The request's body was not complete within {timeout:g} s."))

    def _sweep_idle(self, idle: float) -> None:
        patience = self.gateway.patience
        if self._head and idle > patience.head_timeout:
            limit = patience.head_timeout
            self._refuse(RequestTimeout(f"The request's head did not come within {limit:g} s."), "")
        elif idle > (patience.keepalive_timeout if self._served else patience.head_timeout):
            self.transport.close()

    # -- what the other half is ------------------------------------------------------------------------------------

    def _advance(self) -> None:
        """Begin the next request."""
        raise NotImplementedError

    def _refuse(self, refusal: Refusal, path: str, message: RequestHead | None = None, *, close: bool = True) -> None:
        """Answer what never became a turn."""
        raise NotImplementedError


def unread_of(transport: Corked) -> int:
    """Bytes written that the other end has not taken: those that wait here, and in the kernel where it tells.

    The kernel keeps megabytes for a caller far away; only there can be seen that it is slow, and not gone.
    """
    sock = transport.get_extra_info("socket")
    try:
        kept = int.from_bytes(ioctl(sock.fileno(), TIOCOUTQ, b"\0\0\0\0"), "little")
    except (OSError, ValueError, AttributeError):  # no TCP, or closed in this very turn
        kept = 0
    return transport.unsent() + kept
