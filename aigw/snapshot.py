"""Everything a request needs to know, immutable and numbered; a change swaps the whole of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import attrs

from aigw.adapter import Provider
from aigw.catalog import Catalog
from aigw.records import DEFAULT_ACCOUNT, ORDERED, AccessKey, Configuration, ProviderKey
from aigw.secret import Secret

DIGEST_BYTES = 16


@attrs.frozen(eq=False)
class Limits:
    """Time limits of a request in seconds, sizes in bytes, input and output in tokens (None: no limit)."""

    per_request_timeout: float = 60.0
    total_timeout: float = 120.0
    connect_timeout: float = 5.0
    stream_idle_timeout: float = 60.0
    stream_total_timeout: float = 900.0
    keepalive_after: float = 15.0
    max_body_bytes: int = 32 * 2**20
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None

    @property
    def caps(self) -> bool:
        """Whether tokens are limited, so that requests have to be looked into."""
        return self.max_input_tokens is not None or self.max_output_tokens is not None


@attrs.frozen(eq=False)
class Failover:
    """When a key or a provider is left alone, and how much trying again may cost.

    `breaker_failures` failures in a row open a circuit (0: never) for `breaker_open` seconds, twice as long after
    each probe that fails, at most `breaker_max_open`. `retry_budget` is the share of successes that a provider's
    retry budget grows by, `retry_burst` what it begins with, in attempts. `hedge_share` is the share of requests that
    may be asked twice.
    """

    breaker_failures: int = 5
    breaker_open: float = 5.0
    breaker_max_open: float = 60.0
    retry_budget: float = 0.1
    retry_burst: int = 10
    hedge_share: float = 0.05


STRATEGIES = (ORDERED, "round_robin", "weighted", "least_busy", "lowest_latency", "cache_affinity")


@attrs.frozen(eq=False)
class Policy:
    """How one provider's keys are chosen among (`weights` by the keys' ids, missing ones are 1), and whether
    a second candidate is asked where its model is slower than usual.
    """

    strategy: str = ORDERED
    weights: dict[str, int] = attrs.field(factory=dict)
    hedge: bool = False


_USUAL = Policy()
_NONE: Mapping[str, tuple[ProviderKey, ...]] = {}


@attrs.frozen(eq=False)
class GivenLimits:
    """What the operator gives to all accounts, and at the providers that have limits of their own."""

    limits: Limits
    by_provider: Mapping[str, Limits]


@attrs.frozen(eq=False, kw_only=True)
class Account:
    """What requests of one account meet, in one epoch of the configuration.

    `declared` maps a folded bare id to (provider, id as it was written); `aliases` maps folded names to others.
    `provider_keys` holds the account's own keys of each provider, newest first, then those of the file as they are
    written there; `managed` the operator's; `apart` tells that other accounts use those, too. `provider_limits`
    replaces `limits` where a provider has its own; `given` are the operator's, for an account that is not the
    operator's default one and has limits of its own. `policies` holds those that are not the usual one. `chooses`:
    some order of keys is not the one in which they stand.
    """

    epoch: int
    catalog: Catalog
    providers: Mapping[str, Provider]
    provider_keys: Mapping[str, tuple[ProviderKey, ...]] = attrs.field(repr=False)
    id: str = DEFAULT_ACCOUNT
    managed: Mapping[str, tuple[ProviderKey, ...]] = attrs.field(default=_NONE, repr=False)
    apart: bool = False
    limits: Limits = Limits()
    provider_limits: Mapping[str, Limits] = attrs.field(factory=dict)
    given: GivenLimits | None = None
    declared: Mapping[str, tuple[str, str]] = attrs.field(factory=dict)
    aliases: Mapping[str, str] = attrs.field(factory=dict)
    configurations: Mapping[str, Configuration] = attrs.field(factory=dict)
    failover: Failover = Failover()
    policies: Mapping[str, Policy] = attrs.field(factory=dict)
    chooses: bool = attrs.field(init=False)
    _by_id: Mapping[str, ProviderKey] = attrs.field(init=False, repr=False)

    @chooses.default
    def _chooses(self) -> bool:
        steps = [step for each in self.configurations.values() for rule in each.rules.values() for step in rule]
        return bool(self.policies) or any(step.strategy != ORDERED for step in steps)

    @_by_id.default
    def _key_table(self) -> Mapping[str, ProviderKey]:
        return {key.id: key for keys in self.provider_keys.values() for key in keys}

    def policy_for(self, provider: str) -> Policy:
        """How this provider's keys are chosen; by its own policy where it has one."""
        return self.policies.get(provider, _USUAL)

    def keys_of(self, provider: str) -> tuple[ProviderKey, ...]:
        """The keys of a provider in order, the account's own before the operator's; none for an unknown one."""
        return self.provider_keys.get(provider, ()) + self.managed.get(provider, ())

    def key(self, id: str, provider: str) -> ProviderKey | None:
        """The account's own key of this id, if it is one of this provider: no key ever goes to another."""
        found = self._by_id.get(id)
        return found if found is not None and found.provider == provider else None

    def limits_for(self, provider: str) -> Limits:
        """The limits in force for an attempt at this provider."""
        return self.provider_limits.get(provider, self.limits)

    def given_limits_for(self, provider: str) -> Limits:
        """The limits that the operator gives to attempts at a provider: an upstream that had less time is not to blame.

        What one account allows says nothing to the others that meet at this provider; at its own it is all that counts.
        """
        given = self.given
        if given is None or self.providers[provider].owner:
            return self.limits_for(provider)
        return given.by_provider.get(provider, given.limits)


@attrs.frozen(eq=False, kw_only=True)
class Snapshot(Account):
    """One epoch of the configuration: the default account, to which the file belongs, and all `others`.

    `access_keys` is keyed by the digest under `pepper`. `store_epoch` is the store's own number of what was read from
    it, 0 without a store; `troubles` tell what of it could not be used.
    """

    access_keys: Mapping[bytes, AccessKey] = attrs.field(repr=False)
    pepper: bytes = attrs.field(repr=False)
    others: Mapping[str, Account] = attrs.field(factory=dict, repr=False)
    store_epoch: int = 0
    troubles: tuple[str, ...] = ()

    _keyed: hashlib.blake2b = attrs.field(init=False, repr=False)

    @_keyed.default
    def _key_hash(self) -> hashlib.blake2b:
        return hashlib.blake2b(key=self.pepper, digest_size=DIGEST_BYTES)

    def account(self, id: str) -> Account:
        """What requests of this account meet. Raises KeyError for an unknown one."""
        return self if id == self.id else self.others[id]

    def targets(self) -> Mapping[tuple[str, str], Secret]:
        """The secrets of all provider keys in force, by what health calls them: the provider's home, the key's id."""
        found: dict[tuple[str, str], Secret] = {}
        for account in (self, *self.others.values()):
            for id, provider in account.providers.items():
                for key in account.keys_of(id):
                    found[provider.home, key.id] = key.secret
        return found

    def access_key(self, token: bytes) -> AccessKey | None:
        """The access key of a token. A table look-up of the keyed digest: the time tells nothing of other tokens."""
        # A copy of the keyed state: the same as `digest`, at half the time.
        keyed = self._keyed.copy()
        keyed.update(token)
        return self.access_keys.get(keyed.digest())


def digest(token: bytes, pepper: bytes) -> bytes:
    """The keyed digest under which an access key is kept (BLAKE2b, RFC 7693): useless without the pepper."""
    return hashlib.blake2b(token, key=pepper, digest_size=DIGEST_BYTES).digest()
