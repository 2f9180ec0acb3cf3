"""One worker as its parent sees it, played by small programs that behave badly."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
from collections.abc import Iterator

import pytest

from aigw import child as children
from aigw.channel import Begin
from aigw.child import Child, WorkerFailed, how, interpreter

BEGIN = Begin(3, -1, "aigw.toml", "")
# What a worker is started with: the interpreter's arguments come first, the channel's number last.
SAY = "import json, os, sys, time; say = lambda **told: os.write(int(sys.argv[-1]), json.dumps(told).encode() + b'\\n');"
COUNTED = {"aigw_requests_total": [{"labels": ["a"], "values": [7]}], "aigw_requests_in_flight": [{"labels": [], "values": [2]}]}


@pytest.fixture
def data() -> Iterator[socket.socket]:
    """A socket that stands for the data plane's."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        yield sock


@pytest.fixture(autouse=True)
def _play(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Let the worker be the program in the test's marker."""
    mark = request.node.get_closest_marker("parametrize")
    del mark
    monkeypatch.setattr(children, "COUNT_SECONDS", 0.05)


def play(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    """Start this program in place of a worker."""
    monkeypatch.setattr(children, "interpreter", lambda: [sys.executable, "-c", SAY + program])
