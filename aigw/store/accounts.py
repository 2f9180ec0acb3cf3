"""The accounts themselves, and the settings that each of them has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from aigw.store import checks, ids, schema
from aigw.store.changes import CREATE, DELETE, UPDATE, Changes, Writing
from aigw.store.columns import moment
from aigw.store.contract import ANY, LONGEST_PAGE
from aigw.store.errors import DUPLICATE, IN_USE, Conflict, Invalid, NotFound
from aigw.store.patches import GatewayConfigPatch, Patch
from aigw.store.records import (
    DEFAULT_NAME,
    OPERATOR_ACCOUNT,
    SYSTEM,
    AccountRecord,
    Actor,
    Change,
    GatewayConfigRecord,
    Record,
)
from aigw.store.resource import expect, paged
from aigw.store.specs import AccountSpec, GatewayConfigSpec

_ACCOUNT = "account"
_CONFIG = "gateway config"
# What an account may hold; one that holds any of it is not deleted. Its settings go with it.
_HOLDS = (
    schema.access_keys,
    schema.api_keys,
    schema.provider_keys,
    schema.configurations,
    schema.providers,
    schema.aliases,
)
_table = schema.accounts
_shown = _table.c.id != OPERATOR_ACCOUNT


class AccountRows:
    """Accounts. The operators' own is in no list and cannot be reached."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._database = changes.database

    async def create(self, spec: AccountSpec, by: Actor) -> Change[AccountRecord]:
        """Make one. Raises Conflict."""
        async with self._changes.begin(by) as writing:
            await _name_is_free(writing, spec.name)
            record = await new_account(writing, ids.mint(ids.ACCOUNT), spec)
            return Change(record, writing.epoch)

    async def get(self, id: str) -> AccountRecord:
        """One of them. Raises NotFound."""
        async with self._database.reading() as connection:
            return await _account(connection, id)

    async def named(self, name: str) -> AccountRecord:
        """The one of this name. Raises NotFound."""
        checks.text("name", name, checks.NAME)
        async with self._database.reading() as connection:
            query = sa.select(_table).where(_shown, _table.c.name == name)
            row = (await connection.execute(query)).first()
        if row is None:
            raise NotFound(_ACCOUNT, name)
        return account_record(row)

    async def list(
        self, *, limit: int = LONGEST_PAGE, before_id: str | None = None, where: Mapping[str, str] = ANY
    ) -> Sequence[AccountRecord]:
        """A page, newest first. Raises Invalid."""
        query = paged(sa.select(_table).where(_shown, *_matches(where)), _table, limit, before_id)
        async with self._database.reading() as connection:
            return [account_record(row) for row in await connection.execute(query)]

    async def patch(self, id: str, patch: Patch, by: Actor, *, revision: int | None = None) -> Change[AccountRecord]:
        """Change one. Raises NotFound, Conflict."""
        async with self._changes.begin(by) as writing:
            before = await _account(writing.connection, id)
            expect(before, revision)
            spec = patch.applied(before.spec)
            if spec.name != before.spec.name:
                if before.spec.name == DEFAULT_NAME:
                    raise Conflict(IN_USE, "the default account keeps its name")
                await _name_is_free(writing, spec.name)
            values = {**_columns(spec), **_changed(writing, before.revision)}
            await writing.connection.execute(sa.update(_table).where(_table.c.id == id).values(**values))
            await writing.note(UPDATE, _ACCOUNT, (id, id), before.spec, spec)
            return Change(await _account(writing.connection, id), writing.epoch)

    async def delete(self, id: str, by: Actor, *, revision: int | None = None) -> Change[AccountRecord]:
        """Delete an empty one. Raises NotFound, Conflict."""
        async with self._changes.begin(by) as writing:
            before = await _account(writing.connection, id)
            expect(before, revision)
            if before.spec.name == DEFAULT_NAME:
                raise Conflict(IN_USE, "the default account cannot be deleted")
            for table in _HOLDS:
                held = sa.select(table.c.id).where(table.c.account_id == id).limit(10)
                if found := [str(each) for each in (await writing.connection.execute(held)).scalars()]:
                    raise Conflict(IN_USE, f"account {id} still has {table.name.replace('_', ' ')}", found)
            settings = schema.gateway_configs
            await writing.connection.execute(sa.delete(settings).where(settings.c.account_id == id))
            await writing.connection.execute(sa.delete(_table).where(_table.c.id == id))
            await writing.note(DELETE, _ACCOUNT, (id, id), before.spec, None)
            return Change(before, writing.epoch)


class GatewayConfigRows:
    """Settings of accounts: a row from the first change on."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes

    async def get(self, account: str) -> GatewayConfigRecord:
        """The settings. Raises NotFound."""
        async with self._changes.database.reading() as connection:
            await _account(connection, account)
            return await _config(connection, account)

    async def patch(
        self, account: str, patch: GatewayConfigPatch, by: Actor, *, revision: int | None = None
    ) -> Change[GatewayConfigRecord]:
        """Change them. Raises NotFound, Invalid, Conflict."""
        table = schema.gateway_configs
        async with self._changes.begin(by) as writing:
            await _account(writing.connection, account)
            before = await _config(writing.connection, account)
            expect(before, revision)
            spec = patch.applied(before.spec)
            values = {**_columns(spec), **_changed(writing, before.revision)}
            if before.revision:
                statement: Any = sa.update(table).where(table.c.account_id == account).values(**values)
            else:
                made = {"created_at": writing.now, "created_by": writing.by.id}
                statement = sa.insert(table).values(id=account, account_id=account, **made, **values)
            await writing.connection.execute(statement)
            await writing.note(UPDATE, _CONFIG, (account, account), before.spec, spec)
            return Change(await _config(writing.connection, account), writing.epoch)


async def new_account(writing: Writing, id: str, spec: AccountSpec) -> AccountRecord:
    """Make an account within a change."""
    made = {"created_at": writing.now, "created_by": writing.by.id}
    values = {**_columns(spec), **_changed(writing, 0), **made}
    await writing.connection.execute(sa.insert(_table).values(id=id, **values))
    await writing.note(CREATE, _ACCOUNT, (id, id), None, spec)
    row = (await writing.connection.execute(sa.select(_table).where(_table.c.id == id))).one()
    return account_record(row)


def account_record(row: Row[Any]) -> AccountRecord:
    """An account from its row."""
    spec = AccountSpec(name=row.name, description=row.description, metadata=row.metadata)
    return Record(spec=spec, id=row.id, account_id=row.id, **_stamps(row))


def config_spec(row: Row[Any]) -> GatewayConfigSpec:
    """An account's settings from their row."""
    return GatewayConfigSpec(**{field.name: getattr(row, field.name) for field in attrs.fields(GatewayConfigSpec)})


async def _account(connection: AsyncConnection, id: str) -> AccountRecord:
    checks.text("account", id, 255)
    row = (await connection.execute(sa.select(_table).where(_shown, _table.c.id == id))).first()
    if row is None:
        raise NotFound(_ACCOUNT, id)
    return account_record(row)


async def _config(connection: AsyncConnection, account: str) -> GatewayConfigRecord:
    table = schema.gateway_configs
    row = (await connection.execute(sa.select(table).where(table.c.account_id == account))).first()
    if row is not None:
        return Record(id=account, account_id=account, spec=config_spec(row), **_stamps(row))
    never: datetime = moment(0)
    return Record(
        id=account,
        account_id=account,
        spec=GatewayConfigSpec(),
        created_at=never,
        updated_at=never,
        created_by=SYSTEM.id,
        last_updated_by=SYSTEM.id,
        revision=0,
    )


def _matches(where: Mapping[str, str]) -> Iterator[sa.ColumnElement[bool]]:
    for field, value in where.items():
        if field != "name":
            raise Invalid(field, "is nothing to look an account up by")
        checks.text(field, value, checks.NAME)
        yield _table.c.name == value


async def _name_is_free(writing: Writing, name: str) -> None:
    found = (await writing.connection.execute(sa.select(_table.c.id).where(_table.c.name == name))).first()
    if found is not None:
        raise Conflict(
            DUPLICATE, f"there is an account {name!r} already", () if found.id == OPERATOR_ACCOUNT else found
        )


def _columns(spec: AccountSpec | GatewayConfigSpec) -> dict[str, Any]:
    return {field.name: getattr(spec, field.name) for field in attrs.fields(type(spec))}


def _changed(writing: Writing, revision: int) -> dict[str, Any]:
    return {"updated_at": writing.now, "last_updated_by": writing.by.id, "revision": revision + 1}


def _stamps(row: Row[Any]) -> dict[str, Any]:
    names = ("created_at", "updated_at", "created_by", "last_updated_by", "revision")
    return {name: getattr(row, name) for name in names}
