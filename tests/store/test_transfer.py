"""An export has everything and no secret in the open; an import takes all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs
import pytest

from aigw.errors import ConfigError
from aigw.secret import Secret
from aigw.store.contract import BadExport, StoreNotEmpty
from aigw.store.migrating import head
from aigw.store.opening import Location
from aigw.store.records import Use
from aigw.store.specs import ApiKeySpec
from aigw.store.sql import SqlStore
from aigw.store.transfer import export, restore

from .conftest import SECRET_KEY, Locate, Open
from .things import ME, one_of_each, team


async def exported(store: SqlStore) -> list[bytes]:
    """The lines of a store."""
    return [line async for line in export(store)]


@pytest.fixture
def elsewhere(engine: str, tmp_path: Path, request: pytest.FixtureRequest) -> Location:
    """A place for a new store in the other database."""
    url = "sqlite" if engine == "postgresql" else request.getfixturevalue("new_database")()
    return Location(url, tmp_path / "elsewhere", SECRET_KEY)


async def test_a_store_moves_to_the_other_database(
    store: SqlStore, account: str, elsewhere: Location, open_at: Open
) -> None:
    """From SQLite to PostgreSQL and back everything is the same: records, digests, sealed values, audit, epoch."""
    made = await one_of_each(store, account)
    await one_of_each(store, await team(store))
    await store.touch([Use(account, made.access_key, (await store.accounts.get(account)).created_at)])
    target = await open_at(elsewhere)
    lines = await exported(store)
    counts = await restore(target, lines)
    assert counts["access_keys"] == 2
    assert sum(counts.values()) == len(lines) - 2
    assert await exported(target) == lines
    there, here = await target.whole(), await store.whole()
    assert set(there.access_keys) == set(here.access_keys)
    assert attrs.evolve(there, access_keys=()) == attrs.evolve(here, access_keys=())
    token = made.secrets[-1].reveal()
    assert (await target.api_keys.authenticate(token)).id == made.api_key
    assert await target.audit.everywhere() == await store.audit.everywhere()
    assert (await target.api_keys.create(account, ApiKeySpec(), ME)).epoch == (await store.epochs.current()) + 1


async def test_only_a_new_store_is_filled(store: SqlStore, account: str, elsewhere: Location, open_at: Open) -> None:
    """A store that holds anything is left as it is: a key, an account, an operator."""
    await one_of_each(store, account)
    lines = await exported(store)
    with pytest.raises(StoreNotEmpty):
        await restore(store, lines)
    target = await open_at(elsewhere)
    other = await team(target)
    with pytest.raises(StoreNotEmpty):
        await restore(target, lines)
    await target.accounts.delete(other, ME)
    await target.first_operator()
    with pytest.raises(StoreNotEmpty, match="api keys"):
        await restore(target, lines)


BROKEN: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "empty": lambda lines: [],
    "no head": lambda lines: lines[1:],
    "another version": lambda lines: [lines[0].replace(head().encode(), b"0000"), *lines[1:]],
    "cut": lambda lines: lines[:-1],
    "a line is missing": lambda lines: [*lines[:3], *lines[4:]],
    "half a line": lambda lines: [*lines[:3], lines[3][:20], *lines[4:]],
    "changed": lambda lines: [line.replace(b'"app"', b'"apq"') for line in lines],
    "another table": lambda lines: [line.replace(b'"api_keys"', b'"apikeys"') for line in lines],
    "a column is missing": lambda lines: [line.replace(b'"revision"', b'"revisiom"') for line in lines],
    "not JSON": lambda lines: [b"\xff\n"],
}


@pytest.mark.parametrize("how", BROKEN)
async def test_what_is_broken_is_refused(
    store: SqlStore, account: str, locate: Locate, open_at: Open, how: str
) -> None:
    """An export that was cut, changed or made elsewhere leaves the new store new."""
    await one_of_each(store, account)
    target = await open_at(locate())
    with pytest.raises(BadExport):
        await restore(target, BROKEN[how](await exported(store)))
    assert (await target.whole()).access_keys == ()
    assert await target.first_operator()


async def test_another_secret_key_is_refused(store: SqlStore, account: str, tmp_path: Path, open_at: Open) -> None:
    """What was sealed with another key is of no use, and is not imported."""
    await one_of_each(store, account)
    target = await open_at(Location("sqlite", tmp_path / "other", Secret("another-secret-key-of-32-characters")))
    with pytest.raises(ConfigError, match="not the key of this store"):
        await restore(target, await exported(store))
    assert (await target.whole()).provider_keys == ()
