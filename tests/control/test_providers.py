"""Custom providers over the API: which URLs they may have, what a preset fills in, what stays as it is."""

from __future__ import annotations

import re
from typing import Any

import attrs
import pytest

from aigw import adapter
from aigw.control import surfaces
from aigw.settings import ProviderSettings, Settings, Upstream
from aigw.store import checks

from .conftest import Live, Serve

PROVIDERS = "/providers"
CHAT = [{"surface": "chat-completions"}]
MINE: dict[str, Any] = {"providerId": "mine", "baseUrl": "https://llm.example.com/v1", "supportedApiSurfaces": CHAT}


async def test_a_provider_from_end_to_end(live: Live) -> None:
    """A provider is made, shown, changed and deleted; what it serves is shown with the format of each surface."""
    body = {**MINE, "models": [{"modelId": "m-1"}], "name": "Mine"}
    made = await live.made(PROVIDERS, body)
    assert re.fullmatch(r"aigp_\w+", made["id"])
    assert (made["providerId"], made["name"], made["preset"]) == ("mine", "Mine", None)
    assert made["supportedApiSurfaces"] == [
        {"format": "openai", "surface": "chat-completions", "supportedParams": []},
    ]
    assert (await live.ask("GET", made["uri"])).told == made
    params = [{"name": "temperature"}, {"name": "top_p"}]
    served = [{"surface": "messages", "format": "anthropic", "supportedParams": params}, {"surface": "gemini"}]
    changed = (await live.ask("PATCH", made["uri"], {"supportedApiSurfaces": served, "name": None})).told
    assert [each["format"] for each in changed["supportedApiSurfaces"]] == ["anthropic", "gemini"]
    assert changed["supportedApiSurfaces"][0]["supportedParams"] == params
    assert (changed["name"], changed["baseUrl"], changed["models"]) == ("", made["baseUrl"], made["models"])
    assert (await live.ask("DELETE", made["uri"])).status == 204
    assert (await live.ask("GET", PROVIDERS)).told["providers"] == []


async def test_models_keep_their_ids(live: Live) -> None:
    """A list of models replaces the one before; a model that stays keeps its id, as it was shown it can be sent."""
    made = await live.made(PROVIDERS, {**MINE, "models": [{"modelId": "a"}, {"modelId": "b"}]})
    first = {each["modelId"]: each["id"] for each in made["models"]}
    again = [*made["models"][1:], {"modelId": "c"}]
    changed = (await live.ask("PATCH", made["uri"], {"models": again})).told["models"]
    assert [each["modelId"] for each in changed] == ["b", "c"]
    assert changed[0]["id"] == first["b"]
    assert changed[1]["id"] not in first.values()
    assert (await live.ask("PATCH", made["uri"], {"models": None})).told["models"] == []


GOOD = [
    ("https://llm.example.com/v1/", "https://llm.example.com/v1"),
    ("HTTPS://LLM.Example.com:8443", "https://llm.example.com:8443"),
    (
        "https://x.openai.azure.com/openai?api-version=2024-10-21",
        "https://x.openai.azure.com/openai?api-version=2024-10-21",
    ),
    ("https://b\u00fccher.example/v1", "https://xn--bcher-kva.example/v1"),
    ("http://localhost:11434/v1", "http://localhost:11434/v1"),
    ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
    ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
    ("http://10.1.2.3/v1", "http://10.1.2.3/v1"),
    ("http://[fd12::1]/v1", "http://[fd12::1]/v1"),
    ("http://gpu.lan/v1", "http://gpu.lan/v1"),
]


@pytest.mark.parametrize(("given", "kept"), GOOD)
async def test_good_urls(serve: Serve, given: str, kept: str) -> None:
    """`https://` leads anywhere, `http://` to this machine, private networks and what the operator allows."""
    live = await serve(attrs.evolve(Settings(), upstream=Upstream(allow_http=("*.lan",))))
    assert (await live.made(PROVIDERS, {**MINE, "baseUrl": given}))["baseUrl"] == kept


BAD = [
    ("http://llm.example.com/v1", "in the clear"),
    ("http://8.8.8.8/v1", "in the clear"),
    ("ftp://llm.example.com", "https://"),
    ("llm.example.com/v1", "https://"),
    ("https://", "host"),
    ("https://user:hush@llm.example.com", "user name"),
    ("https://llm.example.com/v1#x", "fragment"),
    ("https://llm.example.com/v1?api_key=abc", "credential"),
    ("https://llm.example.com/a b", "spaces"),
    ("https://llm.example.com:99999/", "port"),
    ("http://2130706433/v1", "number"),
    ("http://0x7f.1/v1", "number"),
    ("http://127.1/v1", "number"),
    ("http://169.254.169.254/latest", ""),
    ("https://169.254.169.254/latest", "never|only the operator|metadata|link-local"),
    ("https://[fd00:ec2::254]/", "metadata"),
    ("https://[::ffff:169.254.169.254]/", "link-local|metadata"),
    ("https://0.0.0.0/", "no address"),
    ("https://224.0.0.1/", "no address"),
    ("https://llm.example.com/" + "x" * 2048, "2048"),
    ("", ">= 1"),
]


@pytest.mark.parametrize(("given", "why"), BAD)
async def test_bad_urls(live: Live, given: str, why: str) -> None:
    """A URL that may not be one is refused at its making and at its change, without being quoted."""
    made = await live.made(PROVIDERS, {**MINE, "providerId": "good"})
    for method, path, body in (("POST", PROVIDERS, MINE), ("PATCH", made["uri"], {})):
        heard = await live.ask(method, path, {**body, "baseUrl": given})
        assert (heard.status, heard.told["details"]["field"]) == (400, "baseUrl")
        assert re.search(why, heard.told["msg"])
        assert "hush" not in heard.told["msg"]
        assert "api_key" not in heard.told["msg"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"providerId": "openai"}, "providerId"),
        ({"providerId": "sandbox"}, "providerId"),
        ({"providerId": "My Provider"}, "providerId"),
        ({"providerId": "-x"}, "providerId"),
        ({"providerId": "x" * 64}, "providerId"),
        ({"baseUrl": None}, "baseUrl"),
        ({"supportedApiSurfaces": []}, "supportedApiSurfaces"),
        ({"supportedApiSurfaces": None}, "supportedApiSurfaces"),
        ({"supportedApiSurfaces": [{"surface": "chat"}]}, "supportedApiSurfaces[0].surface"),
        ({"supportedApiSurfaces": [{"surface": "messages", "format": "openai"}]}, "supportedApiSurfaces[0].format"),
        ({"supportedApiSurfaces": CHAT * 2}, "supportedApiSurfaces[1].surface"),
        ({"supportedApiSurfaces": [{"surface": "messages", "supportedParams": ["x"]}]}, None),
        ({"models": [{"modelId": "a b"}]}, "models.modelId"),
        ({"models": [{"modelId": "a"}, {"modelId": "A"}]}, "models"),
        ({"preset": "olama"}, "preset"),
        ({"preset": "openai"}, "preset"),
        ({"headers": {}}, "headers"),
        ({"id": "x"}, "id"),
    ],
)
async def test_what_makes_no_provider(live: Live, change: dict[str, Any], field: str | None) -> None:
    """What cannot be kept is refused with the member's name."""
    heard = await live.ask("POST", PROVIDERS, {**MINE, **change})
    assert heard.status == 400, heard.body
    assert field is None or heard.told["details"]["field"] == field


async def test_the_id_is_unique_and_stays(live: Live) -> None:
    """Two providers of an account are not called the same, two accounts' are; the id cannot be changed."""
    made = await live.made(PROVIDERS, MINE)
    heard = await live.ask("POST", PROVIDERS, MINE)
    assert (heard.code, heard.told["details"]["ids"]) == ("duplicate", [made["id"]])
    assert (await live.ask("PATCH", made["uri"], {"providerId": "other"})).status == 400
    _, other = await live.account("other")
    assert (await live.ask("POST", PROVIDERS, MINE, token=other)).status == 201
    assert (await live.ask("GET", made["uri"], token=other)).status == 404


async def test_a_provider_in_use_stays(live: Live) -> None:
    """A provider that a key, a configuration or an alias names is not deleted; the answer names them."""
    made = await live.made(PROVIDERS, MINE)
    using = [
        await live.made("/provider-keys", {"providerId": "mine", "value": "a-key"}),
        await live.made("/access-key-configurations", {"access": {"providers": {"allow": ["mine"]}}}),
        await live.made("/model-aliases", {"alias": "fast", "target": "mine:m"}),
    ]
    for each in using:
        heard = await live.ask("DELETE", made["uri"])
        assert (heard.status, heard.code) == (409, "referenced")
        assert each["id"] in heard.told["details"]["ids"]
        assert (await live.ask("DELETE", each["uri"])).status == 204
    assert (await live.ask("DELETE", made["uri"])).status == 204


@pytest.mark.parametrize(
    ("body", "url", "preset"),
    [
        ({"providerId": "ollama"}, "http://localhost:11434/v1", None),
        ({"providerId": "box", "preset": "ollama"}, "http://localhost:11434/v1", "ollama"),
        ({"providerId": "studio", "preset": "lm-studio"}, "http://localhost:1234/v1", "lm_studio"),
        (
            {"providerId": "gpus", "preset": "vllm", "baseUrl": "http://10.0.0.5:8000/v1"},
            "http://10.0.0.5:8000/v1",
            "vllm",
        ),
        (
            {"providerId": "azure", "preset": "azure_openai", "baseUrl": "https://r.openai.azure.com/openai/v1"},
            "https://r.openai.azure.com/openai/v1",
            "azure_openai",
        ),
    ],
)
async def test_presets_fill_in(live: Live, body: dict[str, Any], url: str, preset: str | None) -> None:
    """What is left out comes from the preset that is named, or is called like the provider."""
    made = await live.made(PROVIDERS, body)
    assert (made["baseUrl"], made["preset"]) == (url, preset)
    assert "chat-completions" in [each["surface"] for each in made["supportedApiSurfaces"]]


async def test_a_preset_changes(live: Live) -> None:
    """A preset can be changed and taken away; one without an address of its own wants one."""
    heard = await live.ask("POST", PROVIDERS, {"providerId": "azure", "preset": "azure_openai"})
    assert heard.told["details"]["field"] == "baseUrl"
    made = await live.made(PROVIDERS, MINE)
    assert (await live.ask("PATCH", made["uri"], {"preset": "vllm"})).told["preset"] == "vllm"
    assert (await live.ask("PATCH", made["uri"], {"preset": None})).told["preset"] is None
    assert (await live.ask("PATCH", made["uri"], {"preset": "nothing"})).status == 400


async def test_a_provider_serves_something(live: Live) -> None:
    """A change may not leave it without a surface."""
    made = await live.made(PROVIDERS, MINE)
    heard = await live.ask("PATCH", made["uri"], {"supportedApiSurfaces": []})
    assert (heard.status, heard.told["details"]["field"]) == (400, "supportedApiSurfaces")


async def test_declared_providers(serve: Serve) -> None:
    """Custom providers of the configuration are the default account's to read; their ids are taken there."""
    declared = ProviderSettings("box", preset="ollama", models=("m",), base_url="http://10.0.0.5/v1?v=1")
    off = ProviderSettings("off", enabled=False, base_url="http://10.0.0.6/v1", surfaces=("chat-completions",))
    live = await serve(Settings(providers=(declared, off, ProviderSettings("openai"))))
    [shown] = (await live.ask("GET", PROVIDERS)).told["providers"]
    assert (shown["id"], shown["source"], shown["baseUrl"]) == ("aigp_box", "file", "http://10.0.0.5/v1?v=1")
    assert [each["modelId"] for each in shown["models"]] == ["m"]
    assert (await live.ask("PATCH", shown["uri"], {"name": "x"})).code == "declaredInFile"
    assert (await live.ask("POST", PROVIDERS, {**MINE, "providerId": "box"})).code == "duplicate"
    id, other = await live.account("other")
    assert (await live.ask("GET", PROVIDERS, token=other)).told["providers"] == []
    assert (await live.ask("POST", PROVIDERS, {**MINE, "providerId": "box"}, aigw_account=id)).status == 201


def test_the_words_of_surfaces() -> None:
    """The API knows exactly the surfaces that there are."""
    assert set(surfaces.ORDER) == adapter.SURFACES


async def test_models_of_an_account_are_bounded(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """All providers of an account have so many models together, for every worker keeps them; another has its own."""
    monkeypatch.setattr(checks, "MODELS", 3)
    live = await serve()
    two = [{"modelId": "a"}, {"modelId": "b"}]
    made = [await live.made(PROVIDERS, {**MINE, "providerId": f"p{at}", "models": two[:at]}) for at in (1, 2)]
    for method, path, body in (
        ("POST", PROVIDERS, {**MINE, "providerId": "p3", "models": two[:1]}),
        ("PATCH", made[0]["uri"], {"models": two}),
    ):
        heard = await live.ask(method, path, body)
        assert (heard.status, heard.told["details"]["field"]) == (400, "models")
    assert (await live.ask("PATCH", made[1]["uri"], {"models": two[1:]})).status == 200
    assert (await live.ask("PATCH", made[0]["uri"], {"models": two})).status == 200
    _, other = await live.account("other")
    await live.made(PROVIDERS, {**MINE, "models": two}, token=other)
