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
