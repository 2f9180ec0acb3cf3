"""From settings and what a store holds to a snapshot: the nouns of the data plane, as they are declared."""

from __future__ import annotations

import gc
import secrets
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs

from aigw import adapter, registry
from aigw.accounts import Accounts, Ground, scoped
from aigw.adapter import Provider
from aigw.catalog import shipped
from aigw.records import MANAGED, ORDERED, USER, AccessKey, ProviderKey, Scope
from aigw.settings import AccessKeySettings, ProviderSettings, Settings
from aigw.snapshot import Failover, Limits, Policy, Snapshot, digest

if TYPE_CHECKING:
    from aigw.store.records import Whole

SANDBOX = "sandbox"
SANDBOX_MODELS = (
    "sandbox-small",
    "sandbox-large",
    "sandbox-think",
    "sandbox-embed",
    "sandbox-image",
    "sandbox-audio",
    "sandbox-moderation",
    "sandbox-rerank",
)
PEPPER_BYTES = 32


def sandbox_provider(base_url: str) -> Provider:
    """The sandbox as a provider, at the address where it runs."""
    return Provider(
        id=SANDBOX,
        name="Sandbox",
        base_url=f"{base_url}/v1",
        surfaces=adapter.SURFACES,
        surface_urls={adapter.GEMINI: f"{base_url}/v1beta"},
        needs_key=False,
        models=SANDBOX_MODELS,
    )


def snapshot_of(
    settings: Settings,
    *,
    extra_keys: Iterable[AccessKeySettings] = (),
    sandbox_url: str | None = None,
    whole: Whole | None = None,
    pepper: bytes | None = None,
    epoch: int = 1,
) -> Snapshot:
    """The snapshot of what settings declare and a store holds. `extra_keys` are access keys made by the gateway itself.

    `pepper` is the store's, where there is one. Takes a second with very many access keys, so it is called in a thread
    beside requests. Raises ConfigError for what settings declare; what is wrong in the store is in `troubles`.
    """
    with _no_collections():
        if pepper is None:
            pepper = secrets.token_bytes(PEPPER_BYTES) if whole is None else whole.pepper
        accounts = Accounts(_ground(settings, sandbox_url, epoch), whole)
        access_keys = accounts.access_keys()
        access_keys.update(_access_keys((*settings.access_keys, *extra_keys), pepper, accounts.default))
        fields, others = accounts.default_fields(), accounts.others()
        return Snapshot(
            **fields,
            others=others,
            access_keys=access_keys,
            pepper=pepper,
            store_epoch=0 if whole is None else whole.epoch,
            troubles=tuple(accounts.troubles),
        )


@contextmanager
def _no_collections() -> Iterator[None]:
    # Nothing that is made is garbage, and the collector would walk all of it again and again while requests wait.
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _ground(settings: Settings, sandbox_url: str | None, epoch: int) -> Ground:
    """What the settings declare, for all accounts to stand on."""
    providers = {id: attrs.evolve(each) for id, each in registry.configured(settings.providers).items()}
    if sandbox_url is not None:
        providers[SANDBOX] = sandbox_provider(sandbox_url)
    keys = {each.id: _provider_keys(each) for each in settings.providers if each.enabled}
    return Ground(
        epoch=epoch,
        catalog=shipped(),
        providers=providers,
        declared=_declared(providers),
        named=frozenset(each.id for each in settings.providers) | (providers.keys() & {SANDBOX}),
        keys={id: own for id, all in keys.items() if (own := _of(all, USER))},
        managed={id: operators for id, all in keys.items() if (operators := _of(all, MANAGED))},
        limits=_limits(settings),
        limits_of=lambda limits: _provider_limits(settings, limits),
        failover=Failover(**attrs.asdict(settings.failover)),
        policies=_policies(settings, keys),
    )


def _provider_keys(settings: ProviderSettings) -> tuple[ProviderKey, ...]:
    """The provider's keys in the order they are tried: the account's own, then the operator's."""
    named = [(USER, secret) for secret in settings.keys] + [(MANAGED, secret) for secret in settings.managed_keys]
    return tuple(
        ProviderKey(f"aigpk_{settings.id}_{number}", settings.id, secret, source)
        for number, (source, secret) in enumerate(named, 1)
    )


def _of(keys: Iterable[ProviderKey], source: str) -> tuple[ProviderKey, ...]:
    return tuple(key for key in keys if key.source == source)


def _access_keys(declared: Iterable[AccessKeySettings], pepper: bytes, account: str) -> dict[bytes, AccessKey]:
    keys: dict[bytes, AccessKey] = {}
    for each in declared:
        token = digest(each.key.reveal().encode("utf-8"), pepper)
        keys[token] = AccessKey(f"aigk_{each.name}", each.name, token, _scope(each), account)
    return keys


def _scope(settings: AccessKeySettings) -> Scope:
    models = None if settings.models is None else frozenset(map(scoped, settings.models))
    return Scope(None if settings.providers is None else frozenset(settings.providers), models)


def _limits(settings: Settings) -> Limits:
    limits = settings.limits
    return Limits(
        per_request_timeout=limits.per_request_timeout,
        total_timeout=limits.total_timeout,
        connect_timeout=limits.connect_timeout,
        stream_idle_timeout=limits.stream_idle_timeout,
        stream_total_timeout=limits.stream_total_timeout,
        keepalive_after=limits.keepalive_after,
        max_body_bytes=limits.max_body_bytes,
        max_input_tokens=limits.max_input_tokens,
        max_output_tokens=limits.max_output_tokens,
    )


_OWN_LIMITS = ("per_request_timeout", "connect_timeout", "stream_idle_timeout", "stream_total_timeout")


def _provider_limits(settings: Settings, limits: Limits) -> dict[str, Limits]:
    """The limits of the providers that have their own, where the others' are these."""
    found: dict[str, Limits] = {}
    for each in settings.providers:
        own = {name: value for name in _OWN_LIMITS if (value := getattr(each, name)) is not None}
        if own:
            found[each.id] = attrs.evolve(limits, **own)
    return found


def _policies(settings: Settings, keys: Mapping[str, tuple[ProviderKey, ...]]) -> dict[str, Policy]:
    found = {each.id: _policy(each, keys.get(each.id, ())) for each in settings.providers}
    return {id: policy for id, policy in found.items() if policy is not None}


def _policy(settings: ProviderSettings, keys: Iterable[ProviderKey]) -> Policy | None:
    """How the provider's keys are chosen; None for the usual way. Weights are written in the order of the keys."""
    if settings.key_selection_strategy == ORDERED and not settings.key_weights and not settings.hedge:
        return None
    weights = {key.id: weight for key, weight in zip(keys, settings.key_weights, strict=False)}
    return Policy(settings.key_selection_strategy, weights, settings.hedge)


def _declared(providers: Mapping[str, Provider]) -> dict[str, tuple[str, str]]:
    """Bare ids of the models that the operator declared; the first provider to declare an id has it."""
    declared: dict[str, tuple[str, str]] = {}
    for provider in providers.values():
        for model in provider.models:
            declared.setdefault(model.casefold(), (provider.id, model))
    return declared
