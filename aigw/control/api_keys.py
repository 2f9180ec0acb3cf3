"""API keys: `/api-keys`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import UNSET, UnsetType

from aigw.control.resource import Kind
from aigw.control.routes import Call
from aigw.control.shapes import Named, Resource, Role, patch_of, spec_of, stamps
from aigw.store.patches import Patch
from aigw.store.records import ApiKeyRecord
from aigw.store.specs import ApiKeySpec

PATH = "/api-keys"


class ApiKeyBody(Named, kw_only=True):
    """An API key."""


class ApiKey(Resource, kw_only=True):
    """An API key. `token` is there in the answer that made it, and never again."""

    key_redacted: str
    last_used: datetime | None
    role: Role
    token: str | UnsetType = UNSET


async def _show(call: Call, records: Sequence[ApiKeyRecord]) -> list[Any]:
    return [
        ApiKey(**stamps(each, PATH), key_redacted=each.redacted, last_used=each.last_used, role=each.role)
        for each in records
    ]


ROUTES = Kind(
    path=PATH,
    what="API key",
    plural="apiKeys",
    item=ApiKey,
    create_body=ApiKeyBody,
    patch_body=ApiKeyBody,
    keeps=lambda store: store.api_keys,
    spec=lambda call, fields: spec_of(ApiKeySpec, fields),
    patch=lambda call, fields: patch_of(Patch, fields),
    show=_show,
    in_operator_account=True,
    example={"name": "deployment"},
    patch_example={"description": "used by the deployment"},
).routes()
