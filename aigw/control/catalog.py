"""The catalog: `/catalog/providers`, `/catalog/models`, and the presets of custom providers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import quote
from weakref import WeakKeyDictionary

import attrs
from msgspec import Meta

from aigw import registry
from aigw.adapter import Provider
from aigw.catalog import Catalog, Model, Price, Rates
from aigw.control import presets, surfaces
from aigw.control.paging import merged, page
from aigw.control.problems import camel, missing
from aigw.control.routes import ID, Call, Reply, Route
from aigw.control.shapes import Paging, Shown, page_type
from aigw.control.surfaces import SurfaceShown

PROVIDERS, MODELS = "/catalog/providers", "/catalog/models"


class BuiltIn(Shown):
    """A built-in provider. `keyVariables` are the environment variables that its key is read from."""

    id: str
    uri: str
    name: str
    base_url: str
    needs_key: bool
    key_variables: list[str]
    supported_api_surfaces: list[SurfaceShown]
    guide: str


class TierShown(Shown):
    """The rates of every token of a request whose context is longer than `above` tokens."""

    above: int
    rates: dict[str, str]


class PriceShown(Shown):
    """US dollars as exact decimals: of tokens per million. What is not in `rates` is not known."""

    rates: dict[str, str]
    tiers: list[TierShown]


class CatalogModel(Shown):
    """A model of a built-in provider; null: not known. Dates are days, `YYYY-MM-DD`."""

    id: str
    uri: str
    provider: str
    model_id: str
    name: str
    context_window: int | None
    max_input: int | None
    max_output: int | None
    input: list[str]
    output: list[str]
    supported_api_surfaces: list[SurfaceShown]
    capabilities: list[str]
    efforts: list[str]
    refused_params: list[str]
    release_date: str | None
    deprecated: bool
    shutdown_date: str | None
    price: PriceShown | None


class ModelPaging(Paging):
    """Parameters of the list: of one provider, or of all."""

    provider: Annotated[str, Meta(max_length=255)] | None = None


def _rates(rates: Rates) -> dict[str, str]:
    told: dict[str, Any] = attrs.asdict(rates, filter=lambda field, value: isinstance(value, Decimal))
    return {camel(name): format(value, "f") for name, value in told.items()}


def _price(price: Price) -> PriceShown:
    tiers = [TierShown(above=each.above, rates=_rates(each.rates)) for each in price.tiers]
    return PriceShown(rates=_rates(price), tiers=tiers)


def _model(model: Model) -> CatalogModel:
    id = f"{model.provider}:{model.id}"
    return CatalogModel(
        id=id,
        uri=f"{MODELS}/{quote(id, safe=':')}",
        provider=model.provider,
        model_id=model.id,
        name=model.name,
        context_window=model.context_window,
        max_input=model.max_input,
        max_output=model.max_output,
        input=sorted(model.input),
        output=sorted(model.output),
        supported_api_surfaces=surfaces.shown(surfaces.served(model.surfaces)),
        capabilities=sorted(model.capabilities),
        efforts=list(model.efforts),
        refused_params=sorted(model.refused),
        release_date=model.release_date,
        deprecated=model.deprecated,
        shutdown_date=model.shutdown_date,
        price=_price(model.price) if model.price is not None else None,
    )


# Made once per catalog, in a thread: there are thousands of models, each with its decimals.
_EVERY: WeakKeyDictionary[Catalog, Mapping[str, CatalogModel]] = WeakKeyDictionary()


async def _models(call: Call) -> Mapping[str, CatalogModel]:
    return await asyncio.to_thread(_every, call)


def _every(call: Call) -> Mapping[str, CatalogModel]:
    catalog = call.gateway.catalog
    found = _EVERY.get(catalog)
    if found is None:
        shown = (_model(each) for each in catalog.models())
        found = _EVERY[catalog] = {each.id.casefold(): each for each in shown}
    return found


async def _list_models(call: Call) -> Reply:
    provider = call.query.provider
    every = [each for each in (await _models(call)).values() if provider in (None, each.provider)]
    return await page(call, _MODELS_PAGE, _fetch(every))


async def _get_model(call: Call) -> Reply:
    found = (await _models(call)).get(call.id.casefold())
    if found is None:
        raise missing("model in the catalog: ids are provider:model, with slashes written as %2F")
    return Reply(found)


def _provider(provider: Provider) -> BuiltIn:
    return BuiltIn(
        id=provider.id,
        uri=f"{PROVIDERS}/{provider.id}",
        name=provider.name,
        base_url=provider.base_url,
        needs_key=provider.needs_key,
        key_variables=list(provider.key_variables),
        supported_api_surfaces=surfaces.shown(surfaces.served(provider.surfaces)),
        guide=f"{presets.GUIDES}/{provider.id.replace('-', '_')}.md",
    )


async def _list_providers(call: Call) -> Reply:
    return await page(call, _PROVIDERS_PAGE, _fetch([_provider(each) for each in registry.load_builtin().values()]))


async def _get_provider(call: Call) -> Reply:
    found = registry.load_builtin().get(call.id)
    if found is None:
        raise missing("built-in provider")
    return Reply(_provider(found))


def _fetch(every: Sequence[Any]) -> Any:
    async def fetch(limit: int, before_id: str | None) -> list[Any]:
        return merged(every, limit, before_id, ())

    return fetch


_MODELS_PAGE = page_type("models", CatalogModel, "CatalogModelsPage")
_PROVIDERS_PAGE = page_type("providers", BuiltIn, "BuiltInProvidersPage")


def _route(path: str, handle: Any, summary: str, answer: Any, query: Any = None) -> Route:
    more = {"query": query} if query is not None else {}
    return Route(
        method="GET", path=path, handle=handle, summary=summary, answer=answer, in_operator_account=True, **more
    )


ROUTES = (
    _route(PROVIDERS, _list_providers, "List the built-in providers", _PROVIDERS_PAGE, Paging),
    _route(f"{PROVIDERS}/{ID}", _get_provider, "Get a built-in provider", BuiltIn),
    _route(MODELS, _list_models, "List the models of the catalog", _MODELS_PAGE, ModelPaging),
    _route(f"{MODELS}/{ID}", _get_model, "Get a model of the catalog", CatalogModel),
    *presets.ROUTES,
)
