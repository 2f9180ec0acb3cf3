"""How does one write to a descriptor that others share, without ever waiting for it?

The O_NONBLOCK flag belongs to everybody who holds the same open file (a shell, sibling workers, stderr), so
it is not ours to set:
- a socket is asked not to wait, call by call (journald's stream);
- a pipe or a terminal is opened once more through /proc, which gives flags of our own;
- where that is refused (it belongs to another user), `poll` says that PIPE_BUF bytes fit, and no more is
  written;
- a regular file never waits in this sense.
"""

from __future__ import annotations

import os
import select
import socket
import stat


class File:
    """A regular file: appended to in large pieces. Owns its descriptor."""

    # The most to give to one `write`.
    atom = 64 * 1024

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def write(self, data: memoryview) -> int:
        """Write what fits and return how many bytes that was, 0 when there is no room now. Raises OSError."""
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            return 0

    def wait(self, seconds: float) -> bool:
        """Block until there is room again, or `seconds` are over; whether there is room."""
        poll = select.poll()
        poll.register(self._fd, select.POLLOUT)
        return bool(poll.poll(seconds * 1e3))

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._fd)


class Stream(File):
    """A pipe or a terminal, with O_NONBLOCK set on an open file of its own.

    Up to PIPE_BUF bytes go in whole or not at all (POSIX.1-2017, write()), so lines of several workers on
    one pipe do not tear each other apart.
    """

    atom = select.PIPE_BUF


class PolledStream(Stream):
    """A pipe or a terminal whose flags are not ours: asked for room before each write."""

    def write(self, data: memoryview) -> int:
        """As `File.write`."""
        return super().write(data) if self.wait(0) else 0


class SocketStream(Stream):
    """A stream socket."""

    def __init__(self, fd: int) -> None:
        super().__init__(fd)
        self._socket = socket.socket(fileno=fd)

    def write(self, data: memoryview) -> int:
        """As `File.write`."""
        try:
            return self._socket.send(data, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return 0

    def close(self) -> None:
        """Give the descriptor back."""
        self._socket.close()


def unwaiting(fd: int) -> File:
    """The way to write to `fd` without waiting; `fd` itself stays open and unchanged.

    Raises OSError when `fd` is not an open descriptor.
    """
    mode = os.fstat(fd).st_mode
    if stat.S_ISREG(mode):
        return File(os.dup(fd))
    if stat.S_ISSOCK(mode):
        return SocketStream(os.dup(fd))
    try:
        return Stream(os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY))
    except OSError:
        return PolledStream(os.dup(fd))
