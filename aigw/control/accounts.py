"""Accounts: `/accounts`, for operators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from aigw.control.resource import Kind
from aigw.control.routes import OPERATOR, Call
from aigw.control.shapes import AccountName, Named, Resource, patch_of, spec_of, stamps
from aigw.store.contract import Accounts, Store
from aigw.store.patches import Patch
from aigw.store.records import AccountRecord, Actor, Change
from aigw.store.specs import AccountSpec

PATH = "/accounts"


class AccountBody(Named, kw_only=True):
    """An account. Its name is unique."""

    name: AccountName


class AccountPatch(Named, kw_only=True):
    """A change of an account. The default one keeps its name."""


class Account(Resource, kw_only=True):
    """An account: owner of keys, configurations, providers, aliases and settings."""


@attrs.frozen(eq=False)
class _Kept:
    """Accounts as things of an account are kept: which one it is does not matter."""

    accounts: Accounts

    async def create(self, account: str, spec: AccountSpec, by: Actor) -> Change[AccountRecord]:
        """Make one."""
        return await self.accounts.create(spec, by)

    async def get(self, account: str, id: str) -> AccountRecord:
        """One of them."""
        return await self.accounts.get(id)

    async def list(
        self, account: str, *, limit: int, before_id: str | None, where: Mapping[str, str]
    ) -> Sequence[AccountRecord]:
        """A page."""
        return await self.accounts.list(limit=limit, before_id=before_id, where=where)

    async def patch(
        self, account: str, id: str, patch: Patch, by: Actor, *, revision: int | None
    ) -> Change[AccountRecord]:
        """Change one."""
        return await self.accounts.patch(id, patch, by, revision=revision)

    async def delete(self, account: str, id: str, by: Actor, *, revision: int | None) -> Change[AccountRecord]:
        """Delete an empty one."""
        return await self.accounts.delete(id, by, revision=revision)


def _kept(store: Store) -> _Kept:
    return _Kept(store.accounts)


async def _show(call: Call, records: Sequence[AccountRecord]) -> list[Any]:
    return [Account(**stamps(each, PATH)) for each in records]


ROUTES = Kind(
    path=PATH,
    what="account",
    plural="accounts",
    item=Account,
    create_body=AccountBody,
    patch_body=AccountPatch,
    keeps=_kept,
    spec=lambda call, fields: spec_of(AccountSpec, fields),
    patch=lambda call, fields: patch_of(Patch, fields),
    show=_show,
    role=OPERATOR,
    in_operator_account=True,
    example={"name": "research", "description": "the research team"},
    patch_example={"description": "the research team in Graz"},
).routes()
