"""Collects what is written in one turn of the event loop and hands it to the kernel at the turn's end.

Waking a peer is the dearest part of a small write. When many connections have something to say in the same turn,
writing at its end wakes each peer once instead of once per request; when only one has, the turn is over at once.
Several writes to one connection in a turn become one system call.

Large pieces are no part of that: they are written at once, so that back-pressure is felt at once, and whoever reads
them or has many of them to write rests after each, so that the turns stay short.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Any

# Below this the copy of a join is cheaper than the longer system call of a vectored write.
JOIN_BELOW = 16_384
# Within one turn libuv reads a socket up to 32 times, 256,000 bytes each, while there is something to read: 8 MB that
# a slow peer would have to take before the turn's end tells that it does not. A piece of this size goes out at once.
AT_ONCE_FROM = 65_536
# An arrival of this size is more than a request or an event: more is waiting in the kernel.
LARGE_ARRIVAL = 131_072
# Of a body that was kept back until its model was known this much is written in one go.
SLICE = 250_000
# How many connections with large pieces go on in one turn: a quarter of a millisecond each, and a small request waits
# for two or three such turns.
LARGE_PER_TURN = 4


class Outbox:
    """The connections of a process that have something to write at the end of this turn, and those that rest."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[Corked] = []
        self._resting: deque[Corked] = deque()

    def add(self, corked: Corked) -> None:
        """Flush this transport at the end of the turn."""
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(corked)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        for corked in waiting:
            corked.flush()

    def rest(self, corked: Corked) -> None:
        """Have this transport go on when those that rested before it have."""
        if not self._resting:
            self._loop.call_soon(self._wake)
        self._resting.append(corked)

    def _wake(self) -> None:
        resting = self._resting
        now = [resting.popleft() for _ in range(min(LARGE_PER_TURN, len(resting)))]
        if resting:
            self._loop.call_soon(self._wake)
        for corked in now:
            corked.go_on()


class Corked:
    """A transport whose writes wait for the end of the turn; everything else goes to `raw` at once.

    `close` and `write_eof` flush before, `abort` forgets what was not written.
    """

    def __init__(self, raw: asyncio.Transport, outbox: Outbox) -> None:
        self.raw = raw
        self._outbox = outbox
        self._pieces: list[bytes] = []
        self._paused = self._resting = self._queued = False

    def write(self, data: bytes) -> None:
        """As asyncio.Transport.write, later in this turn unless it is much."""
        self._pieces.append(data)
        if len(data) >= AT_ONCE_FROM:
            self.flush()
        elif len(self._pieces) == 1:
            self._outbox.add(self)

    def writelines(self, pieces: Sequence[bytes]) -> None:
        """As asyncio.Transport.writelines, later in this turn unless it is much."""
        first = not self._pieces
        self._pieces += pieces
        if sum(map(len, pieces)) >= AT_ONCE_FROM:
            self.flush()
        elif first:
            self._outbox.add(self)

    def flush(self) -> None:
        """Write now; of many large pieces the first, and the others when it is this connection's turn again."""
        pieces = self._pieces
        if not pieces:
            return
        self._pieces = []
        if self.raw.is_closing():
            return  # lost since it was written in this turn: uvloop would raise, and the others would wait forever
        if len(pieces) == 1:
            self.raw.write(pieces[0])
            return
        size = sum(map(len, pieces))
        if size < JOIN_BELOW:
            self.raw.write(b"".join(pieces))
        elif size <= SLICE:
            self.raw.writelines(pieces)
        else:
            self._write_slice(pieces)

    def _write_slice(self, pieces: list[bytes]) -> None:
        size = upto = 0
        while size < SLICE:
            size += len(pieces[upto])
            upto += 1
        self.raw.writelines(pieces[:upto])
        self._pieces = pieces[upto:]
        if self._pieces:
            self._rest()

    def _rest(self) -> None:
        if not self._queued:
            self._queued = True
            self._outbox.rest(self)

    def go_on(self) -> None:
        """It is this connection's turn again: it reads on, unless somebody else wants it paused, and writes on."""
        self._queued = False
        if self._resting:
            self._resting = False
            if not (self._paused or self.raw.is_closing()):
                self.raw.resume_reading()
        self.flush()

    def _flush_all(self) -> None:
        while self._pieces:
            self.flush()

    def close(self) -> None:
        """Write what waits, then close."""
        self._flush_all()
        self.raw.close()

    def write_eof(self) -> None:
        """Write what waits, then say that nothing more comes."""
        self._flush_all()
        self.raw.write_eof()

    def abort(self) -> None:
        """Close at once."""
        self._pieces = []
        self.raw.abort()

    def is_closing(self) -> bool:
        """As asyncio.Transport.is_closing."""
        return self.raw.is_closing()

    def can_write_eof(self) -> bool:
        """As asyncio.Transport.can_write_eof."""
        return self.raw.can_write_eof()

    def pause_reading(self) -> None:
        """As asyncio.Transport.pause_reading."""
        self._paused = True
        self.raw.pause_reading()

    def resume_reading(self) -> None:
        """As asyncio.Transport.resume_reading, after its rest."""
        self._paused = False
        if not self._resting:
            self.raw.resume_reading()

    def arrived(self, size: int) -> None:
        """So many bytes were read: after a large arrival it is the others' turn to read."""
        if size >= LARGE_ARRIVAL and not (self._resting or self._paused or self.raw.is_closing()):
            self._resting = True
            self.raw.pause_reading()
            self._rest()

    def unsent(self) -> int:
        """Bytes that the kernel has not taken."""
        return sum(map(len, self._pieces)) + int(self.raw.get_write_buffer_size())

    def get_extra_info(self, name: str) -> Any:
        """As asyncio.Transport.get_extra_info."""
        return self.raw.get_extra_info(name)
