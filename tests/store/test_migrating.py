"""Tables come to this version once, whoever is first, and a newer store is left alone."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from aigw.store import schema
from aigw.store.errors import StoreTooNew
from aigw.store.migrating import head, migrate, version
from aigw.store.opening import Location, opened
from aigw.store.patches import ProviderPatch
from aigw.store.records import OPERATOR_ACCOUNT

from .conftest import SECRET_KEY, Open
from .things import FOUND, ME, one_of_each

_OPEN = """
import asyncio, sys
from pathlib import Path
from aigw.secret import Secret
from aigw.store.opening import Location, opened
async def run():
    store = await opened(Location(sys.argv[1], Path(sys.argv[2]), Secret(sys.argv[3]), patience=30))
    made = await store.first_operator()
    print("operator" if made else "none")
    await store.close()
sys.stdin.readline()
asyncio.run(run())
"""


async def test_the_steps_lead_to_the_tables(untouched: Location, open_at: Open) -> None:
    """What the migrations make is what the schema says, in both databases; a second start changes nothing."""
    store = await open_at(untouched)
    async with store.database.reading() as connection:
        differing = await connection.run_sync(
            lambda sync: compare_metadata(
                MigrationContext.configure(sync, opts={"compare_type": True}), schema.METADATA
            )
        )
    assert differing == []
    assert (await migrate(store.database)).up_to_date
    assert (await version(store.database)).current == head()


async def test_a_newer_store_is_refused(location: Location, open_at: Open) -> None:
    """A store that a newer version migrated is not touched; the message says what to do."""
    store = await open_at(location)
    async with store.database.writing() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreTooNew, match="newer aigw"):
        await opened(location)


def test_a_race_of_processes(untouched: Location) -> None:
    """Of processes that start at once on a new store one migrates and one makes the operator's key; all work."""
    url = untouched.url
    command = [sys.executable, "-c", _OPEN, url, str(untouched.directory), SECRET_KEY.reveal()]
    pipe = subprocess.PIPE
    running = [subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True) for _ in range(4)]
    for each in running:
        assert each.stdin
        each.stdin.write("go\n")
        each.stdin.flush()
    ends = [each.communicate(timeout=60) for each in running]
    assert [each.returncode for each in running] == [0] * 4, ends
    assert sorted(out.strip() for out, _ in ends) == ["none", "none", "none", "operator"]

    async def look() -> None:
        store = await opened(untouched)
        try:
            assert {each.spec.name for each in await store.accounts.list()} == {"default"}
            assert len(await store.api_keys.list(OPERATOR_ACCOUNT)) == 1
        finally:
            await store.close()

    asyncio.run(look())


async def test_a_store_of_the_first_version_is_brought_up(location: Location, open_at: Open) -> None:
    """A store from before presets keeps its rows; its providers have none, and things are found by name."""
    store = await open_at(location)
    account = (await store.accounts.named("default")).id
    made = await one_of_each(store, account)
    async with store.database.writing() as connection:
        await connection.execute(sa.text("ALTER TABLE providers DROP COLUMN preset"))
        for table in (getattr(store, kind).table for kind in FOUND):
            await connection.execute(sa.text(f"DROP INDEX ix_{table.name}_name"))
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))
    again = await open_at(location)
    found = await again.providers.get(account, made.provider)
    assert (found.spec.provider_id, found.spec.preset) == ("my-vllm", None)
    changed = await again.providers.patch(account, made.provider, ProviderPatch(preset="vllm"), ME)
    assert changed.record.spec.preset == "vllm"
    assert [each.id for each in await again.access_keys.list(account, where={"name": "app"})] == [made.access_key]
    async with again.database.reading() as connection:
        assert "ix_access_keys_name" in await connection.run_sync(
            lambda sync: {index["name"] for index in sa.inspect(sync).get_indexes("access_keys")}
        )
