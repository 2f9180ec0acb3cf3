"""Writes that wait for the end of the loop's turn."""

import asyncio
import socket

import uvloop

from aigw.relay.cork import Corked, Outbox


async def _pair(loop: asyncio.AbstractEventLoop) -> tuple[asyncio.Transport, socket.socket]:
    """A transport and the other end of its connection."""
    ours, theirs = socket.socketpair()
    theirs.setblocking(False)
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
    return transport, theirs


def test_a_connection_lost_in_the_same_turn_holds_nobody_up() -> None:
    """What was written to a connection that is gone by the end of the turn is dropped; the others get their bytes.

    On uvloop, as in the product: its transports raise when they are written to after their end.
    """

    async def play() -> None:
        loop = asyncio.get_running_loop()
        reported: list[dict[str, object]] = []
        loop.set_exception_handler(lambda _, context: reported.append(context))
        outbox = Outbox(loop)
        (lost, lost_end), (kept, kept_end) = await _pair(loop), await _pair(loop)
        first, second = Corked(lost, outbox), Corked(kept, outbox)
        try:
            lost.abort()
            # The transport's own end takes a turn; only after it writing raises.
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            for said in (b"arrives", b"and again"):
                first.write(b"into the void")
                second.write(said)
                await asyncio.sleep(0)
                assert kept_end.recv(100) == said
            assert reported == []
        finally:
            kept.abort()
            lost_end.close()
            kept_end.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(play())
