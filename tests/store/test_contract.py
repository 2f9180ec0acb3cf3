"""What every store does, run on both databases."""

from __future__ import annotations

import asyncio
import inspect
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from aigw.secret import Secret
from aigw.snapshot import digest
from aigw.store import contract, schema
from aigw.store.contract import Conflict, Invalid, NotFound
from aigw.store.opening import Location
from aigw.store.patches import AccessKeyPatch, AliasPatch, ProviderPatch
from aigw.store.records import OPERATOR_ACCOUNT, Use
from aigw.store.specs import (
    AccessKeySpec,
    AccountSpec,
    AliasSpec,
    ApiKeySpec,
    Budget,
    ConfigurationSpec,
    Model,
    ProviderKeySpec,
    Rule,
    Step,
)
from aigw.store.sql import SqlStore

from .conftest import Open
from .things import BY_ID, CREATES, CUSTOM, LISTS, ME, ROTATED, VALUE, one_of_each, team


def test_the_walks_have_every_method() -> None:
    """Whatever the contract offers for an account's things is in one of the tables that walk over accounts."""
    resources = {
        "access_keys": contract.Resource,
        "configurations": contract.Resource,
        "providers": contract.Resource,
        "aliases": contract.Resource,
        "api_keys": contract.ApiKeys,
        "provider_keys": contract.ProviderKeys,
        "gateway_configs": contract.GatewayConfigs,
        "audit": contract.Audit,
    }
    offered = {
        f"{name}.{method}"
        for name, kind in resources.items()
        for method, function in inspect.getmembers(kind, inspect.isfunction)
        if "account" in inspect.signature(function).parameters
    }
    assert offered == {*BY_ID, *CREATES, *LISTS}


@pytest.mark.parametrize("method", BY_ID)
async def test_accounts_are_apart(store: SqlStore, account: str, method: str) -> None:
    """What is reached by its id is not found with another account's id, and nothing happens to it."""
    made = await one_of_each(store, account)
    other = await team(store)
    before = await store.whole()
    for stranger in (other, OPERATOR_ACCOUNT, "acct_unknown", ""):
        with pytest.raises(NotFound):
            await BY_ID[method](store, stranger, made)
    after = await store.whole()
    assert (after.epoch, after.access_keys, after.provider_keys) == (
        before.epoch,
        before.access_keys,
        before.provider_keys,
    )


async def test_lists_show_an_accounts_own(store: SqlStore, account: str) -> None:
    """A list of one account has nothing of another; what is named in a spec is looked for in the same account."""
    made = await one_of_each(store, account)
    other = await team(store)
    for name, listed in LISTS.items():
        assert all(each.account_id == other for each in await listed(store, other)), name
        assert {each.account_id for each in await listed(store, account)} == {account}, name
    with pytest.raises(Invalid, match="configuration_id"):
        await store.access_keys.create(other, AccessKeySpec(configuration_id=made.configuration), ME)
    rules = (Rule(provider="my-vllm", steps=(Step(keys=(made.provider_key,)),)),)
    with pytest.raises(Invalid, match=r"rules\[0\].steps\[0\].keys\[0\]"):
        await store.configurations.create(other, ConfigurationSpec(rules=rules), ME)
    await store.providers.create(other, CUSTOM, ME)
    await store.aliases.create(other, AliasSpec(alias="Fast", target="x"), ME)


async def test_the_database_keeps_accounts_apart(store: SqlStore, account: str) -> None:
    """A row that refers to another account's thing is refused by the database itself, whoever writes it."""
    made = await one_of_each(store, account)
    other = await team(store)
    own = (await store.access_keys.create(other, AccessKeySpec(), ME)).record
    values = {"configuration_id": made.configuration}
    async with store.database.writing() as connection:
        with pytest.raises(IntegrityError):
            await connection.execute(
                sa.update(schema.access_keys).where(schema.access_keys.c.id == own.id).values(values)
            )
        await connection.rollback()


@pytest.mark.parametrize("method", CREATES)
async def test_nothing_is_made_nowhere(store: SqlStore, method: str) -> None:
    """An account that is not there has no settings, and nothing can be made in it."""
    epoch = await store.epochs.current()
    with pytest.raises(NotFound):
        await CREATES[method](store, "acct_unknown")
    assert await store.epochs.current() == epoch


async def test_an_access_key_comes_back_as_it_was_given(store: SqlStore, account: str) -> None:
    """What is read is what was written, to the last decimal and microsecond; the token itself is nowhere in it."""
    spec = AccessKeySpec(
        name="Schlüssel 🔑",
        description="d" * 255,
        metadata="m" * 4096,
        requests_per_minute=1,
        tokens_per_minute=2**53 - 1,
        max_parallel=7,
        budget=Budget(Decimal("0.000000000001"), "day"),
        expires_at=datetime(2030, 1, 2, 3, 4, 5, 678901, tzinfo=UTC),
    )
    made = await store.access_keys.create(account, spec, ME)
    assert made.token
    record = await store.access_keys.get(account, made.record.id)
    assert record == made.record
    assert record.spec == spec
    assert record.digest == digest(made.token.reveal().encode(), store.vault.pepper)
    assert record.redacted == made.token.redacted
    assert (record.created_by, record.last_updated_by, record.revision) == (ME.id, ME.id, 1)
    assert record.created_at == record.updated_at
    assert record.last_used is None


async def test_a_patch_keeps_clears_and_replaces(store: SqlStore, account: str) -> None:
    """What a patch leaves out stays, None clears, a value replaces; the revision grows, the id and the token stay."""
    made = await one_of_each(store, account)
    before = await store.access_keys.get(account, made.access_key)
    patch = AccessKeyPatch(name=None, budget=None, max_parallel=3)
    after = (await store.access_keys.patch(account, made.access_key, patch, ME)).record
    assert after.spec == AccessKeySpec(
        configuration_id=made.configuration, requests_per_minute=60, max_parallel=3, name="", budget=None
    )
    assert (after.digest, after.id, after.created_at) == (before.digest, before.id, before.created_at)
    assert (after.revision, after.updated_at > before.updated_at) == (2, True)
    with pytest.raises(Invalid, match="target"):
        await store.aliases.patch(account, made.alias, AliasPatch(target=None), ME)
    assert await store.access_keys.get(account, made.access_key) == after


async def test_pages_descend(store: SqlStore, account: str) -> None:
    """Pages are newest first and follow each other without a gap, also after the last one of a page was deleted."""
    ids = [(await store.api_keys.create(account, ApiKeySpec(name=str(at)), ME)).record.id for at in range(5)]
    first = await store.api_keys.list(account, limit=2)
    assert [each.id for each in first] == [ids[4], ids[3]]
    await store.api_keys.delete(account, ids[3], ME)
    rest = await store.api_keys.list(account, before_id=first[-1].id)
    assert [each.id for each in rest] == [ids[2], ids[1], ids[0]]
    for limit in (0, 101, -1, True):
        with pytest.raises(Invalid):
            await store.api_keys.list(account, limit=limit)


async def test_what_is_referred_to_stays(store: SqlStore, account: str) -> None:
    """A thing is deleted once nothing refers to it any more, and not before; the error names what does."""
    made = await one_of_each(store, account)
    blocked: list[tuple[Any, str, set[str]]] = [
        (store.configurations, made.configuration, {made.access_key}),
        (store.provider_keys, made.provider_key, {made.configuration}),
        (store.provider_keys, made.inline_key, {made.configuration}),
        (store.providers, made.provider, {made.provider_key, made.inline_key, made.configuration, made.alias}),
    ]
    for resource, id, by in blocked:
        with pytest.raises(Conflict) as caught:
            await resource.delete(account, id, ME)
        assert (caught.value.reason, set(caught.value.ids)) == ("referenced", by)
    await store.access_keys.delete(account, made.access_key, ME)
    await store.configurations.delete(account, made.configuration, ME)
    await store.provider_keys.delete(account, made.provider_key, ME)
    await store.provider_keys.delete(account, made.inline_key, ME)
    await store.aliases.delete(account, made.alias, ME)
    assert (await store.providers.delete(account, made.provider, ME)).record.id == made.provider
    with pytest.raises(NotFound):
        await store.providers.get(account, made.provider)


async def test_names_that_are_unique(store: SqlStore, account: str) -> None:
    """Accounts by name, providers by their id and aliases whatever their case stand once; the ids of both are told."""
    await one_of_each(store, account)
    with pytest.raises(Conflict, match="my-vllm"):
        await store.providers.create(account, CUSTOM, ME)
    with pytest.raises(Conflict):
        await store.aliases.create(account, AliasSpec(alias="FAST", target="x"), ME)
    other = (await store.aliases.create(account, AliasSpec(alias="slow", target="x"), ME)).record
    with pytest.raises(Conflict):
        await store.aliases.patch(account, other.id, AliasPatch(alias="fast"), ME)
    await store.aliases.patch(account, other.id, AliasPatch(alias="SLOW"), ME)
    for name in ("default", OPERATOR_ACCOUNT):
        with pytest.raises(Conflict):
            await store.accounts.create(AccountSpec(name=name), ME)


async def test_models_keep_their_ids(store: SqlStore, account: str) -> None:
    """A provider's models are replaced as a whole; those that stay keep their ids."""
    provider = (await store.providers.create(account, CUSTOM, ME)).record
    first = {each.model_id: each.id for each in provider.spec.models}
    patch = ProviderPatch(models=(Model("new"), Model("LLAMA-4")))
    after = (await store.providers.patch(account, provider.id, patch, ME)).record
    assert [each.model_id for each in after.spec.models] == ["new", "LLAMA-4"]
    assert after.spec.models[1].id == first["llama-4"]
    assert after.spec.models[0].id not in first.values()


async def test_two_writers(location: Location, store: SqlStore, account: str, open_at: Open) -> None:
    """Of two changes to the same revision one is made and the other fails; without a revision both are made."""
    other = await open_at(location)
    key = (await store.access_keys.create(account, AccessKeySpec(), ME)).record
    results = await asyncio.gather(
        *(
            each.access_keys.patch(account, key.id, AccessKeyPatch(name=str(at)), ME, revision=1)
            for at, each in enumerate((store, other) * 5)
        ),
        return_exceptions=True,
    )
    lost = [each for each in results if isinstance(each, Conflict) and each.reason == "stale"]
    assert len(lost) == 9
    assert (await store.access_keys.get(account, key.id)).revision == 2
    done = await asyncio.gather(
        *(each.access_keys.patch(account, key.id, AccessKeyPatch(max_parallel=1), ME) for each in (store, other) * 5)
    )
    assert sorted(each.record.revision for each in done) == list(range(3, 13))
    assert len({each.epoch for each in done}) == 10


async def test_every_change_is_one_epoch(store: SqlStore, account: str) -> None:
    """A change raises the epoch by one; one that fails, a reading and a touch leave it."""
    epoch = await store.epochs.current()
    key = await store.access_keys.create(account, AccessKeySpec(), ME)
    assert key.epoch == epoch + 1 == await store.epochs.current()
    with pytest.raises(Conflict):
        await store.access_keys.delete(account, key.record.id, ME, revision=7)
    await store.touch([Use(account, key.record.id, datetime.now(UTC))])
    await store.access_keys.list(account)
    assert await store.epochs.current() == epoch + 1
    assert (await store.access_keys.delete(account, key.record.id, ME, revision=1)).epoch == epoch + 2


async def test_uses_are_noted_in_batches(store: SqlStore, account: str) -> None:
    """The latest use counts; what is unknown or another account's is passed over; nothing else changes."""
    made = await one_of_each(store, account)
    other = await team(store)
    late = datetime(2026, 5, 5, 5, 5, 5, 5, tzinfo=UTC)
    early = late - timedelta(days=1)
    before = await store.access_keys.get(account, made.access_key)
    await store.touch([])
    await store.touch([Use(account, made.access_key, late), Use(account, made.provider_key, late)])
    await store.touch(
        [
            Use(account, made.access_key, early),
            Use(other, made.access_key, late + timedelta(days=1)),
            Use(account, made.api_key, early),
            Use(account, "aigk_unknown", late),
            Use(account, "nonsense", late),
        ]
    )
    after = await store.access_keys.get(account, made.access_key)
    assert after.last_used == late
    assert (after.updated_at, after.revision) == (before.updated_at, before.revision)
    assert (await store.provider_keys.get(account, made.provider_key)).last_used == late
    assert (await store.api_keys.get(account, made.api_key)).last_used == early


async def test_api_keys_authenticate(store: SqlStore, account: str) -> None:
    """A token leads to its key and role; a digest, a typo, an access key's token and a deleted key's lead to none."""
    operator = await store.first_operator()
    assert operator
    assert operator.token
    assert await store.first_operator() is None
    own = await store.api_keys.create(account, ApiKeySpec(), ME)
    access = await store.access_keys.create(account, AccessKeySpec(), ME)
    assert own.token
    assert access.token
    assert (await store.api_keys.authenticate(operator.token.reveal())).role == "operator"
    found = await store.api_keys.authenticate(own.token.reveal())
    assert (found.role, found.id) == ("account", own.record.id)
    token = own.token.reveal()
    wrong = [own.record.digest.hex(), token[:-1] + "-", token[:-1], token.swapcase(), access.token.reveal(), "", "ü"]
    wrong += ["aigw-api-" + own.record.digest.hex(), own.record.redacted]
    for each in wrong:
        with pytest.raises(NotFound):
            await store.api_keys.authenticate(each)
    await store.api_keys.delete(account, own.record.id, ME)
    with pytest.raises(NotFound):
        await store.api_keys.authenticate(token)


async def test_a_provider_key_is_rotated_under_its_id(store: SqlStore, account: str) -> None:
    """Rotation changes value and redacted form; a placeholder is no value."""
    made = await one_of_each(store, account)
    assert await store.provider_keys.open(account, made.provider_key) == VALUE
    changed = await store.provider_keys.rotate(account, made.provider_key, ROTATED, ME, revision=1)
    assert (changed.record.id, changed.record.redacted) == (made.provider_key, ROTATED.redacted)
    assert await store.provider_keys.open(account, made.provider_key) == ROTATED
    for value in (VALUE.redacted, "***", "sk-12345…", "sk-•••••••"):
        with pytest.raises(Invalid, match="value"):
            await store.provider_keys.rotate(account, made.provider_key, Secret(value), ME)
        with pytest.raises(Invalid, match="value"):
            await store.provider_keys.create(account, ProviderKeySpec(provider_id="openai"), Secret(value), ME)


async def test_a_rule_has_keys_of_its_provider(store: SqlStore, account: str) -> None:
    """A key for another provider is refused, and so is a new key in a rule that names none; nothing stays."""
    made = await one_of_each(store, account)
    bad = [
        (Rule(provider="openai", steps=(Step(keys=(made.provider_key,)),)),),
        (Rule(model="openai:gpt-4o", steps=(Step(keys=(made.provider_key,)),)),),
        (Rule(model="gpt-4o", steps=(Step(new=(_new(),)),)),),
        (Rule(provider="openai", steps=(Step(new=(_new(),)),)), Rule(model="x", steps=(Step(keys=("aigpk_no",)),))),
    ]
    before = await store.provider_keys.list(account)
    for rules in bad:
        with pytest.raises(Invalid, match=r"rules\["):
            await store.configurations.create(account, ConfigurationSpec(rules=rules), ME)
    assert await store.provider_keys.list(account) == before


def _new() -> Any:
    from aigw.store.specs import NewKey

    return NewKey("new", VALUE)


async def test_the_whole(store: SqlStore, account: str) -> None:
    """One read has everything of every account, provider keys opened; one that does not open is told, not raised."""
    made = await one_of_each(store, account)
    await store.accounts.create(AccountSpec(name="empty"), ME)
    other = await store.provider_keys.create(account, ProviderKeySpec(provider_id="openai"), ROTATED, ME)
    await _exchange(store, other.record.id, made.provider_key)
    whole = await store.whole()
    assert whole.epoch == await store.epochs.current()
    assert {each.id for each in whole.access_keys} == {made.access_key}
    assert whole.access_keys[0] == await store.access_keys.get(account, made.access_key)
    assert {each.spec.name for each in whole.accounts} == {"default", "empty", OPERATOR_ACCOUNT}
    assert [each.id for each in whole.provider_keys] == [other.record.id, made.inline_key, made.provider_key]
    assert whole.unreadable == (other.record.id,)
    assert whole.values.keys() == {made.inline_key, made.provider_key}
    assert whole.gateway_configs[account].max_input_tokens == 1000
    assert (whole.providers, whole.aliases) == (
        tuple(await store.providers.list(account)),
        tuple(await store.aliases.list(account)),
    )
    assert whole.configurations == tuple(await store.configurations.list(account))
    assert not any(secret.reveal() in repr(whole) for secret in (*made.secrets, ROTATED))


async def _exchange(store: SqlStore, to: str, of: str) -> None:
    """Copy a sealed value to another row, as somebody with the database in hand might."""
    import sqlalchemy as sa

    from aigw.store.schema import provider_keys

    sealed = sa.select(provider_keys.c.sealed).where(provider_keys.c.id == of).scalar_subquery()
    async with store.database.writing() as connection:
        await connection.execute(sa.update(provider_keys).where(provider_keys.c.id == to).values(sealed=sealed))
