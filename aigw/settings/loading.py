"""How a configuration comes to be: file, environment, command line → one checked object, or every problem."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import attrs

from aigw.secret import Secret
from aigw.settings.environment import ACCESS_KEY_VARIABLE, SECRET_KEY_PLACE, first_set, lay_environment
from aigw.settings.keys import keys_of
from aigw.settings.kinds import Kind, Unfit
from aigw.settings.nouns import PROVIDER_KEYS, SECRET_KEY
from aigw.settings.parts import AccessKeySettings, ProviderSettings, Server
from aigw.settings.problems import Problems, near
from aigw.settings.references import References, refers
from aigw.settings.sources import Entry, Tree, lay_overrides, read_file
from aigw.settings.urls import parse_base_url
from aigw.settings.whole import PROVIDERS, SECTIONS, Settings, conflicts, repeated


def load(
    path: Path | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, str] | None = None,
    *,
    known_keys: Mapping[str, Collection[str]] | None = None,
    builtin: Collection[str] = (),
    presets: Mapping[str, str | None] | None = None,
) -> Settings:
    """The configuration in effect. Raises ConfigError with everything that is wrong, one problem a line.

    A key's value is that of the command line (`overrides`: dotted key → text), else of the environment, else
    of the file (`path`, else $AIGW_CONFIG, else ./aigw.toml if there is one), else its default. `environ`
    None means this process's own. `builtin` are the ids of built-in providers, `known_keys` their usual key
    variables (the first that is set wins), `presets` the presets of custom providers with their default base
    URLs.
    """
    environ = os.environ if environ is None else environ
    known_keys = known_keys or {}
    builtin = frozenset(builtin) | frozenset(known_keys)
    problems = Problems()
    tree = read_file(path, environ, problems)
    lay_environment(tree, environ, builtin, problems)
    lay_overrides(tree, overrides or {}, problems)
    reader = _Reader(References(environ), problems)
    sections = {name: reader.part(name, part, tree) for name, part in SECTIONS.items()}
    house = _House(builtin, known_keys, presets or {}, environ)
    providers = _providers(reader, tree, house)
    access_keys = _access_keys(reader, tree)
    secret_key = reader.secret_key(tree)
    _check_together(reader, sections, providers)
    problems.raise_any()
    return Settings(
        **sections,
        providers=providers,
        access_keys=access_keys,
        secret_key=secret_key,
        source=tree.source,
        origins=reader.origins,
    )


def load_server(
    path: Path | None = None, environ: Mapping[str, str] | None = None, overrides: Mapping[str, str] | None = None
) -> Server:
    """The section `server` alone, for who asks a running gateway: what is wrong elsewhere is not looked at.

    Raises ConfigError as `load` does.
    """
    environ = os.environ if environ is None else environ
    elsewhere = Problems()
    tree = read_file(path, environ, elsewhere)
    lay_environment(tree, environ, (), elsewhere)
    lay_overrides(tree, overrides or {}, elsewhere)
    reader = _Reader(References(environ), Problems())
    server: Server = reader.part("server", Server, tree)
    reader.problems.raise_any()
    return server


def _check_together(reader: _Reader, sections: Mapping[str, Any], providers: tuple[ProviderSettings, ...]) -> None:
    upstream = sections["upstream"]
    for where, what in conflicts(sections["server"], sections["failover"], upstream, providers):
        reader.follow_up(where, what)
    file = upstream.ca_file
    if file is not None and not (os.path.isfile(file) and os.access(file, os.R_OK)):
        reader.follow_up("upstream.ca_file", f"there is no readable file {str(file)!r}")


@attrs.define(eq=False, repr=False)
class _Reader:
    """Makes values of entries, noting where each came from and what is wrong with it."""

    references: References
    problems: Problems
    origins: dict[str, str] = attrs.field(factory=dict)

    def part(self, table: str, part: type[Any], tree: Tree, **given: Any) -> Any:
        """One part; a wrong key keeps its default. None when a required key is missing or wrong."""
        entries = tree.tables.get(table, {})
        for name, declared in keys_of(part).items():
            where = f"{table}.{name}"
            if name in entries:
                self._read(where, declared.kind, entries[name], given, name)
            elif declared.required and not self.problems.touches(table):
                self.problems.add(where, "is missing", origin=tree.source)
        missing = [name for name, declared in keys_of(part).items() if declared.required and name not in given]
        return None if missing else part(**given)

    def secret_key(self, tree: Tree) -> Secret | None:
        """The key that seals secrets at rest, if one is given."""
        table, name = SECRET_KEY_PLACE
        entry = tree.tables.get(table, {}).get(name)
        found: dict[str, Secret] = {}
        if entry is not None:
            self._read(name, SECRET_KEY, entry, found, name)
        return found.get(name)

    def usual_key(self, where: str, variable: str, value: str) -> tuple[Secret, ...]:
        """A provider's key from the variable that other programs use for it too: one key, taken as it is."""
        found: dict[str, tuple[Secret, ...]] = {}
        self._read(where, PROVIDER_KEYS, Entry([value.strip()], variable, literal=True), found, "keys")
        return found.get("keys", ())

    def _read(self, where: str, kind: Kind[Any], entry: Entry, into: dict[str, Any], name: str) -> None:
        self.origins[where] = entry.origin
        try:
            into[name] = kind.parse(self._raw(kind, entry))
        except ValueError as bad:
            self.problems.add(where, str(bad), origin=entry.origin, value=kind.quoted(entry.raw))

    def _raw(self, kind: Kind[Any], entry: Entry) -> object:
        raw = entry.raw if entry.literal else self.references.resolve(entry.raw, secret=kind.secret)
        if entry.text and isinstance(raw, str):
            if not raw.strip():
                raise Unfit("is set but empty")
            return kind.read(raw.strip())
        # A reference stands for text, which may be that of a number or a list: workers = "${WORKERS}".
        return kind.read(raw) if isinstance(raw, str) and refers(entry.raw) else raw

    def follow_up(self, where: str, what: str) -> None:
        """Note a contradiction, unless the place is already known to be wrong."""
        if self.problems.touches(where):
            return
        table = where.rpartition(".")[0]
        beside = (origin for place, origin in self.origins.items() if place.startswith(f"{table}."))
        self.problems.add(where, what, origin=self.origins.get(where) or next(beside, ""))


@attrs.frozen(eq=False, repr=False)
class _House:
    """What the gateway knows of providers by itself."""

    builtin: Collection[str]
    known_keys: Mapping[str, Collection[str]]
    presets: Mapping[str, str | None]
    environ: Mapping[str, str]

    def preset_of(self, provider: ProviderSettings) -> str | None:
        """The preset a custom provider names, or the one its id names."""
        implied = provider.id.replace("-", "_")
        return provider.preset or (implied if implied in self.presets else None)


def _providers(reader: _Reader, tree: Tree, house: _House) -> tuple[ProviderSettings, ...]:
    written = tree.provider_ids()
    made = []
    for id in [*written, *(id for id in house.known_keys if id not in written)]:
        provider = reader.part(f"{PROVIDERS}.{id}", ProviderSettings, tree, id=id)
        provider = _with_usual_key(reader, provider, house)
        if id in written or provider.keys:
            made.append(_built_in(reader, provider) if id in house.builtin else _custom(reader, provider, house))
    return tuple(made)


def _with_usual_key(reader: _Reader, provider: ProviderSettings, house: _House) -> ProviderSettings:
    """The provider with the key of its usual variable, unless it names keys itself or is switched off."""
    path = f"{PROVIDERS}.{provider.id}"
    named = any(f"{path}.{name}" in reader.origins for name in ("keys", "managed_keys"))
    variable = first_set(house.known_keys.get(provider.id, ()), house.environ)
    if named or variable is None or not provider.enabled:
        return provider
    found = reader.usual_key(f"{path}.keys", variable, house.environ[variable])
    return attrs.evolve(provider, keys=found)


def _built_in(reader: _Reader, provider: ProviderSettings) -> ProviderSettings:
    if provider.preset is not None:
        reader.follow_up(
            f"{PROVIDERS}.{provider.id}.preset", "only a custom provider has a preset, this one is built in"
        )
    return provider


def _custom(reader: _Reader, provider: ProviderSettings, house: _House) -> ProviderSettings:
    path = f"{PROVIDERS}.{provider.id}"
    preset = house.preset_of(provider)
    if preset is not None and preset not in house.presets:
        known = ", ".join(house.presets) or "none"
        reader.follow_up(f"{path}.preset", f"must be one of {known}{near(preset, house.presets)}")
        return provider
    usual = house.presets.get(preset) if preset else None
    if preset is not None and provider.preset is None:
        reader.origins[f"{path}.preset"] = "provider id"
    if usual is not None and provider.base_url is None:
        reader.origins.setdefault(f"{path}.base_url", f"preset {preset}")
    made = attrs.evolve(provider, preset=preset, base_url=provider.base_url or (usual and parse_base_url(usual)))
    if made.enabled:
        _check_custom(reader, made, house)
    return made


def _check_custom(reader: _Reader, provider: ProviderSettings, house: _House) -> None:
    path = f"{PROVIDERS}.{provider.id}"
    hint = near(provider.id, house.builtin)
    if provider.base_url is None:
        what = "needs it" if provider.preset else "is custom (no built-in has this id) and needs it"
        reader.follow_up(f"{path}.base_url", f"is missing: provider {provider.id!r} {what}{hint}")
    if not provider.surfaces and provider.preset is None:
        what = "the API surfaces a custom provider serves, or a preset"
        reader.follow_up(f"{path}.surfaces", f'is missing: {what} (surfaces = ["chat-completions"]){hint}')


def _access_keys(reader: _Reader, tree: Tree) -> tuple[AccessKeySettings, ...]:
    made: dict[str, AccessKeySettings] = {}
    for table in tree.access_keys():
        access_key = reader.part(table, AccessKeySettings, tree)
        if access_key is None:
            continue
        # The file may declare the very token of AIGW_ACCESS_KEY under a name and scope of its own: then that
        # counts.
        from_environment = reader.origins[f"{table}.name"].startswith(ACCESS_KEY_VARIABLE)
        if from_environment and access_key.key in {other.key for other in made.values()}:
            del reader.origins[f"{table}.name"], reader.origins[f"{table}.key"]
        else:
            made[table] = access_key
    for where, what in repeated(made):
        reader.follow_up(where, what)
    return tuple(made.values())
