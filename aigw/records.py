"""The product's nouns as frozen values: what the store keeps and a snapshot carries."""

from __future__ import annotations

import attrs

from aigw.secret import Secret

USER = "user"
MANAGED = "managed"


@attrs.frozen
class Scope:
    """What an access key may call. `None` allows everything, an empty set allows nothing.

    `models` holds `provider/model` and `provider:model` forms, folded to `(provider, model.casefold())`.
    """

    providers: frozenset[str] | None = None
    models: frozenset[tuple[str, str]] | None = None

    def allows(self, provider: str, model: str) -> bool:
        """Whether this provider and this model of it are both allowed."""
        if self.providers is not None and provider not in self.providers:
            return False
        return self.models is None or (provider, model.casefold()) in self.models


@attrs.frozen
class AccessKey:
    """What an app sends. Only the keyed digest of its token is kept."""

    id: str
    name: str
    digest: bytes = attrs.field(repr=False)
    scope: Scope = Scope()


# Compared by identity: a rotated key keeps its id, and what was rendered with the old secret must not be found.
@attrs.frozen(eq=False)
class ProviderKey:
    """An upstream credential, the account's own (`user`) or the operator's (`managed`)."""

    id: str
    provider: str
    secret: Secret
    source: str = USER

    @property
    def redacted(self) -> str:
        """The form that may be shown: `first10***last4`."""
        return self.secret.redacted
