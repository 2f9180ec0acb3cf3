"""Lines on their way out of the process, with real pipes, sockets, files and terminals."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import select
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aigw.observe import outlet
from aigw.observe.descriptor import File
from aigw.observe.outlet import BATCH_BYTES, Outlet


def line(number: int, length: int = 100) -> bytes:
    """A line of this length that says its number."""
    return f"{number:08d}".encode().ljust(length - 1, b".") + b"\n"


def numbers(data: bytes) -> list[int]:
    """The numbers of lines that are whole; anything else is an error."""
    assert data.endswith(b"\n") or not data
    return [int(text.rstrip(b".")) for text in data.splitlines()]


def fill(fd: int) -> int:
    """Fill a pipe to the brim; how many bytes went in."""
    filler = os.open(f"/proc/self/fd/{fd}", os.O_WRONLY | os.O_NONBLOCK)
    size = 0
    try:
        for piece in (4096, 1):
            while True:
                try:
                    size += os.write(filler, b"#" * piece)
                except BlockingIOError:
                    break
    finally:
        os.close(filler)
    return size


def drain(fd: int) -> bytes:
    """Read what is there."""
    data = b""
    while select.select([fd], [], [], 0)[0]:
        piece = os.read(fd, 1 << 20)
        if not piece:
            break
        data += piece
    return data


class Pipe:
    """Both ends of a pipe."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()

    def close(self) -> None:
        """Close what is still open."""
        for fd in (self.reader, self.writer):
            if fd >= 0:
                os.close(fd)

    def close_reader(self) -> None:
        """Leave the writer alone."""
        os.close(self.reader)
        self.reader = -1


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    """A pipe that nobody reads unless the test does."""
    made = Pipe()
    yield made
    made.close()


def test_without_a_loop_every_line_goes_at_once(pipe: Pipe) -> None:
    """Before the loop runs and at its end nothing waits in memory."""
    out = Outlet(pipe.writer)
    out.line(line(1))
    assert drain(pipe.reader) == line(1)
    out.line(line(2))
    assert drain(pipe.reader) == line(2)
    out.close()


def test_lines_leave_in_batches(pipe: Pipe, fake_loop: Any) -> None:
    """With a loop, lines wait for one timer and leave together."""
    out = Outlet(pipe.writer)
    out.start(fake_loop)
    for number in range(3):
        out.line(line(number))
    assert len(fake_loop.timers) == 1
    assert fake_loop.timers[0].delay == outlet.FLUSH_SECONDS
    assert drain(pipe.reader) == b""
    fake_loop.fire()
    assert numbers(drain(pipe.reader)) == [0, 1, 2]
    assert fake_loop.timers == []
    out.line(line(3))
    fake_loop.fire()
    assert numbers(drain(pipe.reader)) == [3]
    out.close()


def test_a_full_batch_does_not_wait(tmp_path: Path, fake_loop: Any) -> None:
    """Under load a batch goes when it is full, not when the timer says so."""
    path = tmp_path / "log"
    with path.open("ab") as file:
        out = Outlet(file.fileno())
        out.start(fake_loop)
        count = BATCH_BYTES // 100 + 1
        for number in range(count):
            out.line(line(number))
        assert numbers(path.read_bytes()) == list(range(count))
        out.close()


def test_an_urgent_line_does_not_wait(pipe: Pipe, fake_loop: Any) -> None:
    """A warning takes what waits before it along, in order."""
    out = Outlet(pipe.writer)
    out.start(fake_loop)
    out.line(line(1))
    out.line_from_anywhere(line(2), urgent=True)
    assert numbers(drain(pipe.reader)) == [1, 2]
    out.close()


def test_a_full_pipe_costs_the_oldest_lines(pipe: Pipe, fake_loop: Any) -> None:
    """With a stuck reader memory stays bounded, the newest lines survive whole, the rest is counted."""
    stuffed = fill(pipe.writer)
    out = Outlet(pipe.writer, limit=20_000)
    out.start(fake_loop)
    for number in range(1000):
        out.line(line(number))
        assert out.pending <= 20_000
    fake_loop.fire()
    kept = out.pending // 100
    assert out.dropped == 1000 - kept
    assert kept >= 50
    assert len(os.read(pipe.reader, stuffed)) == stuffed
    fake_loop.fire()
    assert numbers(drain(pipe.reader)) == list(range(1000 - kept, 1000))
    assert out.pending == 0
    out.close()


def test_a_slow_reader_is_caught_up_with(pipe: Pipe, fake_loop: Any) -> None:
    """More than a pipe takes leaves in several goes, soon after one another, and nothing is lost."""
    out = Outlet(pipe.writer)
    out.start(fake_loop)
    count = 5 * BATCH_BYTES // 100
    received = b""
    for number in range(count):
        out.line(line(number))
    fake_loop.fire()
    assert fake_loop.timers[0].delay == outlet.CATCH_UP_SECONDS
    for _ in range(20):
        received += drain(pipe.reader)
        fake_loop.fire()
    assert numbers(received) == list(range(count))
    assert out.dropped == 0
    out.close()


def test_dropped_lines_are_announced_once(pipe: Pipe, fake_loop: Any) -> None:
    """When there is room again, the log itself says how many lines are missing."""
    told: list[int] = []
    stuffed = fill(pipe.writer)
    out = Outlet(pipe.writer, limit=1000)
    out.notice = told.append
    out.start(fake_loop)
    for number in range(30):
        out.line(line(number))
    fake_loop.fire()
    assert told == []
    os.read(pipe.reader, stuffed)
    fake_loop.fire()
    out.line(line(99))
    fake_loop.fire()
    assert told == [out.dropped]
    assert out.dropped > 0
    out.close()


def test_a_reader_that_is_gone(pipe: Pipe, fake_loop: Any) -> None:
    """A broken pipe raises nothing and announces nothing: the lines are counted as lost."""
    told: list[int] = []
    out = Outlet(pipe.writer)
    out.notice = told.append
    out.start(fake_loop)
    pipe.close_reader()
    for number in range(3):
        out.line(line(number))
    fake_loop.fire()
    assert (out.dropped, out.pending, told, fake_loop.timers) == (3, 0, [], [])
    out.close()


def test_a_disk_that_is_full(tmp_path: Path, fake_loop: Any) -> None:
    """An error of the disk costs lines, not requests."""
    with open("/dev/full", "wb", buffering=0) as full:
        out = Outlet(full.fileno())
        out.start(fake_loop)
        out.line(line(1))
        fake_loop.fire()
        assert out.dropped == 1
        out.close()


def test_the_shared_flags_stay(pipe: Pipe) -> None:
    """The descriptor's O_NONBLOCK belongs to all who share it (a shell, stderr): it is not touched."""
    before = fcntl.fcntl(pipe.writer, fcntl.F_GETFL)
    fill(pipe.writer)
    out = Outlet(pipe.writer)
    out.line(line(1))
    assert out.pending == 100
    assert fcntl.fcntl(pipe.writer, fcntl.F_GETFL) == before
    assert not before & os.O_NONBLOCK
    out.close(patience=0)


def test_where_a_pipe_cannot_be_opened_again(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe of another user is asked for room first: a full one is not waited for either."""

    def refused(*_: Any) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refused)
        out = Outlet(pipe.writer)
    out.line(line(1))
    assert drain(pipe.reader) == line(1)
    stuffed = fill(pipe.writer)
    out.line(line(2))
    assert out.pending == 100
    os.read(pipe.reader, stuffed)
    assert out.flush()
    assert drain(pipe.reader) == line(2)
    out.close()


def test_a_socket_is_not_waited_for() -> None:
    """A stream socket (journald's) that is full keeps lines waiting, and gets them whole when it is read."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        out = Outlet(ours.fileno(), limit=10_000_000)
        count = 0
        while out.flush():
            out.line(line(count))
            count += 1
        for number in range(count, count + 100):
            out.line(line(number))
        received = b""
        while len(received) < 100 * (count + 100):
            received += theirs.recv(1 << 20)
            out.flush()
        assert numbers(received) == list(range(count + 100))
        assert ours.getblocking()
        out.close()


def test_a_terminal(fake_loop: Any) -> None:
    """A terminal gets lines as a pipe does."""
    controller, terminal = pty.openpty()
    try:
        out = Outlet(terminal)
        out.line(b"hello\n")
        assert os.read(controller, 100) == b"hello\r\n"
        out.close()
    finally:
        os.close(controller)
        os.close(terminal)


def test_a_file_keeps_its_place(tmp_path: Path) -> None:
    """A file that is written to by others as well is continued, not overwritten."""
    path = tmp_path / "log"
    with path.open("wb", buffering=0) as file:
        file.write(b"before\n")
        out = Outlet(file.fileno())
        out.line(b"ours\n")
        file.write(b"after\n")
        out.close()
    assert path.read_bytes() == b"before\nours\nafter\n"


def test_a_line_is_never_cut(pipe: Pipe) -> None:
    """A line that went in part is finished before older lines are dropped for want of room."""
    out = Outlet(pipe.writer, limit=200_000)
    long = b"L" * 150_000 + b"\n"
    out.line(long)
    assert 0 < out.pending < 150_000
    for number in range(2000):
        out.line(line(number))
    received = b""
    while out.pending:
        received += drain(pipe.reader)
        out.flush()
    received += drain(pipe.reader)
    assert received.startswith(long)
    kept = numbers(received[len(long) :])
    assert kept == list(range(2000 - len(kept), 2000))
    assert out.dropped == 2000 - len(kept) > 0
    out.close()


def test_workers_do_not_tear_each_others_lines(pipe: Pipe) -> None:
    """Two writers on one pipe that is full again and again: every line arrives whole."""
    outs = [Outlet(pipe.writer), Outlet(pipe.writer)]
    received = b""
    for number in range(3000):
        outs[number % 2].line(line(number, 50 + number % 400))
        if number % 500 == 499:
            received += drain(pipe.reader)
    while any(not out.flush() for out in outs):
        received += drain(pipe.reader)
    received += drain(pipe.reader)
    assert sorted(numbers(received)) == list(range(3000))
    for out in outs:
        out.close()


def test_other_threads_go_through_the_loop(pipe: Pipe, fake_loop: Any) -> None:
    """A line of another thread is handed to the loop's thread, which owns the buffer."""
    out = Outlet(pipe.writer)
    out.start(fake_loop)
    thread = threading.Thread(target=out.line_from_anywhere, args=(line(1),))
    thread.start()
    thread.join()
    assert out.pending == 0
    for call in fake_loop.soon:
        call()
    fake_loop.fire()
    assert numbers(drain(pipe.reader)) == [1]
    fake_loop.closed = True
    late = threading.Thread(target=out.line_from_anywhere, args=(line(2), True))
    late.start()
    late.join()
    assert numbers(drain(pipe.reader)) == [2]
    out.close()


def test_close_writes_the_rest(pipe: Pipe, fake_loop: Any) -> None:
    """At shutdown the lines that wait are written, the timer is gone, and closing again does no harm."""
    out = Outlet(pipe.writer)
    out.start(fake_loop)
    out.line(line(1))
    out.close()
    out.close()
    assert numbers(drain(pipe.reader)) == [1]
    assert all(timer.cancelled for timer in fake_loop.timers)


def test_close_waits_for_a_slow_reader(pipe: Pipe, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader that wakes up during the shutdown still gets the lines."""
    stuffed = fill(pipe.writer)
    out = Outlet(pipe.writer)
    out.line(line(1))
    really_wait = File.wait

    def read_meanwhile(self: File, seconds: float) -> bool:
        os.read(pipe.reader, stuffed)
        return really_wait(self, seconds)

    monkeypatch.setattr(File, "wait", read_meanwhile)
    out.close(patience=60)
    assert numbers(drain(pipe.reader)) == [1]


def test_close_gives_up(pipe: Pipe) -> None:
    """A reader that stays stuck does not hold up the shutdown; what it missed, then and later, is counted."""
    fill(pipe.writer)
    out = Outlet(pipe.writer)
    out.line(line(1))
    out.close(patience=0)
    assert out.dropped == 1
    out.line(line(2))
    assert (out.dropped, out.pending) == (2, 0)


def test_a_fork_does_not_repeat_lines(pipe: Pipe, fake_loop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child process that inherits the buffer leaves its parent's lines to the parent."""
    out = Outlet(pipe.writer)
    out.start(fake_loop)
    out.line(line(1))
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: -1)
        assert out.flush()
    assert drain(pipe.reader) == b""
    out.close()


def test_a_descriptor_that_is_not_open() -> None:
    """Nothing to write to is found out at the start."""
    reader, writer = os.pipe()
    os.close(reader)
    os.close(writer)
    with pytest.raises(OSError, match="Bad file descriptor"):
        Outlet(writer)
