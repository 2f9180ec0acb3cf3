"""Provider keys: `/provider-keys`. Those in the operators' account are for managed inference."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta

from aigw.control import declared
from aigw.control.known import known
from aigw.control.resource import Kind
from aigw.control.routes import ID, Call, Reply, Route
from aigw.control.shapes import (
    FILE,
    Body,
    ChangeQuery,
    Finding,
    Named,
    ProviderId,
    Resource,
    SecretText,
    given,
    patch_of,
    spec_of,
    stamps,
)
from aigw.secret import Secret
from aigw.store.errors import Invalid
from aigw.store.patches import Patch
from aigw.store.records import ProviderKeyRecord
from aigw.store.specs import ProviderKeySpec
from aigw.store.tokens import refuse_placeholder

PATH = "/provider-keys"
# What a header can carry (RFC 9110, section 5.5) without spaces: every provider's keys are such.
_KEY = r"[!-~]+"


class ProviderKeyBody(Named):
    """An upstream credential: `value` is sealed, and never shown again."""

    provider_id: ProviderId
    value: SecretText


class ProviderKeyPatch(Named):
    """A change of what is said about a provider key; its value is changed by rotating it."""


class NewValue(Body):
    """Another value for the same key."""

    value: SecretText


class ProviderKey(Resource):
    """An upstream credential, in its redacted form."""

    provider_id: str
    key_redacted: str
    last_used: datetime | None


class ProviderKeyFinding(Finding):
    """Parameters of the list: of one provider, or of all."""

    provider_id: Annotated[str, Meta(max_length=255)] | None = msgspec.field(default=None, name="provider")


def secret_of(value: str, field: str = "value") -> Secret:
    """A value that can be a key. Raises Invalid, which does not quote it."""
    if value != value.strip():
        raise Invalid(field, "begins or ends with white space or a line break: give the key alone")
    if not re.fullmatch(_KEY, value):
        raise Invalid(field, "may hold visible ASCII characters alone: it is sent in a header")
    if refuse_placeholder(value):
        raise Invalid(field, "is the redacted form of a key, not the key")
    return Secret(value)


async def _show(call: Call, records: Sequence[ProviderKeyRecord]) -> list[ProviderKey]:
    return [
        ProviderKey(
            **stamps(each, PATH),
            provider_id=each.spec.provider_id,
            key_redacted=each.redacted,
            last_used=each.last_used,
        )
        for each in records
    ]


def _declared(call: Call) -> list[ProviderKey]:
    return [
        ProviderKey(
            id=id,
            uri=declared.uri(PATH, id),
            source=FILE,
            provider_id=provider,
            key_redacted=value.redacted,
            last_used=None,
        )
        for id, provider, value in declared.provider_keys(call)
    ]


class ProviderKeys(Kind):
    """Provider keys: made with a value, rotated."""

    async def create(self, call: Call) -> Reply:
        """Make one, for a provider that the account has."""
        fields = given(call.body)
        value = secret_of(fields.pop("value"))
        (await known(call)).check("provider_id", fields["provider_id"])
        spec = spec_of(ProviderKeySpec, fields)
        change = await call.store.provider_keys.create(call.account, spec, value, call.actor)
        [item] = await _show(call, [change.record])
        return Reply(item, change.epoch)

    async def rotate(self, call: Call) -> Reply:
        """Give one another value."""
        self.refuse_declared(call)
        keys = call.store.provider_keys
        value = secret_of(call.body.value)
        change = await keys.rotate(call.account, call.id, value, call.actor, revision=call.revision)
        [item] = await _show(call, [change.record])
        return Reply(item, change.epoch)

    def rotation(self) -> Route:
        """The route of that."""
        return Route(
            method="POST",
            path=f"{self.path}/{ID}/rotate",
            handle=self.rotate,
            summary="Rotate a provider key: another value under the same id",
            query=ChangeQuery,
            body=NewValue,
            answer=self.item,
            in_operator_account=self.in_operator_account,
            conditional=True,
            example={"value": "the-new-key"},
        )


KIND = ProviderKeys(
    path=PATH,
    what="provider key",
    plural="providerKeys",
    item=ProviderKey,
    create_body=ProviderKeyBody,
    patch_body=ProviderKeyPatch,
    keeps=lambda store: store.provider_keys,
    spec=lambda call, fields: spec_of(ProviderKeySpec, fields),
    patch=lambda call, fields: patch_of(Patch, fields),
    show=_show,
    declared=_declared,
    in_operator_account=True,
    query=ProviderKeyFinding,
    example={"providerId": "openai", "name": "production", "value": "the-key-of-the-provider"},
    patch_example={"name": "production, until June"},
)
ROUTES = (*KIND.routes(), KIND.rotation())
