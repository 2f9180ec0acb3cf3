"""The whole store as lines of JSON, and back: from one database to the other, with everything, checked.

Secrets stay sealed: whoever imports needs the same secret key, and who finds the file has nothing without it. The last
line counts the rows and has a digest of all lines before it; what was imported is read again, for the same digest.
"""

from __future__ import annotations

import base64
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from aigw.store import schema
from aigw.store.columns import Instant, Money, Shaped
from aigw.store.database import LONG_PATIENCE
from aigw.store.errors import BadExport, StoreNotEmpty, Unsealable
from aigw.store.migrating import head
from aigw.store.records import OPERATOR_ACCOUNT
from aigw.store.sql import SqlStore

KIND = "aigw store"
FORMAT = 1
# Moving a store of a hundred thousand keys takes half a minute.
PATIENCE = 10 * LONG_PATIENCE
_BATCH = 500
# In an order in which each row finds what it refers to. Which workers live is no part of the store.
TABLES = tuple(table for table in schema.METADATA.sorted_tables if table is not schema.workers)
# What a store has before anything was done with it.
_SEEDS = frozenset({schema.accounts, schema.epochs, schema.house_secrets, schema.audit})


async def export(store: SqlStore) -> AsyncIterator[bytes]:
    """The lines of a store, as it is at one moment."""
    async with store.database.reading(PATIENCE) as connection:
        keys = sorted(each.hex() for each in store.vault.ring.ids)
        yield _line({"kind": KIND, "format": FORMAT, "version": head(), "keys": keys})
        sum_ = _Sum()
        async for line in _lines(connection):
            yield sum_.taken(line)
        yield _line(sum_.told())


async def restore(store: SqlStore, lines: Iterable[bytes]) -> Mapping[str, int]:
    """Fill a new store with an export: rows by table. All of it, or nothing.

    Raises StoreNotEmpty, BadExport, Unsealable (another secret key), StoreUnavailable.
    """
    given = iter(lines)
    _check_head(next(given, b""))
    sum_ = _Sum()
    async with store.database.writing(PATIENCE) as connection:
        await _clear(connection)
        try:
            await _fill(connection, _rows(given, sum_))
        except (SQLAlchemyError, KeyError, ValueError, TypeError) as error:
            if isinstance(error, BadExport):
                raise
            raise BadExport(f"the export does not fit this store ({type(error).__name__})") from None
        again = _Sum()
        async for line in _lines(connection):
            again.taken(line)
        if again.told() != sum_.told():
            raise BadExport("what was imported is not what was exported; nothing is kept")
        await _check_seals(store, connection)
    return dict(sum_.counts)


class _Sum:
    """Counts lines by table and digests them."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._digest = hashlib.blake2b(digest_size=32)

    def taken(self, line: bytes) -> bytes:
        self._digest.update(line)
        self.counts[msgspec.json.decode(line)["table"]] += 1
        return line

    def told(self) -> dict[str, Any]:
        return {"end": True, "rows": dict(sorted(self.counts.items())), "digest": self._digest.hexdigest()}


# -- out --------------------------------------------------------------------------------------------------------------


async def _lines(connection: AsyncConnection) -> AsyncIterator[bytes]:
    for table in TABLES:
        columns = [sa.type_coerce(column, _raw(column)).label(column.name) for column in table.c]
        async with connection.stream(sa.select(*columns).order_by(*table.primary_key)) as result:
            async for part in result.partitions(_BATCH):
                for row in part:
                    values = {str(name): _written(value) for name, value in row._mapping.items()}
                    yield _line({"table": str(table.name), "row": values})


def _raw(column: sa.Column[Any]) -> Any:
    """The type whose values are as they are kept."""
    if isinstance(column.type, Instant):
        return sa.BigInteger()
    return sa.Text() if isinstance(column.type, Shaped) else column.type


def _written(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return format(value, "f") if isinstance(value, Decimal) else value


def _line(value: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(value) + b"\n"


# -- in ---------------------------------------------------------------------------------------------------------------


def _decoded(line: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(line)
    except msgspec.DecodeError:
        value = None
    if not isinstance(value, dict):
        raise BadExport("this is not an export of a store, or it is damaged")
    return value


def _check_head(line: bytes) -> None:
    told = _decoded(line)
    if told.get("kind") != KIND or told.get("format") != FORMAT:
        raise BadExport("this is not an export of a store")
    if told.get("version") != head():
        raise BadExport(
            f"the export is of version {told.get('version')}, this program's is {head()}: export with the same version"
        )


def _rows(lines: Iterator[bytes], sum_: _Sum) -> Iterator[tuple[sa.Table, dict[str, Any]]]:
    """The rows of an export, up to its end, which has to be there and to agree."""
    tables = {str(table.name): table for table in TABLES}
    for line in lines:
        told = _decoded(line)
        if "end" in told:
            if told != sum_.told():
                raise BadExport("the export was changed, or lines of it are missing")
            return
        table = tables[told["table"]]
        sum_.taken(line)
        yield table, {column.name: _read(column, told["row"][column.name]) for column in table.c}
    raise BadExport("the export is cut: its last line is missing")


def _read(column: sa.Column[Any], value: Any) -> Any:
    if value is None:
        return None
    if isinstance(column.type, sa.LargeBinary):
        return base64.b64decode(value, validate=True)
    return Decimal(value) if isinstance(column.type, Money) else value


async def _clear(connection: AsyncConnection) -> None:
    """Take out what a new store has. Raises StoreNotEmpty when there is more."""
    for table in TABLES:
        if (
            table not in _SEEDS
            and (await connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1))).first()
        ):
            raise StoreNotEmpty(f"the store is not empty, it has {table.name.replace('_', ' ')}: import into a new one")
    more = sa.select(sa.func.count()).select_from(schema.accounts).where(schema.accounts.c.id != OPERATOR_ACCOUNT)
    if (await connection.execute(more)).scalar_one() > 1:
        raise StoreNotEmpty("the store is not empty, it has accounts: import into a new one")
    for table in reversed(TABLES):
        await connection.execute(sa.delete(table))


async def _fill(connection: AsyncConnection, rows: Iterator[tuple[sa.Table, dict[str, Any]]]) -> None:
    filling: sa.Table | None = None
    batch: list[dict[str, Any]] = []
    for table, values in rows:
        if batch and (table is not filling or len(batch) == _BATCH):
            assert filling is not None
            await connection.execute(_insert(filling), batch)
            batch = []
        filling = table
        batch.append(values)
    if batch and filling is not None:
        await connection.execute(_insert(filling), batch)


def _insert(table: sa.Table) -> sa.Insert:
    """An insert of values as they are kept."""
    raw = sa.table(table.name, *(sa.column(column.name, _raw(column)) for column in table.c))
    return sa.insert(raw)


async def _check_seals(store: SqlStore, connection: AsyncConnection) -> None:
    """Raises Unsealable when this store's secret key is not the one that sealed what was imported."""
    if not await store.vault.unlock(connection):
        raise BadExport("the export has no pepper")
    table = schema.provider_keys
    async with connection.stream(sa.select(table.c.account_id, table.c.id, table.c.sealed)) as result:
        async for row in result:
            try:
                store.vault.open_value(row.account_id, row.id, row.sealed)
            except Unsealable as error:
                raise Unsealable(f"{error}; nothing was imported") from None


async def count(store: SqlStore) -> dict[str, Any]:
    """How many rows each table has, the version and the epoch."""
    async with store.database.reading() as connection:
        told: dict[str, Any] = {"version": head()}
        told["epoch"] = (await connection.execute(sa.select(schema.epochs.c.epoch))).scalar_one()
        for table in TABLES:
            if table not in (schema.epochs, schema.house_secrets):
                rows = await connection.execute(sa.select(sa.func.count()).select_from(table))
                told[str(table.name)] = rows.scalar_one()
        return told
