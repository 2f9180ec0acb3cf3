"""Which providers there are: found in their folder, overridden and joined by what is declared."""

from __future__ import annotations

import importlib
import json
import pkgutil
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType

import attrs
import pytest

from aigw import operations, providers
from aigw.adapter import MESSAGES, SURFACES, Ask, Provider
from aigw.errors import AttemptFailed, ConfigError
from aigw.records import ProviderKey
from aigw.registry import PLAIN, build, configured, discover, load_builtin, load_presets
from aigw.secret import Secret
from aigw.settings import load

GUIDES = Path(__file__).parent.parent / "docs" / "guides" / "providers"

BUILTIN = {
    "anthropic",
    "deepseek",
    "google",
    "groq",
    "hyperbolic",
    "inceptionlabs",
    "inference-net",
    "moonshotai",
    "openai",
    "openrouter",
    "z-ai",
}
PRESETS = {"azure_openai", "compatible", "lm_studio", "ollama", "vllm"}

EVERY = [*load_builtin().values(), *load_presets().values()]

SECRET = "sk-0123456789"


@attrs.frozen
class Declaration:
    """A declaration as the settings make one."""

    id: str
    enabled: bool = True
    name: str | None = None
    preset: str | None = None
    base_url: str | None = None
    surfaces: tuple[str, ...] = ()
    surface_urls: tuple[tuple[str, str], ...] = ()
    models: tuple[str, ...] = ()
    headers: tuple[tuple[str, Secret], ...] = ()
    keys: tuple[Secret, ...] = ()
    managed_keys: tuple[Secret, ...] = ()


def test_what_is_found() -> None:
    """The folder holds the promised providers and presets, and no id is both."""
    assert set(load_builtin()) == BUILTIN
    assert set(load_presets()) == PRESETS
    assert not BUILTIN & PRESETS


def test_modules_are_named_after_their_provider() -> None:
    """A provider is found by the name of its file: its id, with underscores."""
    names = {info.name for info in pkgutil.iter_modules(providers.__path__)}
    assert names == {provider.id.replace("-", "_") for provider in EVERY}


@pytest.mark.parametrize("provider", EVERY, ids=lambda provider: provider.id)
def test_facts(provider: Provider) -> None:
    """Every provider serves surfaces that exist, under https unless it is local; only its surfaces move."""
    assert provider.surfaces <= SURFACES
    assert set(provider.surface_urls) <= provider.surfaces
    assert provider.base_url.startswith(("https://", "http://localhost:")) or provider.id in load_presets()
    assert not provider.base_url.endswith("/")
    assert provider.needs_key or provider.id in load_presets()


@pytest.mark.parametrize("provider", EVERY, ids=lambda provider: provider.id)
async def test_key_never_in_target(provider: Provider) -> None:
    """No operation of any provider puts a credential in the request target, and each puts it in a header."""
    moved = attrs.evolve(provider, base_url="http://127.0.0.1:9000/a/b?c=d")
    key = ProviderKey("aigpk_1", provider.id, Secret(SECRET))
    for operation in operations.ALL:
        outgoing = await moved.adapt(Ask(operation, "m", key, {}, "id_1", "e=f"))
        assert SECRET not in outgoing.target
        assert outgoing.target.startswith("/a/b/")
        assert any(SECRET in value for _, value in outgoing.headers)
        assert str(outgoing.origin) == "http://127.0.0.1:9000"


@pytest.mark.parametrize("provider", EVERY, ids=lambda provider: provider.id)
async def test_no_key_no_credential(provider: Provider) -> None:
    """Without a key no operation of any provider sends a header that carries a credential."""
    moved = attrs.evolve(provider, base_url="http://127.0.0.1:9000")
    for operation in operations.ALL:
        outgoing = await moved.adapt(Ask(operation, "m", None, {}, "id_1"))
        names = {name for name, _ in outgoing.headers}
        assert not names & {"authorization", "x-api-key", "x-goog-api-key", "api-key"}


@pytest.mark.parametrize("provider", EVERY, ids=lambda provider: provider.id)
async def test_callers_say_nothing_about_the_origin(provider: Provider) -> None:
    """Whatever stands in a model or an id, the origin is the configured one and the head has no new line."""
    moved = attrs.evolve(provider, base_url="http://127.0.0.1:9000/v1")
    for nasty in ("//evil.test/x", "http://evil.test", "@evil.test", "a\r\nhost: evil.test", "\0", "?", "#"):
        for operation in operations.ALL:
            try:
                outgoing = await moved.adapt(Ask(operation, nasty, None, {}, nasty))
            except AttemptFailed:
                continue
            assert str(outgoing.origin) == "http://127.0.0.1:9000"
            assert outgoing.prefix.count(b"\r\n") == 2 + len(outgoing.headers)


@pytest.mark.parametrize("provider", EVERY, ids=lambda provider: provider.id)
def test_guide(provider: Provider) -> None:
    """Every provider has a page that names its id, its address, its key variables and its surfaces."""
    page = (GUIDES / f"{provider.id.replace('-', '_')}.md").read_text()
    promised = [f"`{provider.id}`", provider.base_url, *provider.key_variables, *provider.surfaces]
    assert [text for text in promised if text not in page] == []
    assert "http://127.0.0.1:8080" in page
    assert "$AIGW_ACCESS_KEY" in page


@pytest.mark.parametrize("page", sorted(GUIDES.glob("*.md")), ids=lambda page: page.stem)
def test_guide_works(page: Path, tmp_path: Path) -> None:
    """Every configuration that a guide shows can be started with, and every body is JSON."""
    text = page.read_text()
    for body in re.findall(r"-d '(.*?)'", text, re.DOTALL):
        assert json.loads(body)
    for block in re.findall(r"^ *```toml\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE):
        file = tmp_path / "aigw.toml"
        file.write_text(block)
        environ = dict.fromkeys(re.findall(r"\$\{(\w+)\}", block), SECRET)
        settings = load(
            file,
            environ,
            builtin=load_builtin(),
            presets={name: preset.base_url or None for name, preset in load_presets().items()},
        )
        declared = {provider.id for provider in settings.providers if provider.enabled}
        assert declared <= set(configured(settings.providers))


def test_nothing_declared() -> None:
    """Without a declaration there are the built-in providers, as they are, and no preset."""
    assert dict(configured(())) == dict(load_builtin())


def test_disabled() -> None:
    """A disabled provider is not there, whether built in or custom, and needs nothing else said."""
    known = configured([Declaration("groq", enabled=False), Declaration("mine", enabled=False)])
    assert set(known) == BUILTIN - {"groq"}


def test_override() -> None:
    """A built-in provider keeps its dialect and name, and takes what was said."""
    said = Declaration(
        "google",
        base_url="http://127.0.0.1:9000/g",
        models=("gemini-next", "gemini-next"),
        headers=(("X-Team", Secret("a")),),
    )
    google = configured([said])["google"]
    assert type(google) is type(load_builtin()["google"])
    assert google.name == "Google"
    assert google.surfaces == load_builtin()["google"].surfaces
    assert google.surface_url("embeddings") == "http://127.0.0.1:9000/g/openai"
    assert google.models == ("gemini-next",)
    assert google.headers == (("x-team", "a"),)
    assert google.needs_key
    assert load_builtin()["google"].headers == ()


def test_fewer_surfaces() -> None:
    """An operator may say that fewer surfaces are served, and where one of them lives."""
    said = Declaration("deepseek", surfaces=("messages",), surface_urls=(("messages", "http://127.0.0.1:9000/m"),))
    provider = configured([said])["deepseek"]
    assert provider.surfaces == {"messages"}
    assert provider.surface_url("messages") == "http://127.0.0.1:9000/m"


@pytest.mark.parametrize("preset", ["lm-studio", "lm_studio"])
def test_preset(preset: str) -> None:
    """A preset makes a provider of its dialect under another id, by default at its usual address."""
    provider = configured([Declaration("desk", preset=preset)])["desk"]
    assert (provider.id, provider.name, provider.base_url) == ("desk", "desk", "http://localhost:1234/v1")
    assert provider.surfaces == load_presets()["lm_studio"].surfaces
    assert not provider.needs_key


def test_implied_preset() -> None:
    """A custom provider called like a preset is one, and keeps its display name."""
    for id, preset, name in (("ollama", "ollama", "Ollama"), ("lm-studio", "lm_studio", "LM Studio")):
        provider = configured([Declaration(id, base_url="http://10.0.0.5:1234/v1")])[id]
        assert (provider.id, provider.name) == (id, name)
        assert provider.base_url == "http://10.0.0.5:1234/v1"
        assert type(provider) is type(load_presets()[preset])


def test_custom() -> None:
    """Anything else speaks the dialects of its surfaces."""
    said = Declaration("mine", base_url="https://llm.example.com/v1", surfaces=("messages",), name="Mine")
    provider = configured([said])["mine"]
    assert type(provider) is type(load_presets()[PLAIN])
    assert (provider.name, provider.surfaces) == ("Mine", frozenset({MESSAGES}))


@pytest.mark.parametrize(
    ("said", "needs_key"),
    [
        (Declaration("vllm"), False),
        (Declaration("vllm", keys=(Secret("k"),)), True),
        (Declaration("vllm", managed_keys=(Secret("k"),)), True),
        (Declaration("openai"), True),
    ],
)
def test_needs_key(said: Declaration, needs_key: bool) -> None:
    """A custom provider without keys is called without one; one that was given keys is not."""
    assert build(said).needs_key is needs_key


@pytest.mark.parametrize(
    ("said", "message"),
    [
        (Declaration("openai", preset="vllm"), r"providers\.openai\.preset is for custom providers"),
        (Declaration("x", preset="olama"), r"providers\.x\.preset 'olama' .*mean 'ollama'\?"),
        (Declaration("x", preset="zzz"), r"providers\.x\.preset 'zzz' is unknown; there are: azure_openai, "),
        (Declaration("x"), r"providers\.x\.base_url is missing"),
        (Declaration("azure-openai"), r"providers\.azure-openai\.base_url is missing"),
        (Declaration("x", base_url="https://a/v1"), r"providers\.x\.surfaces is missing"),
        (Declaration("x", base_url="a/v1"), r"providers\.x\.base_url must be a whole URL"),
        (Declaration("groq", surfaces=("chat",)), r"providers\.groq\.surfaces names 'chat'; there"),
        (
            Declaration("groq", surface_urls=(("messages", "https://a"),)),
            r"providers\.groq\.surface_urls\.messages is not among its surfaces",
        ),
        (
            Declaration("groq", surface_urls=(("audio", "a"),)),
            r"providers\.groq\.surface_urls\.audio must be a whole URL",
        ),
        (Declaration("groq", headers=(("x-a", Secret("s3cr\net")),)), r"providers\.groq\.headers\.'x-a' may"),
        (Declaration("groq", headers=(("x-a", Secret("é")),)), r"providers\.groq\.headers\.'x-a' may"),
    ],
)
def test_wrong(said: Declaration, message: str) -> None:
    """A declaration that cannot be used stops the start with its key and the way out, and shows no secret."""
    with pytest.raises(ConfigError, match=message) as wrong:
        configured([said])
    assert "s3cr" not in wrong.value.message


def package(folder: Path, monkeypatch: pytest.MonkeyPatch, modules: Mapping[str, str]) -> ModuleType:
    """A package of provider modules, importable for one test."""
    home = folder / "found_providers"
    home.mkdir()
    (home / "__init__.py").touch()
    for name, source in modules.items():
        (home / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(folder)
    for name in ("found_providers", *(f"found_providers.{name}" for name in modules)):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module("found_providers")


GOOD = """
from aigw.adapter import Provider
PROVIDER = Provider(id="good", name="Good", base_url="https://good.example.com", surfaces=frozenset())
"""


def test_a_new_file_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider is one file: it is found without being listed anywhere."""
    template = GOOD.replace("PROVIDER", "PRESET").replace("good", "t")
    found = package(tmp_path, monkeypatch, {"good": GOOD, "template": template})
    assert set(discover(found, "PROVIDER")) == {"good"}
    assert set(discover(found, "PRESET")) == {"t"}


@pytest.mark.parametrize(
    ("modules", "message"),
    [
        ({"empty": ""}, r"found_providers\.empty must contribute one"),
        ({"both": GOOD + "PRESET = PROVIDER"}, r"found_providers\.both must contribute one"),
        ({"wrong": "PROVIDER = 'openai'"}, r"found_providers\.wrong must contribute one"),
        ({"a": GOOD, "b": GOOD}, r"providers\.a and found_providers\.b contribute the same provider id"),
    ],
)
def test_a_file_that_breaks_the_rule(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, modules: Mapping[str, str], message: str
) -> None:
    """A module of the folder contributes exactly one provider, under an id of its own."""
    with pytest.raises(ConfigError, match=message):
        discover(package(tmp_path, monkeypatch, modules), "PROVIDER")
