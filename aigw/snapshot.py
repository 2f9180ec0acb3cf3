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
    max_body_bytes: int = 32 * 2**20


@attrs.frozen(eq=False)
class Snapshot:
    """One epoch of the configuration.

    `access_keys` is keyed by the digest under `pepper`; `declared` maps a folded bare id to (provider, id as the
    operator wrote it); `provider_keys` holds each provider's keys in the order they are tried;
    `provider_limits` replaces `limits` where a provider has its own.
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
