"""The audit as it is read: rows are left by the changes themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from aigw.store import checks, schema
from aigw.store.contract import LONGEST_PAGE
from aigw.store.database import Database
from aigw.store.records import AuditRecord
from aigw.store.resource import paged, turns

_table = schema.audit


class AuditRows:
    """Who changed what."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list(
        self, account: str, *, limit: int = LONGEST_PAGE, before_id: str | None = None, resource_id: str | None = None
    ) -> Sequence[AuditRecord]:
        """A page of an account's changes, newest first."""
        checks.text("account", account, 255)
        query = sa.select(_table).where(_table.c.account_id == account)
        if resource_id is not None:
            checks.text("resource_id", resource_id, 255)
            query = query.where(_table.c.resource_id == resource_id)
        return await self._page(query, limit, before_id)

    async def everywhere(self, *, limit: int = LONGEST_PAGE, before_id: str | None = None) -> Sequence[AuditRecord]:
        """A page of all changes."""
        return await self._page(sa.select(_table), limit, before_id)

    async def prune(self, before: datetime) -> int:
        """Drop the rows older than this: how many."""
        checks.moment("before", before)
        async with self._database.writing() as connection:
            return (await connection.execute(sa.delete(_table).where(_table.c.at < before))).rowcount

    async def _page(
        self, query: sa.Select[tuple[object, ...]], limit: int, before_id: str | None
    ) -> Sequence[AuditRecord]:
        async with self._database.reading() as connection:
            found = await connection.execute(paged(query, _table, limit, before_id))
            return [AuditRecord(**row._mapping) async for row in turns(found)]
