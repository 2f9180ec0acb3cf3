"""Writes that wait for the end of the loop's turn, and readers that take turns."""

import asyncio
import socket

import uvloop

from aigw.relay.cork import AT_ONCE_FROM, LARGE_ARRIVAL, LARGE_PER_TURN, SLICE, Corked, Outbox


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


class Noted(asyncio.Transport):
    """A transport that notes what is done to it."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self._reading = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        self._reading = True

    def is_reading(self) -> bool:
        return self._reading

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def close(self) -> None:
        """Nothing is left to do."""

    abort = write_eof = close


async def test_much_goes_out_at_once() -> None:
    """A large piece does not wait for the turn's end, nor does what was written before it: the peer may be slow."""
    raw = Noted()
    corked = Corked(raw, Outbox(asyncio.get_running_loop()))
    corked.write(b"head")
    assert raw.written == []
    corked.write(b"x" * AT_ONCE_FROM)
    assert b"".join(raw.written) == b"head" + b"x" * AT_ONCE_FROM
    corked.write(b"tail")
    await asyncio.sleep(0)
    assert raw.written[-1] == b"tail"
    corked.writelines((b"5\r\n", b"y" * AT_ONCE_FROM))
    assert raw.written[-1].endswith(b"y")


async def test_large_readers_take_turns() -> None:
    """After a large arrival a connection rests until those that rested before it have read, a few in each turn."""
    outbox = Outbox(asyncio.get_running_loop())
    raws = [Noted() for _ in range(LARGE_PER_TURN + 2)]
    corked = [Corked(raw, outbox) for raw in raws]
    for each in corked:
        each.arrived(LARGE_ARRIVAL)
    assert [raw.is_reading() for raw in raws] == [False] * len(raws)
    await asyncio.sleep(0)
    assert [raw.is_reading() for raw in raws] == [True] * LARGE_PER_TURN + [False] * 2
    corked[0].arrived(LARGE_ARRIVAL)
    await asyncio.sleep(0)
    assert [raw.is_reading() for raw in raws] == [True] * len(raws)
    corked[0].arrived(LARGE_ARRIVAL - 1)
    assert raws[0].is_reading()


async def test_a_rest_ends_no_pause() -> None:
    """A rest that is over resumes nothing that was paused for a slow peer, and what is resumed rests to its end."""
    raw = Noted()
    corked = Corked(raw, Outbox(asyncio.get_running_loop()))
    corked.arrived(LARGE_ARRIVAL)
    corked.pause_reading()
    await asyncio.sleep(0)
    assert not raw.is_reading()
    corked.arrived(LARGE_ARRIVAL)
    corked.resume_reading()
    assert raw.is_reading()
    corked.arrived(LARGE_ARRIVAL)
    corked.pause_reading()
    corked.resume_reading()
    assert not raw.is_reading()
    await asyncio.sleep(0)
    assert raw.is_reading()


async def test_many_large_pieces_go_out_one_by_one() -> None:
    """A body that was kept back is not written in one turn, what is written behind it keeps its place, all arrives."""
    raw = Noted()
    corked = Corked(raw, Outbox(asyncio.get_running_loop()))
    pieces = [bytes([number]) * SLICE for number in range(4)]
    corked.writelines((b"head", *pieces))
    assert raw.written == [b"head" + pieces[0]]
    corked.write(b"tail")
    for turn in (1, 2, 3):
        assert corked.unsent() == (4 - turn) * SLICE + 4
        await asyncio.sleep(0)
        assert len(raw.written) == turn + 1
    await asyncio.sleep(0)
    assert b"".join(raw.written) == b"".join((b"head", *pieces, b"tail"))
    assert corked.unsent() == 0


async def test_a_close_waits_for_no_turn() -> None:
    """What is still to be written when a connection is closed is handed over before; of an aborted one nothing is."""
    for end in ("close", "write_eof", "abort"):
        raw = Noted()
        corked = Corked(raw, Outbox(asyncio.get_running_loop()))
        corked.writelines([b"x" * SLICE] * 4)
        getattr(corked, end)()
        await asyncio.sleep(0)
        assert len(b"".join(raw.written)) == (SLICE if end == "abort" else 4 * SLICE)
