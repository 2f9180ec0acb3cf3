"""From whatever version the tables are in to this program's: one process at a time, all steps or none."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs
import sqlalchemy as sa
from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from aigw.store.database import FILE, LONG_PATIENCE, POSTGRESQL, Database
from aigw.store.errors import StoreTooNew, StoreUnavailable

LOCK_FILE = "store.lock"
# "aigw" and a number, as PostgreSQL's advisory locks are named by 64 bits.
_ADVISORY_LOCK = 0x61696777_00000001
_LOCK_POLL = 0.02
_FOLDER = Path(__file__).with_name("migrations")


@attrs.frozen
class Version:
    """Where the tables stand (None: there are none), and where this program would have them."""

    current: str | None
    head: str

    @property
    def up_to_date(self) -> bool:
        """Whether nothing is to be done."""
        return self.current == self.head


def _steps() -> ScriptDirectory:
    config = Config()
    # Alembic reads % in an option as the beginning of a reference.
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("version_locations", str(_FOLDER).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    return ScriptDirectory.from_config(config)


def head() -> str:
    """The version of this program's tables."""
    found = _steps().get_current_head()
    assert found is not None
    return found


async def version(database: Database) -> Version:
    """Where the tables stand. Raises StoreUnavailable, StoreTooNew."""
    async with database.reading() as connection:
        return await connection.run_sync(_version)


def _version(connection: sa.Connection) -> Version:
    steps = _steps()
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in {step.revision for step in steps.walk_revisions()}:
        raise StoreTooNew(
            f"the store is of version {current}, this program knows {steps.get_current_head()} at most:"
            " a newer aigw has migrated it. Start that one, or restore the backup from before."
        )
    return Version(current, steps.get_current_head() or "")


async def migrate(database: Database, directory: Path | None = None) -> Version:
    """Bring the tables to this program's version: where they stood. `directory` holds SQLite's lock file.

    Of several processes one migrates, the others wait. Raises StoreUnavailable, StoreTooNew.
    """
    async with _file_lock(directory):
        if directory is not None:
            await asyncio.to_thread(_write_ahead, directory / FILE)
        async with database.writing(LONG_PATIENCE) as connection:
            if database.kind == POSTGRESQL:
                await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_ADVISORY_LOCK)))
            return await connection.run_sync(_upgrade)


def _upgrade(connection: sa.Connection) -> Version:
    before = _version(connection)
    if not before.up_to_date:
        steps = _steps()

        def upgrades(revision: Any, _: Any) -> Any:
            return steps._upgrade_revs("head", revision)

        context = MigrationContext.configure(connection, opts={"fn": upgrades, "transactional_ddl": True})
        with Operations.context(context):
            context.run_migrations()
    return before


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
