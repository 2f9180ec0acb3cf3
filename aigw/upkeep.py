"""What do `aigw store` and `aigw secrets` do?"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from aigw.errors import ConfigError

if TYPE_CHECKING:
    from aigw.settings import Settings
    from aigw.store.opening import Location
    from aigw.store.sql import SqlStore

STDIO = Path("-")
Told = dict[str, Any]


def migrate(settings: Settings) -> Told:
    """Bring the store to this version; a new one is made. Raises StoreError, ConfigError."""
    from aigw.store.migrating import migrate, version
    from aigw.store.opening import Location

    async def run() -> Told:
        location = Location.of(settings)
        # The file is made last: keys that are missing stop it before.
        location.ring()
        database = location.database()
        try:
            before = await migrate(database, location.directory if database.kind == "sqlite" else None)
            return {"store": location.shown, "before": before.current, "version": (await version(database)).current}
        finally:
            await database.close()

    return asyncio.run(run())


def status(settings: Settings) -> Told:
    """Where the store is, and what is in it. Raises StoreError, ConfigError."""
    from aigw.store.transfer import count

    async def told(location: Location, store: SqlStore) -> Told:
        whole = await count(store)
        return {
            "store": location.shown,
            "engine": location.kind,
            "version": whole.pop("version"),
            "epoch": whole.pop("epoch"),
            "secretKey": f"{store.vault.ring.first.hex()} ({'generated' if location.generated else 'given'})",
            "rows": whole,
        }

    return _with_store(settings, told)


def backup(settings: Settings, target: Path) -> Told:
    """Copy a SQLite store into a new file. Raises StoreError; ConfigError for PostgreSQL, which has its own tools."""
    from aigw.store.backup import backup
    from aigw.store.opening import Location

    location = Location.of(settings)
    if location.kind != "sqlite":
        raise ConfigError("aigw store backup copies SQLite; for PostgreSQL use pg_dump, or aigw store export")
    location.database(make=False)
    return {"store": location.shown, "backup": str(target), "bytes": backup(location.path, target)}


def export(settings: Settings, target: Path) -> Told:
    """Write everything as lines of JSON. Raises StoreError, ConfigError."""
    from aigw.store.transfer import export

    async def told(location: Location, store: SqlStore) -> Told:
        lines = 0
        with _written(target) as file:
            async for line in export(store):
                file.write(line)
                lines += 1
        return {"store": location.shown, "export": str(target), "rows": lines - 2}

    return _with_store(settings, told)


def restore(settings: Settings, source: Path) -> Told:
    """Fill a new store with an export. Raises StoreError, ConfigError."""
    from aigw.store.transfer import restore

    async def told(location: Location, store: SqlStore) -> Told:
        with _read(source) as file:
            rows: Mapping[str, int] = await restore(store, file)
        return {"store": location.shown, "rows": dict(rows)}

    return _with_store(settings, told, make=True)


def rotate(settings: Settings, *, new: bool) -> Told:
    """Seal every secret with the first key; with `new` a generated key is put in front of the others before.

    Raises StoreError, ConfigError.
    """
    from aigw.store import secret_keys
    from aigw.store.opening import Location
    from aigw.store.records import Actor
    from aigw.store.rotation import rotate

    location = Location.of(settings)
    if new:
        if not location.generated:
            raise ConfigError("--new is for the generated key; put yours in front: AIGW_SECRET_KEY=new,old")
        location.database(make=False)
        secret_keys.prepend(location.directory)

    async def told(location: Location, store: SqlStore) -> Told:
        done = await rotate(store, Actor("command line"))
        others = sorted(each.hex() for each in store.vault.ring.ids - {store.vault.ring.first})
        return {
            "store": location.shown,
            "sealed": done.sealed,
            "key": store.vault.ring.first.hex(),
            "noLongerUsed": [] if done.unreadable else others,
            "unreadable": list(done.unreadable),
        }

    return _with_store(settings, told)


def operator(settings: Settings) -> Told:
    """Make a new API key for the operator, and the store where there is none; the token is kept in data_dir.

    For a gateway that made none at its start, and where the token was lost. Others stay valid.
    Raises StoreError, ConfigError.
    """
    from aigw import first_start
    from aigw.store.records import OPERATOR_ACCOUNT, Actor
    from aigw.store.specs import ApiKeySpec

    async def told(location: Location, store: SqlStore) -> Told:
        made = await store.api_keys.create(OPERATOR_ACCOUNT, ApiKeySpec(name="operator"), Actor("command line"))
        assert made.token is not None
        first_start.forget_operator_key(settings)
        first_start.make_operator_key(settings, made.token)
        file = settings.server.data_dir / first_start.OPERATOR_FILE
        return {"store": location.shown, "id": made.record.id, "token": made.token.reveal(), "file": str(file)}

    return _with_store(settings, told, make=True)


def _with_store(
    settings: Settings, work: Callable[[Location, SqlStore], Awaitable[Told]], *, make: bool = False
) -> Told:
    from aigw.store.opening import Location, opened, opened_as_it_is

    async def run() -> Told:
        location = Location.of(settings)
        store = await (opened(location) if make else opened_as_it_is(location))
        try:
            return await work(location, store)
        finally:
            await store.close()

    return asyncio.run(run())


@contextlib.contextmanager
def _written(target: Path) -> Iterator[IO[bytes]]:
    """A new file of mode 0600, taken away again when the work fails; or standard output."""
    if target == STDIO:
        yield sys.stdout.buffer
        return
    try:
        file = os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
    except OSError as error:
        raise ConfigError(f"{target}: cannot be written: {error.strerror}") from None
    try:
        with file:
            yield file
    except BaseException:
        target.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def _read(source: Path) -> Iterator[IO[bytes]]:
    if source == STDIO:
        yield sys.stdin.buffer
        return
    try:
        file = source.open("rb")
    except OSError as error:
        raise ConfigError(f"{source}: cannot be read: {error.strerror}") from None
    with file:
        yield file
