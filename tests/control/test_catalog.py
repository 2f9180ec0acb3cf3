"""The catalog over the API: built-in providers, their models with prices, and the presets of custom ones."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

import aigw
from aigw import registry
from aigw.catalog import Catalog

from .conftest import Live

ROOT = Path(aigw.__file__).parents[1]
MODELS, PROVIDERS = "/catalog/models", "/catalog/providers"


async def test_built_in_providers(live: Live) -> None:
    """Every built-in provider is listed with what it serves and a guide that exists; each can be read alone."""
    told = (await live.ask("GET", PROVIDERS, token=live.token)).told["providers"]
    assert {each["id"] for each in told} == set(registry.load_builtin())
    assert [each["id"] for each in told] == sorted((each["id"] for each in told), reverse=True)
    for each in told:
        assert (ROOT / each["guide"]).is_file()
        assert each["supportedApiSurfaces"]
        assert (await live.ask("GET", each["uri"])).told == each
    assert (await live.ask("GET", f"{PROVIDERS}/nobody")).code == "notFound"


async def test_all_models_in_pages(live: Live) -> None:
    """Pages lead through every model once, of one provider where that is asked for."""
    for query, provider in (("", None), ("&provider=openai", "openai")):
        uri: str | None = f"{MODELS}?limit=100{query}"
        seen: list[str] = []
        while uri is not None:
            told = (await live.ask("GET", uri)).told
            seen += [each["id"] for each in told["models"]]
            uri = told["nextPageUri"]
        known = [f"{each.provider}:{each.id}" for each in Catalog.load().models(provider)]
        assert len(seen) == len(known)
        assert set(seen) == set(known)


async def test_a_model(live: Live) -> None:
    """A model has its limits, modalities, capabilities and exact prices; whatever case it is asked for in."""
    model = next(each for each in Catalog.load().models() if each.price is not None and each.price.tiers)
    assert model.price is not None
    told = (await live.ask("GET", f"{MODELS}/{quote(f'{model.provider}:{model.id}'.upper(), safe='')}")).told
    assert (told["provider"], told["modelId"], told["name"]) == (model.provider, model.id, model.name)
    assert (told["contextWindow"], told["maxOutput"]) == (model.context_window, model.max_output)
    assert told["price"]["rates"]["input"] == format(model.price.input or 0, "f")
    assert [each["above"] for each in told["price"]["tiers"]] == [each.above for each in model.price.tiers]


async def test_a_model_with_a_slash(live: Live) -> None:
    """An id with a slash is found where its `uri` says: with the slash escaped."""
    model = next(each for each in Catalog.load().models() if "/" in each.id)
    told = (await live.ask("GET", f"{MODELS}?provider={model.provider}&limit=1")).told
    assert told["models"][0]["provider"] == model.provider
    uri = f"{MODELS}/{quote(f'{model.provider}:{model.id}', safe=':')}"
    heard = await live.ask("GET", uri)
    assert (heard.told["modelId"], heard.told["uri"]) == (model.id, uri)


@pytest.mark.parametrize("path", [f"{MODELS}/gpt-4o", f"{MODELS}/openai:", f"{MODELS}/%ff", f"{MODELS}/a/b"])
async def test_no_such_model(live: Live, path: str) -> None:
    """What is no model of the catalog is not there."""
    assert (await live.ask("GET", path)).code == "notFound"


async def test_nothing_is_changed(live: Live) -> None:
    """The catalog is read, not written."""
    for path in (MODELS, PROVIDERS, "/catalog/presets"):
        assert (await live.ask("POST", path, {})).status == 405
