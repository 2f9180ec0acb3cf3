"""Custom providers, and other names for models."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from aigw.store import checks, ids, schema
from aigw.store.changes import Writing
from aigw.store.errors import DUPLICATE, Conflict, Invalid
from aigw.store.patches import AliasPatch, ProviderPatch
from aigw.store.records import AliasRecord, ProviderRecord, Record
from aigw.store.resource import TOLD, Rows, first_ids
from aigw.store.specs import AliasSpec, ProviderSpec, prefix_of


class ProviderRows(Rows[ProviderRecord, ProviderSpec, ProviderPatch]):
    """Custom providers."""

    what = "provider"
    prefix = ids.PROVIDER
    table = schema.providers
    record_type = Record
    spec_type = ProviderSpec
    found_by = ("name", "provider_id")

    async def accept(
        self, writing: Writing, account: str, spec: ProviderSpec, before: ProviderRecord | None
    ) -> ProviderSpec:
        """Its id is free; models that were there keep their ids, new ones get one."""
        if before is None:
            columns = self.table.c
            where = (columns.account_id == account, columns.provider_id == spec.provider_id)
            if found := await first_ids(writing.connection, columns.id, *where):
                raise Conflict(DUPLICATE, f"there is a provider {spec.provider_id!r} already", found)
        if before is None or len(spec.models) > len(before.spec.models):
            await self._check_room(writing, account, spec)
        known = {each.model_id.casefold(): each.id for each in (before.spec.models if before else ())}
        models = tuple(
            attrs.evolve(each, id=known.get(each.model_id.casefold()) or ids.mint(ids.MODEL)) for each in spec.models
        )
        return attrs.evolve(spec, models=models)

    async def _check_room(self, writing: Writing, account: str, spec: ProviderSpec) -> None:
        columns = self.table.c
        where = (columns.account_id == account, columns.provider_id != spec.provider_id)
        found = await writing.connection.execute(sa.select(columns.models).where(*where))
        number = len(spec.models) + sum(map(len, found.scalars()))
        if number > checks.MODELS:
            raise Invalid(
                "models", f"are {number} with those of the account's other providers, {checks.MODELS} at most"
            )

    async def references(self, connection: AsyncConnection, record: ProviderRecord) -> Sequence[str]:
        """The provider keys, configurations and aliases that name it."""
        found: list[str] = []
        for table, column in (
            (schema.provider_keys, "id"),
            (schema.configuration_providers, "configuration_id"),
            (schema.aliases, "id"),
        ):
            where = (table.c.account_id == record.account_id, table.c.provider_id == record.spec.provider_id)
            found += await first_ids(connection, table.c[column], *where)
        return found[:TOLD]


class AliasRows(Rows[AliasRecord, AliasSpec, AliasPatch]):
    """Model aliases."""

    what = "model alias"
    prefix = ids.ALIAS
    table = schema.aliases
    record_type = Record
    spec_type = AliasSpec
    found_by = ("name", "alias")

    def columns(self, spec: AliasSpec) -> dict[str, Any]:
        """The alias whatever its case, and the provider that the target names."""
        return super().columns(spec) | {"folded": spec.alias.casefold(), "provider_id": prefix_of(spec.target)}

    def match(self, field: str, value: str) -> sa.ColumnElement[bool]:
        """An alias is found whatever its case."""
        found = super().match(field, value)
        return self.table.c.folded == value.casefold() if field == "alias" else found

    async def accept(self, writing: Writing, account: str, spec: AliasSpec, before: AliasRecord | None) -> AliasSpec:
        """The alias is free."""
        columns = self.table.c
        where = [columns.account_id == account, columns.folded == spec.alias.casefold()]
        if before is not None:
            where.append(columns.id != before.id)
        if found := await first_ids(writing.connection, columns.id, *where):
            raise Conflict(DUPLICATE, f"there is an alias {spec.alias!r} already", found)
        return spec
