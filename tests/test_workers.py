"""`aigw serve --workers N` as real processes: they share the work; the parent answers for them and replaces them."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .support.caller import HELLO
from .support.command import KEY, Command, aigw, eventually, fetch, is_running, kill

SANDBOX = {**HELLO, "model": "sandbox-small"}
SLOW = {**SANDBOX, "stream": True, "model": "sandbox:sandbox-small!events=50,delay=10"}
ENDLESS = {**SANDBOX, "stream": True, "model": "sandbox:sandbox-small!stall"}
TWO = ("--workers", "2")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Command]:
    """A gateway of two workers that take requests."""
    with Command(tmp_path, TWO, {"AIGW_ACCESS_KEY": KEY}) as command:
        yield command.started()


def worker_at_work(command: Command) -> int:
    """The one of the workers that has a connection of a caller's."""
    port = command.port
    for pid in command.children():
        inodes = {os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir() if path.is_symlink()}
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[1].endswith(f":{port:04X}") and fields[3] == "01" and f"socket:[{fields[9]}]" in inodes:
                return pid
    raise AssertionError("no worker has a connection")


# -- the work is shared -------------------------------------------------------------------------------------------


def test_metrics_are_the_sum_of_all_workers(pair: Command) -> None:
    """What the parent tells of two workers is what callers sent, under one address, from concurrent connections."""
    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda _: pair.ask(SANDBOX), range(64)))
    assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in answers)
    eventually(lambda: pair.metric("aigw_requests_total") == 64)
    assert pair.metric("aigw_request_duration_seconds_count") == 64
    assert pair.metric("aigw_workers") == 2
    assert pair.lines("started")[0]["workers"] == 2
    eventually(lambda: len(pair.lines("request")) == 64)
    assert pair.stop() == 0


def test_secrets_are_on_no_command_line(tmp_path: Path) -> None:
    """The generated key and the command line's values reach workers, but neither their arguments nor environment."""
    name = "a-name-nobody-else-has"
    with Command(tmp_path, [*TWO, "--set", f"providers.openai.name={name}"]) as command:
        command.started()
        key = (tmp_path / "aigw-data" / "access-key").read_text().strip()
        assert command.ask(SANDBOX, key).startswith(b"HTTP/1.1 200 ")
        assert len(command.children()) == 2
        for pid in command.children():
            shown = Path(f"/proc/{pid}/cmdline").read_bytes() + Path(f"/proc/{pid}/environ").read_bytes()
            assert b"worker" in shown
            assert key.encode() not in shown
            assert name.encode() not in shown
        assert command.stop() == 0


def test_a_unix_socket_is_shared(tmp_path: Path) -> None:
    """What cannot be opened twice all workers accept on; its file goes with the gateway."""
    path = str(tmp_path / "data.sock")
    with Command(tmp_path, [*TWO, "--listen", f"unix:{path}"], {"AIGW_ACCESS_KEY": KEY}) as command:
        command.wait_for("started")
        assert [fetch(path, "/v1/models")[0] for _ in range(4)] == [401] * 4
        assert command.stop() == 0
    assert not os.path.exists(path)


def test_an_address_that_another_gateway_shares_among_its_workers(tmp_path: Path, pair: Command) -> None:
    """Two gateways never share a port by accident, although each shares it among its workers."""
    told = aigw("serve", "--listen", f"127.0.0.1:{pair.port}", *TWO, cwd=tmp_path, AIGW_ACCESS_KEY=KEY)
    assert told.returncode == 1
    assert "Address already in use" in told.stderr


# -- a worker that is lost ----------------------------------------------------------------------------------------


def test_a_killed_worker_is_replaced(pair: Command) -> None:
    """Its place is filled, the others go on meanwhile, and what it had counted stays counted."""
    for _ in range(20):
        pair.ask(SANDBOX)
    eventually(lambda: pair.metric("aigw_requests_total") == 20)
    before = pair.children()
    kill(before[0], signal.SIGKILL)
    assert pair.wait_for("worker_ended")["how"] == "killed by signal 9"
    assert pair.probe("/readyz")[0] == 200
    assert pair.metric("aigw_requests_total") == 20
    pair.wait_for("worker_restarted")
    assert before[0] not in pair.children()
    for _ in range(20):
        assert pair.ask(SANDBOX).startswith(b"HTTP/1.1 200 ")
    eventually(lambda: pair.metric("aigw_requests_total") == 40)
    assert pair.metric("aigw_workers") == 2
    assert pair.stop() == 0


def test_connections_that_wait_at_a_dead_worker_are_served(pair: Command) -> None:
    """A caller that connected to a worker which was just killed is answered by the next one, not reset."""
    victims = pair.children()
    for pid in victims:
        kill(pid, signal.SIGSTOP)
    with ThreadPoolExecutor(8) as callers:
        answers = [callers.submit(pair.ask, SANDBOX) for _ in range(8)]
        eventually(lambda: connections(pair.port) == 8)
        for pid in victims:
            kill(pid, signal.SIGKILL)
        heard = [answer.result() for answer in answers]
    assert all(answer.startswith(b"HTTP/1.1 200 ") for answer in heard)
    assert pair.stop() == 0


def connections(port: int) -> int:
    """How many callers the system has connected to a port, accepted or not."""
    lines = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return sum(fields[2].endswith(f":{port:04X}") and fields[3] == "01" for fields in lines)


def test_a_worker_that_is_told_to_end_finishes_and_is_replaced(pair: Command) -> None:
    """An operator's SIGTERM to one worker: its stream is finished, new callers go to the other, its counts stay."""
    with pair.talk(SLOW) as talk:
        talk.until(b"data: ")
        kill(worker_at_work(pair), signal.SIGTERM)
        pair.wait_for("worker_draining")
        assert pair.ask(SANDBOX).startswith(b"HTTP/1.1 200 ")
        assert b"data: [DONE]" in talk.rest()
    assert pair.wait_for("worker_ended")["how"] == "exit code 0"
    pair.wait_for("worker_restarted")
    assert pair.metric("aigw_requests_total") == 2
    assert pair.stop() == 0


def test_a_replacement_is_of_the_same_configuration(tmp_path: Path) -> None:
    """A file that was changed, or broken, since the start counts for the next start, not for a single worker."""
    file = tmp_path / "aigw.toml"
    file.write_text(f'[[access_keys]]\nname = "app"\nkey = "{KEY}"\n')
    with Command(tmp_path, TWO) as command:
        command.started()
        file.write_text("not = [toml")
        for pid in command.children():
            kill(pid, signal.SIGKILL)
        command.wait_for("worker_restarted", 2)
        assert command.ask(SANDBOX).startswith(b"HTTP/1.1 200 ")
        assert command.stop() == 0


# -- the start and the end ----------------------------------------------------------------------------------------


def test_a_worker_that_cannot_start(tmp_path: Path) -> None:
    """The gateway does not start without all of its workers, and says once what the worker said."""
    told = aigw("serve", *TWO, "--listen", "127.0.0.1:0", "--control", "off", cwd=tmp_path, AIOHTTP_NO_EXTENSIONS="1")
    assert told.returncode == 1
    assert "aigw: aiohttp's C parser is missing" in told.stderr
    assert "Traceback" not in told.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_streams_are_finished(pair: Command, number: signal.Signals) -> None:
    """After a signal, also one that a terminal sends to the whole family, every stream comes to its own end."""
    with ThreadPoolExecutor(6) as callers:
        talks = [pair.talk(SLOW).until(b"data: ") for _ in range(6)]
        for pid in [pair.process.pid, *pair.children()]:
            kill(pid, number)
        heard = list(callers.map(lambda talk: talk.rest(), talks))
    for talk in talks:
        talk.__exit__(None, None, None)
    assert all(b"data: [DONE]" in each for each in heard)
    assert pair.end() == 0


def test_nothing_new_is_taken_while_draining(pair: Command) -> None:
    """Readiness is gone and callers are turned away at once, also those a worker's socket would have kept waiting."""
    workers = pair.children()
    with pair.talk(ENDLESS) as talk:
        talk.until(b"You")
        pair.signal(signal.SIGTERM)
        pair.wait_for("worker_draining", 2)
        assert pair.probe("/readyz")[0] == 503
        assert pair.probe("/livez")[0] == 200
        assert pair.metric("aigw_requests_in_flight") == 1
        eventually(lambda: fetch(("127.0.0.1", pair.port), "/v1/models")[0] == 0)
    assert pair.end() == 0
    assert not any(is_running(pid) for pid in workers)


def test_a_second_signal_ends_all_at_once(pair: Command) -> None:
    """The parent goes without waiting, and takes its workers with it."""
    workers = pair.children()
    with pair.talk(ENDLESS) as talk:
        talk.until(b"You")
        pair.signal(signal.SIGTERM)
        pair.wait_for("worker_draining", 2)
        assert pair.stop() == 1
        eventually(lambda: not any(is_running(pid) for pid in workers))


def test_workers_do_not_outlive_their_parent(tmp_path: Path) -> None:
    """When the parent is killed, workers finish what is under way and end by themselves."""
    (tmp_path / "up").mkdir()
    with Command(tmp_path / "up", ["--json"], name="sandbox") as upstream:
        eventually(lambda: upstream.stdout.endswith("\n"))
        provider = {
            "AIGW_PROVIDERS_UP_BASE_URL": json.loads(upstream.stdout)["url"] + "/v1",
            "AIGW_PROVIDERS_UP_SURFACES": "chat-completions",
        }
        with Command(tmp_path, TWO, {"AIGW_ACCESS_KEY": KEY, **provider}) as command:
            workers = command.started().children()
            with command.talk({**SLOW, "model": "up:sandbox-small!events=50,delay=10"}) as talk:
                talk.until(b"data: ")
                command.signal(signal.SIGKILL)
                assert b"data: [DONE]" in talk.rest()
            eventually(lambda: not any(is_running(pid) for pid in workers))
            command.end()


def test_a_hang_up_changes_nothing(pair: Command) -> None:
    """SIGHUP to the whole family, as when a terminal closes, ends none of it: the same configuration is read again."""
    workers = pair.children()
    for pid in [pair.process.pid, *workers]:
        kill(pid, signal.SIGHUP)
    pair.wait_for("reloaded")
    assert pair.ask(SANDBOX).startswith(b"HTTP/1.1 200 ")
    assert pair.children() == workers
    assert pair.stop() == 0


def test_all_or_none(tmp_path: Path) -> None:
    """Where one worker cannot make ready for another configuration, all go on with the one they have."""
    text = """
[providers.own]
base_url = "http://127.0.0.1:9/v1"
surfaces = ["chat-completions"]
models = ["m"]
"""
    (tmp_path / "aigw.toml").write_text(text)
    with Command(tmp_path, ["--workers", "2"], {"AIGW_ACCESS_KEY": KEY}) as command:
        command.started()
        workers = command.children()
        os.kill(workers[0], signal.SIGSTOP)
        (tmp_path / "aigw.toml").write_text(text + "[limits]\nmax_body_bytes = 10\n")
        command.signal(signal.SIGHUP)
        command.wait_for("reloading")
        kill(workers[0], signal.SIGKILL)
        command.wait_for("reload_refused")
        command.wait_for("worker_restarted")
        for _ in range(6):
            assert b" 413 " not in command.ask({**SANDBOX, "model": "own:m"}).split(b"\r\n")[0]
        command.signal(signal.SIGHUP)
        command.wait_for("reloaded")
        for _ in range(6):
            assert command.ask({**SANDBOX, "model": "own:m"}).startswith(b"HTTP/1.1 413 ")
        assert command.stop() == 0


@pytest.mark.slow
def test_a_worker_that_hangs(tmp_path: Path) -> None:
    """A worker that answers nothing costs a scrape its patience, not its counters; at the end it is killed."""
    arguments = [*TWO, "--set", "server.drain_timeout=0s"]
    with Command(tmp_path, arguments, {"AIGW_ACCESS_KEY": KEY}) as command:
        command.started()
        for _ in range(10):
            command.ask(SANDBOX)
        eventually(lambda: command.metric("aigw_requests_total") == 10)
        kill(command.children()[0], signal.SIGSTOP)
        assert command.metric("aigw_requests_total") == 10
        assert command.stop() == 1
        assert len(command.lines("workers_killed")[0]["workers"]) == 1


def test_a_start_that_is_called_off(tmp_path: Path) -> None:
    """A signal while workers are starting ends the start, in order and with every worker."""
    with Command(tmp_path, TWO, {"AIGW_ACCESS_KEY": KEY}) as command:
        eventually(lambda: len(command.children()) == 2)
        workers = command.children()
        for pid in workers:
            kill(pid, signal.SIGSTOP)
        command.signal(signal.SIGTERM)
        for pid in workers:
            kill(pid, signal.SIGCONT)
        assert command.end() == 0
        assert not any(is_running(pid) for pid in workers)
