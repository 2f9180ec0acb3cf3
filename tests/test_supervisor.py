"""The parent of several workers: what it tells them, how it replaces them, and the sockets they take connections on."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import attrs
import pytest
import structlog

from aigw import listen, supervisor
from aigw.channel import Begin
from aigw.declared import settings_of
from aigw.errors import ConfigError
from aigw.first_start import Start
from aigw.listen import Door
from aigw.observe.exposition import render
from aigw.secret import Secret
from aigw.settings import AccessKeySettings, Server, Settings, Tcp, Unix
from aigw.supervisor import Supervisor, begin_of, pause_after

from .support.gate import eventually


def test_what_workers_are_told(tmp_path: Path) -> None:
    """The text of the file as it is now, by its name; the command line; the made key; where the sandbox is."""
    file = tmp_path / "aigw.toml"
    file.write_bytes(b"\xef\xbb\xbf[limits]\n")
    key = AccessKeySettings(name="generated", key=Secret("aigw-0123456789abcdef"))
    told = begin_of(Settings(source=str(file)), {"log.level": "error"}, Start(key, "http://127.0.0.1:1"))
    assert (told.source, told.config, told.overrides) == (str(file), "[limits]\n", {"log.level": "error"})
    assert (told.access_key, told.sandbox_url) == ("aigw-0123456789abcdef", "http://127.0.0.1:1")
    assert begin_of(Settings(), {}, Start()).config == ""
    file.unlink()
    with pytest.raises(ConfigError, match="cannot read the configuration file"):
        begin_of(Settings(source=str(file)), {}, Start())


@pytest.mark.parametrize(("quick", "seconds"), [(0, 0), (1, 0), (2, 0.5), (3, 1.0), (4, 2.0), (9, 30.0), (99, 30.0)])
def test_replacements_slow_down(quick: int, seconds: float) -> None:
    """A worker that fails once is replaced at once; what fails again and again may not burn the machine."""
    assert pause_after(quick) == seconds


# -- with workers that are played ---------------------------------------------------------------------------------

PLAYED = """
import json, socket, sys, time
channel = socket.socket(fileno=int(sys.argv[-1])).makefile("rwb", buffering=0)
def say(kind, **told): channel.write(json.dumps({"is": kind, **told}).encode() + b"\\n")
def hear(): return json.loads(channel.readline() or '{"is": "end"}')["is"]
assert hear() == "begin"
"""


@attrs.define
class Play:
    """A supervisor of one worker that is a program, and what it logs."""

    supervisor: Supervisor
    logs: list[MutableMapping[str, Any]]
    stopped: asyncio.Event = attrs.field(factory=asyncio.Event)

    def events(self, name: str) -> list[MutableMapping[str, Any]]:
        """The lines of one event."""
        return [line for line in self.logs if line["event"] == name]


@pytest.fixture
async def play(monkeypatch: pytest.MonkeyPatch, door: Door) -> AsyncIterator[Callable[[str], Play]]:
    """Plays a program, with short pauses."""
    monkeypatch.setattr(supervisor, "FIRST_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(supervisor, "LONGEST_PAUSE_SECONDS", 0.02)
    made: list[Play] = []
    with structlog.testing.capture_logs() as logs:

        def start(program: str) -> Play:
            monkeypatch.setattr("aigw.child.interpreter", lambda: [sys.executable, "-c", PLAYED + program])
            settings = Settings(server=Server(drain_timeout=0.0))
            made.append(Play(Supervisor(settings, Begin(0, -1, "x", ""), door), logs))
            return made[-1]

        yield start
        for each in made:
            await each.supervisor.stop()


async def test_workers_are_asked_now_and_then(play: Callable[[str], Play], monkeypatch: pytest.MonkeyPatch) -> None:
    """Also without a scrape, so that a killed worker takes little of its counts with it."""
    monkeypatch.setattr(supervisor, "COUNT_EVERY_SECONDS", 0.01)
    program = """
say("ready")
for number in range(3):
    assert hear() == "count"
    say("counted", metrics={"aigw_log_dropped_total": [{"labels": [], "values": [number]}]})
"""
    played = play(program)
    assert await played.supervisor.start(played.stopped)
    assert played.supervisor.ready
    await eventually(lambda: played.events("worker_ended"))
    assert b"aigw_log_dropped_total 2.0" in render(await played.supervisor.count())


async def test_a_worker_that_fails_again_and_again(play: Callable[[str], Play], tmp_path: Path) -> None:
    """Each failure is told, and the place is not given up, whatever went wrong."""
    mark = tmp_path / "mark"
    played = play(f"""
import pathlib
mark = pathlib.Path({str(mark)!r})
if mark.exists():
    say("failed", error="no luck")
else:
    mark.touch()
    say("ready")
""")
    assert await played.supervisor.start(played.stopped)
    await eventually(lambda: len(played.events("worker_failed")) >= 3)
    assert not played.supervisor.ready
    assert {line["error"] for line in played.events("worker_failed")} == {"no luck"}
    mark.unlink()
    await eventually(lambda: played.events("worker_restarted"))


async def test_a_door_that_cannot_be_opened(
    play: Callable[[str], Play], door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No socket for a worker at the start stops the start."""

    def refuse(_worker: int) -> socket.socket:
        raise OSError("no more descriptors")

    monkeypatch.setattr(Door, "open", lambda _door, worker: refuse(worker))
    played = play("")
    with pytest.raises(ConfigError, match="no more descriptors"):
        await played.supervisor.start(played.stopped)


async def test_a_file_that_changes_meanwhile(play: Callable[[str], Play], tmp_path: Path) -> None:
    """What workers are told is what was checked: a file that is written once more in between is refused."""
    played = play('say("ready")\nhear()')
    assert await played.supervisor.start(played.stopped)
    file = tmp_path / "aigw.toml"
    file.write_text("[limits]\nmax_body_bytes = 10\n")
    checked = settings_of(str(file), file.read_text(), {})
    file.write_text("[limits]\nmax_body_bytes = 11\n")
    with pytest.raises(ConfigError, match="changed while it was read"):
        await played.supervisor.switch(checked, Start(), None)


async def test_a_start_before_the_end(play: Callable[[str], Play]) -> None:
    """A stop that comes before all are ready is no failure."""
    played = play("hear()")
    played.stopped.set()
    assert not await played.supervisor.start(played.stopped)
    assert not played.supervisor.ready


# -- the door -----------------------------------------------------------------------------------------------------


@pytest.fixture
def door() -> Iterator[Door]:
    """A door on a free port."""
    made = Door.of(Settings(server=Server(listen=Tcp("127.0.0.1", 0))), listen.Sockets())
    yield made
    made.close()


def test_each_worker_has_a_socket_of_its_own(door: Door) -> None:
    """All on one address, which port 0 chose once."""
    one, two = door.open(1), door.open(2)
    assert one is not two
    assert one.getsockname() == two.getsockname() == door.anchor.getsockname()


def test_a_worker_inherits_its_predecessor_s_socket(door: Door) -> None:
    """With the connections that wait there, unless the predecessor took leave."""
    first = door.open(1)
    assert door.open(1) is first
    door.leave(1)
    assert first.fileno() == -1
    assert door.open(1).getsockname() == door.anchor.getsockname()
    door.leave(2)


def test_a_shared_socket_stays(tmp_path: Path) -> None:
    """A worker that leaves does not take the one socket of all with it."""
    settings = Settings(server=Server(listen=Unix(str(tmp_path / "s"))))
    door = Door.of(settings, listen.Sockets())
    assert door.open(1) is door.open(2) is door.anchor
    door.leave(1)
    assert door.anchor.fileno() >= 0
    door.close()


def test_a_passed_socket_is_shared() -> None:
    """systemd passes one socket, whatever the number of workers."""
    with socket.create_server(("127.0.0.1", 0)) as passed:
        door = Door.of(Settings(), listen.Sockets({"data": passed}))
        assert door.open(1) is door.open(2) is passed


def test_the_parent_knows_no_catalog() -> None:
    """The parent imports neither the catalog nor aiohttp, which would double its memory and the time to start."""
    code = "import sys, aigw.cli, aigw.serve, aigw.supervisor; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert supervisor.__name__ in told
    assert not {"aigw.catalog", "aigw.app", "aiohttp", "msgspec", "prometheus_client"} & set(told)
