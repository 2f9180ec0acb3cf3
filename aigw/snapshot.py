"""Everything a request needs to know, immutable and numbered; a change swaps the whole of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import attrs

from aigw.adapter import Provider
from aigw.catalog import Catalog
from aigw.records import AccessKey, ProviderKey

DIGEST_BYTES = 16


@attrs.frozen(eq=False)
class Limits:
    """Time limits of a request in seconds, sizes in bytes, output in tokens."""

    per_request_timeout: float = 60.0
    total_timeout: float = 120.0
    connect_timeout: float = 5.0
    stream_idle_timeout: float = 60.0
    stream_total_timeout: float = 900.0
    keepalive_after: float = 15.0
    max_body_bytes: int = 32 * 2**20


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


ORDERED = "ordered"
STRATEGIES = (ORDERED, "round_robin", "weighted", "least_busy", "lowest_latency", "cache_affinity")


@attrs.frozen(eq=False)
class Policy:
    """How one provider's keys are chosen among (`weights` in the order of the keys, missing ones are 1), and whether
    a second candidate is asked where its model is slower than usual.
    """

    strategy: str = ORDERED
    weights: tuple[int, ...] = ()
    hedge: bool = False


_USUAL = Policy()


@attrs.frozen(eq=False)
class Snapshot:
    """One epoch of the configuration.

    `access_keys` is keyed by the digest under `pepper`; `declared` maps a folded bare id to (provider, id as the
    operator wrote it); `provider_keys` holds each provider's keys in the order they are tried;
    `provider_limits` replaces `limits` where a provider has its own; `policies` holds those that are not the usual one.
    """

    epoch: int
    catalog: Catalog
    providers: Mapping[str, Provider]
    provider_keys: Mapping[str, tuple[ProviderKey, ...]] = attrs.field(repr=False)
    access_keys: Mapping[bytes, AccessKey] = attrs.field(repr=False)
    pepper: bytes = attrs.field(repr=False)
    limits: Limits = Limits()
    provider_limits: Mapping[str, Limits] = attrs.field(factory=dict)
    declared: Mapping[str, tuple[str, str]] = attrs.field(factory=dict)
    failover: Failover = Failover()
    policies: Mapping[str, Policy] = attrs.field(factory=dict)

    def policy_for(self, provider: str) -> Policy:
        """How this provider's keys are chosen; by its own policy where it has one."""
        return self.policies.get(provider, _USUAL)

    def keys_of(self, provider: str) -> tuple[ProviderKey, ...]:
        """The keys of a provider in order, none for an unknown one."""
        return self.provider_keys.get(provider, ())

    def limits_for(self, provider: str) -> Limits:
        """The limits in force for an attempt at this provider."""
        return self.provider_limits.get(provider, self.limits)

    _keyed: hashlib.blake2b = attrs.field(init=False, repr=False)

    @_keyed.default
    def _key_hash(self) -> hashlib.blake2b:
        return hashlib.blake2b(key=self.pepper, digest_size=DIGEST_BYTES)

    def access_key(self, token: bytes) -> AccessKey | None:
        """The access key of a token. A table look-up of the keyed digest: the time tells nothing of other tokens."""
        # A copy of the keyed state: the same as `digest`, at half the time.
        keyed = self._keyed.copy()
        keyed.update(token)
        return self.access_keys.get(keyed.digest())


def digest(token: bytes, pepper: bytes) -> bytes:
    """The keyed digest under which an access key is kept (BLAKE2b, RFC 7693): useless without the pepper."""
    return hashlib.blake2b(token, key=pepper, digest_size=DIGEST_BYTES).digest()
