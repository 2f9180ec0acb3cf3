"""A change: a transaction that raises the epoch first, so that changes follow one another, and leaves its audit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import attrs
import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from aigw.settings import mask_url
from aigw.store import checks, ids, schema
from aigw.store.database import POSTGRESQL, Database
from aigw.store.errors import DUPLICATE, Conflict, NotFound
from aigw.store.records import Actor
from aigw.store.specs import Spec

CREATE, UPDATE, DELETE, ROTATE = "create", "update", "delete", "rotate"
# What PostgreSQL tells listeners of a change under.
CHANNEL = "aigw_epoch"


@attrs.frozen(eq=False)
class Writing:
    """A change under way. What is read in it stays as it is until its end: no other change is under way."""

    connection: AsyncConnection
    epoch: int
    now: datetime
    by: Actor

    async def account(self, id: str) -> None:
        """Raises NotFound for an account that is not there."""
        found = await self.connection.execute(sa.select(schema.accounts.c.id).where(schema.accounts.c.id == id))
        if found.first() is None:
            raise NotFound("account", id)

    async def note(
        self, action: str, resource: str, place: tuple[str, str], before: Spec | None, after: Spec | None
    ) -> None:
        """Leave a row in the audit. `place` is account and id; specs hold no secrets."""
        account, id = place
        await self.connection.execute(
            sa.insert(schema.audit).values(
                id=ids.mint(ids.AUDIT),
                account_id=account,
                at=self.now,
                actor=self.by.id,
                request_id=self.by.request_id,
                action=action,
                resource=resource,
                resource_id=id,
                before=plain(before),
                after=plain(after),
                epoch=self.epoch,
            )
        )


class Changes:
    """Begins changes of one database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    @asynccontextmanager
    async def begin(self, by: Actor) -> AsyncIterator[Writing]:
        """A change, kept when the block ends well. Raises StoreUnavailable, Conflict."""
        checks.text("actor", by.id, 255, empty=False)
        checks.text("request_id", by.request_id, 255)
        try:
            async with self.database.writing() as connection:
                yield Writing(connection, await self._raised(connection), datetime.now(UTC), by)
            self.database.changed.set()
        except IntegrityError:
            # What is checked beforehand does not come here; this is the last door.
            raise Conflict(DUPLICATE, "it clashes with something that is there") from None

    async def _raised(self, connection: AsyncConnection) -> int:
        column = schema.epochs.c.epoch
        raised = await connection.execute(sa.update(schema.epochs).values(epoch=column + 1).returning(column))
        epoch = int(raised.scalar_one())
        if self.database.kind == POSTGRESQL:
            # Sent when the transaction is committed, not before (PostgreSQL, NOTIFY).
            await connection.execute(sa.select(sa.func.pg_notify(CHANNEL, str(epoch))))
        return epoch


def plain(spec: Spec | None) -> dict[str, Any] | None:
    """A spec as plain values, for the audit. A secret in it would be refused: it has no plain form."""
    if spec is None:
        return None
    told: dict[str, Any] = msgspec.to_builtins(spec)
    if "base_url" in told:
        # The query of a URL may hold a key.
        told["base_url"] = mask_url(told["base_url"])
    return told
