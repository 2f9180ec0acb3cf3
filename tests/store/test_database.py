"""A database that is not there, or does not answer, is one error within the time allowed; then it is there again."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from aigw.store.backup import backup
from aigw.store.contract import StoreUnavailable
from aigw.store.opening import Location, opened
from aigw.store.specs import ApiKeySpec

from .conftest import SECRET_KEY, Open
from .door import Door
from .things import BY_ID, CREATES, LISTS, ME, one_of_each

PATIENCE = 0.5
# Far beyond what is allowed: it tells a call that ends from one that hangs.
HANGS = 20


@pytest.fixture
async def door(new_database: Callable[[], str]) -> AsyncIterator[Door]:
    """A door before a new PostgreSQL database."""
    made = Door(new_database())
    await made.open()
    yield made
    await made.close()


@pytest.mark.parametrize("jammed", [False, True], ids=["gone", "silent"])
async def test_every_method_ends_while_the_server_is_down(
    door: Door, tmp_path: Path, open_at: Open, jammed: bool
) -> None:
    """Each method raises StoreUnavailable in time while the server is gone or silent, and works again afterwards."""
    store = await open_at(Location(door.url, tmp_path, SECRET_KEY, patience=PATIENCE))
    account = (await store.accounts.named("default")).id
    made = await one_of_each(store, account)
    calls: list[Callable[[], Awaitable[object]]] = [
        *(lambda f=f: f(store, account, made) for f in BY_ID.values()),
        *(lambda f=f: f(store, account) for f in (*LISTS.values(), *CREATES.values())),
        *(store.first_operator, store.epochs.current, store.accounts.list),
        lambda: store.epochs.confirm("w", 1),
    ]
    if jammed:
        door.jammed = True
        calls = calls[::8]
    else:
        await door.shut()
    for call in calls:
        async with asyncio.timeout(HANGS):
            with pytest.raises(StoreUnavailable):
                await call()
    if jammed:
        door.jammed = False
        await door.shut()
    await door.open()
    assert (await store.access_keys.get(account, made.access_key)).id == made.access_key


async def test_a_start_without_a_server(tmp_path: Path) -> None:
    """A store that cannot be reached when it is opened is told as such, without the password."""
    location = Location("postgresql://me:a-password@127.0.0.1:1/none", tmp_path, SECRET_KEY, patience=PATIENCE)
    with pytest.raises(StoreUnavailable) as caught:
        await opened(location)
    assert "a-password" not in str(caught.value) + location.shown


async def test_a_locked_file(tmp_path: Path, open_at: Open) -> None:
    """While another process holds SQLite's lock, changes fail in time and readings go on."""
    store = await open_at(Location("sqlite", tmp_path / "data", SECRET_KEY, patience=PATIENCE))
    account = (await store.accounts.named("default")).id
    with contextlib.closing(sqlite3.connect(tmp_path / "data" / "store.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        async with asyncio.timeout(HANGS):
            with pytest.raises(StoreUnavailable):
                await store.api_keys.create(account, ApiKeySpec(), ME)
        assert await store.api_keys.list(account) == []
        other.execute("ROLLBACK")
    await store.api_keys.create(account, ApiKeySpec(), ME)


async def test_a_change_that_takes_too_long_lets_others_go_on(tmp_path: Path, open_at: Open) -> None:
    """It is undone when its time is over, and not when the garbage collector comes by: until then all others wait."""
    store = await open_at(Location("sqlite", tmp_path, SECRET_KEY, patience=PATIENCE))
    slow = "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 1000000) SELECT count(*) FROM c"
    gc.disable()
    try:
        with pytest.raises(StoreUnavailable) as kept:
            async with store.database.writing(0.01) as connection:
                await connection.execute(sa.text(slow))
        await store.api_keys.create((await store.accounts.named("default")).id, ApiKeySpec(), ME)
    finally:
        gc.enable()
    assert "did not answer" in str(kept.value)


async def test_a_file_that_is_no_store(tmp_path: Path) -> None:
    """A file that is something else is told as such, and stays as it is."""
    location = Location("sqlite", tmp_path, SECRET_KEY)
    location.path.write_bytes(b"not a database" * 1000)
    with pytest.raises(StoreUnavailable, match="not a database"):
        await opened(location)
    assert location.path.read_bytes() == b"not a database" * 1000


async def test_files_are_for_their_owner(tmp_path: Path, open_at: Open) -> None:
    """Everything in the data directory is for its owner alone, also what SQLite lays beside it, whatever the umask."""
    before = os.umask(0)
    try:
        folder = tmp_path / "data#1 50%?"
        await open_at(Location("sqlite", folder))
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}
    finally:
        os.umask(before)
    assert modes.pop(folder.name) == 0o700
    assert {"store.sqlite", "store.sqlite-wal", "secret-key"} <= modes.keys()
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize("modules", ["aigw", "aigw.cli, aigw.front.gateway, aigw.app, aigw.compose, aigw.worker"])
def test_nothing_of_it_is_imported_unless_used(modules: str) -> None:
    """Importing the gateway brings none of the store's libraries; they cost memory in every worker."""
    code = f"import sys, {modules}; print([m for m in ('sqlalchemy', 'alembic', 'cryptography', 'asyncpg', 'aiosqlite')"
    done = subprocess.run(
        [sys.executable, "-c", code + " if m in sys.modules])"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


async def test_a_file_that_is_moved_away(tmp_path: Path, open_at: Open) -> None:
    """Nothing is written to a file that nobody will find again; back in its place it is used as before."""
    location = Location("sqlite", tmp_path, SECRET_KEY, patience=PATIENCE)
    store = await open_at(location)
    watch = store.epochs.watch()
    seen = await anext(watch)
    away = tmp_path / "away.sqlite"
    location.path.rename(away)
    for call in (store.epochs.current, store.whole, lambda: store.api_keys.create("acct_operator", ApiKeySpec(), ME)):
        with pytest.raises(StoreUnavailable, match="unable to open"):
            await call()
    away.rename(location.path)
    made = await store.api_keys.create("acct_operator", ApiKeySpec(), ME)
    async with asyncio.timeout(HANGS):
        assert await anext(watch) == made.epoch == seen + 1
    await watch.aclose()


async def test_a_file_that_is_replaced(tmp_path: Path, open_at: Open) -> None:
    """A backup that is put in its place is what counts from then on, without a restart."""
    location = Location("sqlite", tmp_path, SECRET_KEY, patience=PATIENCE)
    store = await open_at(location)
    backup(location.path, tmp_path / "backup.sqlite")
    await store.api_keys.create("acct_operator", ApiKeySpec(name="later"), ME)
    for part in ("store.sqlite", "store.sqlite-wal", "store.sqlite-shm"):
        (tmp_path / part).unlink(missing_ok=True)
    (tmp_path / "backup.sqlite").rename(location.path)
    assert [each.spec.name for each in await store.api_keys.list("acct_operator")] == []
