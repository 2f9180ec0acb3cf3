"""Which providers are there? Those found in their folder, and what an operator made of them.

Knows no provider by name, and does no I/O beyond importing the folder's modules.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Collection, Iterable, Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType, ModuleType
from typing import Protocol

import attrs

from aigw import providers
from aigw.adapter import SURFACES, Provider, origin_of
from aigw.errors import ConfigError
from aigw.secret import Secret

BUILTIN = "PROVIDER"
PRESET = "PRESET"

# The preset of a custom provider that names none.
PLAIN = "compatible"


class Declared(Protocol):
    """What an operator or an account says about one provider. None and empty mean: as the template has it.

    `surface_urls` and `headers` are pairs; of `keys` and `managed_keys` only the number matters here.
    """

    @property
    def id(self) -> str: ...
    @property
    def enabled(self) -> bool: ...
    @property
    def name(self) -> str | None: ...
    @property
    def preset(self) -> str | None: ...
    @property
    def base_url(self) -> str | None: ...
    @property
    def surfaces(self) -> Collection[str]: ...
    @property
    def surface_urls(self) -> Iterable[tuple[str, str]]: ...
    @property
    def models(self) -> Iterable[str]: ...
    @property
    def headers(self) -> Iterable[tuple[str, Secret]]: ...
    @property
    def keys(self) -> Collection[object]: ...
    @property
    def managed_keys(self) -> Collection[object]: ...


@cache
def load_builtin() -> Mapping[str, Provider]:
    """The built-in providers by id. Raises ConfigError for a module that breaks the folder's rule."""
    return discover(providers, BUILTIN)


@cache
def load_presets() -> Mapping[str, Provider]:
    """The templates for custom providers by name. Raises ConfigError as `load_builtin`."""
    return discover(providers, PRESET)


def discover(package: ModuleType, constant: str) -> Mapping[str, Provider]:
    """What the modules of a package contribute under the name of a constant, by id.

    Every module contributes either a `PROVIDER` or a `PRESET`, and no id comes twice. Raises ConfigError.
    """
    found: dict[str, Provider] = {}
    seen: dict[str, str] = {}
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda info: info.name):
        module = import_module(f"{package.__name__}.{info.name}")
        name, provider = _contribution(module)
        if provider.id in seen:
            both = f"{seen[provider.id]} and {module.__name__}"
            raise ConfigError(f"{both} contribute the same provider id, {provider.id!r}; rename one")
        seen[provider.id] = module.__name__
        if name == constant:
            found[provider.id] = provider
    return MappingProxyType(found)


def _contribution(module: ModuleType) -> tuple[str, Provider]:
    given = [(name, getattr(module, name)) for name in (BUILTIN, PRESET) if hasattr(module, name)]
    if len(given) != 1 or not isinstance(given[0][1], Provider):
        raise ConfigError(
            f"{module.__name__} must contribute one aigw.adapter.Provider, either as {BUILTIN} or as {PRESET}"
        )
    return given[0]


def configured(declared: Iterable[Declared]) -> Mapping[str, Provider]:
    """Every provider that requests may reach, by id: the built-in ones and those declared.

    Raises ConfigError when a declaration cannot be used; the message names the key and the way out.
    """
    known = dict(load_builtin())
    for settings in declared:
        if settings.enabled:
            known[settings.id] = build(settings)
        else:
            known.pop(settings.id, None)
    return MappingProxyType(known)


def build(settings: Declared) -> Provider:
    """One provider as declared: a built-in with overrides, or a custom one from its preset.

    Raises ConfigError.
    """
    template = _template(settings)
    same = template.id in (settings.id, _preset_name(settings.id))
    return attrs.evolve(
        template,
        id=settings.id,
        name=settings.name or (template.name if same else settings.id),
        base_url=_base_url(settings, template),
        surfaces=_surfaces(settings, template),
        surface_urls=_surface_urls(settings, template),
        headers=template.headers + _headers(settings),
        models=tuple(dict.fromkeys((*template.models, *settings.models))),
        needs_key=template.needs_key or bool(settings.keys) or bool(settings.managed_keys),
    )


def _template(settings: Declared) -> Provider:
    builtin = load_builtin().get(settings.id)
    if builtin is not None:
        if settings.preset is not None:
            raise _wrong(settings, "preset", "is for custom providers, and this id is built in")
        return builtin
    presets = load_presets()
    if settings.preset is None:
        return presets.get(_preset_name(settings.id)) or presets[PLAIN]
    preset = presets.get(_preset_name(settings.preset))
    if preset is None:
        import difflib

        near = difflib.get_close_matches(settings.preset, presets, 1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(sorted(presets))}"
        raise _wrong(settings, "preset", f"{settings.preset!r} is unknown; {hint}")
    return preset


def _preset_name(text: str) -> str:
    # The ids of providers have hyphens where the names of presets, which are modules, have underscores.
    return text.replace("-", "_")


def _base_url(settings: Declared, template: Provider) -> str:
    url = settings.base_url or template.base_url
    if not url:
        raise _wrong(settings, "base_url", 'is missing: where is its API? As in "https://llm.example.com/v1"')
    return _checked_url(settings, "base_url", url)


def _surfaces(settings: Declared, template: Provider) -> frozenset[str]:
    surfaces = frozenset(settings.surfaces) or template.surfaces
    if not surfaces:
        raise _wrong(settings, "surfaces", 'is missing: what does it serve? As in ["chat-completions"]')
    if unknown := sorted(surfaces - SURFACES):
        raise _wrong(settings, "surfaces", f"names {unknown[0]!r}; there are: {', '.join(sorted(SURFACES))}")
    return surfaces


def _surface_urls(settings: Declared, template: Provider) -> Mapping[str, str]:
    given = dict(settings.surface_urls)
    for surface, url in given.items():
        if surface not in _surfaces(settings, template):
            raise _wrong(settings, f"surface_urls.{surface}", "is not among its surfaces; add it there")
        _checked_url(settings, f"surface_urls.{surface}", url)
    return {**template.surface_urls, **given}


def _headers(settings: Declared) -> tuple[tuple[str, str], ...]:
    headers = tuple((name.lower(), value.reveal()) for name, value in settings.headers)
    for name, value in headers:
        if not (name + value).isprintable() or not (name + value).isascii():
            # The value may be a secret, so it is not quoted.
            raise _wrong(settings, f"headers.{name!r}", "may hold visible ASCII characters and spaces alone")
    return headers


def _checked_url(settings: Declared, key: str, url: str) -> str:
    try:
        origin_of(url)
    except ValueError:
        raise _wrong(settings, key, 'must be a whole URL, starting "https://" or "http://"') from None
    return url


def _wrong(settings: Declared, key: str, why: str) -> ConfigError:
    return ConfigError(f"providers.{settings.id}.{key} {why}")
