"""One of each kind of things, and a way to call every method of the contract that is about an account's things."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Any

import attrs

from aigw.secret import Secret
from aigw.store.contract import Store
from aigw.store.patches import (
    AccessKeyPatch,
    AliasPatch,
    ConfigurationPatch,
    GatewayConfigPatch,
    Patch,
    ProviderPatch,
)
from aigw.store.records import Actor
from aigw.store.specs import (
    Access,
    AccessKeySpec,
    AccountSpec,
    AliasSpec,
    ApiKeySpec,
    Budget,
    ConfigurationSpec,
    Model,
    NewKey,
    ProviderKeySpec,
    ProviderSpec,
    Rule,
    Step,
    Surface,
)

ME = Actor("aiak_tester", "req_1")
VALUE = Secret("sk-provider-key-value-of-the-tests")
INLINE = Secret("sk-inline-key-value-of-the-tests")
ROTATED = Secret("sk-rotated-key-value-of-the-tests")

CUSTOM = ProviderSpec(
    provider_id="my-vllm",
    name="Mine",
    base_url="http://127.0.0.1:8000/v1",
    surfaces=(Surface("chat", "chat-completions", ("temperature",)),),
    models=(Model("llama-3"), Model("llama-4")),
)


@attrs.frozen
class Made:
    """One of each kind in one account, each with references to others."""

    account: str
    provider: str
    provider_key: str
    inline_key: str
    configuration: str
    access_key: str
    api_key: str
    alias: str
    secrets: tuple[Secret, ...]


async def one_of_each(store: Store, account: str) -> Made:
    """Make them."""
    provider = await store.providers.create(account, CUSTOM, ME)
    key = await store.provider_keys.create(account, ProviderKeySpec(provider_id="my-vllm", name="first"), VALUE, ME)
    step = Step(keys=(key.record.id,), new=(NewKey("inline", INLINE),))
    rules = (Rule(provider="my-vllm", steps=(step, Step(type="managed"))),)
    access = Access(providers=("my-vllm", "openai"), models=("openai:gpt-4o",))
    configuration = await store.configurations.create(
        account, ConfigurationSpec(name="scoped", access=access, rules=rules), ME
    )
    access_key = await store.access_keys.create(
        account,
        AccessKeySpec(
            name="app",
            configuration_id=configuration.record.id,
            requests_per_minute=60,
            budget=Budget(Decimal("12.50"), "month"),
        ),
        ME,
    )
    api_key = await store.api_keys.create(account, ApiKeySpec(name="automation"), ME)
    alias = await store.aliases.create(account, AliasSpec(alias="Fast", target="my-vllm:llama-3", name="quick"), ME)
    await store.gateway_configs.patch(account, GatewayConfigPatch(total_timeout=90.0, max_input_tokens=1000), ME)
    assert access_key.token
    assert api_key.token
    return Made(
        account,
        provider.record.id,
        key.record.id,
        configuration.record.spec.rules[0].steps[0].keys[1],
        configuration.record.id,
        access_key.record.id,
        api_key.record.id,
        alias.record.id,
        (VALUE, INLINE, access_key.token, api_key.token),
    )


async def team(store: Store, name: str = "team") -> str:
    """Another account: its id."""
    return (await store.accounts.create(AccountSpec(name=name), ME)).record.id


Call = Callable[[Store, str, Made], Awaitable[Any]]

# Every method that reaches a thing by its id, called with the account given and the ids of `made`.
BY_ID: Mapping[str, Call] = {
    "access_keys.get": lambda s, a, m: s.access_keys.get(a, m.access_key),
    "access_keys.patch": lambda s, a, m: s.access_keys.patch(a, m.access_key, AccessKeyPatch(name="x"), ME),
    "access_keys.delete": lambda s, a, m: s.access_keys.delete(a, m.access_key, ME),
    "configurations.get": lambda s, a, m: s.configurations.get(a, m.configuration),
    "configurations.patch": lambda s, a, m: s.configurations.patch(a, m.configuration, ConfigurationPatch(), ME),
    "configurations.delete": lambda s, a, m: s.configurations.delete(a, m.configuration, ME),
    "api_keys.get": lambda s, a, m: s.api_keys.get(a, m.api_key),
    "api_keys.patch": lambda s, a, m: s.api_keys.patch(a, m.api_key, Patch(name="x"), ME),
    "api_keys.delete": lambda s, a, m: s.api_keys.delete(a, m.api_key, ME),
    "provider_keys.get": lambda s, a, m: s.provider_keys.get(a, m.provider_key),
    "provider_keys.patch": lambda s, a, m: s.provider_keys.patch(a, m.provider_key, Patch(name="x"), ME),
    "provider_keys.rotate": lambda s, a, m: s.provider_keys.rotate(a, m.provider_key, ROTATED, ME),
    "provider_keys.open": lambda s, a, m: s.provider_keys.open(a, m.provider_key),
    "provider_keys.delete": lambda s, a, m: s.provider_keys.delete(a, m.provider_key, ME),
    "providers.get": lambda s, a, m: s.providers.get(a, m.provider),
    "providers.patch": lambda s, a, m: s.providers.patch(a, m.provider, ProviderPatch(name="x"), ME),
    "providers.delete": lambda s, a, m: s.providers.delete(a, m.provider, ME),
    "aliases.get": lambda s, a, m: s.aliases.get(a, m.alias),
    "aliases.patch": lambda s, a, m: s.aliases.patch(a, m.alias, AliasPatch(alias="x"), ME),
    "aliases.delete": lambda s, a, m: s.aliases.delete(a, m.alias, ME),
}

# Every method that gives several things of an account.
LISTS: Mapping[str, Callable[[Store, str], Awaitable[Any]]] = {
    "access_keys.list": lambda s, a: s.access_keys.list(a),
    "configurations.list": lambda s, a: s.configurations.list(a),
    "api_keys.list": lambda s, a: s.api_keys.list(a),
    "provider_keys.list": lambda s, a: s.provider_keys.list(a),
    "providers.list": lambda s, a: s.providers.list(a),
    "aliases.list": lambda s, a: s.aliases.list(a),
    "audit.list": lambda s, a: s.audit.list(a),
}

# What each kind of `one_of_each` is found by, and its id there.
FOUND: Mapping[str, tuple[Mapping[str, str], Callable[[Made], str]]] = {
    "access_keys": ({"name": "app"}, lambda m: m.access_key),
    "configurations": ({"name": "scoped"}, lambda m: m.configuration),
    "api_keys": ({"name": "automation"}, lambda m: m.api_key),
    "provider_keys": ({"name": "first", "provider_id": "my-vllm"}, lambda m: m.provider_key),
    "providers": ({"name": "Mine", "provider_id": "my-vllm"}, lambda m: m.provider),
    "aliases": ({"name": "quick", "alias": "fAST"}, lambda m: m.alias),
}

# Every method that makes something in an account.
CREATES: Mapping[str, Callable[[Store, str], Awaitable[Any]]] = {
    "access_keys.create": lambda s, a: s.access_keys.create(a, AccessKeySpec(), ME),
    "configurations.create": lambda s, a: s.configurations.create(a, ConfigurationSpec(), ME),
    "api_keys.create": lambda s, a: s.api_keys.create(a, ApiKeySpec(), ME),
    "provider_keys.create": lambda s, a: s.provider_keys.create(a, ProviderKeySpec(provider_id="openai"), VALUE, ME),
    "providers.create": lambda s, a: s.providers.create(a, CUSTOM, ME),
    "aliases.create": lambda s, a: s.aliases.create(a, AliasSpec(alias="a", target="b"), ME),
    "gateway_configs.get": lambda s, a: s.gateway_configs.get(a),
    "gateway_configs.patch": lambda s, a: s.gateway_configs.patch(a, GatewayConfigPatch(total_timeout=1.0), ME),
}
