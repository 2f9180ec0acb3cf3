"""One of the two databases: connections, transactions, and every failure of them as one kind of error."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    DisconnectionError,
    IntegrityError,
    NotSupportedError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from aigw.errors import ConfigError
from aigw.store.errors import StoreUnavailable

SQLITE = "sqlite"
POSTGRESQL = "postgresql"
FILE = "store.sqlite"
# Seconds until a call gives up. A database on the same network answers in milliseconds; a caller of the control API
# would rather hear of it than wait.
PATIENCE = 5.0
# Reading or moving everything takes longer.
LONG_PATIENCE = 120.0
# Seconds after which PostgreSQL ends a transaction whose node fell silent: until then it holds up everybody's changes.
IDLE = 30.0
# Connections per process. The control plane is small; a worker needs one for reading and one for watching.
CONNECTIONS = 4

_WRITES = "aigw_writes"
# What is wrong with a statement is a fault of ours, not of the connection.
_OURS = (DataError, NotSupportedError, ProgrammingError)
# PostgreSQL's word for a right that the user does not have, which its operator has to give.
_NOT_ALLOWED = "42501"


class Database:
    """Transactions that end in time. `kind` is `sqlite` or `postgresql`."""

    def __init__(self, kind: str, engine: AsyncEngine, patience: float, down: tuple[type[Exception], ...]) -> None:
        self.kind = kind
        self.engine = engine
        self.patience = patience
        # Set by a change that was made through this very object: nobody has to be told of it by others.
        self.changed = asyncio.Event()
        self._down: tuple[type[Exception], ...] = (DBAPIError, OSError, NoConnectionFree, *down)

    @asynccontextmanager
    async def reading(self, patience: float | None = None) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees one state from its first read to its end. Raises StoreUnavailable."""
        level = {} if self.kind == SQLITE else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        async with self._transaction(level, patience) as connection:
            yield connection

    @asynccontextmanager
    async def writing(self, patience: float | None = None) -> AsyncIterator[AsyncConnection]:
        """A transaction that is kept when the block ends well, else undone. Raises StoreUnavailable."""
        level = {} if self.kind == SQLITE else {"isolation_level": "READ COMMITTED"}
        async with self._transaction({_WRITES: True, **level}, patience) as connection:
            yield connection

    @asynccontextmanager
    async def _transaction(self, options: dict[str, Any], patience: float | None) -> AsyncIterator[AsyncConnection]:
        try:
            async with asyncio.timeout(patience or self.patience), self.engine.connect() as connection:
                await connection.execution_options(**options)
                async with connection.begin():
                    yield connection
        except TimeoutError:
            raise StoreUnavailable(f"the store did not answer within {patience or self.patience:g} s") from None
        except (IntegrityError, *_OURS) as error:
            if getattr(error.orig, "sqlstate", None) == _NOT_ALLOWED:
                raise StoreUnavailable(f"the store refuses: {told(error)}") from None
            raise
        except self._down as error:
            raise StoreUnavailable(f"the store does not answer: {told(error)}") from None

    async def close(self) -> None:
        """Give back every connection."""
        await self.engine.dispose()


def told(error: Exception) -> str:
    """The first line of a driver's own words, which hold no statement and no parameters."""
    words = str(getattr(error, "orig", None) or error).strip()
    return words.splitlines()[0] if words else type(error).__name__


# -- SQLite -----------------------------------------------------------------------------------------------------------


def sqlite_file(directory: Path) -> Path:
    """The store's file in a data_dir, made with mode 0600 in a directory of mode 0700. Raises StoreUnavailable."""
    made_directory(directory)
    path = directory / FILE
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        path.chmod(0o600)
    except OSError as error:
        raise StoreUnavailable(f"{path}: {error.strerror or error}") from None
    return path


def made_directory(directory: Path) -> None:
    """Make a data_dir for its owner alone, unless it is there. Raises StoreUnavailable."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreUnavailable(f"{directory}: {error.strerror or error}") from None


def open_sqlite(path: Path, patience: float = PATIENCE) -> Database:
    """The database in a file that is there: one that vanished is not made anew."""
    url = sa.URL.create(
        "sqlite+aiosqlite", database=f"file:{quote(str(path.absolute()))}", query={"mode": "rw", "uri": "true"}
    )
    engine = create_async_engine(
        url,
        connect_args={"timeout": patience * 0.8},
        hide_parameters=True,
        pool_size=CONNECTIONS,
        max_overflow=CONNECTIONS,
        pool_timeout=patience * 0.8,
    )
    guard = SameFile(path)
    event.listen(engine.sync_engine, "connect", _prepare)
    event.listen(engine.sync_engine, "connect", guard.opened)
    event.listen(engine.sync_engine, "checkout", guard.taken)
    event.listen(engine.sync_engine, "begin", _begin)
    event.listen(engine.sync_engine, "invalidate", _undo)
    return Database(SQLITE, engine, patience, ())


class SameFile:
    """Ends connections to a file that is not the one of its name any more: it was moved, deleted or replaced.

    SQLite would go on with the old one, and what is written to it would be gone.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def opened(self, _: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        """A connection was opened."""
        record.info[SameFile] = identity(self._path)

    def taken(self, _: DBAPIConnection, record: ConnectionPoolEntry, __: object) -> None:
        """A connection is about to be used. Raises DisconnectionError, upon which another one is opened."""
        if record.info.get(SameFile) != identity(self._path):
            raise DisconnectionError("the file has been moved, deleted or replaced")


def identity(path: Path) -> tuple[int, int] | None:
    """Which file has this name now; None when there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def file_uri(path: Path) -> str:
    """A file that has to be there, as SQLite's drivers take it."""
    return f"file:{quote(str(path.absolute()))}?mode=rw"


def _prepare(connection: DBAPIConnection, _: object) -> None:
    # The driver begins no transactions by itself: reads would not be one, and schema changes would fall out of them.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("foreign_keys = ON", "synchronous = FULL", "secure_delete = ON", "trusted_schema = OFF"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    # A transaction that writes takes the lock at once: one that turns from reading to writing could not wait for it.
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _undo(connection: DBAPIConnection, _: object, __: object) -> None:
    # Before it is closed, as when a transaction took too long: a connection that is closed with a statement under way
    # keeps its locks until the garbage collector finds the cursor (SQLite, sqlite3_close_v2), and nobody can write.
    with contextlib.suppress(Exception):
        connection.rollback()


# -- PostgreSQL -------------------------------------------------------------------------------------------------------


def open_postgresql(url: str, patience: float = PATIENCE) -> Database:
    """The database at a URL, with every parameter that libpq knows."""
    import asyncpg

    async def connect() -> Any:
        return await connection_to(url, patience)

    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        hide_parameters=True,
        pool_size=CONNECTIONS,
        max_overflow=CONNECTIONS,
        pool_timeout=patience * 0.8,
        pool_pre_ping=True,
        # Behind a proxy that moves (failover), connections are not for ever.
        pool_recycle=1800,
    )
    return Database(
        POSTGRESQL, engine, patience, (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
    )


async def connection_to(url: str, patience: float) -> Any:
    """A connection of the driver's own. Its settings bound what a lost one can hold up on the server.

    Raises ConfigError for a URL that is none, or has parameters that there are not; it may hold a password.
    """
    import asyncpg

    try:
        return await asyncpg.connect(
            url,
            timeout=patience * 0.8,
            server_settings={
                "application_name": "aigw",
                "idle_in_transaction_session_timeout": str(round(IDLE * 1000)),
            },
        )
    except (asyncpg.UndefinedObjectError, asyncpg.CantChangeRuntimeParamError, asyncpg.InvalidParameterValueError) as e:
        raise ConfigError(f"store.url: {e}") from None
    except ValueError as error:
        if isinstance(error, asyncpg.InterfaceError):
            raise
        raise ConfigError("store.url: is no URL as libpq takes it") from None
