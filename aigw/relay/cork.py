"""Collects what is written in one turn of the event loop and hands it to the kernel at the turn's end.

Waking a peer is the dearest part of a small write. When many connections have something to say in the same turn,
writing at its end wakes each peer once instead of once per request; when only one has, the turn is over at once.
Several writes to one connection in a turn become one system call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

# Below this the copy of a join is cheaper than the longer system call of a vectored write.
JOIN_BELOW = 16_384


class Outbox:
    """The connections of a process that have something to write at the end of this turn."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: list[Corked] = []

    def add(self, corked: Corked) -> None:
        """Flush this transport at the end of the turn."""
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(corked)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        for corked in waiting:
            corked.flush()


class Corked:
    """A transport whose writes wait for the end of the turn; everything else goes to `raw` at once.

    `close` and `write_eof` flush before, `abort` forgets what was not written.
    """

    def __init__(self, raw: asyncio.Transport, outbox: Outbox) -> None:
        self.raw = raw
        self._outbox = outbox
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        """As asyncio.Transport.write, later in this turn."""
        self._pieces.append(data)
        if len(self._pieces) == 1:
            self._outbox.add(self)

    def writelines(self, pieces: Sequence[bytes]) -> None:
        """As asyncio.Transport.writelines, later in this turn."""
        first = not self._pieces
        self._pieces += pieces
        if first:
            self._outbox.add(self)

    def flush(self) -> None:
        """Write now."""
        pieces = self._pieces
        if not pieces:
            return
        self._pieces = []
        if self.raw.is_closing():
            return  # lost since it was written in this turn: uvloop would raise, and the others would wait forever
        if len(pieces) == 1:
            self.raw.write(pieces[0])
        elif sum(map(len, pieces)) < JOIN_BELOW:
            self.raw.write(b"".join(pieces))
        else:
            self.raw.writelines(pieces)

    def close(self) -> None:
        """Write what waits, then close."""
        self.flush()
        self.raw.close()

    def write_eof(self) -> None:
        """Write what waits, then say that nothing more comes."""
        self.flush()
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
        self.raw.pause_reading()

    def resume_reading(self) -> None:
        """As asyncio.Transport.resume_reading."""
        self.raw.resume_reading()

    def unsent(self) -> int:
        """Bytes that the kernel has not taken."""
        return sum(map(len, self._pieces)) + int(self.raw.get_write_buffer_size())

    def get_extra_info(self, name: str) -> Any:
        """As asyncio.Transport.get_extra_info."""
        return self.raw.get_extra_info(name)
