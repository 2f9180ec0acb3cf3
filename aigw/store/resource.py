"""What all kinds of things of an account have in common: made, read, listed, changed and deleted within it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar, cast

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from aigw.secret import Secret
from aigw.store import checks, ids
from aigw.store.changes import CREATE, DELETE, UPDATE, Changes, Writing
from aigw.store.contract import ANY, LONGEST_PAGE
from aigw.store.errors import REFERENCED, STALE, Conflict, Invalid, NotFound
from aigw.store.patches import Patch
from aigw.store.records import Actor, Change, Record
from aigw.store.specs import Spec

T = TypeVar("T")
R = TypeVar("R", bound=Record[Any])
S = TypeVar("S", bound=Spec)
P = TypeVar("P", bound=Patch)

# Of the things that refer to one that is to be deleted, so many are told.
TOLD = 10


class Rows(Generic[R, S, P]):
    """A kind of things in a table. What differs between kinds is in the methods that subclasses replace."""

    what: ClassVar[str]
    prefix: ClassVar[str]
    table: ClassVar[sa.Table]
    record_type: ClassVar[Any]
    spec_type: ClassVar[Any]
    # Fields of the spec that things are looked up by, with an index each.
    found_by: ClassVar[tuple[str, ...]] = ("name",)

    def __init__(self, changes: Changes) -> None:
        self.changes = changes
        self.database = changes.database
        self._fields = tuple(field.name for field in attrs.fields(self.spec_type))

    # -- what differs --------------------------------------------------------------------------------------------------

    def columns(self, spec: S) -> dict[str, Any]:
        """A spec as columns."""
        return {name: getattr(spec, name) for name in self._fields}

    def spec(self, row: Row[Any]) -> S:
        """A spec from its columns."""
        return cast(S, self.spec_type(**{name: getattr(row, name) for name in self._fields}))

    def match(self, field: str, value: str) -> sa.ColumnElement[bool]:
        """Those of which a field of the spec is this. Raises Invalid."""
        if field not in self.found_by:
            raise Invalid(field, f"is nothing to look a {self.what} up by")
        checks.text(field, value, checks.MODEL)
        return self.table.c[field] == value

    def more(self, row: Row[Any]) -> dict[str, Any]:
        """What a record has beyond its spec and its stamps."""
        return {}

    def made_with(self, account: str, id: str) -> tuple[Mapping[str, Any], Secret | None]:
        """Columns that a new thing has beyond its spec, and its token."""
        return {}, None

    async def accept(self, writing: Writing, account: str, spec: S, before: R | None) -> S:
        """The spec as it is to be kept. Raises Invalid and Conflict where it does not fit what is there."""
        return spec

    async def kept(self, writing: Writing, record: R) -> None:
        """Called when a thing was made or changed: keeps what other tables know of it."""

    async def references(self, connection: AsyncConnection, record: R) -> Sequence[str]:
        """Ids of what refers to a thing, ten at most: it is not deleted."""
        return ()

    # -- what is the same ----------------------------------------------------------------------------------------------

    def record(self, row: Row[Any]) -> R:
        """A record from its row."""
        return cast(
            R,
            self.record_type(
                id=row.id,
                account_id=row.account_id,
                spec=self.spec(row),
                created_at=row.created_at,
                updated_at=row.updated_at,
                created_by=row.created_by,
                last_updated_by=row.last_updated_by,
                revision=row.revision,
                **self.more(row),
            ),
        )

    async def create(self, account: str, spec: S, by: Actor) -> Change[R]:
        """Make one. Raises NotFound, Invalid, Conflict."""
        async with self.changes.begin(by) as writing:
            await writing.account(account)
            return await self.new(writing, account, spec)

    async def new(self, writing: Writing, account: str, spec: S) -> Change[R]:
        """Make one within a change."""
        id = ids.mint(self.prefix)
        extra, token = self.made_with(account, id)
        return Change(await self.insert(writing, account, id, spec, extra), writing.epoch, token)

    async def insert(self, writing: Writing, account: str, id: str, spec: S, extra: Mapping[str, Any]) -> R:
        """Keep a new thing within a change."""
        spec = await self.accept(writing, account, spec, None)
        await writing.connection.execute(
            sa.insert(self.table).values(
                id=id,
                account_id=account,
                created_at=writing.now,
                updated_at=writing.now,
                created_by=writing.by.id,
                last_updated_by=writing.by.id,
                revision=1,
                **self.columns(spec),
                **extra,
            )
        )
        record = await self._read(writing.connection, account, id)
        await self.kept(writing, record)
        await writing.note(CREATE, self.what, (account, id), None, record.spec)
        return record

    async def get(self, account: str, id: str) -> R:
        """One of them. Raises NotFound."""
        async with self.database.reading() as connection:
            return await self._read(connection, account, id)

    async def list(
        self, account: str, *, limit: int = LONGEST_PAGE, before_id: str | None = None, where: Mapping[str, str] = ANY
    ) -> Sequence[R]:
        """A page, newest first. Raises Invalid."""
        wanted = [self.table.c.account_id == account, *(self.match(name, value) for name, value in where.items())]
        query = paged(sa.select(self.table).where(*wanted), self.table, limit, before_id)
        async with self.database.reading() as connection:
            return [self.record(row) async for row in turns(await connection.execute(query))]

    async def patch(self, account: str, id: str, patch: P, by: Actor, *, revision: int | None = None) -> Change[R]:
        """Change one. Raises NotFound, Invalid, Conflict."""
        async with self.changes.begin(by) as writing:
            before = await self.at(writing, account, id, revision)
            spec = await self.accept(writing, account, patch.applied(before.spec), before)
            after = await self.update(writing, before, self.columns(spec), UPDATE)
            await self.kept(writing, after)
            return Change(after, writing.epoch)

    async def update(self, writing: Writing, before: R, values: Mapping[str, Any], action: str) -> R:
        """Change columns of a thing within a change."""
        await writing.connection.execute(
            sa.update(self.table)
            .where(*self._here(before.account_id, before.id))
            .values(**values, updated_at=writing.now, last_updated_by=writing.by.id, revision=self.table.c.revision + 1)
        )
        after = await self._read(writing.connection, before.account_id, before.id)
        await writing.note(action, self.what, (before.account_id, before.id), before.spec, after.spec)
        return after

    async def delete(self, account: str, id: str, by: Actor, *, revision: int | None = None) -> Change[R]:
        """Delete one. Raises NotFound, Conflict."""
        async with self.changes.begin(by) as writing:
            before = await self.at(writing, account, id, revision)
            if found := await self.references(writing.connection, before):
                raise Conflict(REFERENCED, f"{self.what} {id} is in use: {', '.join(found)}", found)
            await writing.connection.execute(sa.delete(self.table).where(*self._here(account, id)))
            await writing.note(DELETE, self.what, (account, id), before.spec, None)
            return Change(before, writing.epoch)

    async def at(self, writing: Writing, account: str, id: str, revision: int | None) -> R:
        """A thing within a change. Raises NotFound; Conflict when it is not at the revision that was expected."""
        found = await self._read(writing.connection, account, id)
        expect(found, revision)
        return found

    async def _read(self, connection: AsyncConnection, account: str, id: str) -> R:
        found = (await connection.execute(sa.select(self.table).where(*self._here(account, id)))).first()
        if found is None:
            raise NotFound(self.what, id)
        return self.record(found)

    def _here(self, account: str, id: str) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
        checks.text("id", id, 255)
        checks.text("account", account, 255)
        return self.table.c.account_id == account, self.table.c.id == id


def expect(record: Record[Any], revision: int | None) -> None:
    """Raises Conflict when a thing has changed since this revision."""
    if revision is not None and record.revision != revision:
        raise Conflict(STALE, f"{record.id} has changed: it is at revision {record.revision}, not {revision}")


async def turns(rows: Iterable[T]) -> AsyncIterator[T]:
    """Rows one by one, with a turn of the loop in between: a single one may hold ten thousand rules."""
    for row in rows:
        yield row
        await asyncio.sleep(0)


def paged(query: sa.Select[Any], table: sa.Table, limit: int, before_id: str | None) -> sa.Select[Any]:
    """A page of a query, newest first. Raises Invalid."""
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= LONGEST_PAGE:
        raise Invalid("limit", f"must be a whole number from 1 to {LONGEST_PAGE}")
    if before_id is not None:
        checks.text("before_id", before_id, 255)
        query = query.where(table.c.id < before_id)
    return query.order_by(table.c.id.desc()).limit(limit)


async def first_ids(
    connection: AsyncConnection, column: sa.ColumnElement[Any], *where: sa.ColumnElement[bool]
) -> list[str]:
    """The ids in a column of the rows that fulfil all this, ten at most."""
    found = await connection.execute(sa.select(column).where(*where).order_by(column).limit(TOLD))
    return [str(id) for id in found.scalars()]
