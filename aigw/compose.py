"""From settings to a snapshot: the nouns of the data plane as the file and the environment declare them."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping

import attrs

from aigw import adapter, registry
from aigw.adapter import Provider
from aigw.catalog import Catalog
from aigw.records import MANAGED, USER, AccessKey, ProviderKey, Scope
from aigw.settings import AccessKeySettings, ProviderSettings, Settings
from aigw.snapshot import ORDERED, Failover, Limits, Policy, Snapshot, digest

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
    settings: Settings, *, extra_keys: Iterable[AccessKeySettings] = (), sandbox_url: str | None = None
) -> Snapshot:
    """The snapshot that settings declare. `extra_keys` are access keys made by the gateway itself."""
    providers = dict(registry.configured(settings.providers))
    if sandbox_url is not None:
        providers[SANDBOX] = sandbox_provider(sandbox_url)
    pepper = secrets.token_bytes(PEPPER_BYTES)
    limits = _limits(settings)
    return Snapshot(
        epoch=1,
        catalog=Catalog.load(),
        providers=providers,
        provider_keys={each.id: _provider_keys(each) for each in settings.providers if each.enabled},
        access_keys=_access_keys((*settings.access_keys, *extra_keys), pepper),
        pepper=pepper,
        limits=limits,
        provider_limits={each.id: _limits_of(each, limits) for each in settings.providers},
        declared=_declared(providers),
        failover=Failover(**attrs.asdict(settings.failover)),
        policies={each.id: policy for each in settings.providers if (policy := _policy(each)) is not None},
    )


def _provider_keys(settings: ProviderSettings) -> tuple[ProviderKey, ...]:
    """The provider's keys in the order they are tried: the account's own, then the operator's."""
    named = [(USER, secret) for secret in settings.keys] + [(MANAGED, secret) for secret in settings.managed_keys]
    return tuple(
        ProviderKey(f"aigpk_{settings.id}_{number}", settings.id, secret, source)
        for number, (source, secret) in enumerate(named, 1)
    )


def _access_keys(declared: Iterable[AccessKeySettings], pepper: bytes) -> dict[bytes, AccessKey]:
    keys: dict[bytes, AccessKey] = {}
    for each in declared:
        token = digest(each.key.reveal().encode("utf-8"), pepper)
        keys[token] = AccessKey(f"aigk_{each.name}", each.name, token, _scope(each))
    return keys


def _scope(settings: AccessKeySettings) -> Scope:
    models = None
    if settings.models is not None:
        models = frozenset(_scoped(name) for name in settings.models)
    return Scope(None if settings.providers is None else frozenset(settings.providers), models)


def _scoped(name: str) -> tuple[str, str]:
    """`provider:model` or `provider/model`, whichever separator comes first."""
    at = min(found for found in (name.find(":"), name.find("/")) if found >= 0)
    return name[:at], name[at + 1 :].casefold()


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
    )


_OWN_LIMITS = ("per_request_timeout", "connect_timeout", "stream_idle_timeout", "stream_total_timeout")


def _limits_of(settings: ProviderSettings, limits: Limits) -> Limits:
    own = {name: getattr(settings, name) for name in _OWN_LIMITS}
    return attrs.evolve(limits, **{name: value for name, value in own.items() if value is not None})


def _policy(settings: ProviderSettings) -> Policy | None:
    """How the provider's keys are chosen; None for the usual way."""
    if settings.key_selection_strategy == ORDERED and not settings.key_weights and not settings.hedge:
        return None
    return Policy(settings.key_selection_strategy, settings.key_weights, settings.hedge)


def _declared(providers: Mapping[str, Provider]) -> dict[str, tuple[str, str]]:
    """Bare ids of the models that the operator declared; the first provider to declare an id has it."""
    declared: dict[str, tuple[str, str]] = {}
    for provider in providers.values():
        for model in provider.models:
            declared.setdefault(model.casefold(), (provider.id, model))
    return declared
