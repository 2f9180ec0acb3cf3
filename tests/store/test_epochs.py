"""Other processes hear of a change; who waits for it knows when all have it."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from itertools import count
from pathlib import Path

import pytest
import sqlalchemy as sa

from aigw.store import epochs, schema
from aigw.store.opening import Location
from aigw.store.specs import ApiKeySpec
from aigw.store.sql import SqlStore

from .conftest import SECRET_KEY, Open
from .door import Door
from .things import ME

SOON = 10


async def following(watch: AsyncIterator[int], epoch: int) -> list[int]:
    """What is heard until an epoch is in force."""
    heard: list[int] = []
    async with asyncio.timeout(SOON):
        async for each in watch:
            heard.append(each)
            if each >= epoch:
                break
    return heard


async def test_a_change_is_heard(location: Location, store: SqlStore, account: str, open_at: Open) -> None:
    """Another process hears the epoch in force, then that of each change, in order, the last one for certain."""
    watch = (await open_at(location)).epochs.watch()
    async with contextlib.aclosing(watch):
        assert await following(watch, 1) == [await store.epochs.current()]
        change = await store.api_keys.create(account, ApiKeySpec(), ME)
        assert await following(watch, change.epoch) == [change.epoch]
        for _ in range(5):
            change = await store.api_keys.create(account, ApiKeySpec(), ME)
        heard = await following(watch, change.epoch)
        assert heard == sorted(set(heard))


async def test_a_file_that_is_replaced(tmp_path: Path) -> None:
    """Who waits for changes of a SQLite file is told when another file stands in its place, and opens that one."""
    path = tmp_path / "store.sqlite"
    for name in (path, tmp_path / "restored.sqlite"):
        with contextlib.closing(sqlite3.connect(name)) as connection:
            connection.executescript("CREATE TABLE epochs (epoch INTEGER); INSERT INTO epochs VALUES (7)")
    async with epochs.sqlite_ear(path, 1.0) as ear:
        assert await ear.epoch() == 7
        (tmp_path / "restored.sqlite").rename(path)
        with pytest.raises(FileNotFoundError):
            await ear.epoch()


async def test_without_a_notice_the_look_finds_it(
    store: SqlStore, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A change whose notice is lost, as behind a proxy that passes none, is found by looking."""
    monkeypatch.setattr(epochs, "CHANNEL", "another")
    monkeypatch.setattr(epochs, "NOTIFY_POLL", 0.05)
    async with contextlib.aclosing(store.epochs.watch()) as watch:
        await following(watch, 1)
        change = await store.api_keys.create(account, ApiKeySpec(), ME)
        assert await following(watch, change.epoch) == [change.epoch]


async def test_a_watch_outlives_the_server(
    new_database: Callable[[], str], tmp_path: Path, open_at: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A watch goes on when the server is back, with what changed meanwhile."""
    monkeypatch.setattr(epochs, "RECONNECT", 0.02)
    url = new_database()
    door = Door(url)
    await door.open()
    store = await open_at(Location(url, tmp_path, SECRET_KEY))
    behind = await open_at(Location(door.url, tmp_path, SECRET_KEY, patience=0.5))
    account = (await store.accounts.named("default")).id
    async with contextlib.aclosing(behind.epochs.watch()) as watch:
        await following(watch, 1)
        await door.shut()
        change = await store.api_keys.create(account, ApiKeySpec(), ME)
        waiting = asyncio.create_task(following(watch, change.epoch))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await door.open()
        assert await waiting == [change.epoch]
    await door.close()


async def test_waiting_for_workers(store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait ends when every live worker has the epoch; those that left or fell silent do not hold it up."""
    assert await store.epochs.confirmed(99, 0) == []
    await store.epochs.confirm("node1/0", 5)
    await store.epochs.confirm("node2/0", 4)
    assert await store.epochs.confirmed(5, 0) == ["node2/0"]
    waiting = asyncio.create_task(store.epochs.confirmed(5, SOON))
    await store.epochs.confirm("node2/0", 5)
    assert await waiting == []
    assert await store.epochs.confirmed(6, 0.1) == ["node1/0", "node2/0"]
    await store.epochs.leave("node1/0")
    assert await store.epochs.confirmed(6, 0) == ["node2/0"]
    monkeypatch.setattr(epochs, "LIVE", -1.0)
    assert await store.epochs.confirmed(6, 0) == []


async def test_who_falls_silent_while_it_is_waited_for_is_late(
    store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that was live when the wait began is named at its end, though nothing was heard of it since."""
    # The database's clock is two seconds later whenever it is looked at.
    times = count(1000.0, 2.0)
    clock = sa.bindparam("now", callable_=lambda: next(times), type_=sa.Float(53), unique=True)
    monkeypatch.setattr(store.epochs, "_clock", lambda: clock)
    await store.epochs.confirm("node1/0", 4)
    assert await store.epochs.confirmed(5, 0.6) == ["node1/0"]
    assert await store.epochs.confirmed(5, 0) == []


async def test_a_clock_that_is_set_back_leaves_no_ghosts(store: SqlStore) -> None:
    """A worker that ended before the database's clock was set back is not waited for until the clock is there again."""
    await store.epochs.confirm("node1/0", 4)
    async with store.database.writing() as connection:
        await connection.execute(sa.update(schema.workers).values(seen=schema.workers.c.seen + 3600.0))
    assert await store.epochs.confirmed(5, 0) == []
    await store.epochs.confirm("node1/0", 4)
    assert await store.epochs.confirmed(5, 0) == ["node1/0"]


async def test_a_change_of_its_own_is_heard_at_once(
    store: SqlStore, account: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who makes a change through this store does not wait for the next look."""
    monkeypatch.setattr(epochs, "SQLITE_POLL", 3600.0)
    watch = store.epochs.watch()
    await anext(watch)
    async with asyncio.timeout(10):
        following = asyncio.ensure_future(anext(watch))
        await asyncio.sleep(0.05)
        change = await store.api_keys.create(account, ApiKeySpec(name="a"), ME)
        assert await following == change.epoch
    await watch.aclose()
