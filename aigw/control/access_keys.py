"""Access keys: `/access-keys`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from aigw.control import declared
from aigw.control.resource import Kind
from aigw.control.routes import Call
from aigw.control.shapes import (
    GENERATED,
    Body,
    Count,
    Moment,
    Named,
    NamedRef,
    Resource,
    Shown,
    patch_of,
    spec_of,
    stamps,
)
from aigw.settings.nouns import ACCESS_KEY_FILE
from aigw.store.errors import Invalid, NotFound
from aigw.store.patches import AccessKeyPatch
from aigw.store.records import AccessKeyRecord
from aigw.store.specs import AccessKeySpec, Budget

PATH = "/access-keys"
CONFIGURATIONS = "/access-key-configurations"
# What can be shown in every zone: datetime ends with the year 9999.
_EARLIEST, _LATEST = datetime(1970, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
_AMOUNT = r"^[0-9]{1,13}(\.[0-9]{1,12})?$"

# The pattern is for the document: `_fields` looks at it, and says what is wrong in words.
Amount = Annotated[
    str,
    Meta(
        max_length=32,
        description="US dollars, exactly, above 0",
        examples=["12.50"],
        extra_json_schema={"pattern": _AMOUNT},
    ),
]
Period = Literal["day", "week", "month", "total"]
ConfigurationId = Annotated[str, Meta(min_length=1, max_length=64)]


class BudgetBody(Body, kw_only=True):
    """What may be spent in a period."""

    amount: Amount
    period: Period


class BudgetShown(Shown, kw_only=True):
    """What may be spent in a period."""

    amount: str
    period: str


class AccessKeyBody(Named, kw_only=True):
    """An access key. Left out or null: no limit of its own."""

    access_key_configuration_id: ConfigurationId | UnsetType | None = UNSET
    requests_per_minute: Count | UnsetType | None = UNSET
    tokens_per_minute: Count | UnsetType | None = UNSET
    max_parallel: Count | UnsetType | None = UNSET
    budget: BudgetBody | UnsetType | None = UNSET
    expires_at: Moment | UnsetType | None = UNSET


class AccessKey(Resource, kw_only=True):
    """An access key. `token` is there in the answer that made it, and never again."""

    key_redacted: str
    last_used: datetime | None
    access_key_configuration: NamedRef | None
    requests_per_minute: int | None
    tokens_per_minute: int | None
    max_parallel: int | None
    budget: BudgetShown | None
    expires_at: datetime | None
    token: str | UnsetType = UNSET


def _fields(fields: dict[str, Any]) -> dict[str, Any]:
    if "access_key_configuration_id" in fields:
        fields["configuration_id"] = fields.pop("access_key_configuration_id")
    if (budget := fields.get("budget")) is not None:
        if not re.fullmatch(_AMOUNT, budget.amount, re.ASCII):
            raise Invalid("budget.amount", "must be an amount of US dollars such as 12.50")
        fields["budget"] = Budget(Decimal(budget.amount), budget.period)
    if (expires := fields.get("expires_at")) is not None and not _EARLIEST <= expires <= _LATEST:
        raise Invalid("expires_at", "must lie between 1970 and 9999")
    return fields


def _spec(call: Call, fields: dict[str, Any]) -> AccessKeySpec:
    return spec_of(AccessKeySpec, _fields(fields))


def _patch(call: Call, fields: dict[str, Any]) -> AccessKeyPatch:
    return patch_of(AccessKeyPatch, _fields(fields))


async def _show(call: Call, records: Sequence[AccessKeyRecord]) -> list[AccessKey]:
    named = dict.fromkeys(each.spec.configuration_id for each in records if each.spec.configuration_id)
    names = {id: NamedRef(id=id, uri=f"{CONFIGURATIONS}/{id}", name=await _name(call, id)) for id in named}
    return [_shown(each, names.get(each.spec.configuration_id or "")) for each in records]


async def _name(call: Call, configuration: str) -> str:
    try:
        return (await call.store.configurations.get(call.account, configuration)).spec.name
    except NotFound:
        # Its last key and it were deleted since the keys were read.
        return ""


def _shown(record: AccessKeyRecord, configuration: NamedRef | None) -> AccessKey:
    spec = record.spec
    budget = None
    if spec.budget is not None:
        budget = BudgetShown(amount=format(spec.budget.amount, "f"), period=spec.budget.period)
    return AccessKey(
        **stamps(record, PATH),
        key_redacted=record.redacted,
        last_used=record.last_used,
        access_key_configuration=configuration,
        requests_per_minute=spec.requests_per_minute,
        tokens_per_minute=spec.tokens_per_minute,
        max_parallel=spec.max_parallel,
        budget=budget,
        expires_at=spec.expires_at,
    )


def _declared(call: Call) -> list[AccessKey]:
    return [
        AccessKey(
            id=(id := f"aigk_{each.name}"),
            uri=declared.uri(PATH, id),
            name=each.name,
            source=source,
            key_redacted=each.key.redacted,
            last_used=None,
            access_key_configuration=None,
            requests_per_minute=None,
            tokens_per_minute=None,
            max_parallel=None,
            budget=None,
            expires_at=None,
        )
        for each, source in declared.access_keys(call)
    ]


class AccessKeys(Kind):
    """Access keys, of which the gateway made one for itself where there was none."""

    def why_fixed(self, call: Call, found: AccessKey) -> str:
        """What to do instead, in words."""
        if found.source != GENERATED:
            return super().why_fixed(call, found)
        path = call.gateway.settings.server.data_dir / ACCESS_KEY_FILE
        return (
            f"The gateway made this access key for itself. To take it out of service delete {path}, then reload"
            " (aigw reload). While there is no other access key, another one is made in its place."
        )


KIND = AccessKeys(
    path=PATH,
    what="access key",
    plural="accessKeys",
    item=AccessKey,
    create_body=AccessKeyBody,
    patch_body=AccessKeyBody,
    keeps=lambda store: store.access_keys,
    spec=_spec,
    patch=_patch,
    show=_show,
    declared=_declared,
    names={"configuration_id": "access_key_configuration_id"},
    example={
        "name": "chat app",
        "requestsPerMinute": 600,
        "budget": {"amount": "50.00", "period": "month"},
        "expiresAt": "2030-01-31T12:00:00Z",
    },
    patch_example={"maxParallel": 20, "budget": None},
)
ROUTES = KIND.routes()
