"""Presets of custom providers: `/catalog/presets`. What a provider of that kind usually is, to begin with."""

from __future__ import annotations

import difflib
from typing import Any

from aigw import registry
from aigw.adapter import Provider
from aigw.control import declared, surfaces
from aigw.control.paging import merged, page
from aigw.control.problems import missing
from aigw.control.routes import ID, Call, Reply, Route
from aigw.control.shapes import Paging, Shown, page_type
from aigw.control.surfaces import SurfaceShown
from aigw.store.errors import Invalid

PATH = "/catalog/presets"
GUIDES = "docs/guides/providers"


class Preset(Shown):
    """What custom providers of a kind have in common. `baseUrl` is null where everybody has another one;
    `baseUrlExample` tells what one looks like. `guide` is a page of the documentation.
    """

    id: str
    uri: str
    name: str
    base_url: str | None
    base_url_example: str
    needs_key: bool
    supported_api_surfaces: list[SurfaceShown]
    guide: str


def known(name: str) -> str:
    """The id of a preset, however it is spelt (`lm-studio`, `lm_studio`). Raises Invalid."""
    found = registry.load_presets()
    id = name.replace("-", "_")
    if id in found:
        return id
    near = difflib.get_close_matches(id, found, 1)
    hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(found))}"
    raise Invalid("preset", f"is unknown; {hint}")


def of(provider: str, preset: str | None) -> Provider:
    """The preset of a provider: the one named, else the one called like it, else that of any compatible API."""
    found = registry.load_presets()
    return found.get((preset or provider).replace("-", "_")) or found[registry.PLAIN]


def _shown(preset: Provider) -> Preset:
    return Preset(
        id=preset.id,
        uri=declared.uri(PATH, preset.id),
        name=preset.name,
        base_url=preset.base_url or None,
        base_url_example=preset.base_url or preset.example_url,
        needs_key=preset.needs_key,
        supported_api_surfaces=surfaces.shown(surfaces.served(preset.surfaces)),
        guide=f"{GUIDES}/{preset.id}.md",
    )


_PAGE = page_type("presets", Preset)


async def _list(call: Call) -> Reply:
    every = [_shown(each) for each in registry.load_presets().values()]

    async def fetch(limit: int, before_id: str | None) -> list[Any]:
        return merged(every, limit, before_id, ())

    return await page(call, _PAGE, fetch)


async def _get(call: Call) -> Reply:
    found = registry.load_presets().get(call.id)
    if found is None:
        raise missing("preset")
    return Reply(_shown(found))


ROUTES = (
    Route(
        method="GET",
        path=PATH,
        handle=_list,
        summary="List the presets of custom providers",
        query=Paging,
        answer=_PAGE,
        in_operator_account=True,
    ),
    Route(
        method="GET",
        path=f"{PATH}/{ID}",
        handle=_get,
        summary="Get a preset of custom providers",
        answer=Preset,
        in_operator_account=True,
    ),
)
