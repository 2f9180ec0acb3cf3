"""From whatever version the tables are in to this program's: one process at a time, all steps or none.

Where nothing is to be done, as at nearly every start, Alembic stays away: it is 10 MiB and a tenth of a second.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import importlib
import os
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import sqlalchemy as sa

from aigw.store.database import FILE, LONG_PATIENCE, POSTGRESQL, Database
from aigw.store.errors import StoreTooNew, StoreUnavailable

LOCK_FILE = "store.lock"
# "aigw" and a number, as PostgreSQL's advisory locks are named by 64 bits.
_ADVISORY_LOCK = 0x61696777_00000001
_LOCK_POLL = 0.02
FOLDER = Path(__file__).with_name("migrations")
# Where Alembic notes the version.
_NOTED = sa.table("alembic_version", sa.column("version_num", sa.String))


@attrs.frozen
class Version:
    """Where the tables stand (None: there are none), and where this program would have them."""

    current: str | None
    head: str

    @property
    def up_to_date(self) -> bool:
        """Whether nothing is to be done."""
        return self.current == self.head


def known() -> tuple[str, ...]:
    """The versions that this program's steps lead to, in order: each is in the name of its step's file."""
    return tuple(sorted(path.name[1:5] for path in FOLDER.glob("v[0-9][0-9][0-9][0-9]_*.py")))


def head() -> str:
    """The version of this program's tables."""
    return known()[-1]


async def version(database: Database, patience: float | None = None) -> Version:
    """Where the tables stand. Raises StoreUnavailable, StoreTooNew."""
    async with database.reading(patience) as connection:
        return await connection.run_sync(_version)


def _version(connection: sa.Connection) -> Version:
    current, versions = _current(connection), known()
    if current is not None and current not in versions:
        raise StoreTooNew(
            f"the store is of version {current}, this program knows {versions[-1]} at most:"
            " a newer aigw has migrated it. Start that one, or restore the backup from before."
        )
    return Version(current, versions[-1])


def _current(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table(_NOTED.name):
        return None
    return connection.execute(sa.select(_NOTED.c.version_num)).scalar_one_or_none()


async def migrate(database: Database, directory: Path | None = None) -> Version:
    """Bring the tables to this program's version: where they stood. `directory` holds SQLite's lock file.

    Of several processes one migrates, the others wait. Raises StoreUnavailable, StoreTooNew.
    """
    async with _file_lock(directory):
        if directory is not None:
            await asyncio.to_thread(_write_ahead, directory / FILE)
        found = await version(database, LONG_PATIENCE)
        if found.up_to_date:
            return found
        # In a thread: there may be requests, when it is the first control request that makes the store.
        steps = await asyncio.to_thread(importlib.import_module, "aigw.store.steps")
        async with database.writing(LONG_PATIENCE) as connection:
            if database.kind == POSTGRESQL:
                await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
            found = await connection.run_sync(_version)
            if not found.up_to_date:
                await connection.run_sync(steps.run)
            return found


def _write_ahead(path: Path) -> None:
    # Kept in the file: readers and a writer at once, and what was committed outlives a kill at any moment.
    try:
        with contextlib.closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
    except sqlite3.Error as error:
        raise StoreUnavailable(f"{path}: {error}") from None


@contextlib.asynccontextmanager
async def _file_lock(directory: Path | None) -> AsyncIterator[None]:
    """Let one process of this machine in at a time. Raises StoreUnavailable when it takes too long."""
    if directory is None:
        yield
        return
    descriptor = os.open(directory / LOCK_FILE, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        async with asyncio.timeout(LONG_PATIENCE):
            while not _taken(descriptor):  # noqa: ASYNC110 - a lock of another process
                await asyncio.sleep(_LOCK_POLL)
        yield
    except TimeoutError:
        raise StoreUnavailable("another process has been migrating the store for too long") from None
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
