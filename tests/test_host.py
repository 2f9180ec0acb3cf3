"""What a gateway does with its store, of one process or of many: real ones, and a store that another one changes."""

from __future__ import annotations

import asyncio
import http.client
import json
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from aigw.host import holds_upstreams
from aigw.settings import Server, Settings
from aigw.store.contract import Store
from aigw.store.opening import open_store
from aigw.store.records import SYSTEM
from aigw.store.specs import AccessKeySpec

from .support.caller import HELLO
from .support.command import KEY, PATIENCE, Command, aigw, kill
from .test_pieces import whole

ASKED = {**HELLO, "model": "sandbox-small"}
T = TypeVar("T")


def with_store(folder: Path, work: Callable[[Store, str], Awaitable[T]]) -> T:
    """Do something in the store of a gateway, as another process: with the store and the default account's id."""

    async def run() -> T:
        store = await open_store(Settings(server=Server(data_dir=folder / "aigw-data")))
        try:
            return await work(store, (await store.accounts.named("default")).id)
        finally:
            await store.close()

    return asyncio.run(run())


def make_key(folder: Path) -> tuple[str, str]:
    """A new access key that every worker serves: its id and its token."""

    async def make(store: Store, account: str) -> tuple[str, str]:
        change = await store.access_keys.create(account, AccessKeySpec(name="app"), SYSTEM)
        assert await store.epochs.confirmed(change.epoch, 20.0) == []
        assert change.token is not None
        return change.record.id, change.token.reveal()

    return with_store(folder, make)


def delete_key(folder: Path, id: str) -> None:
    """Delete it, and wait until every worker knows."""

    async def delete(store: Store, account: str) -> None:
        change = await store.access_keys.delete(account, id, SYSTEM)
        assert await store.epochs.confirmed(change.epoch, 20.0) == []

    with_store(folder, delete)


@pytest.mark.parametrize("workers", ["1", "3"])
def test_a_change_is_everywhere(tmp_path: Path, workers: str) -> None:
    """A key from before the start, one made later, and one deleted: what was confirmed holds for every worker."""
    first, token = make_key(tmp_path)
    with Command(tmp_path, ["--workers", workers], {"AIGW_ACCESS_KEY": KEY}) as command:
        command.started()
        assert command.ask(ASKED, token).startswith(b"HTTP/1.1 200 ")
        _, later = make_key(tmp_path)
        for _ in range(9):
            assert command.ask(ASKED, later).startswith(b"HTTP/1.1 200 ")
        delete_key(tmp_path, first)
        for _ in range(9):
            assert command.ask(ASKED, token).startswith(b"HTTP/1.1 401 ")
        assert command.ask(ASKED, KEY).startswith(b"HTTP/1.1 200 ")
        assert command.metric("aigw_store_up") == 1
        assert command.metric("aigw_snapshot_epoch") > 2
        assert command.stop() == 0


def test_a_worker_that_is_replaced(tmp_path: Path) -> None:
    """The next one begins with what the store holds, and a reload finds it, too."""
    _, token = make_key(tmp_path)
    with Command(tmp_path, ["--workers", "2"], {"AIGW_ACCESS_KEY": KEY}) as command:
        command.started()
        kill(command.children()[0], signal.SIGKILL)
        command.wait_for("worker_restarted")
        (tmp_path / "aigw.toml").write_text("[limits]\nmax_body_bytes = 10\n")
        command.signal(signal.SIGHUP)
        command.wait_for("reloaded")
        for _ in range(9):
            assert command.ask(ASKED, token).startswith(b"HTTP/1.1 413 ")
        assert command.stop() == 0


def test_no_store_is_opened_unasked(tmp_path: Path) -> None:
    """A sidecar that is told its access key has none, and says nothing of one."""
    with Command(tmp_path, environ={"AIGW_ACCESS_KEY": KEY}) as command:
        command.started()
        assert command.ask(ASKED).startswith(b"HTTP/1.1 200 ")
        assert command.probe("/readyz") == (200, "ok\n")
        _, text = command.probe("/metrics")
        assert "\naigw_store_up " not in text
        assert "\naigw_snapshot_epoch 0" in text
        assert not (tmp_path / "aigw-data").exists()
        assert command.stop() == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_start_needs_its_store(tmp_path: Path, workers: str) -> None:
    """A gateway that cannot know its keys does not begin to refuse them: it waits for them, not for ever."""
    told = aigw(
        *("serve", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0", "--workers", workers),
        *("--set", "store.url=postgresql://nobody@127.0.0.1:1/none", "--set", "store.start_timeout=3s"),
        cwd=tmp_path,
        AIGW_ACCESS_KEY=KEY,
        AIGW_SECRET_KEY="a-secret-key-of-the-tests-0123456789abcdef",
    )
    assert told.returncode == 1
    assert "the store does not answer" in told.stderr
    assert told.stdout.count("store_awaited") == 1


@pytest.mark.parametrize("workers", ["1", "2"])
def test_an_end_before_the_store_is_there(tmp_path: Path, workers: str) -> None:
    """A start that waits for its store can be ended, and that is in order."""
    arguments = ["--workers", workers, "--set", "store.url=postgresql://nobody@127.0.0.1:1/none"]
    environ = {"AIGW_ACCESS_KEY": KEY, "AIGW_SECRET_KEY": "a-secret-key-of-the-tests-0123456789abcdef"}
    with Command(tmp_path, arguments, environ) as command:
        command.wait_for("store_awaited")
        assert command.stop() == 0


def test_what_can_be_called() -> None:
    """A sandbox stands in where neither file nor store has anything to call."""
    assert not holds_upstreams(None)
    assert holds_upstreams(whole(0))


def call(command: Command, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
    """A call of the control API by the operator: status and what was answered."""
    token = (command.cwd / "aigw-data" / "operator-key").read_text().strip()
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    connection = http.client.HTTPConnection("127.0.0.1", command.control_port, timeout=PATIENCE)
    connection.request(method, path, None if body is None else json.dumps(body), headers)
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    return answer.status, json.loads(text) if text else {}


@pytest.mark.parametrize("workers", ["1", "3"])
def test_the_control_api(tmp_path: Path, workers: str) -> None:
    """A key is everywhere when its making returns, can be tried, and is nowhere when its deletion returns."""
    with Command(tmp_path, ["--workers", workers]) as command:
        command.started()
        made = call(command, "POST", "/access-keys?wait=true", {"name": "app"})
        assert (made[0], "lateWorkers" in made[1]) == (201, False)
        for _ in range(6):
            assert command.ask(ASKED, made[1]["token"]).startswith(b"HTTP/1.1 200 ")
        status, explained = call(command, "POST", "/explain", {"model": "sandbox-small", "accessKeyId": made[1]["id"]})
        assert (status, explained["candidates"][0]["provider"]) == (200, "sandbox")
        status, refused = call(command, "POST", "/explain", {"model": "sandbox-small", "accessKeyId": "nobody's"})
        assert (status, refused["errorCode"]) == (400, "invalidValue")
        assert call(command, "DELETE", f"/access-keys/{made[1]['id']}?wait=true")[0] == 204
        for _ in range(6):
            assert command.ask(ASKED, made[1]["token"]).startswith(b"HTTP/1.1 401 ")
        (tmp_path / "aigw.toml").write_text("[limits]\nmax_body_bytes = 10\n")
        assert call(command, "POST", "/reload") == (
            200,
            {"changed": True, "difference": [{"key": "limits.max_body_bytes", "before": 33554432, "after": 10}]},
        )
        assert call(command, "POST", "/reload")[1] == {"changed": False, "difference": []}
        (tmp_path / "aigw.toml").write_text("[server]\nbacklog = 7\n")
        status, refused = call(command, "POST", "/reload")
        assert (status, "server.backlog" in refused["msg"]) == (422, True)
        assert command.stop() == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_the_key_of_the_first_start_can_be_retired(tmp_path: Path, workers: str) -> None:
    """Without its file it is refused from the next reload on, and no start makes one beside those of the store."""
    kept = tmp_path / "aigw-data" / "access-key"
    with Command(tmp_path, ["--workers", workers]) as command:
        command.started()
        first = kept.read_text().strip()
        assert command.ask(ASKED, first).startswith(b"HTTP/1.1 200 ")
        [shown] = call(command, "GET", "/access-keys")[1]["accessKeys"]
        assert (shown["name"], shown["source"]) == ("generated", "generated")
        kept.unlink()
        assert call(command, "POST", "/reload")[1]["difference"][0]["key"] == "access_keys.generated.key"
        second = kept.read_text().strip()
        assert command.ask(ASKED, first).startswith(b"HTTP/1.1 401 ")
        assert command.ask(ASKED, second).startswith(b"HTTP/1.1 200 ")
        app = call(command, "POST", "/access-keys?wait=true", {"name": "app"})[1]["token"]
        assert command.stop() == 0
    with Command(tmp_path, ["--workers", workers]) as command:
        command.started()
        assert len(command.lines("generated_key_in_force")) == 1
        assert command.ask(ASKED, second).startswith(b"HTTP/1.1 200 ")
        kept.unlink()
        told = call(command, "POST", "/reload")[1]
        assert (told["changed"], told["difference"][0]["after"], kept.exists()) == (True, None, False)
        for _ in range(4):
            assert command.ask(ASKED, second).startswith(b"HTTP/1.1 401 ")
            assert command.ask(ASKED, app).startswith(b"HTTP/1.1 200 ")
        assert [each["name"] for each in call(command, "GET", "/access-keys")[1]["accessKeys"]] == ["app"]
        assert call(command, "POST", "/reload")[1] == {"changed": False, "difference": []}
        assert command.stop() == 0
    with Command(tmp_path, ["--workers", workers]) as command:
        command.started()
        assert command.ask(ASKED, app).startswith(b"HTTP/1.1 200 ")
        assert (kept.exists(), command.lines("generated_key_in_force")) == (False, [])
        assert command.stop() == 0
