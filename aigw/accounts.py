"""What do requests of each account meet? Made from what the store holds, on the ground that all accounts share.

The default account has what the file declares, beside its own things in the store. The others have the built-in
providers as the file has them, without its keys, and their own things. What cannot be used is told as a trouble: a
fault in one account's things never keeps the others from being served.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import attrs

from aigw import registry
from aigw.adapter import Provider
from aigw.catalog import Catalog
from aigw.errors import ConfigError
from aigw.records import (
    DEFAULT_ACCOUNT,
    MANAGED,
    NOTHING,
    OPERATOR_ACCOUNT,
    UNLIMITED,
    USER,
    AccessKey,
    Configuration,
    KeyLimits,
    ProviderKey,
    Scope,
    Step,
)
from aigw.snapshot import Account, Failover, GivenLimits, Limits, Policy

if TYPE_CHECKING:
    from aigw.store.records import (
        AccessKeyRecord,
        ConfigurationRecord,
        ProviderKeyRecord,
        ProviderRecord,
        Whole,
    )
    from aigw.store.specs import Access, AccessKeySpec, ConfigurationSpec, GatewayConfigSpec, Rule

Keys = Mapping[str, tuple[ProviderKey, ...]]

# Access keys that are made at a stretch, some two milliseconds, and the pause after them in seconds: all of it is done
# in a thread beside requests, which would wait for the interpreter's lock otherwise.
KEYS_AT_A_STRETCH = 2000
PAUSE = 0.0002

_CONFIGURABLE = (
    "per_request_timeout",
    "total_timeout",
    "connect_timeout",
    "stream_idle_timeout",
    "stream_total_timeout",
    "max_input_tokens",
    "max_output_tokens",
)


@attrs.frozen(eq=False, kw_only=True)
class Ground:
    """What the file says. `providers`, `declared` and `keys` are the default account's; `named` are the ids of the
    providers that the file speaks of. `managed` are the operator's keys. `limits_of` gives the limits of the providers
    that have their own, on top of an account's.
    """

    epoch: int
    catalog: Catalog
    providers: Mapping[str, Provider]
    declared: Mapping[str, tuple[str, str]]
    named: frozenset[str]
    keys: Keys = attrs.field(repr=False)
    managed: Keys = attrs.field(repr=False)
    limits: Limits
    limits_of: Callable[[Limits], Mapping[str, Limits]]
    failover: Failover
    policies: Mapping[str, Policy]


@attrs.frozen(eq=False)
class _Shared:
    """What every account has: the built-in providers, and what goes with them."""

    providers: Mapping[str, Provider]
    declared: Mapping[str, tuple[str, str]]
    managed: Keys
    policies: Mapping[str, Policy]


@attrs.frozen
class _CustomProvider:
    """A provider in the store, as the registry takes one."""

    id: str
    name: str | None
    base_url: str
    surfaces: tuple[str, ...]
    models: tuple[str, ...]
    keys: tuple[object, ...]
    preset: str | None
    enabled: bool = True
    surface_urls: tuple[tuple[str, str], ...] = ()
    headers: tuple[Any, ...] = ()
    managed_keys: tuple[object, ...] = ()


def default_id(whole: Whole | None) -> str:
    """The id of the account that the file belongs to."""
    if whole is None:
        return DEFAULT_ACCOUNT
    from aigw.store.records import DEFAULT_NAME

    return next((each.id for each in whole.accounts if each.spec.name == DEFAULT_NAME), DEFAULT_ACCOUNT)


class Accounts:
    """The accounts of one snapshot. `troubles` tell what of them could not be used."""

    def __init__(self, ground: Ground, whole: Whole | None) -> None:
        self.troubles: list[str] = []
        self.default = default_id(whole)
        accounts = () if whole is None else whole.accounts
        self._other_ids = [each.id for each in accounts if each.id not in (self.default, OPERATOR_ACCOUNT)]
        self._ground = ground
        self._whole = whole
        self._keys: dict[str, dict[str, tuple[ProviderKey, ...]]] = {}
        self._providers: dict[str, list[Provider]] = defaultdict(list)
        self._configurations: dict[str, dict[str, Configuration]] = defaultdict(dict)
        self._aliases: dict[str, dict[str, str]] = defaultdict(dict)
        if whole is not None:
            self._sort(whole)
        operators = _joined(self._keys.get(OPERATOR_ACCOUNT, {}), ground.managed)
        self._managed = {id: keys for id, keys in operators.items() if keys and id in ground.providers}
        self._shared = self._shared_of(ground)
        self._given = GivenLimits(ground.limits, ground.limits_of(ground.limits))

    def default_fields(self) -> dict[str, Any]:
        """The fields of the default account, which is the snapshot itself."""
        ground, id = self._ground, self.default
        providers, declared = dict(ground.providers), dict(ground.declared)
        for own in self._providers.get(id, ()):
            if own.id in ground.named:
                self._trouble(id, f"the provider {own.id} is declared in the file, too: the file's is used")
                continue
            providers[own.id] = own
            for name, of in _models_of(own):
                declared.setdefault(name, of)
        return {
            **self._common(id, providers, self._managed),
            "declared": declared,
            "provider_keys": _joined(self._keys.get(id, {}), ground.keys),
            "policies": ground.policies,
        }

    def others(self) -> dict[str, Account]:
        """All accounts but the default one, and the operator's, which calls nothing."""
        return {id: self._other(id) for id in self._other_ids}

    def _other(self, id: str) -> Account:
        shared, own = self._shared, self._providers.get(id, ())
        providers, declared = shared.providers, shared.declared
        if own:
            mine: dict[str, tuple[str, str]] = {}
            for each in own:
                for name, of in _models_of(each):
                    mine.setdefault(name, of)
            providers = {**shared.providers, **{each.id: each for each in own}}
            declared = {**shared.declared, **mine}
        return Account(
            **self._common(id, providers, shared.managed),
            declared=declared,
            provider_keys=self._keys.get(id, {}),
            policies=shared.policies,
        )

    def _common(self, id: str, providers: Mapping[str, Provider], managed: Keys) -> dict[str, Any]:
        """What is made alike for every account."""
        ground = self._ground
        if any(name in managed for name in (each.id for each in self._providers.get(id, ()))):
            # The operator's keys go to the operator's providers alone, whatever an account calls its own.
            managed = {name: keys for name, keys in managed.items() if not providers[name].owner}
        config = None if self._whole is None else self._whole.gateway_configs.get(id)
        limits = ground.limits if config is None else _limited(ground.limits, config)
        return {
            "id": id,
            "epoch": ground.epoch,
            "catalog": ground.catalog,
            "providers": providers,
            "managed": managed,
            "apart": bool(self._other_ids),
            "limits": limits,
            "provider_limits": self._given.by_provider if config is None else ground.limits_of(limits),
            "given": None if config is None or id == self.default else self._given,
            "failover": ground.failover,
            "aliases": self._aliases.get(id, {}),
            "configurations": self._configurations.get(id, {}),
        }

    def _shared_of(self, ground: Ground) -> _Shared:
        builtin = registry.load_builtin()
        providers = {id: each for id, each in ground.providers.items() if id in builtin}
        return _Shared(
            providers,
            {name: of for name, of in ground.declared.items() if of[0] in providers},
            {id: keys for id, keys in self._managed.items() if id in providers},
            # Whose weights are keys of the file, which only the operator's are to others.
            {id: policy for id, policy in ground.policies.items() if id in providers},
        )

    def _trouble(self, account: str, what: str) -> None:
        self.troubles.append(f"account {account}: {what}")

    # -- sorting what the store holds by account -----------------------------------------------------------------------

    def _sort(self, whole: Whole) -> None:
        keyed: dict[str, dict[str, list[ProviderKey]]] = defaultdict(lambda: defaultdict(list))
        for key in whole.provider_keys:
            self._sort_key(key, whole, keyed[key.account_id][key.spec.provider_id])
        self._keys = {account: {id: tuple(keys) for id, keys in of.items()} for account, of in keyed.items()}
        # Oldest first: a provider that is added takes no bare id from one that was there before.
        for record in reversed(whole.providers):
            self._sort_provider(record)
        for configuration in whole.configurations:
            self._sort_configuration(configuration)
        for alias in whole.aliases:
            self._aliases[alias.account_id][alias.spec.alias.casefold()] = alias.spec.target

    def _sort_key(self, record: ProviderKeyRecord, whole: Whole, found: list[ProviderKey]) -> None:
        value = whole.values.get(record.id)
        if value is None:
            self._trouble(record.account_id, f"the provider key {record.id} cannot be opened")
            return
        source = MANAGED if record.account_id == OPERATOR_ACCOUNT else USER
        found.append(ProviderKey(record.id, record.spec.provider_id, value, source))

    def _sort_configuration(self, record: ConfigurationRecord) -> None:
        try:
            self._configurations[record.account_id][record.id] = configuration_of(record.id, record.spec)
        except Exception as error:  # nothing that one account says may keep the others from being served
            self._trouble(record.account_id, f"the configuration {record.id} cannot be used: {type(error).__name__}")

    def _sort_provider(self, record: ProviderRecord) -> None:
        account, id = record.account_id, record.spec.provider_id
        if id in registry.load_builtin():
            self._trouble(account, f"the provider {id} ({record.id}) is built in by now: the account's own is used")
        # Keys that cannot be opened count, too: without them it is not one that takes no key.
        needs_key = id in self._keys.get(account, {})
        try:
            self._providers[account].append(provider_of(record, needs_key=needs_key))
        except ConfigError as error:
            self._trouble(account, f"the provider {id} ({record.id}) cannot be used: {error.message}")
        except Exception as error:
            self._trouble(account, f"the provider {id} ({record.id}) cannot be used: {type(error).__name__}")

    # -- access keys ---------------------------------------------------------------------------------------------------

    def access_keys(self) -> dict[bytes, AccessKey]:
        """All access keys in the store by digest. There may be very many."""
        if self._whole is None:
            return {}
        known = {each.id for each in self._whole.accounts} - {OPERATOR_ACCOUNT}
        grants: dict[tuple[str, str | None], tuple[Scope, Configuration | None, str]] = {}
        found: dict[bytes, AccessKey] = {}
        for number, record in enumerate(self._whole.access_keys, 1):
            spec, account = record.spec, record.account_id
            name = (account, spec.configuration_id)
            granted = grants.get(name)
            if granted is None:
                granted = grants[name] = self._granted(account, spec.configuration_id)
            if account in known:
                found[record.digest] = _access_key(record, spec, granted)
            if not number % KEYS_AT_A_STRETCH:
                time.sleep(PAUSE)
        return found

    def _granted(self, account: str, id: str | None) -> tuple[Scope, Configuration | None, str]:
        """What keys with this configuration may call. One whose configuration is unknown may call nothing."""
        grant = f"{account}/{id or ''}"
        if id is None:
            return Scope(), None, grant
        configuration = self._configurations.get(account, {}).get(id)
        if configuration is None:
            self._trouble(account, f"the access key configuration {id} is missing: its keys may call nothing")
            return NOTHING, None, grant
        return configuration.scope, configuration, grant


def _access_key(
    record: AccessKeyRecord, spec: AccessKeySpec, granted: tuple[Scope, Configuration | None, str]
) -> AccessKey:
    scope, configuration, grant = granted
    expires = 0.0 if spec.expires_at is None else spec.expires_at.timestamp()
    return AccessKey(
        record.id, spec.name, record.digest, scope, record.account_id, configuration, expires, _limits(spec), grant
    )


def _limits(spec: AccessKeySpec) -> KeyLimits:
    requests, tokens, parallel, budget = (
        spec.requests_per_minute,
        spec.tokens_per_minute,
        spec.max_parallel,
        spec.budget,
    )
    if budget is not None:
        return KeyLimits(requests, tokens, parallel, budget.amount, budget.period)
    if requests is None and tokens is None and parallel is None:
        return UNLIMITED
    return KeyLimits(requests, tokens, parallel)


def provider_of(record: ProviderRecord, *, needs_key: bool) -> Provider:
    """A custom provider of an account's. Raises ConfigError for one that cannot be used."""
    spec = record.spec
    built = registry.build(
        _CustomProvider(
            id=spec.provider_id,
            name=spec.name or None,
            base_url=spec.base_url,
            surfaces=tuple(each.surface for each in spec.surfaces),
            models=tuple(each.model_id for each in spec.models),
            keys=(record.id,) if needs_key else (),
            preset=spec.preset,
        )
    )
    accepts = {each.surface: frozenset(each.parameters) for each in spec.surfaces if each.parameters is not None}
    return attrs.evolve(built, owner=record.account_id, guarded=True, accepts=accepts)


def configuration_of(id: str, spec: ConfigurationSpec) -> Configuration:
    """An access key configuration as requests meet it."""
    rules: dict[tuple[str, str], tuple[Step, ...]] = {}
    for rule in spec.rules:
        rules.setdefault(_target(rule), tuple(Step(step.type, step.strategy, step.keys) for step in rule.steps))
    return Configuration(id, spec.name, _scope(spec.access), rules)


def _target(rule: Rule) -> tuple[str, str]:
    """What a rule is for, with the model as it is compared: without a provider before it that is named already."""
    provider, model = rule.provider or "", (rule.model or "").casefold()
    return provider, model.removeprefix(f"{provider}:") if provider else model


def _scope(access: Access) -> Scope:
    models = None if access.models is None else frozenset(map(scoped, access.models))
    return Scope(None if access.providers is None else frozenset(access.providers), models)


def scoped(name: str) -> tuple[str, str]:
    """`provider:model` or `provider/model`, whichever separator comes first, with the model as it is compared."""
    at = min(found for found in (name.find(":"), name.find("/")) if found >= 0)
    return name[:at], name[at + 1 :].casefold()


def _limited(limits: Limits, config: GatewayConfigSpec) -> Limits:
    """The limits of an account that says what its own are."""
    own = {name: getattr(config, name) for name in _CONFIGURABLE}
    return attrs.evolve(limits, **{name: value for name, value in own.items() if value is not None})


def _models_of(provider: Provider) -> Iterator[tuple[str, tuple[str, str]]]:
    for model in provider.models:
        yield model.casefold(), (provider.id, model)


def _joined(first: Mapping[str, Sequence[ProviderKey]], second: Keys) -> Keys:
    """Keys of each provider: those that were made at any time after the start, before those of the file."""
    if not first:
        return second
    return {id: (*first.get(id, ()), *second.get(id, ())) for id in (*first, *(id for id in second if id not in first))}
