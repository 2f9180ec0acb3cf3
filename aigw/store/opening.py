"""From the settings to an open store: where it is, which keys it has, migrated and ready."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aigw.errors import ConfigError
from aigw.secret import Secret
from aigw.store import secret_keys
from aigw.store.database import (
    FILE,
    PATIENCE,
    POSTGRESQL,
    SQLITE,
    Database,
    connection_to,
    made_directory,
    open_postgresql,
    open_sqlite,
    sqlite_file,
)
from aigw.store.epochs import Ear, postgres_ear, sqlite_ear
from aigw.store.errors import StoreError
from aigw.store.migrating import migrate, version
from aigw.store.sealing import KeyRing
from aigw.store.sql import SqlStore
from aigw.store.vault import Vault

if TYPE_CHECKING:
    from aigw.settings import Settings
    from aigw.store.contract import Store


class Location:
    """Where a store is: a file in `directory`, or a server at `url`, which may hold a password: see `shown`."""

    def __init__(self, url: str, directory: Path, secret_key: Secret | None = None, patience: float = PATIENCE) -> None:
        self.kind = SQLITE if url == SQLITE else POSTGRESQL
        self.directory = directory
        self.patience = patience
        self.url = url
        self._secret_key = secret_key

    @classmethod
    def of(cls, settings: Settings) -> Location:
        """The location that settings name."""
        return cls(settings.store.url, settings.server.data_dir, settings.secret_key)

    @property
    def path(self) -> Path:
        """The file of a SQLite store."""
        return self.directory / FILE

    @property
    def shown(self) -> str:
        """Where it is, without a password."""
        from aigw.settings import mask_url

        return str(self.path) if self.kind == SQLITE else mask_url(self.url)

    @property
    def generated(self) -> bool:
        """Whether the secret key is the one that this node made for itself."""
        return self._secret_key is None

    def ring(self) -> KeyRing:
        """The keys. Raises ConfigError when there are none and none may be made."""
        if self._secret_key is not None:
            return KeyRing(secret_keys.given(self._secret_key))
        if self.kind == POSTGRESQL:
            raise secret_keys.missing()
        if self.path.exists() and self.path.stat().st_size and not (self.directory / secret_keys.KEY_FILE).exists():
            raise ConfigError(
                f"{self.directory / secret_keys.KEY_FILE} is gone, with which the secrets in {self.path} were sealed:"
                " restore it, or give the key (AIGW_SECRET_KEY)."
            )
        made_directory(self.directory)
        keys = secret_keys.generate(self.directory)
        return KeyRing(keys, refresh=lambda: secret_keys.read_file(self.directory))

    def database(self, *, make: bool = True) -> Database:
        """Its database, not yet connected. Raises StoreUnavailable, or StoreError where there is none to be read."""
        if self.kind == POSTGRESQL:
            return open_postgresql(self.url, self.patience)
        if not make and not self.path.exists():
            raise StoreError(f"there is no store at {self.path}: the first start of the gateway makes it")
        return open_sqlite(sqlite_file(self.directory), self.patience)

    def listen(self) -> AbstractAsyncContextManager[Ear]:
        """A connection that waits for changes."""
        if self.kind == SQLITE:
            return sqlite_ear(self.path, self.patience)
        return postgres_ear(self._connect, self.patience)

    async def _connect(self) -> Any:
        return await connection_to(self.url, self.patience)

    @property
    def down(self) -> tuple[type[Exception], ...]:
        """What a waiting connection fails with."""
        if self.kind == SQLITE:
            return (sqlite3.Error, ValueError)
        import asyncpg

        return (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


async def open_store(settings: Settings) -> Store:
    """The store of these settings, migrated, unlocked, ready.

    Raises ConfigError (keys), StoreUnavailable, StoreTooNew.
    """
    return await opened(Location.of(settings))


async def opened(location: Location) -> SqlStore:
    """The store at a location, migrated and ready."""
    ring = location.ring()
    database = location.database()
    try:
        await migrate(database, location.directory if location.kind == SQLITE else None)
        store = SqlStore(database, Vault(ring), location.listen, location.down)
        await store.begin()
    except BaseException:
        await database.close()
        raise
    return store


async def opened_as_it_is(location: Location) -> SqlStore:
    """The store at a location, which has to be there and of this version. Raises StoreError."""
    database = location.database(make=False)
    try:
        ring = location.ring()
        found = await version(database)
        if not found.up_to_date:
            raise StoreError(f"the store is of version {found.current}, not {found.head}: run `aigw store migrate`")
        store = SqlStore(database, Vault(ring), location.listen, location.down)
        await store.begin()
    except BaseException:
        await database.close()
        raise
    return store
