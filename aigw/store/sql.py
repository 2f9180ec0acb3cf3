"""The store in a database: every part of the contract over one set of tables."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from aigw.secret import Secret
from aigw.store import ids, schema
from aigw.store.accounts import AccountRows, GatewayConfigRows, new_account
from aigw.store.audits import AuditRows
from aigw.store.changes import Changes
from aigw.store.columns import Instant
from aigw.store.configurations import ConfigurationRows
from aigw.store.database import Database
from aigw.store.epochs import EpochRows, Listen
from aigw.store.keys import AccessKeyRows, ApiKeyRows, ProviderKeyRows
from aigw.store.providers import AliasRows, ProviderRows
from aigw.store.records import (
    DEFAULT_NAME,
    OPERATOR_ACCOUNT,
    SYSTEM,
    ApiKeyRecord,
    Change,
    Use,
    Whole,
)
from aigw.store.specs import AccountSpec, ApiKeySpec
from aigw.store.vault import Vault
from aigw.store.whole import Loader

_USED = {ids.ACCESS_KEY: schema.access_keys, ids.API_KEY: schema.api_keys, ids.PROVIDER_KEY: schema.provider_keys}


class SqlStore:
    """A store, once `begin` has been awaited. See `contract.Store`."""

    def __init__(self, database: Database, vault: Vault, listen: Listen, down: tuple[type[Exception], ...]) -> None:
        self.database = database
        self.vault = vault
        self._changes = Changes(database)
        self.accounts = AccountRows(self._changes)
        self.access_keys = AccessKeyRows(self._changes, vault)
        self.provider_keys = ProviderKeyRows(self._changes, vault)
        self.configurations = ConfigurationRows(self._changes, self.provider_keys)
        self.api_keys = ApiKeyRows(self._changes, vault)
        self.providers = ProviderRows(self._changes)
        self.aliases = AliasRows(self._changes)
        self.gateway_configs = GatewayConfigRows(self._changes)
        self.audit = AuditRows(database)
        self.epochs = EpochRows(database, listen, down)
        self._loader = Loader(
            database, vault, self.access_keys, self.configurations, self.provider_keys, self.providers
        )

    async def begin(self) -> None:
        """Read the pepper; a new store gets one, and its first accounts. Raises StoreUnavailable, ConfigError."""
        async with self.database.reading() as connection:
            if await self.vault.unlock(connection):
                return
        async with self._changes.begin(SYSTEM) as writing:
            # Another process may have been faster.
            if await self.vault.unlock(writing.connection):
                return
            await self.vault.make_pepper(writing.connection)
            await new_account(writing, OPERATOR_ACCOUNT, AccountSpec(name=OPERATOR_ACCOUNT))
            await new_account(writing, ids.mint(ids.ACCOUNT), AccountSpec(name=DEFAULT_NAME))

    async def first_operator(self, token: Secret | None = None) -> Change[ApiKeyRecord] | None:
        """An API key for the operator if there is none: with this token, else a new one."""
        if await self.api_keys.list(OPERATOR_ACCOUNT, limit=1):
            return None
        table = schema.api_keys
        async with self._changes.begin(SYSTEM) as writing:
            held = sa.select(table.c.id).where(table.c.account_id == OPERATOR_ACCOUNT).limit(1)
            if (await writing.connection.execute(held)).first() is not None:
                return None
            return await self.api_keys.with_token(writing, OPERATOR_ACCOUNT, ApiKeySpec(name="operator"), token)

    async def whole(self) -> Whole:
        """Everything a snapshot is made of."""
        return await self._loader.load()

    async def touch(self, uses: Sequence[Use]) -> None:
        """Note when keys were used."""
        by_table: dict[str, list[dict[str, Any]]] = defaultdict(list)
        # In the order of ids: two that write the same rows do not wait for each other.
        for use in sorted(uses, key=lambda use: use.id):
            prefix = use.id.partition("_")[0] + "_"
            if prefix in _USED:
                by_table[prefix].append({"used": use.at, "of": use.id, "by": use.account_id})
        if not by_table:
            return
        async with self.database.writing() as connection:
            for prefix in sorted(by_table):
                table = _USED[prefix]
                used = sa.bindparam("used", type_=Instant)
                statement = (
                    sa.update(table)
                    .where(table.c.id == sa.bindparam("of"), table.c.account_id == sa.bindparam("by"))
                    .where(sa.or_(table.c.last_used.is_(None), table.c.last_used < used))
                    .values(last_used=used)
                )
                await connection.execute(statement, by_table[prefix])

    async def close(self) -> None:
        """Give back every connection."""
        await self.database.close()
