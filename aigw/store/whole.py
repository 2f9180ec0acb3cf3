"""Everything a snapshot needs, in one read: in parts, so that the loop goes on in between."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from aigw.secret import Secret
from aigw.store import schema
from aigw.store.accounts import account_record, config_spec
from aigw.store.configurations import ConfigurationRows
from aigw.store.database import LONG_PATIENCE, Database
from aigw.store.errors import Unsealable
from aigw.store.keys import AccessKeyRows, ProviderKeyRows
from aigw.store.providers import AliasRows, ProviderRows
from aigw.store.records import ProviderKeyRecord, Whole
from aigw.store.vault import Vault

# Rows that are made into records in one turn of the loop: a millisecond, as requests may be served by it.
ROWS_A_TURN = 100
# Of these tables a single row may hold ten thousand rules or models.
LARGE_ROWS_A_TURN = 2
_LARGE = (schema.configurations, schema.providers)

T = TypeVar("T")


class Loader:
    """Loads a whole store."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        access_keys: AccessKeyRows,
        configurations: ConfigurationRows,
        provider_keys: ProviderKeyRows,
        providers: ProviderRows,
    ) -> None:
        self._database = database
        self._vault = vault
        self._access_keys = access_keys
        self._configurations = configurations
        self._provider_keys = provider_keys
        self._providers = providers
        self._aliases = AliasRows(access_keys.changes)

    async def load(self) -> Whole:
        """All of it. A provider key that does not open is told, not raised."""
        async with self._database.reading(LONG_PATIENCE) as connection, _no_collections():
            epoch = (await connection.execute(sa.select(schema.epochs.c.epoch))).scalar_one()
            keys, values, unreadable = await self._provider_keys_of(connection)
            return Whole(
                epoch=epoch,
                pepper=self._vault.pepper,
                accounts=await _all(connection, schema.accounts, account_record),
                access_keys=await _all(connection, schema.access_keys, self._access_keys.record),
                configurations=await _all(connection, schema.configurations, self._configurations.record),
                provider_keys=keys,
                values=values,
                unreadable=tuple(unreadable),
                providers=await _all(connection, schema.providers, self._providers.record),
                aliases=await _all(connection, schema.aliases, self._aliases.record),
                gateway_configs=dict(await _all(connection, schema.gateway_configs, _config)),
            )

    async def _provider_keys_of(
        self, connection: AsyncConnection
    ) -> tuple[tuple[ProviderKeyRecord, ...], dict[str, Secret], list[str]]:
        records: list[ProviderKeyRecord] = []
        values: dict[str, Secret] = {}
        unreadable: list[str] = []
        async for part in _parts(connection, schema.provider_keys):
            for row in part:
                records.append(self._provider_keys.record(row))
                try:
                    values[row.id] = self._vault.open_value(row.account_id, row.id, row.sealed)
                except Unsealable:
                    unreadable.append(row.id)
        return tuple(records), values, unreadable


@asynccontextmanager
async def _no_collections() -> AsyncIterator[None]:
    # Nothing that is read is garbage, and the collector would walk all of it again and again: a third of the time, and
    # a hold of the loop of a quarter of a second with a hundred thousand keys.
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _config(row: Row[Any]) -> tuple[str, Any]:
    return row.account_id, config_spec(row)


async def _all(connection: AsyncConnection, table: sa.Table, made: Callable[[Row[Any]], T]) -> tuple[T, ...]:
    found: list[T] = []
    async for part in _parts(connection, table):
        found += map(made, part)
    return tuple(found)


async def _parts(connection: AsyncConnection, table: sa.Table) -> AsyncIterator[Sequence[Row[Any]]]:
    """The rows of a table, so many at a time; newest first where the order tells something."""
    query = sa.select(table)
    if table is not schema.access_keys:
        query = query.order_by(table.c.id.desc())
    async with connection.stream(query) as result:
        async for part in result.partitions(LARGE_ROWS_A_TURN if table in _LARGE else ROWS_A_TURN):
            yield part
