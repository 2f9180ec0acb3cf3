"""How the control API takes requests in and answers, whatever they are about."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import structlog

from aigw.control import api as controlling
from aigw.control.api import Api
from aigw.control.message import Request
from aigw.errors import ConfigError
from aigw.settings import Settings
from aigw.store.errors import StoreUnavailable
from aigw.store.records import SYSTEM

from .conftest import Live, Serve

KEYS = "/access-keys"


class Broken:
    """A store of which a part fails as a test says."""

    def __init__(self, store: Any, failing: str, error: Exception) -> None:
        self._store, self._failing, self._error = store, failing, error

    def __getattr__(self, name: str) -> Any:
        if name == self._failing:
            raise self._error
        return getattr(self._store, name)


def broken(failing: str, error: Exception) -> Callable[[Any], Any]:
    """Wraps a store so that it fails."""
    return lambda store: Broken(store, failing, error)


def without_a_store(error: Exception | None = None) -> Api:
    """An API whose store cannot be opened; by default, nobody may try."""

    async def open_store() -> Any:
        raise error or AssertionError("the store was opened")

    return Api(open_store, Settings())


@pytest.mark.parametrize(
    ("headers", "path", "method", "status"),
    [
        ({}, KEYS, "GET", 401),
        ({"authorization": "Bearer"}, KEYS, "GET", 401),
        ({"authorization": "Basic YTpi"}, KEYS, "GET", 401),
        ({"authorization": "Bearer aigw-api-" + "x" * 40}, KEYS, "POST", 401),
        ({"authorization": "Bearer \xff\xfe"}, KEYS, "GET", 401),
        ({"x-api-key": "aigw-api-x"}, KEYS, "GET", 401),
        ({}, "/nowhere", "GET", 404),
        ({}, "//access-keys", "GET", 404),
        ({}, f"{KEYS}/", "PUT", 405),
        ({}, KEYS, "OPTIONS", 405),
        ({}, "/docs", "GET", 200),
        ({}, "/openapi.json", "HEAD", 200),
        ({}, "/openapi.json", "POST", 405),
    ],
)
async def test_the_store_is_not_asked_by_anybody(headers: dict[str, str], path: str, method: str, status: int) -> None:
    """Without a well-formed API key nothing is opened and nothing is looked up."""
    answer = await without_a_store().answer(Request(method, path, "", headers, b"", "127.0.0.1"))
    assert answer.status == status


async def test_wrong_keys_look_alike(live: Live) -> None:
    """What cannot be a token and what is no token are both refused, with the scheme that is asked for."""
    access = (await live.made(KEYS, {}))["token"]
    gone = await live.made("/api-keys", {})
    assert (await live.ask("DELETE", gone["uri"])).status == 204
    for token in ("", "nothing", access, gone["token"], live.token[:-1] + "!"):
        heard = await live.ask("GET", KEYS, token=token)
        assert (heard.status, heard.code) == (401, "unauthorized")
        assert heard.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", [KEYS, "/whoami", "/gateway-config", "/audit", "/openapi.json", "/docs"])
async def test_head_works_wherever_get_does(live: Live, path: str) -> None:
    """HEAD is answered with GET's head."""
    got, head = await live.ask("GET", path), await live.ask("HEAD", path)
    assert (head.status, head.body, head.headers["content-type"]) == (200, b"", got.headers["content-type"])
    assert head.headers["content-length"] == got.headers["content-length"]


async def test_another_method_is_told_what_there_is(live: Live) -> None:
    """`allow` has the methods of the path, HEAD among them."""
    assert (await live.ask("PUT", KEYS)).headers["allow"] == "GET, HEAD, POST"
    assert (await live.ask("GET", "/explain")).headers["allow"] == "POST"


async def test_the_request_id(live: Live) -> None:
    """Every answer has one; a caller's own is taken over when it is a plain token, into the audit, too."""
    for path in (KEYS, "/nowhere", "/docs"):
        assert (await live.ask("GET", path)).headers["x-request-id"].startswith("req_")
    heard = await live.ask("POST", KEYS, {}, x_request_id="my-1")
    assert heard.headers["x-request-id"] == "my-1"
    assert (await live.ask("GET", "/audit?limit=1")).told["audit"][0]["requestId"] == "my-1"
    for odd in ("a b", "x" * 129, "<script>"):
        assert (await live.ask("GET", KEYS, x_request_id=odd)).headers["x-request-id"].startswith("req_")


async def test_nothing_is_kept_on_the_way(live: Live) -> None:
    """No cache keeps what the API answers."""
    assert (await live.ask("POST", KEYS, {})).headers["cache-control"] == "no-store"


async def test_a_store_that_does_not_answer(serve: Serve) -> None:
    """The caller hears so, and when to come again."""
    live = await serve(wrap=broken("access_keys", StoreUnavailable("connection to 10.0.0.1 refused")))
    heard = await live.ask("GET", KEYS)
    assert (heard.status, heard.code, heard.headers["retry-after"]) == (503, "storeUnavailable", "1")
    assert b"10.0.0.1" not in heard.body


@pytest.mark.parametrize(
    ("error", "status", "code", "words"),
    [
        (ConfigError("AIGW_SECRET_KEY is missing"), 503, "unavailable", b"AIGW_SECRET_KEY"),
        (StoreUnavailable("x"), 503, "storeUnavailable", b"does not answer"),
        (RuntimeError("inner words"), 500, "internal", b"the log says why"),
    ],
)
async def test_a_store_that_cannot_be_opened(
    live: Live, error: Exception, status: int, code: str, words: bytes
) -> None:
    """What an operator can put right is told in words; what is not foreseen is told by the id of the request alone."""
    request = Request("GET", KEYS, "", {"authorization": f"Bearer {live.operator}"}, b"", "")
    with structlog.testing.capture_logs() as logs:
        answer = await without_a_store(error).answer(request)
    assert answer.status == status
    assert code.encode() in answer.body
    assert words in answer.body
    assert b"inner words" not in answer.body
    assert [line["event"] for line in logs] == (["control_failed"] if status == 500 else [])
    assert [line["request_id"] for line in logs] == [dict(answer.headers)["x-request-id"] for _ in logs]


async def test_two_writers(live: Live) -> None:
    """With `if-match` the second one is refused; without, the last one wins."""
    made = await live.made(KEYS, {"name": "first"})
    shown = await live.ask("GET", made["uri"])
    tag = shown.headers["etag"]
    assert tag == f'"{shown.told["revision"]}"'
    assert (await live.ask("PATCH", made["uri"], {"name": "mine"}, if_match=tag)).status == 200
    late = await live.ask("PATCH", made["uri"], {"name": "theirs"}, if_match=tag)
    assert (late.status, late.code) == (412, "stale")
    assert (await live.ask("DELETE", made["uri"], if_match=tag)).status == 412
    assert (await live.ask("PATCH", made["uri"], {"name": "x"}, if_match='W/"2"')).status == 412
    assert (await live.ask("PATCH", made["uri"], {"name": "x"}, if_match="*")).status == 200
    names = [f"writer {number}" for number in range(8)]
    heard = await asyncio.gather(*(live.ask("PATCH", made["uri"], {"name": name}) for name in names))
    assert {each.status for each in heard} == {200}
    assert (await live.ask("GET", made["uri"])).told["name"] in names


async def test_waiting_for_workers(live: Live) -> None:
    """With `wait` a change is answered when all workers serve it."""
    await live.store.epochs.confirm("worker", await live.store.epochs.current())
    waiting = asyncio.create_task(live.ask("POST", f"{KEYS}?wait=true", {}))
    while not (await live.ask("GET", KEYS)).told["accessKeys"]:
        pass
    assert not waiting.done()
    await live.store.epochs.confirm("worker", await live.store.epochs.current())
    heard = await waiting
    assert heard.status == 201
    assert "lateWorkers" not in heard.told


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
async def test_late_workers(live: Live, method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that do not follow are named, and the change is kept; a new token is told all the same."""
    monkeypatch.setattr(controlling, "WAIT_SECONDS", 0.01)
    path = KEYS if method == "POST" else (await live.made(KEYS, {}))["uri"]
    await live.store.epochs.confirm("slow", 0)
    heard = await live.ask(method, f"{path}?wait=true", None if method == "DELETE" else {"name": "x"})
    assert (heard.status, heard.told["lateWorkers"]) == (202, ["slow"])
    assert ("token" in heard.told) == (method == "POST")
    assert ("name" in heard.told) == (method != "DELETE")


async def test_without_wait_nobody_is_waited_for(live: Live) -> None:
    """A change that does not ask for it is answered at once, whoever is late."""
    await live.store.epochs.confirm("slow", 0)
    heard = await live.ask("POST", KEYS, {})
    assert (heard.status, "lateWorkers" in heard.told) == (201, False)


async def test_a_store_that_goes_away_while_waiting(serve: Serve) -> None:
    """The change is kept and its token told, though nobody can say who follows."""
    live = await serve(wrap=broken("epochs", StoreUnavailable("x")))
    heard = await live.ask("POST", f"{KEYS}?wait=true", {})
    assert (heard.status, heard.told["lateWorkers"]) == (202, ["*"])
    assert heard.told["token"].startswith("aigw-")


async def test_a_revoked_key_is_refused_at_once(live: Live) -> None:
    """Nothing remembers a key that was deleted, also where another process deleted it."""
    assert (await live.ask("GET", KEYS, token=live.token)).status == 200
    [own] = (await live.ask("GET", "/api-keys", token=live.token)).told["apiKeys"]
    await live.store.api_keys.delete(live.default, own["id"], SYSTEM)
    assert (await live.ask("GET", KEYS, token=live.token)).status == 401


def test_a_refusal_needs_no_database() -> None:
    """The modules of the API bring no database with them: who is refused costs no memory."""
    code = (
        "import sys, aigw.control.listener, aigw.control.health\n"
        "assert not {'msgspec', 'sqlalchemy', 'aigw.catalog'} & {*sys.modules}\n"
        "import aigw.control.api\n"
        "assert not {'sqlalchemy', 'alembic', 'cryptography'} & {*sys.modules}\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
