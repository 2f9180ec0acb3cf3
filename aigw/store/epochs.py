"""Which epoch is in force, how other processes hear of it, and which workers have taken it over."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from aigw.store import checks, schema
from aigw.store.changes import CHANNEL
from aigw.store.database import POSTGRESQL, Database, file_uri, identity

# Seconds a worker counts as live after it last said which epoch it serves.
LIVE = 10.0
# Seconds between two looks, by how a change is heard of: SQLite has no other way; NOTIFY may be lost behind a proxy.
SQLITE_POLL = 0.2
NOTIFY_POLL = 0.75
# Seconds between two attempts to reach a database that is down.
RECONNECT = 0.5
_CONFIRMED_POLL = 0.05
_FORGOTTEN = 3600.0

_epoch = sa.select(schema.epochs.c.epoch)
_workers = schema.workers


class Ear(Protocol):
    """A connection that waits for changes."""

    async def epoch(self) -> int:
        """The epoch in force."""

    async def heard(self, made: asyncio.Event) -> None:
        """Returns when there may be another, as when one was `made` by this process."""


Listen = Callable[[], contextlib.AbstractAsyncContextManager[Ear]]


class EpochRows:
    """Epochs of one database. `listen` opens a connection that waits for changes; `down` are its failures."""

    def __init__(self, database: Database, listen: Listen, down: tuple[type[Exception], ...]) -> None:
        self._database = database
        self._listen = listen
        self._down = (*down, OSError, TimeoutError)

    async def current(self) -> int:
        """The number of the last change."""
        async with self._database.reading() as connection:
            return int((await connection.execute(_epoch)).scalar_one())

    async def watch(self) -> AsyncGenerator[int, None]:
        """The epoch now, then each later one."""
        last: int | None = None
        while True:
            with contextlib.suppress(*self._down):
                async with self._listen() as ear:
                    while True:
                        self._database.changed.clear()
                        epoch = await ear.epoch()
                        if epoch != last:
                            last = epoch
                            yield epoch
                        await ear.heard(self._database.changed)
            await asyncio.sleep(RECONNECT)

    async def confirm(self, worker: str, epoch: int) -> None:
        """A worker serves this epoch."""
        checks.text("worker", worker, 255, empty=False)
        insert = postgresql.insert if self._database.kind == POSTGRESQL else sqlite.insert
        values = {"epoch": epoch, "seen": self._clock()}
        statement: Any = insert(_workers).values(id=worker, **values)
        async with self._database.writing() as connection:
            await connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=values))
            await connection.execute(sa.delete(_workers).where(_workers.c.seen < self._clock() - _FORGOTTEN))

    async def leave(self, worker: str) -> None:
        """A worker ends."""
        async with self._database.writing() as connection:
            await connection.execute(sa.delete(_workers).where(_workers.c.id == worker))

    async def confirmed(self, epoch: int, timeout: float) -> Sequence[str]:
        """The live workers that do not serve this epoch when the time is over, none as soon as all do.

        Who fell silent meanwhile stays among them: it may be cut off from the store, and still serve what was before.
        """
        end = asyncio.get_running_loop().time() + timeout
        since: float | None = None
        # What was seen in time to come was seen before the clock was set back: those that are live say so again.
        known = _workers.c.seen < self._clock() + LIVE
        query = sa.select(_workers.c.id).where(_workers.c.epoch < epoch, known).order_by(_workers.c.id)
        while True:
            async with self._database.reading() as connection:
                if since is None:
                    since = (await connection.execute(sa.select(self._clock()))).scalar_one() - LIVE
                late = list((await connection.execute(query.where(_workers.c.seen > since))).scalars())
            if not late or asyncio.get_running_loop().time() >= end:
                return late
            await asyncio.sleep(_CONFIRMED_POLL)

    def _clock(self) -> sa.ColumnElement[float]:
        # The database's own: the clocks of nodes differ.
        if self._database.kind == POSTGRESQL:
            return sa.cast(sa.extract("epoch", sa.func.clock_timestamp()), sa.Float(53))
        return (sa.func.julianday("now", type_=sa.Float) - 2440587.5) * 86400.0


# -- SQLite: another connection's commit changes `data_version` -------------------------------------------------------


class _SqliteEar:
    def __init__(self, connection: Any, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._file = identity(path)
        self._version: int | None = None

    async def epoch(self) -> int:
        # Before the epoch: a change between the two is seen at the next look.
        self._version = await self._asked("PRAGMA data_version")
        return await self._asked("SELECT epoch FROM epochs")

    async def heard(self, made: asyncio.Event) -> None:
        # A file tells nobody.
        while not made.is_set() and await self._asked("PRAGMA data_version") == self._version:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(made.wait(), SQLITE_POLL)

    async def _asked(self, statement: str) -> int:
        if identity(self._path) != self._file:
            raise FileNotFoundError(f"{self._path} has been moved, deleted or replaced")
        async with self._connection.execute(statement) as cursor:
            return int((await cursor.fetchone())[0])


@contextlib.asynccontextmanager
async def sqlite_ear(path: Path, patience: float) -> AsyncIterator[Ear]:
    """An ear at a SQLite file."""
    import aiosqlite

    async with aiosqlite.connect(file_uri(path), uri=True, isolation_level=None, timeout=patience) as connection:
        yield _SqliteEar(connection, path)


# -- PostgreSQL: LISTEN, and a look now and then ----------------------------------------------------------------------


class _PostgresEar:
    def __init__(self, connection: Any, patience: float) -> None:
        self._connection = connection
        self._patience = patience
        self._rung = asyncio.Event()

    def ring(self, *_: object) -> None:
        self._rung.set()

    async def epoch(self) -> int:
        self._rung.clear()
        return int(await self._connection.fetchval("SELECT epoch FROM epochs", timeout=self._patience))

    async def heard(self, made: asyncio.Event) -> None:
        # Its own changes, too, ring at once.
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._rung.wait(), NOTIFY_POLL)


@contextlib.asynccontextmanager
async def postgres_ear(connect: Callable[[], Any], patience: float) -> AsyncIterator[Ear]:
    """An ear at PostgreSQL. `connect` gives a connection of the driver's own."""
    connection = await connect()
    ear = _PostgresEar(connection, patience)
    try:
        connection.add_termination_listener(ear.ring)
        await connection.add_listener(CHANNEL, ear.ring)
        yield ear
    finally:
        with contextlib.suppress(Exception):
            await connection.close(timeout=1)
