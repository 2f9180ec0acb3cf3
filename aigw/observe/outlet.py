"""How do log lines leave the process without the event loop ever waiting for their reader?

Lines collect in memory and leave in batches. A reader that is slow or stuck (a paused terminal, a full
pipe) costs the oldest lines, which are counted; it costs neither time nor unbounded memory.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable

from aigw.observe.descriptor import unwaiting

# Written at once when this much has collected, whatever the timer says: about 120 request lines.
BATCH_BYTES = 64 * 1024
# How long a line may wait in memory when there is little to write.
FLUSH_SECONDS = 0.1
# How soon to try again when the reader was too slow for a batch.
CATCH_UP_SECONDS = 0.02
# What a stuck reader may cost in memory: about 8,000 request lines.
LIMIT_BYTES = 4 * 1024 * 1024
# How long `close` may wait for a slow reader: the one place that waits, after the last request.
CLOSE_SECONDS = 0.5


class Outlet:
    """A bounded buffer of lines in front of a file descriptor.

    Before `start` and after `close` there is no timer and every line is written at once. It belongs to the
    thread that runs the loop; only `line_from_anywhere` may be called from others.
    """

    def __init__(self, fd: int, limit: int = LIMIT_BYTES) -> None:
        self.dropped = 0
        # Told the number of lines that were dropped, once there is room again.
        self.notice: Callable[[int], None] | None = None
        self._told = 0
        # The last write went through: somebody is there to be told.
        self._delivers = False
        self._target = unwaiting(fd)
        self._limit = limit
        self._batch = min(BATCH_BYTES, limit)
        self._buffer = bytearray()
        # The buffer begins inside a line that was written in part: what is left of it must not be dropped.
        self._torn = False
        # A line that takes the buffer beyond this needs attention: a timer, a write, or room.
        self._mark = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._owner = threading.get_ident()
        self._pid = os.getpid()
        self._closed = False

    @property
    def pending(self) -> int:
        """Bytes that wait in memory."""
        return len(self._buffer)

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Collect lines from now on and write them by this loop's timer. Called in the loop's thread."""
        self._loop = loop
        self._owner = threading.get_ident()

    def line(self, data: bytes) -> None:
        """Add one line, with its newline. Never waits, never raises."""
        buffer = self._buffer
        buffer += data
        if len(buffer) > self._mark:
            self._attend()

    def line_from_anywhere(self, data: bytes, urgent: bool = False) -> None:
        """As `line`, from any thread; an urgent line does not wait for its batch."""
        put = self._line_now if urgent else self.line
        loop = self._loop
        if loop is None or threading.get_ident() == self._owner:
            put(data)
            return
        try:
            loop.call_soon_threadsafe(put, data)
        except RuntimeError:  # the loop is closed: nobody is left to be disturbed
            put(data)

    def flush(self) -> bool:
        """Write what fits without waiting; True when nothing is left."""
        if self._closed:
            self._drop(len(self._buffer))
        elif os.getpid() != self._pid:
            # After a fork the buffer holds the parent's lines, and the parent writes them.
            self._buffer.clear()
        while self._buffer:
            try:
                written = self._write()
            except OSError:
                # The reader is gone or the disk is full: what waits here cannot be delivered.
                self._delivers = self._torn = False
                self._drop(len(self._buffer))
                break
            if not written:
                break
            self._delivers = True
        return not self._buffer

    def close(self, patience: float = CLOSE_SECONDS) -> None:
        """Write the rest, waiting `patience` seconds at most for a slow reader; what is left is dropped."""
        if self._closed:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop = None
        self._mark = 0
        deadline = time.monotonic() + patience
        while not self.flush() and (left := deadline - time.monotonic()) > 0:
            self._target.wait(left)
        self._torn = False
        self._drop(len(self._buffer))
        self._closed = True
        self._target.close()

    def _line_now(self, data: bytes) -> None:
        self.line(data)
        self.flush()

    def _attend(self) -> None:
        """The buffer is beyond the mark: write, make room, set the timer, as it needs."""
        if self._loop is None or len(self._buffer) >= self._batch:
            self.flush()
        if len(self._buffer) > self._limit:
            # Many at once, so that a stuck reader does not cost this for every line.
            self._drop(len(self._buffer) - self._limit + self._batch // 2)
        self._wind()

    def _wind(self) -> None:
        waiting = len(self._buffer)
        behind = waiting >= self._batch
        if self._loop is None:
            self._mark = 0
            return
        if self._timer is None and waiting:
            self._timer = self._loop.call_later(CATCH_UP_SECONDS if behind else FLUSH_SECONDS, self._tick)
        if behind:
            self._mark = min(waiting + self._batch // 4, self._limit)
        else:
            # Without a timer the very next line has to set it.
            self._mark = self._batch - 1 if self._timer is not None else 0

    def _tick(self) -> None:
        self._timer = None
        if self.flush() and self._delivers:
            self._tell()
        self._wind()

    def _tell(self) -> None:
        if self.notice is not None and self._told < self.dropped:
            untold, self._told = self.dropped - self._told, self.dropped
            self.notice(untold)

    def _write(self) -> int:
        """Write whole lines within the descriptor's atom, or a part of one long line; how many bytes went."""
        atom = self._target.atom
        end = len(self._buffer)
        if end > atom:
            end = self._buffer.rfind(b"\n", 0, atom) + 1 or atom
        with memoryview(self._buffer) as whole, whole[:end] as part:
            written = self._target.write(part)
        if written:
            self._torn = not self._buffer.endswith(b"\n", 0, written)
            del self._buffer[:written]
        return written

    def _drop(self, count: int) -> None:
        """Forget at least the oldest `count` bytes, up to the end of a line."""
        start = self._buffer.find(b"\n") + 1 if self._torn else 0
        end = self._buffer.find(b"\n", max(start, count - 1)) + 1 or len(self._buffer)
        self.dropped += self._buffer.count(b"\n", start, end)
        del self._buffer[start:end]
