"""Presets over the API: what a custom provider of a kind begins with."""

from __future__ import annotations

from pathlib import Path

import pytest

import aigw
from aigw import registry
from aigw.control import presets
from aigw.store.errors import Invalid

from .conftest import Live

ROOT = Path(aigw.__file__).parents[1]
PATH = "/catalog/presets"


async def test_presets(live: Live) -> None:
    """Every preset is there with its address, what it serves and its guide."""
    told = (await live.ask("GET", PATH)).told["presets"]
    assert {each["id"] for each in told} == set(registry.load_presets())
    for each in told:
        assert (ROOT / each["guide"]).is_file()
        assert each["baseUrlExample"].startswith("http")
        assert each["baseUrl"] in (None, each["baseUrlExample"])
        assert (await live.ask("GET", each["uri"])).told == each
    assert (await live.ask("GET", f"{PATH}/nothing")).code == "notFound"


async def test_a_provider_of_each(live: Live) -> None:
    """Whatever a preset says can be sent back as a provider."""
    for at, each in enumerate((await live.ask("GET", PATH)).told["presets"]):
        surfaces = each["supportedApiSurfaces"] or [{"surface": "messages"}]
        body = {"providerId": f"p{at}", "preset": each["id"], "baseUrl": each["baseUrlExample"]}
        made = await live.made("/providers", {**body, "supportedApiSurfaces": surfaces})
        assert made["preset"] == each["id"]


@pytest.mark.parametrize(("given", "id"), [("lm-studio", "lm_studio"), ("lm_studio", "lm_studio"), ("vllm", "vllm")])
def test_names(given: str, id: str) -> None:
    """A preset is known by its id with underscores or hyphens."""
    assert presets.known(given) == id


@pytest.mark.parametrize(("given", "hint"), [("olama", "did you mean ollama"), ("zzz", "there are"), ("", "there are")])
def test_unknown_names(given: str, hint: str) -> None:
    """What is no preset is refused with those there are."""
    with pytest.raises(Invalid, match=hint):
        presets.known(given)
