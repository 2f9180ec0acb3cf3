"""What a store does, for those who call it. `opening.open_store` gives one that does.

Accounts are apart: whatever belongs to an account is reached by its id and that of the account, and what is another
account's is NotFound, as if it were not there. Ids that a spec names (a configuration, provider keys) are looked for
in the same account.

Each call is one transaction: all of it happened, or nothing. A change raises the epoch by one, leaves a row in the
audit and tells other processes, all in that transaction. Changes follow one another, so that of two epochs the greater
one holds what the smaller one holds. `revision` makes a change conditional: it fails with Conflict (`stale`) when the
thing has changed since.

Lists are newest first (descending ids); `before_id` continues after the last one of a page, which may be gone by then.
`where` keeps to things of which these fields of the spec are exactly that: `name`, and what a kind can be looked up by
beside it (`provider_id` of provider keys and providers, `alias` of aliases, whatever its case).

Every method raises StoreUnavailable when the database does not answer within the time allowed, and works again once it
does. StoreUnavailable from a change leaves open whether it happened.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Protocol, TypeVar

from aigw.secret import Secret
from aigw.store.errors import (
    BadExport,
    Conflict,
    Invalid,
    NotFound,
    StoreError,
    StoreNotEmpty,
    StoreTooNew,
    StoreUnavailable,
    Unsealable,
)
from aigw.store.patches import (
    KEEP,
    AccessKeyPatch,
    AliasPatch,
    ConfigurationPatch,
    GatewayConfigPatch,
    Patch,
    ProviderPatch,
)
from aigw.store.records import (
    OPERATOR_ACCOUNT,
    AccessKeyRecord,
    AccountRecord,
    Actor,
    AliasRecord,
    ApiKeyRecord,
    AuditRecord,
    Change,
    ConfigurationRecord,
    GatewayConfigRecord,
    ProviderKeyRecord,
    ProviderRecord,
    Use,
    Whole,
)
from aigw.store.specs import (
    AccessKeySpec,
    AccountSpec,
    AliasSpec,
    ApiKeySpec,
    ConfigurationSpec,
    ProviderKeySpec,
    ProviderSpec,
)

__all__ = [
    "ANY",
    "KEEP",
    "LONGEST_PAGE",
    "OPERATOR_ACCOUNT",
    "Accounts",
    "ApiKeys",
    "Audit",
    "BadExport",
    "Conflict",
    "Epochs",
    "GatewayConfigs",
    "Invalid",
    "Keeps",
    "NotFound",
    "ProviderKeys",
    "Resource",
    "Store",
    "StoreError",
    "StoreNotEmpty",
    "StoreTooNew",
    "StoreUnavailable",
    "Unsealable",
]

LONGEST_PAGE = 100
ANY: Mapping[str, str] = MappingProxyType({})

R_co = TypeVar("R_co", covariant=True)
S_contra = TypeVar("S_contra", contravariant=True)
P_contra = TypeVar("P_contra", bound=Patch, contravariant=True)


class Keeps(Protocol[R_co, P_contra]):
    """What can be done with a kind of things of an account, but for making one."""

    async def get(self, account: str, id: str) -> R_co:
        """One of them. Raises NotFound."""

    async def list(
        self, account: str, *, limit: int = LONGEST_PAGE, before_id: str | None = None, where: Mapping[str, str] = ANY
    ) -> Sequence[R_co]:
        """A page, newest first. Raises Invalid for a limit that is none (1–100) and for what cannot be looked up."""

    async def patch(
        self, account: str, id: str, patch: P_contra, by: Actor, *, revision: int | None = None
    ) -> Change[R_co]:
        """Change one. Raises NotFound, Invalid, Conflict (`duplicate`, `stale`)."""

    async def delete(self, account: str, id: str, by: Actor, *, revision: int | None = None) -> Change[R_co]:
        """Delete one. Raises NotFound, Conflict (`referenced` with the ids of what refers to it, `stale`)."""


class Resource(Keeps[R_co, P_contra], Protocol[R_co, S_contra, P_contra]):
    """A kind of things that a spec is enough to make.

    `access_keys.create` gives the token in its Change; `configurations.create` and `.patch` make the new provider
    keys of their steps.
    """

    async def create(self, account: str, spec: S_contra, by: Actor) -> Change[R_co]:
        """Make one. Raises NotFound for the account, Invalid, Conflict (`duplicate`)."""


class ApiKeys(Resource[ApiKeyRecord, ApiKeySpec, Patch], Protocol):
    """API keys. Operators' are those of OPERATOR_ACCOUNT."""

    async def authenticate(self, token: str) -> ApiKeyRecord:
        """The key of a token. Raises NotFound, without a look-up for what cannot be a token."""


class ProviderKeys(Keeps[ProviderKeyRecord, Patch], Protocol):
    """Provider keys, whose values are sealed. Those of OPERATOR_ACCOUNT are for managed inference."""

    async def create(self, account: str, spec: ProviderKeySpec, value: Secret, by: Actor) -> Change[ProviderKeyRecord]:
        """Make one. Raises NotFound for the account, Invalid (also for a redacted placeholder)."""

    async def rotate(
        self, account: str, id: str, value: Secret, by: Actor, *, revision: int | None = None
    ) -> Change[ProviderKeyRecord]:
        """Another value under the same id. Raises NotFound, Invalid, Conflict (`stale`)."""

    async def open(self, account: str, id: str) -> Secret:
        """The value. Raises NotFound, Unsealable."""


class Accounts(Protocol):
    """The accounts themselves: for operators alone."""

    async def create(self, spec: AccountSpec, by: Actor) -> Change[AccountRecord]:
        """Make one. Raises Conflict (`duplicate`)."""

    async def get(self, id: str) -> AccountRecord:
        """One of them. Raises NotFound."""

    async def named(self, name: str) -> AccountRecord:
        """The one of this name. Raises NotFound."""

    async def list(
        self, *, limit: int = LONGEST_PAGE, before_id: str | None = None, where: Mapping[str, str] = ANY
    ) -> Sequence[AccountRecord]:
        """A page, newest first."""

    async def patch(self, id: str, patch: Patch, by: Actor, *, revision: int | None = None) -> Change[AccountRecord]:
        """Change one. Raises NotFound, Conflict (`duplicate`, `stale`); the default account keeps its name."""

    async def delete(self, id: str, by: Actor, *, revision: int | None = None) -> Change[AccountRecord]:
        """Delete an empty one. Raises NotFound, Conflict (`in_use` when it holds anything or is the default one)."""


class GatewayConfigs(Protocol):
    """The settings of an account: there are always some."""

    async def get(self, account: str) -> GatewayConfigRecord:
        """The settings; revision 0 when none were made. Raises NotFound for the account."""

    async def patch(
        self, account: str, patch: GatewayConfigPatch, by: Actor, *, revision: int | None = None
    ) -> Change[GatewayConfigRecord]:
        """Change them. Raises NotFound for the account, Invalid, Conflict (`stale`)."""


class Audit(Protocol):
    """Who changed what."""

    async def list(
        self, account: str, *, limit: int = LONGEST_PAGE, before_id: str | None = None, resource_id: str | None = None
    ) -> Sequence[AuditRecord]:
        """A page of an account's changes, newest first."""

    async def everywhere(self, *, limit: int = LONGEST_PAGE, before_id: str | None = None) -> Sequence[AuditRecord]:
        """A page of all changes, for operators."""

    async def prune(self, before: datetime) -> int:
        """Drop the rows older than this: how many."""


class Epochs(Protocol):
    """Which state is in force, and who has taken it over."""

    async def current(self) -> int:
        """The number of the last change."""

    def watch(self) -> AsyncGenerator[int, None]:
        """The epoch now, then each later one within a second of its change (the last of several at once).

        Does not end and does not raise when the store is down: it goes on once it is back.
        """

    async def confirm(self, worker: str, epoch: int) -> None:
        """A worker serves this epoch. Workers say so at every change and every few seconds, which keeps them live."""

    async def leave(self, worker: str) -> None:
        """A worker ends."""

    async def confirmed(self, epoch: int, timeout: float) -> Sequence[str]:
        """Wait until every live worker serves this epoch, for so many seconds: the workers that do not yet."""


class Store(Protocol):
    """All of it."""

    @property
    def accounts(self) -> Accounts:
        """Accounts."""

    @property
    def access_keys(self) -> Resource[AccessKeyRecord, AccessKeySpec, AccessKeyPatch]:
        """Access keys."""

    @property
    def configurations(self) -> Resource[ConfigurationRecord, ConfigurationSpec, ConfigurationPatch]:
        """Access key configurations. One that a key uses is not deleted."""

    @property
    def api_keys(self) -> ApiKeys:
        """API keys."""

    @property
    def provider_keys(self) -> ProviderKeys:
        """Provider keys. One that a configuration names is not deleted."""

    @property
    def providers(self) -> Resource[ProviderRecord, ProviderSpec, ProviderPatch]:
        """Custom providers. One that a key, a configuration or an alias names is not deleted."""

    @property
    def aliases(self) -> Resource[AliasRecord, AliasSpec, AliasPatch]:
        """Model aliases."""

    @property
    def gateway_configs(self) -> GatewayConfigs:
        """Settings of accounts."""

    @property
    def audit(self) -> Audit:
        """Who changed what."""

    @property
    def epochs(self) -> Epochs:
        """Numbers of changes."""

    async def first_operator(self, token: Secret | None = None) -> Change[ApiKeyRecord] | None:
        """An API key for the operator if there is none; of several callers at once one gets it, the others None.

        It has this token, one that `tokens.make` made, where it has been told to somebody already.
        """

    async def whole(self) -> Whole:
        """Everything a snapshot is made of, in one consistent read."""

    async def touch(self, uses: Sequence[Use]) -> None:
        """Note when keys were used. What is unknown or not of that account is passed over; no epoch, no audit."""

    async def close(self) -> None:
        """Give back every connection."""
