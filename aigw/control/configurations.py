"""Access key configurations: `/access-key-configurations`. What access keys may call, and with which credentials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from aigw.control import declared, rules
from aigw.control.known import known
from aigw.control.resource import Kind
from aigw.control.routes import Call, Reply
from aigw.control.rules import RouterBody, RouterShown
from aigw.control.shapes import Body, ModelName, Named, ProviderId, Resource, Shown, given, patch_of, spec_of, stamps
from aigw.store import checks
from aigw.store.patches import ConfigurationPatch
from aigw.store.records import ConfigurationRecord
from aigw.store.specs import Access, ConfigurationSpec

PATH = "/access-key-configurations"

Models = Annotated[list[ModelName], Meta(max_length=checks.ENTRIES, description="`provider:model` or `provider/model`")]


class ProvidersAllowed(Body):
    """Which providers may be called: an empty list allows none, no list all."""

    allow: Annotated[list[ProviderId], Meta(max_length=checks.ENTRIES)] | None = None


class ModelsAllowed(Body):
    """Which models may be called: an empty list allows none, no list all."""

    allow: Models | None = None


class AccessBody(Body):
    """What may be called: of the providers that are allowed, the models that are."""

    providers: ProvidersAllowed | None = None
    models: ModelsAllowed | None = None


class ConfigurationBody(Named):
    """An access key configuration. `access` and `router` are replaced as a whole; null: everything is allowed, no
    rules.
    """

    access: AccessBody | UnsetType | None = UNSET
    router: RouterBody | UnsetType | None = UNSET


class AllowedShown(Shown):
    """What may be called; null: all."""

    allow: list[str] | None


class AccessShown(Shown):
    """What may be called."""

    providers: AllowedShown
    models: AllowedShown


class AccessKeyConfiguration(Resource):
    """What access keys may call, and with which credentials."""

    access: AccessShown
    router: RouterShown


def _fields(fields: dict[str, Any]) -> dict[str, Any]:
    """The members sent as a spec takes them. Raises Invalid."""
    if (access := fields.get("access")) is not None:
        fields["access"] = Access(_allowed(access.providers), _allowed(access.models))
    if "router" in fields:
        fields["rules"] = rules.rules_of(fields.pop("router"))
    return fields


def _allowed(body: ProvidersAllowed | ModelsAllowed | None) -> tuple[str, ...] | None:
    return None if body is None or body.allow is None else tuple(dict.fromkeys(body.allow))


async def _show(call: Call, records: Sequence[ConfigurationRecord]) -> list[AccessKeyConfiguration]:
    return [
        AccessKeyConfiguration(
            **stamps(each, PATH),
            access=AccessShown(
                providers=_allowed_shown(each.spec.access.providers), models=_allowed_shown(each.spec.access.models)
            ),
            router=rules.shown(each.spec.rules),
        )
        for each in records
    ]


def _allowed_shown(entries: tuple[str, ...] | None) -> AllowedShown:
    return AllowedShown(allow=None if entries is None else list(entries))


class Configurations(Kind):
    """Access key configurations, which name providers that the account has."""

    async def create(self, call: Call) -> Reply:
        """Make one."""
        await _check(call, _fields(given(call.body)))
        return await super().create(call)

    async def change(self, call: Call) -> Reply:
        """Change one."""
        await _check(call, _fields(given(call.body)))
        return await super().change(call)


async def _check(call: Call, fields: dict[str, Any]) -> None:
    """Raises Invalid for a provider or a key that is named and cannot be."""
    access, found = fields.get("access"), fields.get("rules", ())
    if access is None and not found:
        return
    there = await known(call)
    if access is not None:
        for at, provider in enumerate(access.providers or ()):
            there.check(f"access.providers[{at}]", provider)
        for at, model in enumerate(access.models or ()):
            there.check(f"access.models[{at}]", checks.scoped("access.models", model))
    rules.check(found, there, [id for id, _, _ in declared.provider_keys(call)])


KIND = Configurations(
    path=PATH,
    what="access key configuration",
    plural="accessKeyConfigurations",
    item=AccessKeyConfiguration,
    create_body=ConfigurationBody,
    patch_body=ConfigurationBody,
    keeps=lambda store: store.configurations,
    spec=lambda call, fields: spec_of(ConfigurationSpec, _fields(fields)),
    patch=lambda call, fields: patch_of(ConfigurationPatch, _fields(fields)),
    show=_show,
    names={
        "rules": "router.rules",
        "access.providers": "access.providers.allow",
        "access.models": "access.models.allow",
    },
    example={
        "name": "two providers",
        "access": {"providers": {"allow": ["openai", "anthropic"]}, "models": {"allow": ["openai:gpt-4o"]}},
        "router": {"rules": [{"provider": "openai", "steps": [{"type": "user"}, {"type": "managed"}]}]},
    },
    patch_example={"access": {"providers": {"allow": ["openai"]}}},
)
ROUTES = KIND.routes()
