"""A store is opened from the settings, or the start is told what is in the way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
import pytest
import sqlalchemy as sa

from aigw.errors import ConfigError
from aigw.secret import Secret
from aigw.settings import Server, Settings
from aigw.store.contract import Store, StoreError, StoreUnavailable
from aigw.store.database import PATIENCE, connection_to
from aigw.store.opening import Location, open_store, opened, opened_as_it_is
from aigw.store.specs import ApiKeySpec

from .conftest import SECRET_KEY, Open
from .things import ME


async def test_from_the_settings(tmp_path: Path) -> None:
    """Settings lead to a store that is ready, with a default account; opened again it is the same one."""
    settings = Settings(server=Server(data_dir=tmp_path / "data"))
    store: Store = await open_store(settings)
    account = (await store.accounts.named("default")).id
    made = await store.api_keys.create(account, ApiKeySpec(), ME)
    await store.close()
    assert made.token
    again = await open_store(settings)
    assert (await again.api_keys.authenticate(made.token.reveal())).id == made.record.id
    await again.close()
    with pytest.raises(ConfigError, match="not the key of this store"):
        await open_store(attrs.evolve(settings, secret_key=Secret("another-secret-key-of-32-characters")))


@pytest.mark.parametrize("key", [None, SECRET_KEY], ids=["generated", "given"])
async def test_a_directory_that_cannot_be(tmp_path: Path, key: Secret | None) -> None:
    """Where data_dir is a file, the message names it."""
    (tmp_path / "data").write_text("mine")
    with pytest.raises(StoreUnavailable, match="data"):
        await opened(Location("sqlite", tmp_path / "data", key))


async def test_commands_take_a_store_as_it_is(location: Location, open_at: Open) -> None:
    """What only looks at a store does not migrate it: an old one is refused with what to do."""
    store = await open_at(location)
    as_it_is = await opened_as_it_is(location)
    assert await as_it_is.epochs.current() == await store.epochs.current()
    await as_it_is.close()
    async with store.database.writing() as connection:
        await connection.execute(sa.text("DELETE FROM alembic_version"))
    with pytest.raises(StoreError, match="aigw store migrate"):
        await opened_as_it_is(location)


async def test_a_database_without_a_store(empty_database: Callable[[], str], tmp_path: Path) -> None:
    """An empty PostgreSQL database is no store yet, and stays empty until it is migrated."""
    location = Location(empty_database(), tmp_path, SECRET_KEY)
    for _ in range(2):
        with pytest.raises(StoreError, match="version None"):
            await opened_as_it_is(location)


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://user:password-of-it@127.0.0.1:port/aigw", "store.url: is no URL"),
        ("{}&no_such_setting=1", "store.url: .*no_such_setting"),
    ],
)
async def test_a_url_that_is_wrong(url: str, told: str, new_database: Callable[[], str], tmp_path: Path) -> None:
    """A URL that can never work is a fault of the configuration, told without its password and without waiting."""
    location = Location(url.format(new_database()), tmp_path, SECRET_KEY)
    with pytest.raises(ConfigError, match=told) as raised:
        await opened(location)
    assert "password-of-it" not in str(raised.value)


async def test_a_user_without_rights(empty_database: Callable[[], str], tmp_path: Path) -> None:
    """A user who may not make tables is told so, and not with a traceback."""
    url = empty_database()
    administrator = await connection_to(url, PATIENCE)
    await administrator.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    await administrator.execute("CREATE ROLE of_low_rank LOGIN")
    try:
        low = url.replace("postgres:@", "of_low_rank:@")
        assert low != url
        with pytest.raises(StoreUnavailable, match="permission denied for schema public"):
            await opened(Location(low, tmp_path, SECRET_KEY))
    finally:
        await administrator.execute("DROP ROLE of_low_rank")
        await administrator.close()
