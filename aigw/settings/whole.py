"""What a whole configuration is: parts that agree with each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import attrs

from aigw.errors import ConfigError
from aigw.secret import Secret
from aigw.settings.addresses import Tcp
from aigw.settings.keys import Key, keys_of
from aigw.settings.parts import (
    AccessKeySettings,
    Billing,
    Failover,
    Limits,
    Log,
    ProviderSettings,
    Server,
    Store,
    Upstream,
)
from aigw.settings.urls import BadUrl, check_base_url

# Tables of the file that stand once, and the two that stand once for each provider and access key.
SECTIONS: Mapping[str, type[Any]] = MappingProxyType(
    {
        "server": Server,
        "store": Store,
        "limits": Limits,
        "failover": Failover,
        "log": Log,
        "upstream": Upstream,
        "billing": Billing,
    }
)
PROVIDERS = "providers"
ACCESS_KEYS = "access_keys"

DEFAULT = "default"
BUILT_IN_DEFAULTS = "built-in defaults"


def _read_only(origins: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType(dict(origins))


@attrs.frozen
class Settings:
    """The configuration in effect, checked. Raises ConfigError when the parts contradict each other.

    `source` is the file's path, or says that there is none. `origins` maps a key's path (`server.listen`,
    `providers.my-vllm.keys`, `access_keys[0].name`) to where its value came from; what is not in it is a
    default. Both are left out of comparisons: two configurations are equal when they do the same.
    `secret_key` seals secrets at rest; None lets the store make one in `data_dir`.
    """

    server: Server = attrs.field(factory=Server)
    store: Store = attrs.field(factory=Store)
    limits: Limits = attrs.field(factory=Limits)
    failover: Failover = attrs.field(factory=Failover)
    log: Log = attrs.field(factory=Log)
    upstream: Upstream = attrs.field(factory=Upstream)
    providers: tuple[ProviderSettings, ...] = ()
    access_keys: tuple[AccessKeySettings, ...] = ()
    billing: Billing = attrs.field(factory=Billing)
    secret_key: Secret | None = None
    source: str = attrs.field(default=BUILT_IN_DEFAULTS, eq=False)
    origins: Mapping[str, str] = attrs.field(factory=dict, converter=_read_only, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        clashes = conflicts(self.server, self.failover, self.upstream, self.providers)
        found = [f"{where}: {what}" for where, what in clashes]
        tables = {f"{ACCESS_KEYS}[{number}]": access_key for number, access_key in enumerate(self.access_keys)}
        found += [f"{where}: {what}" for where, what in repeated(tables)]
        ids = [provider.id for provider in self.providers]
        found += [f"providers.{id}: is declared twice" for id in sorted({id for id in ids if ids.count(id) > 1})]
        if found:
            raise ConfigError("\n".join(found))

    def provider(self, id: str) -> ProviderSettings | None:
        """What is configured for a provider id, if anything."""
        return next((provider for provider in self.providers if provider.id == id), None)


def conflicts(
    server: Server, failover: Failover, upstream: Upstream, providers: tuple[ProviderSettings, ...]
) -> Iterator[tuple[str, str]]:
    """Every contradiction between parts, as a key's path and what is wrong there."""
    chosen_by_system = isinstance(server.listen, Tcp) and server.listen.port == 0
    if server.listen == server.control and not chosen_by_system:
        yield "server.control", "may not be the address of server.listen"
    if failover.breaker_max_open < failover.breaker_open:
        yield "failover.breaker_max_open", "may not be shorter than failover.breaker_open"
    for provider in providers:
        yield from _of_provider(provider, upstream)


def _of_provider(provider: ProviderSettings, upstream: Upstream) -> Iterator[tuple[str, str]]:
    keys = len(provider.keys) + len(provider.managed_keys)
    weights = provider.key_weights
    if provider.enabled and len(weights) > keys:
        yield f"{PROVIDERS}.{provider.id}.key_weights", f"has {len(weights)} weights, but there are {keys} keys"
    elif weights and len(weights) == keys and not any(weights):
        yield f"{PROVIDERS}.{provider.id}.key_weights", "leaves no key: one weight at least must be above 0"
    for name, url in _urls(provider):
        try:
            check_base_url(url, upstream.allow_http)
        except BadUrl as bad:
            yield f"{PROVIDERS}.{provider.id}.{name}", str(bad)


def _urls(provider: ProviderSettings) -> Iterator[tuple[str, str]]:
    if provider.base_url:
        yield "base_url", provider.base_url
    yield from ((f"surface_urls.{surface}", url) for surface, url in provider.surface_urls)


def repeated(access_keys: Mapping[str, AccessKeySettings]) -> Iterator[tuple[str, str]]:
    """Of access keys by path, each whose name or token an earlier one has: where it is and what is wrong."""
    names: set[str] = set()
    tokens: dict[Secret, str] = {}
    for table, access_key in access_keys.items():
        if access_key.name in names:
            yield f"{table}.name", f"another access key is named {access_key.name!r}"
        if access_key.key in tokens:
            yield f"{table}.key", f"is the same token as that of {tokens[access_key.key]!r}"
        names.add(access_key.name)
        tokens.setdefault(access_key.key, access_key.name)


def documented() -> Iterator[tuple[str, Key]]:
    """Every key an operator can set, by its name in the reference page, in the order of the page."""
    parts = {**SECTIONS, f"{PROVIDERS}.ID": ProviderSettings, ACCESS_KEYS: AccessKeySettings}
    for section, part in parts.items():
        for name, declared in keys_of(part).items():
            yield f"{section}.{name}", declared


def documented_keys() -> list[str]:
    """The dotted names of all keys: `server.listen`, `providers.ID.keys`, `access_keys.name` …"""
    return [name for name, _ in documented()]
