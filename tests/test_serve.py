"""`aigw serve` as a real process: what it says, what it makes, how it ends."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from .support.caller import HELLO
from .support.command import KEY, PATIENCE, Command, aigw, environment, eventually, fetch

SANDBOX = {**HELLO, "model": "sandbox-small"}
STREAM = {**SANDBOX, "stream": True}
# Fifty events with 10 ms between them, so that a signal comes in their midst.
SLOW = {**STREAM, "model": "sandbox:sandbox-small!events=50,delay=10"}
ENDLESS = {**STREAM, "model": "sandbox:sandbox-small!stall"}


def test_a_first_start(tmp_path: Path) -> None:
    """Without any configuration: a key of its own, the sandbox, and a page on stderr that says how to call it."""
    with Command(tmp_path) as command:
        command.started()
        key = (tmp_path / "aigw-data" / "access-key").read_text().strip()
        assert key in command.stderr
        assert f"http://127.0.0.1:{command.port}/v1/chat/completions" in command.stderr
        answer = command.ask(SANDBOX, key)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"x-aigw-provider: sandbox\r\n" in answer
        assert command.stop() == 0


def test_the_command_of_the_welcome_works(tmp_path: Path) -> None:
    """The curl line is complete: pasted into a shell, it streams."""
    with Command(tmp_path) as command:
        command.started()
        lines = command.stderr.splitlines()
        first = next(number for number, line in enumerate(lines) if "curl" in line)
        told = shlex.split(lines[first].strip().removesuffix("\\") + lines[first + 1])
        heard = subprocess.run(told, capture_output=True, text=True, timeout=PATIENCE, check=True)
        assert heard.stdout.rstrip().endswith("data: [DONE]")


def test_stdout_is_the_log(tmp_path: Path) -> None:
    """Every line of stdout is a log line, from the start to the end; stderr stays empty when asked to."""
    with Command(tmp_path, ["--quiet"], {"AIGW_ACCESS_KEY": KEY}) as command:
        command.started()
        command.ask(SANDBOX)
        assert command.stop() == 0
        events = [json.loads(line)["event"] for line in command.stdout.splitlines()]
        assert events == ["started", "request", "draining"]
        assert command.stderr == ""


def test_what_is_made_is_for_its_owner_alone(tmp_path: Path) -> None:
    """The directory is 0700 and the key 0600, whatever the umask, and a restart keeps the key."""
    seen = []
    for _ in range(2):
        with Command(tmp_path) as command:
            command.started()
            assert command.stop() == 0
            seen.append((tmp_path / "aigw-data" / "access-key").read_text())
    assert seen[0] == seen[1]
    assert stat.S_IMODE((tmp_path / "aigw-data").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "aigw-data" / "access-key").stat().st_mode) == 0o600


def test_nothing_is_made_when_a_key_is_declared(tmp_path: Path) -> None:
    """A gateway that is told its access key needs no directory, so it runs where nothing can be written."""
    with Command(tmp_path, environ={"AIGW_ACCESS_KEY": KEY}) as command:
        command.started()
        assert not (tmp_path / "aigw-data").exists()
        assert KEY not in command.stderr + command.stdout
        assert command.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stream_is_finished(tmp_path: Path, number: signal.Signals) -> None:
    """After a signal the stream under way comes to its own end, and the process ends in order."""
    with Command(tmp_path, environ={"AIGW_ACCESS_KEY": KEY}) as command:
        command.started()
        with command.talk(SLOW) as talk:
            talk.until(b"data: ")
            command.signal(number)
            assert b"data: [DONE]" in talk.rest()
        assert command.end() == 0


def test_nothing_new_is_taken_while_draining(tmp_path: Path) -> None:
    """After a signal readiness is gone at once and callers are turned away; it is alive, until the last has left."""
    with Command(tmp_path, environ={"AIGW_ACCESS_KEY": KEY}) as command:
        command.started()
        with command.talk(ENDLESS) as talk:
            talk.until(b"You")
            command.signal(signal.SIGTERM)
            command.wait_for("draining")
            assert command.probe("/readyz")[0] == 503
            assert command.probe("/livez")[0] == 200
            assert fetch(("127.0.0.1", command.port), "/v1/models")[0] == 0
        assert command.end() == 0


def test_what_does_not_end_is_cut(tmp_path: Path) -> None:
    """Past the drain timeout a stream is cut, its caller is told, and the process still ends in order."""
    with Command(tmp_path, ["--set", "server.drain_timeout=100ms"], {"AIGW_ACCESS_KEY": KEY}) as command:
        command.started()
        with command.talk(ENDLESS) as talk:
            talk.until(b"You")
            assert command.stop() == 0
            assert b"[DONE]" not in talk.rest()


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    """Who asks twice does not want to wait for the drain."""
    with Command(tmp_path, environ={"AIGW_ACCESS_KEY": KEY}) as command:
        command.started()
        with command.talk(ENDLESS) as talk:
            talk.until(b"You")
            command.signal(signal.SIGTERM)
            command.wait_for("draining")
            assert command.stop() == 1


CONFIG = """
[providers.sandbox-a]
base_url = "http://127.0.0.1:9/v1"
keys = ["sk-first-0123456789"]
surfaces = ["chat-completions"]
[[access_keys]]
name = "app"
key = "{key}"
"""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_reload(tmp_path: Path, workers: str) -> None:
    """After SIGHUP every process serves the new file; the log tells what differs, without secrets."""
    (tmp_path / "aigw.toml").write_text(CONFIG.format(key=KEY))
    other = "aigw-another-key-0123456789"
    with Command(tmp_path, ["--workers", workers]) as command:
        command.started()
        assert command.ask(SANDBOX, other).startswith(b"HTTP/1.1 401 ")
        (tmp_path / "aigw.toml").write_text(CONFIG.format(key=other) + "[limits]\nmax_body_bytes = 10\n")
        command.signal(signal.SIGHUP)
        told = command.wait_for("reloaded")
        assert [each["key"] for each in told["difference"]] == ["access_keys.app.key", "limits.max_body_bytes"]
        assert other not in command.stdout
        for _ in range(8):
            assert command.ask(SANDBOX, KEY).startswith(b"HTTP/1.1 401 ")
            assert command.ask(SANDBOX, other).startswith(b"HTTP/1.1 413 ")
        assert command.probe("/readyz")[0] == 200
        assert command.stop() == 0


@pytest.mark.parametrize(
    ("text", "why"),
    [("[limits]\nnothing = 1\n", "limits.nothing"), ("[server]\nmax_requests = 7\n", "needs a restart")],
)
def test_a_reload_that_is_refused(tmp_path: Path, text: str, why: str) -> None:
    """A file that is wrong, or that changes what cannot change, changes nothing at all."""
    (tmp_path / "aigw.toml").write_text(CONFIG.format(key=KEY))
    with Command(tmp_path) as command:
        command.started()
        (tmp_path / "aigw.toml").write_text(CONFIG.format(key="aigw-another-key-0123456789") + text)
        command.signal(signal.SIGHUP)
        assert why in command.wait_for("reload_refused")["error"]
        assert command.ask({**SANDBOX, "model": "nothing"}).startswith(b"HTTP/1.1 404 ")
        assert command.stop() == 0


def test_an_address_that_is_taken(tmp_path: Path) -> None:
    """The start stops with the address, the setting and the way out."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        told = aigw("serve", "--listen", address, cwd=tmp_path, AIGW_ACCESS_KEY=KEY)
    assert told.returncode == 1
    assert told.stdout == ""
    assert f"server.listen: cannot listen on {address}: Address already in use" in told.stderr


def test_a_key_that_cannot_be_kept(tmp_path: Path) -> None:
    """A data_dir that cannot be written is named, with the way to do without it."""
    (tmp_path / "aigw-data").write_text("a file")
    told = aigw("serve", "--listen", "127.0.0.1:0", "--control", "off", cwd=tmp_path)
    assert told.returncode == 1
    assert "server.data_dir" in told.stderr
    assert "AIGW_ACCESS_KEY" in told.stderr


def test_no_control_listener(tmp_path: Path) -> None:
    """`off` opens none."""
    with Command(tmp_path, ["--control", "off"], {"AIGW_ACCESS_KEY": KEY}) as command:
        assert command.wait_for("started")["control"] == "off"
        assert fetch(("127.0.0.1", command.port), "/v1/models")[0] == 401
        assert command.stop() == 0


def test_unix_sockets(tmp_path: Path) -> None:
    """Both listeners can be Unix sockets: the file of a killed run is replaced, the own one is removed in the end."""
    data, control = str(tmp_path / "data.sock"), str(tmp_path / "control.sock")
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(data)
    stale.close()
    arguments = ["--listen", f"unix:{data}", "--control", f"unix:{control}"]
    with Command(tmp_path, arguments) as command:
        command.wait_for("started")
        assert fetch(control, "/readyz")[0] == 200
        assert fetch(data, "/v1/models")[0] == 401
        assert f"curl -N --unix-socket {data} " in command.stderr
        assert command.stop() == 0
    assert not os.path.exists(data)
    assert not os.path.exists(control)


# As systemd does it: descriptors 3 and 4, and a variable that names the process.
PASS = """
import os, sys
data, control, *command = sys.argv[1:]
for descriptor, number in ((data, 103), (control, 104)):
    os.dup2(int(descriptor), number)
for number in (3, 4):
    os.dup2(number + 100, number)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(command[0], command)
"""


@pytest.mark.parametrize("workers", ["1", "2"])
def test_inherited_sockets(tmp_path: Path, workers: str) -> None:
    """Sockets passed by systemd win over the configured addresses; several workers take connections at one."""
    with socket.create_server(("127.0.0.1", 0)) as data, socket.create_server(("127.0.0.1", 0)) as control:
        where = [sock.getsockname() for sock in (data, control)]
        numbers = (data.fileno(), control.fileno())
        command = [sys.executable, "-m", "aigw", "serve", "--workers", workers]
        process = subprocess.Popen(
            [sys.executable, "-c", PASS, *map(str, numbers), *command],
            cwd=tmp_path,
            env=environment(AIGW_ACCESS_KEY=KEY, LISTEN_FDS="2", LISTEN_FDNAMES="data:control"),
            pass_fds=numbers,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    with process:
        try:
            assert process.stdout is not None
            assert json.loads(process.stdout.readline())["listen"] == f"http://127.0.0.1:{where[0][1]}"
            eventually(lambda: fetch(where[1], "/readyz")[0] == 200)
            assert [fetch(where[0], "/v1/models")[0] for _ in range(8)] == [401] * 8
        finally:
            process.terminate()
        assert process.wait(PATIENCE) == 0


def test_the_sandbox_alone(tmp_path: Path) -> None:
    """`aigw sandbox` tells its address, answers there without a key, and ends in order."""
    with Command(tmp_path, ["--json"], name="sandbox") as command:
        eventually(lambda: command.stdout.endswith("\n"))
        port = int(json.loads(command.stdout)["url"].rpartition(":")[2])
        assert fetch(("127.0.0.1", port), "/v1/models")[0] == 200
        assert command.stop() == 0


def test_a_sandbox_whose_port_is_taken(tmp_path: Path) -> None:
    """It fails with the address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        told = aigw("sandbox", "--listen", address, cwd=tmp_path)
    assert told.returncode == 1
    assert f"the sandbox cannot listen on {address}" in told.stderr
