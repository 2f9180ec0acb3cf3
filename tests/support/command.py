"""The real command in a process of its own: started, asked, signalled."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import attrs

import aigw as package

from .caller import request

# The package that is tested here, compiled or not, is the one that is started.
CODE = Path(package.__file__).resolve().parents[1]
# No start and no end takes this long; a test that waits longer is one that would wait for ever.
PATIENCE = 30.0
KEY = "aigw-command-tests-0123456789"


def environment(**more: str) -> dict[str, str]:
    """What a command needs of this process's environment, and no provider's key; coverage's own variables pass."""
    passed = {name: value for name, value in os.environ.items() if name == "PATH" or name.startswith("COVERAGE")}
    return {**passed, "PYTHONPATH": str(CODE), **more}


def aigw(*arguments: str, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself, run to its end."""
    return subprocess.run(
        [sys.executable, "-m", "aigw", *arguments],
        cwd=cwd,
        env=environment(**environ),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@attrs.define(eq=False)
class Command:
    """`aigw serve` (or another command that stays) on free ports, its output in files of `cwd`; killed in the end."""

    cwd: Path
    arguments: Sequence[str] = ()
    environ: Mapping[str, str] = attrs.field(factory=dict)
    name: str = "serve"
    _process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        free = ["--listen", "127.0.0.1:0"] + (["--control", "127.0.0.1:0"] if self.name == "serve" else [])
        with (self.cwd / "stdout").open("wb") as out, (self.cwd / "stderr").open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "aigw", self.name, *free, *self.arguments],
                cwd=self.cwd,
                env=environment(**self.environ),
                stdout=out,
                stderr=errors,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            for pid in [*self.children(), self.process.pid]:
                kill(pid, signal.SIGKILL)
        self.process.wait(PATIENCE)

    @property
    def process(self) -> subprocess.Popen[bytes]:
        """The process itself."""
        assert self._process is not None
        return self._process

    @property
    def stdout(self) -> str:
        """What it has written."""
        return (self.cwd / "stdout").read_text()

    @property
    def stderr(self) -> str:
        """What it has complained about."""
        return (self.cwd / "stderr").read_text()

    def lines(self, event: str) -> list[dict[str, Any]]:
        """The log lines of one event, so far."""
        told = [json.loads(line) for line in self.stdout.splitlines(keepends=True) if line.endswith("\n")]
        return [line for line in told if line["event"] == event]

    def wait_for(self, event: str, number: int = 1) -> dict[str, Any]:
        """The latest log line of an event, once there are so many."""
        eventually(lambda: len(self.lines(event)) >= number or self._ended())
        assert len(self.lines(event)) >= number, self.stdout + self.stderr
        return self.lines(event)[-1]

    def started(self) -> Self:
        """Itself, once it takes requests."""
        self.wait_for("started")
        eventually(lambda: self.probe("/readyz")[0] == 200)
        return self

    def _ended(self) -> bool:
        return self.process.poll() is not None

    @property
    def port(self) -> int:
        """Of the data plane."""
        return int(self.lines("started")[0]["listen"].rpartition(":")[2])

    @property
    def control_port(self) -> int:
        """Of health and metrics."""
        return int(self.lines("started")[0]["control"].rpartition(":")[2])

    def probe(self, path: str) -> tuple[int, str]:
        """Status and body of a request at the control listener; (0, "") when nobody answers."""
        return fetch(("127.0.0.1", self.control_port), path)

    def ask(self, body: Mapping[str, Any], token: str = KEY) -> bytes:
        """The whole answer to a request at the data plane."""
        with Talk(self.port, body, token) as talk:
            return talk.rest()

    def talk(self, body: Mapping[str, Any]) -> Talk:
        """A request at the data plane whose answer is read bit by bit."""
        return Talk(self.port, body)

    def metric(self, name: str) -> float:
        """The sum of a metric over all of its labels."""
        _, text = self.probe("/metrics")
        lines = [line for line in text.splitlines() if line.startswith((f"{name}{{", f"{name} "))]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def children(self) -> list[int]:
        """The workers' process ids."""
        pid = self.process.pid
        try:
            return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except FileNotFoundError:
            return []

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def end(self) -> int:
        """The exit code, once it has ended."""
        return self.process.wait(PATIENCE)

    def stop(self) -> int:
        """End it in order; its exit code."""
        self.signal(signal.SIGTERM)
        return self.end()


class Talk:
    """A connection to the data plane on which one request has been written; blocking, with a limit."""

    def __init__(self, port: int, body: Mapping[str, Any], token: str = KEY) -> None:
        self._sock = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._heard = b""
        self._sock.sendall(request(body, token=token, headers=[("connection", "close")]))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sock.close()

    def until(self, mark: bytes) -> Self:
        """Itself, once this has come."""
        while mark not in self._heard:
            more = self._sock.recv(65536)
            assert more, self._heard
            self._heard += more
        return self

    def rest(self) -> bytes:
        """Everything up to the connection's end."""
        with suppress(ConnectionResetError):
            while more := self._sock.recv(65536):
                self._heard += more
        return self._heard


def fetch(address: tuple[str, int] | str, path: str) -> tuple[int, str]:
    """A GET on a connection of its own to a TCP address or a Unix socket; (0, "") when nobody answers."""
    sock = socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET)
    sock.settimeout(PATIENCE)
    with sock:
        try:
            sock.connect(address)
        except (ConnectionError, FileNotFoundError):
            return 0, ""
        sock.sendall(f"GET {path} HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\r\n".encode())
        answer = b""
        while more := sock.recv(65536):
            answer += more
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]) if head else 0, body.decode()


def kill(pid: int, number: signal.Signals) -> None:
    """Signal a process that this test started, or that such a process started."""
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def is_running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def eventually(condition: Any) -> None:
    """Poll until something is so. Raises AssertionError when it never is."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "what was waited for did not happen"
        time.sleep(0.01)
