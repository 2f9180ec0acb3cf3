"""Processes on their cores: started here, watched here, and all of them ended here, whatever happens."""

from __future__ import annotations

import ctypes
import enum
import os
import random
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import attrs

from .figures import BenchError

# Above ordinary processes, below what the kernel runs itself; this process above the rest, to stay in command.
REALTIME_PRIORITY = 40
# What is only there to weigh on the gateway gives way to what measures it.
BACKGROUND_NICENESS = 10
URGENT_NICENESS = -15
STOP_SECONDS = 3.0
# Two for each of a thousand streams, and room.
MAX_FILES = 65_536
_ASK_SECONDS = 0.005
_LOOK_SECONDS = 0.05
_PR_SET_PDEATHSIG = 1
# Below the range that the kernel takes outgoing connections' ports from.
_PORTS = range(20_000, 32_000)


class Place(enum.Enum):
    """Where a process runs: proxies on one core; callers and upstreams on another, the background ones behind.

    BUSY_PROXY and PROBE are never real-time: the kernel stops such processes for 50 ms in a second in which they
    compute all the time, which would be all that one sees of delays.
    """

    PROXY = enum.auto()
    BUSY_PROXY = enum.auto()
    LOAD = enum.auto()
    PROBE = enum.auto()
    BACKGROUND = enum.auto()


_ON_PROXY_CORE = frozenset({Place.PROXY, Place.BUSY_PROXY})
_REALTIME = frozenset({Place.PROXY, Place.LOAD})


@attrs.frozen
class Cores:
    """The core of the proxies and the core of everything else; the same when there is only one."""

    proxy: int
    load: int

    @classmethod
    def usable(cls) -> Self:
        """The first two that this process may use."""
        usable = sorted(os.sched_getaffinity(0))
        return cls(usable[0], usable[min(1, len(usable) - 1)])


class Stage:
    """A folder, cores, and the processes started on them; leaving it ends those and nothing else."""

    def __init__(self, folder: Path, cores: Cores, *, realtime: bool = False) -> None:
        self.folder = folder
        self.cores = cores
        self.realtime = realtime
        self._running: list[subprocess.Popen[bytes]] = []
        self._usable: set[int] = set()
        self._files = 0
        # Loaded before there is anything to fork.
        self._libc = ctypes.CDLL(None, use_errno=True)

    def __enter__(self) -> Self:
        self._files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, MAX_FILES) if most > 0 else MAX_FILES, most))
        self._usable = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {self.cores.load})
        if self.realtime:
            try:
                _realtime(REALTIME_PRIORITY + 1)
            except PermissionError:
                raise BenchError("real-time priority is for root (CAP_SYS_NICE)") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # A second Ctrl-C must not leave anything behind.
        ignored = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
        for process in reversed(self._running[:]):
            self.stop(process)
        if self.realtime:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        os.sched_setaffinity(0, self._usable)
        resource.setrlimit(resource.RLIMIT_NOFILE, (self._files, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
        for number, handler in ignored.items():
            signal.signal(number, handler)

    def start(
        self, command: Sequence[str | Path], place: Place, output: Path, *, environ: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a process; what it prints is added to `output`, what it complains about to `output` + .err."""
        with output.open("ab") as told, _errors(output).open("ab") as complaints:
            process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=told,
                stderr=complaints,
                cwd=self.folder,
                env={"PATH": os.environ["PATH"], **(environ or {})},
                # Ctrl-C in a terminal is for this process, which then ends the others in order.
                start_new_session=True,
                preexec_fn=lambda: self._settle(place),
            )
        self._running.append(process)
        return process

    def _settle(self, place: Place) -> None:
        # In the child, between fork and exec: what is said here holds for its threads and children, too.
        self._libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        os.sched_setaffinity(0, {self.cores.proxy if place in _ON_PROXY_CORE else self.cores.load})
        if place is Place.BACKGROUND:
            os.nice(BACKGROUND_NICENESS)
        elif self.realtime and place in _REALTIME:
            _realtime(REALTIME_PRIORITY, inherited=True)
        elif self.realtime:
            os.nice(URGENT_NICENESS)

    def interrupted(self, command: Sequence[str | Path], place: Place, seconds: float, grace: float) -> str:
        """Run a command that sums up on SIGINT, send that after so many seconds; its output. Raises BenchError."""
        output = self.folder / f"{Path(command[0]).name}.out"
        output.unlink(missing_ok=True)
        process = self.start(command, place, output)
        try:
            with suppress(subprocess.TimeoutExpired):
                process.wait(seconds)
            process.send_signal(signal.SIGINT)
            process.wait(grace)
        except subprocess.TimeoutExpired:
            raise BenchError(f"{command[0]} did not end within {grace:g} s") from None
        finally:
            self.stop(process)
        return output.read_text() + _errors(output).read_text()

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """End a process that was started here; its connections are cut if it takes long."""
        if process in self._running:
            self._running.remove(process)
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def await_answer(
        self, process: subprocess.Popen[bytes], output: Path, port: int, path: str, seconds: float
    ) -> None:
        """Wait until GET `path` is answered with 200, asked every 5 ms. Raises BenchError with its complaints."""
        until = time.monotonic() + seconds
        while not answers(port, path):
            if process.poll() is not None or time.monotonic() > until:
                told = (_errors(output).read_text() + output.read_text()).strip()[-600:]
                how = f"ended with exit code {process.returncode}" if process.returncode is not None else "is not ready"
                raise BenchError(f"{output.stem} {how}: {told}")
            time.sleep(_ASK_SECONDS)

    def await_line(self, process: subprocess.Popen[bytes], output: Path, seconds: float) -> str:
        """Wait until a process has printed a line; what it has printed. Raises BenchError with its complaints."""
        until = time.monotonic() + seconds
        while "\n" not in (told := output.read_text()):
            if process.poll() is not None or time.monotonic() > until:
                raise BenchError(f"{output.stem} told nothing: {_errors(output).read_text().strip()[-600:]}")
            time.sleep(_LOOK_SECONDS)
        return told


def _errors(output: Path) -> Path:
    return output.with_name(f"{output.name}.err")


def _realtime(priority: int, *, inherited: bool = False) -> None:
    policy = os.SCHED_FIFO if inherited else os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
    os.sched_setscheduler(0, policy, os.sched_param(priority))


def answers(port: int, path: str) -> bool:
    """Whether a server on loopback answers GET with 200."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0) as sock:
            sock.sendall(f"GET {path} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n\r\n".encode())
            return sock.recv(64).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False


def free_ports(count: int) -> list[int]:
    """So many ports of 127.0.0.1 that nobody listens on. Raises BenchError."""
    found: list[int] = []
    for port in random.sample(_PORTS, len(_PORTS)):
        if len(found) == count:
            return found
        with socket.socket() as sock, suppress(OSError):
            sock.bind(("127.0.0.1", port))
            found.append(port)
    raise BenchError("there are not enough free ports")
