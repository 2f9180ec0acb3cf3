"""Access keys and API keys (tokens, of which a digest is kept), and provider keys (values, sealed)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from aigw.secret import Secret
from aigw.store import ids, schema, tokens
from aigw.store.changes import ROTATE, Changes, Writing
from aigw.store.errors import Invalid, NotFound
from aigw.store.patches import AccessKeyPatch, Patch
from aigw.store.records import (
    ACCOUNT_ROLE,
    OPERATOR_ACCOUNT,
    OPERATOR_ROLE,
    AccessKeyRecord,
    Actor,
    ApiKeyRecord,
    Change,
    ProviderKeyRecord,
    TokenRecord,
)
from aigw.store.resource import Rows, first_ids
from aigw.store.specs import AccessKeySpec, ApiKeySpec, Budget, ProviderKeySpec
from aigw.store.vault import Vault


def _token_columns(token: Secret, vault: Vault) -> dict[str, Any]:
    return {"digest": tokens.digest(token.reveal().encode(), vault.pepper), "redacted": token.redacted}


class AccessKeyRows(Rows[AccessKeyRecord, AccessKeySpec, AccessKeyPatch]):
    """Access keys."""

    what = "access key"
    prefix = ids.ACCESS_KEY
    table = schema.access_keys
    spec_type = AccessKeySpec

    def __init__(self, changes: Changes, vault: Vault) -> None:
        super().__init__(changes)
        self._vault = vault

    def made_with(self, account: str, id: str) -> tuple[Mapping[str, Any], Secret | None]:
        """A new token's digest."""
        token = tokens.make(tokens.ACCESS)
        return _token_columns(token, self._vault), token

    def columns(self, spec: AccessKeySpec) -> dict[str, Any]:
        """The budget is two columns."""
        columns = super().columns(spec)
        budget: Budget | None = columns.pop("budget")
        return columns | {
            "budget_amount": budget and budget.amount,
            "budget_period": budget and budget.period,
        }

    def record(self, row: Row[Any]) -> AccessKeyRecord:
        """A record from its columns by their places: a snapshot reads a hundred thousand of them."""
        columns: tuple[Any, ...] = tuple(row)
        id, account, name, description, metadata, created, updated, by, last_by, revision = columns[:10]
        digest, redacted, used, configuration, requests, tokens, parallel, amount, period, expires = columns[10:]
        spec = AccessKeySpec(
            name=name,
            description=description,
            metadata=metadata,
            configuration_id=configuration,
            requests_per_minute=requests,
            tokens_per_minute=tokens,
            max_parallel=parallel,
            budget=None if amount is None else Budget(amount, period),
            expires_at=expires,
        )
        return TokenRecord(
            id=id,
            account_id=account,
            spec=spec,
            created_at=created,
            updated_at=updated,
            created_by=by,
            last_updated_by=last_by,
            revision=revision,
            digest=digest,
            redacted=redacted,
            last_used=used,
        )

    async def accept(
        self, writing: Writing, account: str, spec: AccessKeySpec, before: AccessKeyRecord | None
    ) -> AccessKeySpec:
        """Its configuration is one of the same account."""
        if spec.configuration_id is not None:
            table = schema.configurations
            where = (table.c.account_id == account, table.c.id == spec.configuration_id)
            if not await first_ids(writing.connection, table.c.id, *where):
                raise Invalid("configuration_id", "names no access key configuration of this account")
        return spec


class ApiKeyRows(Rows[ApiKeyRecord, ApiKeySpec, Patch]):
    """API keys."""

    what = "API key"
    prefix = ids.API_KEY
    table = schema.api_keys
    record_type = ApiKeyRecord
    spec_type = ApiKeySpec

    def __init__(self, changes: Changes, vault: Vault) -> None:
        super().__init__(changes)
        self._vault = vault

    def more(self, row: Row[Any]) -> dict[str, Any]:
        """The digest and what is shown of the token."""
        return {"digest": row.digest, "redacted": row.redacted, "last_used": row.last_used}

    def made_with(self, account: str, id: str) -> tuple[Mapping[str, Any], Secret | None]:
        """A new token's digest, and the role that its account gives."""
        token = tokens.make(tokens.API)
        return self._columns_of(account, token), token

    async def with_token(
        self, writing: Writing, account: str, spec: ApiKeySpec, token: Secret | None
    ) -> Change[ApiKeyRecord]:
        """Make one within a change: with this token, else a new one. Raises Invalid for what is no token."""
        if token is None:
            return await self.new(writing, account, spec)
        if not tokens.is_ours(token.reveal(), tokens.API):
            raise Invalid("token", "is not the token of an API key")
        columns = self._columns_of(account, token)
        return Change(await self.insert(writing, account, ids.mint(self.prefix), spec, columns), writing.epoch, token)

    def _columns_of(self, account: str, token: Secret) -> dict[str, Any]:
        role = OPERATOR_ROLE if account == OPERATOR_ACCOUNT else ACCOUNT_ROLE
        return {**_token_columns(token, self._vault), "role": role}

    async def authenticate(self, token: str) -> ApiKeyRecord:
        """The key of a token. Raises NotFound."""
        if not tokens.is_ours(token, tokens.API):
            raise NotFound(self.what, "of this token")
        digest = tokens.digest(token.encode(), self._vault.pepper)
        async with self.database.reading() as connection:
            row = (await connection.execute(sa.select(self.table).where(self.table.c.digest == digest))).first()
        if row is None or not tokens.matches(token, self._vault.pepper, row.digest):
            raise NotFound(self.what, "of this token")
        return self.record(row)


class ProviderKeyRows(Rows[ProviderKeyRecord, ProviderKeySpec, Patch]):
    """Provider keys. `create` takes the value, too."""

    what = "provider key"
    prefix = ids.PROVIDER_KEY
    table = schema.provider_keys
    record_type = ProviderKeyRecord
    spec_type = ProviderKeySpec
    found_by = ("name", "provider_id")

    def __init__(self, changes: Changes, vault: Vault) -> None:
        super().__init__(changes)
        self._vault = vault

    def more(self, row: Row[Any]) -> dict[str, Any]:
        """What is shown of the value."""
        return {"redacted": row.redacted, "last_used": row.last_used}

    async def create(  # type: ignore[override]
        self, account: str, spec: ProviderKeySpec, value: Secret, by: Actor
    ) -> Change[ProviderKeyRecord]:
        """Make one. Raises NotFound, Invalid."""
        async with self.changes.begin(by) as writing:
            await writing.account(account)
            return Change(await self.made(writing, account, spec, value), writing.epoch)

    async def made(self, writing: Writing, account: str, spec: ProviderKeySpec, value: Secret) -> ProviderKeyRecord:
        """Make one within a change."""
        id = ids.mint(self.prefix)
        return await self.insert(writing, account, id, spec, self._vault.seal_value(account, id, value))

    async def rotate(
        self, account: str, id: str, value: Secret, by: Actor, *, revision: int | None = None
    ) -> Change[ProviderKeyRecord]:
        """Another value under the same id."""
        async with self.changes.begin(by) as writing:
            before = await self.at(writing, account, id, revision)
            columns = self._vault.seal_value(account, id, value)
            return Change(await self.update(writing, before, columns, ROTATE), writing.epoch)

    async def open(self, account: str, id: str) -> Secret:
        """The value. Raises NotFound, Unsealable."""
        async with self.database.reading() as connection:
            query = sa.select(self.table.c.sealed).where(*self._here(account, id))
            sealed = (await connection.execute(query)).scalar_one_or_none()
        if sealed is None:
            raise NotFound(self.what, id)
        return self._vault.open_value(account, id, sealed)

    async def references(self, connection: AsyncConnection, record: ProviderKeyRecord) -> Sequence[str]:
        """The configurations that name it."""
        columns = schema.configuration_keys.c
        where = (columns.account_id == record.account_id, columns.provider_key_id == record.id)
        return await first_ids(connection, columns.configuration_id, *where)
