"""Accounts and their settings, on both databases."""

from __future__ import annotations

import pytest

from aigw.store.contract import Conflict, Invalid, NotFound
from aigw.store.patches import GatewayConfigPatch, Patch
from aigw.store.records import OPERATOR_ACCOUNT
from aigw.store.specs import ApiKeySpec
from aigw.store.sql import SqlStore

from .things import ME, team


async def test_accounts(store: SqlStore, account: str) -> None:
    """Accounts are made, renamed, deleted when empty; the default one stays, the operators' is nowhere to be seen."""
    other = await team(store)
    assert [each.id for each in await store.accounts.list()] == [other, account]
    assert (await store.accounts.patch(other, Patch(name="crew"), ME)).record.spec.name == "crew"
    assert (await store.accounts.named("crew")).id == other
    for call in (store.accounts.get(OPERATOR_ACCOUNT), store.accounts.delete(OPERATOR_ACCOUNT, ME)):
        with pytest.raises(NotFound):
            await call
    with pytest.raises(Conflict):
        await store.accounts.patch(account, Patch(name="x"), ME)
    with pytest.raises(Conflict):
        await store.accounts.delete(account, ME)
    key = (await store.api_keys.create(other, ApiKeySpec(), ME)).record
    with pytest.raises(Conflict) as caught:
        await store.accounts.delete(other, ME)
    assert (caught.value.reason, caught.value.ids) == ("in_use", (key.id,))
    await store.gateway_configs.patch(other, GatewayConfigPatch(total_timeout=1.0), ME)
    await store.api_keys.delete(other, key.id, ME)
    await store.accounts.delete(other, ME)
    with pytest.raises(NotFound):
        await store.accounts.get(other)


async def test_settings_of_an_account(store: SqlStore, account: str) -> None:
    """An account has settings before any were made (revision 0); a change counts once and for that account."""
    other = await team(store)
    assert (await store.gateway_configs.get(account)).revision == 0
    await store.gateway_configs.patch(account, GatewayConfigPatch(total_timeout=90.5, metadata="m"), ME, revision=0)
    with pytest.raises(Conflict):
        await store.gateway_configs.patch(account, GatewayConfigPatch(), ME, revision=0)
    after = (await store.gateway_configs.patch(account, GatewayConfigPatch(connect_timeout=2), ME)).record
    assert (after.spec.total_timeout, after.spec.connect_timeout, after.spec.metadata) == (90.5, 2, "m")
    assert after.revision == 2
    assert (await store.gateway_configs.get(other)).revision == 0


async def test_accounts_are_found_by_their_names(store: SqlStore) -> None:
    """The operators' own has a name, too, and is not found."""
    ours = await team(store)
    assert [each.id for each in await store.accounts.list(where={"name": "team"})] == [ours]
    assert await store.accounts.list(where={"name": "Team"}) == []
    assert await store.accounts.list(where={"name": OPERATOR_ACCOUNT}) == []
    with pytest.raises(Invalid, match="metadata"):
        await store.accounts.list(where={"metadata": ""})
