"""Custom providers: `/providers`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from aigw import registry
from aigw.adapter import Provider
from aigw.control import declared, discovery, presets, surfaces
from aigw.control.resource import Kind
from aigw.control.routes import ID, Call, Route
from aigw.control.shapes import (
    FILE,
    Body,
    Finding,
    ModelName,
    Named,
    ProviderId,
    Resource,
    Shown,
    patch_of,
    spec_of,
    stamps,
)
from aigw.control.surfaces import SurfaceBody, SurfaceShown
from aigw.settings.destinations import check_destination
from aigw.settings.urls import BadUrl, mask_url
from aigw.store import checks
from aigw.store.errors import DUPLICATE, Conflict, Invalid
from aigw.store.patches import ProviderPatch
from aigw.store.records import ProviderRecord
from aigw.store.specs import Model, ProviderSpec

PATH = "/providers"
# What a provider is called that the gateway itself brings along; its id is nobody's.
_RESERVED = "sandbox"

Url = Annotated[str, Meta(min_length=1, max_length=checks.URL)]
SurfaceList = Annotated[list[SurfaceBody], Meta(max_length=len(surfaces.ORDER))]
PresetName = Annotated[str, Meta(min_length=1, max_length=checks.PRESET, description="as in /catalog/presets")]


class ModelBody(Body):
    """A model by its provider's own id. An `id` may be there, as it was shown; it is not looked at."""

    model_id: ModelName
    id: str | UnsetType = UNSET


ModelList = Annotated[list[ModelBody], Meta(max_length=checks.ENTRIES)]


class ProviderBody(Named):
    """A custom provider. What is left out comes from its preset, where one is named or called like the provider."""

    provider_id: ProviderId
    preset: PresetName | UnsetType | None = UNSET
    base_url: Url | UnsetType | None = UNSET
    supported_api_surfaces: SurfaceList | UnsetType | None = UNSET
    models: ModelList | UnsetType | None = UNSET


class ProviderChange(Named):
    """A change of a custom provider. Surfaces and models are replaced as a whole; `providerId` stays."""

    preset: PresetName | UnsetType | None = UNSET
    base_url: Url | UnsetType = UNSET
    supported_api_surfaces: SurfaceList | UnsetType = UNSET
    models: ModelList | UnsetType | None = UNSET


class ProviderFinding(Finding):
    """Parameters of the list."""

    provider_id: Annotated[str, Meta(max_length=255, description="only the one of this id")] | None = None


class ModelShown(Shown):
    """A model: `modelId` is what its provider calls it, `id` the gateway's own as long as the model is there."""

    id: str
    model_id: str


class CustomProvider(Resource):
    """A custom provider."""

    provider_id: str
    preset: str | None
    base_url: str
    supported_api_surfaces: list[SurfaceShown]
    models: list[ModelShown]


def _fields(call: Call, fields: dict[str, Any]) -> dict[str, Any]:
    """The members sent as a spec takes them. Raises Invalid."""
    if (text := fields.get("base_url")) is not None:
        fields["base_url"] = url_of(call, text)
    if (preset := fields.get("preset")) is not None:
        fields["preset"] = presets.known(preset)
    if (models := fields.get("models")) is not None:
        fields["models"] = tuple(Model(each.model_id) for each in models)
    if (bodies := fields.pop("supported_api_surfaces", None)) is not None:
        fields["surfaces"] = surfaces.surfaces_of(bodies)
    return fields


def url_of(call: Call, text: str) -> str:
    """A base URL in normal form, if it may be one. Raises Invalid, which does not quote it."""
    try:
        return check_destination(text, call.gateway.settings.upstream.allow_http)
    except BadUrl as bad:
        raise Invalid("base_url", str(bad)) from None


def _spec(call: Call, fields: dict[str, Any]) -> ProviderSpec:
    id = fields["provider_id"]
    _refuse_taken(call, id)
    fields = {name: value for name, value in _fields(call, fields).items() if value is not None}
    template = presets.of(id, fields.get("preset"))
    fields.setdefault("base_url", template.base_url)
    if not fields["base_url"]:
        raise Invalid("base_url", "is missing: where is its API? As in https://llm.example.com/v1")
    fields["surfaces"] = fields.get("surfaces") or surfaces.served(template.surfaces)
    _refuse_none(fields["surfaces"])
    return spec_of(ProviderSpec, fields)


def _patch(call: Call, fields: dict[str, Any]) -> ProviderPatch:
    fields = _fields(call, fields)
    if "surfaces" in fields:
        _refuse_none(fields["surfaces"])
    return patch_of(ProviderPatch, fields)


def _refuse_taken(call: Call, id: str) -> None:
    if id in registry.load_builtin() or id == _RESERVED:
        raise Invalid("provider_id", f"{id} is built in: choose another id")
    if any(each.id == id for each in declared.providers(call)):
        raise Conflict(DUPLICATE, f"the provider {id} is declared in the configuration", (f"aigp_{id}",))


def _refuse_none(found: Sequence[Any]) -> None:
    if not found:
        raise Invalid("surfaces", f"is missing: what does it serve? There are {', '.join(surfaces.ORDER)}")


async def _show(call: Call, records: Sequence[ProviderRecord]) -> list[CustomProvider]:
    return [
        CustomProvider(
            **stamps(each, PATH),
            provider_id=each.spec.provider_id,
            preset=each.spec.preset,
            base_url=each.spec.base_url,
            supported_api_surfaces=surfaces.shown(each.spec.surfaces),
            models=[ModelShown(id=model.id, model_id=model.model_id) for model in each.spec.models],
        )
        for each in records
    ]


def _declared(call: Call) -> list[CustomProvider]:
    builtin = registry.load_builtin()
    own = [each for each in declared.providers(call) if each.enabled and each.id not in builtin]
    return [_of_file(registry.build(each), each.preset) for each in own]


def _of_file(provider: Provider, preset: str | None) -> CustomProvider:
    id = f"aigp_{provider.id}"
    return CustomProvider(
        id=id,
        uri=declared.uri(PATH, id),
        name=provider.name,
        source=FILE,
        provider_id=provider.id,
        preset=preset,
        base_url=mask_url(provider.base_url),
        supported_api_surfaces=surfaces.shown(surfaces.served(provider.surfaces)),
        models=[ModelShown(id=f"{id}_{at}", model_id=each) for at, each in enumerate(provider.models, 1)],
    )


KIND = Kind(
    path=PATH,
    what="provider",
    plural="providers",
    item=CustomProvider,
    create_body=ProviderBody,
    patch_body=ProviderChange,
    keeps=lambda store: store.providers,
    spec=_spec,
    patch=_patch,
    show=_show,
    declared=_declared,
    query=ProviderFinding,
    names={
        "surfaces": "supported_api_surfaces",
        "surfaces.format": "supported_api_surfaces.format",
        "surfaces.surface": "supported_api_surfaces.surface",
        "surfaces.parameters": "supported_api_surfaces.supported_params",
    },
    example={
        "providerId": "gpu-box",
        "name": "The machine with the GPUs",
        "preset": "vllm",
        "baseUrl": "http://10.0.0.5:8000/v1",
        "supportedApiSurfaces": [{"surface": "chat-completions", "supportedParams": [{"name": "temperature"}]}],
        "models": [{"modelId": "llama-3.3-70b"}],
    },
    patch_example={"models": [{"modelId": "llama-3.3-70b"}, {"modelId": "qwen3-coder"}]},
)


class Discovered(Shown):
    """The models that a provider lists now. `applied`: some were added to the provider, which is then shown."""

    models: list[discovery.ModelFound]
    applied: bool
    provider: CustomProvider | None


async def discover(call: Call) -> Any:
    """Ask a provider which models it has; add the new ones on request."""
    return await discovery.discover(call, KIND, Discovered)


ROUTES = (
    *KIND.routes(),
    Route(
        method="POST",
        path=f"{PATH}/{ID}/discover-models",
        handle=discover,
        summary="Ask a provider which models it has",
        query=discovery.Discovery,
        answer=Discovered,
        statuses=(502,),
        names=KIND.names,
    ),
)
