"""Sealing everything anew with the first key of the ring: in batches, resumed when interrupted, twice without harm."""

from __future__ import annotations

from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from aigw.store import schema
from aigw.store.changes import ROTATE, Changes
from aigw.store.errors import Unsealable
from aigw.store.records import OPERATOR_ACCOUNT, Actor
from aigw.store.sealing import KEY_ID_BYTES, Place
from aigw.store.sql import SqlStore
from aigw.store.vault import SEALED

# Every table with a sealed column, by the name of its column of accounts.
SEALED_TABLES: tuple[tuple[sa.Table, str | None], ...] = (
    (schema.provider_keys, "account_id"),
    (schema.house_secrets, None),
)
# Values that are sealed anew in one transaction: others wait for it some milliseconds.
BATCH = 200


@attrs.frozen
class Rotated:
    """What a rotation did: values sealed anew, ids of those that no key here opens."""

    sealed: int
    unreadable: tuple[str, ...]


async def rotate(store: SqlStore, by: Actor) -> Rotated:
    """Seal with the first key what is sealed with another one. What is done stays done when it is interrupted."""
    sealed = 0
    unreadable: list[str] = []
    for table, account in SEALED_TABLES:
        after = ""
        while True:
            async with store.database.writing() as connection:
                rows = await _others(store, connection, table, account, after)
                for row in rows:
                    if await _sealed_anew(store, connection, table, row):
                        sealed += 1
                    else:
                        unreadable.append(row.id)
            if len(rows) < BATCH:
                break
            after = rows[-1].id
    async with Changes(store.database).begin(by) as writing:
        await writing.note(ROTATE, "secret key", (OPERATOR_ACCOUNT, store.vault.ring.first.hex()), None, None)
    return Rotated(sealed, tuple(unreadable))


async def _others(
    store: SqlStore, connection: AsyncConnection, table: sa.Table, account: str | None, after: str
) -> list[Any]:
    """The next values that another key has sealed, in the order of their ids."""
    owner = table.c[account] if account else sa.literal("")
    key = sa.func.substr(table.c[SEALED], 2, KEY_ID_BYTES, type_=sa.LargeBinary)
    query = (
        sa.select(table.c.id, owner.label("account"), table.c[SEALED].label("value"))
        .where(key != store.vault.ring.first, table.c.id > after)
        .order_by(table.c.id)
        .limit(BATCH)
        .with_for_update(of=table)
    )
    return list(await connection.execute(query))


async def _sealed_anew(store: SqlStore, connection: AsyncConnection, table: sa.Table, row: Any) -> bool:
    place = Place(table.name, row.id, SEALED, row.account)
    try:
        text = store.vault.ring.open(row.value, place)
    except Unsealable:
        return False
    values = {SEALED: store.vault.ring.seal(text, place)}
    await connection.execute(sa.update(table).where(table.c.id == row.id).values(values))
    return True
