"""What the store keeps, as it gives it out: frozen records around the specs of their accounts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Generic, TypeVar

import attrs

from aigw import records
from aigw.secret import Secret
from aigw.store.specs import (
    AccessKeySpec,
    AccountSpec,
    AliasSpec,
    ApiKeySpec,
    ConfigurationSpec,
    GatewayConfigSpec,
    ProviderKeySpec,
    ProviderSpec,
    Spec,
)

S_co = TypeVar("S_co", bound=Spec, covariant=True)
R_co = TypeVar("R_co", covariant=True)

# The account that every store has from its first start.
DEFAULT_NAME = "default"
# Operators' things (API keys, provider keys for managed inference) are in this account, which no list shows.
OPERATOR_ACCOUNT = records.OPERATOR_ACCOUNT
OPERATOR_ROLE, ACCOUNT_ROLE = "operator", "account"


@attrs.frozen
class Actor:
    """Who changes something: the id of an API key, or a word for the gateway itself."""

    id: str
    request_id: str = ""


SYSTEM = Actor("system")


@attrs.frozen(kw_only=True)
class Record(Generic[S_co]):
    """One thing of an account. `revision` grows by one with each change of it."""

    id: str
    account_id: str
    spec: S_co
    created_at: datetime
    updated_at: datetime
    created_by: str
    last_updated_by: str
    revision: int


@attrs.frozen(kw_only=True)
class TokenRecord(Record[S_co]):
    """A thing with a token, of which the keyed digest and the redacted form are kept."""

    digest: bytes = attrs.field(repr=False)
    redacted: str
    last_used: datetime | None = None


AccountRecord = Record[AccountSpec]
ConfigurationRecord = Record[ConfigurationSpec]
ProviderRecord = Record[ProviderSpec]
AliasRecord = Record[AliasSpec]
GatewayConfigRecord = Record[GatewayConfigSpec]
AccessKeyRecord = TokenRecord[AccessKeySpec]


@attrs.frozen(kw_only=True)
class ApiKeyRecord(TokenRecord[ApiKeySpec]):
    """An API key. The role follows from the account: operators' keys are in OPERATOR_ACCOUNT."""

    @property
    def role(self) -> str:
        """What it may administer: everything (`operator`) or its account (`account`)."""
        return OPERATOR_ROLE if self.account_id == OPERATOR_ACCOUNT else ACCOUNT_ROLE


@attrs.frozen(kw_only=True)
class ProviderKeyRecord(Record[ProviderKeySpec]):
    """A provider key. Its value is opened apart from it."""

    redacted: str
    last_used: datetime | None = None


@attrs.frozen
class Change(Generic[R_co]):
    """What a change left behind: the thing (the last state of a deleted one), the epoch it is in force from,
    and the token of a new key, which is told this once.
    """

    record: R_co
    epoch: int
    token: Secret | None = None


@attrs.frozen
class Use:
    """When a key was used."""

    account_id: str
    id: str
    at: datetime


@attrs.frozen
class AuditRecord:
    """One change: who, what, when, and the spec before and after, in which there is no secret."""

    id: str
    account_id: str
    at: datetime
    actor: str
    request_id: str
    action: str
    resource: str
    resource_id: str
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    epoch: int


@attrs.frozen
class Whole:
    """Everything a snapshot is made of, read at one moment.

    `values` are the opened provider keys by id; those that could not be opened are in `unreadable`. All are newest
    first but the access keys, which are in no order.
    """

    epoch: int
    pepper: bytes = attrs.field(repr=False)
    accounts: tuple[AccountRecord, ...]
    access_keys: tuple[AccessKeyRecord, ...] = attrs.field(repr=False)
    configurations: tuple[ConfigurationRecord, ...]
    provider_keys: tuple[ProviderKeyRecord, ...]
    values: Mapping[str, Secret] = attrs.field(repr=False)
    unreadable: tuple[str, ...]
    providers: tuple[ProviderRecord, ...]
    aliases: tuple[AliasRecord, ...]
    gateway_configs: Mapping[str, GatewayConfigSpec]
