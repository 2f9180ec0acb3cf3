"""Model aliases: `/model-aliases`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from aigw.control.resource import Kind
from aigw.control.routes import Call
from aigw.control.shapes import Finding, ModelName, Named, Resource, patch_of, spec_of, stamps
from aigw.store import checks
from aigw.store.patches import AliasPatch
from aigw.store.records import AliasRecord
from aigw.store.specs import AliasSpec

PATH = "/model-aliases"


class ModelAliasBody(Named, kw_only=True):
    """Another name for a model: `alias`, whatever its case, for `target`, a bare id or `provider:model`."""

    alias: ModelName
    target: ModelName


class ModelAliasPatch(Named, kw_only=True):
    """A change of an alias."""

    alias: ModelName | UnsetType = UNSET
    target: ModelName | UnsetType = UNSET


class ModelAliasFinding(Finding, kw_only=True):
    """Parameters of the list."""

    alias: Annotated[str, Meta(max_length=checks.MODEL, description="only this one, whatever its case")] | None = None


class ModelAlias(Resource, kw_only=True):
    """Another name for a model."""

    alias: str
    target: str


async def _show(call: Call, records: Sequence[AliasRecord]) -> list[Any]:
    return [ModelAlias(**stamps(each, PATH), alias=each.spec.alias, target=each.spec.target) for each in records]


ROUTES = Kind(
    path=PATH,
    what="model alias",
    plural="modelAliases",
    item=ModelAlias,
    create_body=ModelAliasBody,
    patch_body=ModelAliasPatch,
    keeps=lambda store: store.aliases,
    spec=lambda call, fields: spec_of(AliasSpec, fields),
    patch=lambda call, fields: patch_of(AliasPatch, fields),
    show=_show,
    query=ModelAliasFinding,
    example={"alias": "fast", "target": "groq:llama-3.1-8b-instant"},
    patch_example={"target": "openai:gpt-4o-mini"},
).routes()
