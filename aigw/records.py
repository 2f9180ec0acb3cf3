"""The product's nouns as frozen values: what the store keeps and a snapshot carries."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import attrs

from aigw.secret import Secret

USER = "user"
MANAGED = "managed"
ORDERED = "ordered"

# The account that everything in the file belongs to, as long as no store gives it an id.
DEFAULT_ACCOUNT = "acct_default"
# Whose provider keys are the operator's, for managed inference.
OPERATOR_ACCOUNT = "acct_operator"


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


NOTHING = Scope(frozenset(), frozenset())


@attrs.frozen(eq=False)
class Step:
    """Where credentials come from: the account's own keys (`user`) or the operator's (`managed`).

    `keys` are ids in order; a step of the account's that names none means all of them, newest first. `strategy` says
    which of them is asked first.
    """

    source: str = USER
    strategy: str = ORDERED
    keys: tuple[str, ...] = ()


@attrs.frozen(eq=False)
class Configuration:
    """What the access keys that have it may call (`scope`), and with which credentials.

    `rules` are steps by (provider, model), the model folded; either may be empty, for any.
    """

    id: str
    name: str = ""
    scope: Scope = Scope()
    rules: Mapping[tuple[str, str], tuple[Step, ...]] = attrs.field(factory=dict)

    def steps(self, provider: str, model: str) -> tuple[Step, ...] | None:
        """The steps for a model of a provider, None without a rule. A model's rule wins over its provider's."""
        rules = self.rules
        if not rules:
            return None
        folded = model.casefold()
        for name in ((provider, folded), ("", f"{provider}:{folded}"), ("", f"{provider}/{folded}"), ("", folded)):
            if name in rules:
                return rules[name]
        return rules.get((provider, ""))


@attrs.frozen
class KeyLimits:
    """How much an access key may be used; None is no limit of its own. `budget` is in US dollars per `period`."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    max_parallel: int | None = None
    budget: Decimal | None = None
    period: str = ""


UNLIMITED = KeyLimits()


@attrs.frozen
class AccessKey:
    """What an app sends. Only the keyed digest of its token is kept.

    There may be a hundred thousand: configurations, scopes and limits are shared. `expires_at` is in seconds since
    1970, 0 for never. Keys of one `grant` are told apart by nothing that a plan hangs on.
    """

    id: str
    name: str
    digest: bytes = attrs.field(repr=False)
    scope: Scope = Scope()
    account: str = DEFAULT_ACCOUNT
    configuration: Configuration | None = None
    expires_at: float = 0.0
    limits: KeyLimits = UNLIMITED
    grant: str = attrs.field(default="", repr=False)


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
