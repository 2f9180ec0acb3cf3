"""Where values are written: the file and the command line, laid over each other key by key."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from aigw.errors import ConfigError
from aigw.settings.keys import Key, keys_of
from aigw.settings.nouns import check_provider_id
from aigw.settings.parts import AccessKeySettings, ProviderSettings
from aigw.settings.problems import Problems, near
from aigw.settings.whole import ACCESS_KEYS, BUILT_IN_DEFAULTS, PROVIDERS, SECTIONS

DEFAULT_FILE = "aigw.toml"
CONFIG_VARIABLE = "AIGW_CONFIG"
COMMAND_LINE = "command line"

# Any configuration anybody writes is a few kilobytes; this keeps a slip (`--config image.iso`) from being
# parsed.
MAX_CONFIG_BYTES = 16 << 20


@attrs.frozen(eq=False, repr=False)
class Entry:
    """One value as written, and where.

    `text` marks what came as text (environment, command line), where a list is written with commas. `literal`
    marks what another program's variable holds, in which `${…}` means nothing.
    """

    raw: object
    origin: str
    text: bool = False
    literal: bool = False


@attrs.define(eq=False, repr=False)
class Tree:
    """Values by table (`server`, `providers.my-vllm`, `access_keys[0]`), then key. What is put later wins."""

    tables: dict[str, dict[str, Entry]] = attrs.field(factory=dict)
    source: str = BUILT_IN_DEFAULTS

    def put(self, table: str, key: str, entry: Entry) -> None:
        """Write one value over what stood there."""
        self.tables.setdefault(table, {})[key] = entry

    def provider_ids(self) -> list[str]:
        """Ids of the providers that anything is said about, in order."""
        return [table.removeprefix(f"{PROVIDERS}.") for table in self.tables if table.startswith(f"{PROVIDERS}.")]

    def access_keys(self) -> list[str]:
        """The tables of declared access keys, in order."""
        return [table for table in self.tables if table.startswith(ACCESS_KEYS)]


def part_of(table: str) -> type[Any] | None:
    """The part of the settings that a table fills; None for a name that is no table."""
    if table in SECTIONS:
        return SECTIONS[table]
    if table.startswith(f"{PROVIDERS}."):
        return ProviderSettings
    return AccessKeySettings if table.startswith(f"{ACCESS_KEYS}[") else None


def read_file(path: Path | None, environ: Mapping[str, str], problems: Problems) -> Tree:
    """The configuration file as a tree: `path`, else $AIGW_CONFIG, else ./aigw.toml, else an empty tree.

    Raises ConfigError when the file named cannot be read or is not TOML; what is wrong inside goes to
    `problems`.
    """
    chosen = path or _chosen(environ)
    if chosen is None:
        return Tree()
    import tomllib

    try:
        if chosen.stat().st_size > MAX_CONFIG_BYTES:
            raise ConfigError(f"{chosen}: over {MAX_CONFIG_BYTES} bytes; this is not a configuration file")
        document = tomllib.loads(chosen.read_bytes().decode("utf-8-sig"))
    except OSError as error:
        raise ConfigError(f"{chosen}: cannot read the configuration file: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{chosen}: the configuration file is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{chosen}: not valid TOML: {error}") from None
    tree = Tree(source=str(chosen))
    for table, key, raw in _FileWalk(str(chosen), problems).values(document):
        tree.put(table, key, Entry(raw, str(chosen)))
    return tree


def _chosen(environ: Mapping[str, str]) -> Path | None:
    if CONFIG_VARIABLE in environ:
        if not environ[CONFIG_VARIABLE].strip():
            raise ConfigError(f"{CONFIG_VARIABLE}: is set but empty; it names the configuration file")
        return Path(environ[CONFIG_VARIABLE])
    # A link to nowhere counts as there: it was meant to be read, so the start says that it cannot be.
    return Path(DEFAULT_FILE) if os.path.lexists(DEFAULT_FILE) else None


@attrs.frozen(eq=False, repr=False)
class _FileWalk:
    origin: str
    problems: Problems

    def values(self, document: Mapping[str, Any]) -> Iterator[tuple[str, str, object]]:
        for name, value in document.items():
            if name in SECTIONS:
                yield from self._table(name, value)
            elif name == PROVIDERS:
                yield from self._providers(value)
            elif name == ACCESS_KEYS:
                yield from self._access_keys(value)
            else:
                self._unknown(name, name, [*SECTIONS, PROVIDERS, ACCESS_KEYS])

    def _table(self, table: str, value: object) -> Iterator[tuple[str, str, object]]:
        part = part_of(table)
        assert part is not None
        if not isinstance(value, dict):
            self.problems.add(table, f"must be a table: [{table}]", origin=self.origin)
            return
        known = keys_of(part)
        for key, raw in value.items():
            if key in known:
                yield table, key, raw
            else:
                self._unknown(f"{table}.{key}", key, known)

    def _providers(self, value: object) -> Iterator[tuple[str, str, object]]:
        if not isinstance(value, dict):
            self.problems.add(PROVIDERS, "must hold tables: [providers.ID]", origin=self.origin)
            return
        for id, table in value.items():
            try:
                check_provider_id(id)
            except ValueError as bad:
                hint = f" (a key of a provider stands under [{PROVIDERS}.ID])" if not isinstance(table, dict) else ""
                self.problems.add(f"{PROVIDERS}.{id!r}", f"{bad}{hint}", origin=self.origin)
                continue
            yield from self._provider(id, table)

    def _provider(self, id: str, table: object) -> Iterator[tuple[str, str, object]]:
        name = f"{PROVIDERS}.{id}"
        # An empty table still declares its provider: [providers.my-preset] may be all there is to say.
        if table == {}:
            yield name, "enabled", True
        yield from self._table(name, table)

    def _access_keys(self, value: object) -> Iterator[tuple[str, str, object]]:
        if not isinstance(value, list):
            self.problems.add(ACCESS_KEYS, "must be an array of tables: [[access_keys]]", origin=self.origin)
            return
        for number, table in enumerate(value):
            name = f"{ACCESS_KEYS}[{number}]"
            if table == {}:
                self.problems.add(name, "is empty: it needs a name and a key", origin=self.origin)
            yield from self._table(name, table)

    def _unknown(self, where: str, name: str, known: Collection[str]) -> None:
        homes = [f"[{section}]" for section, part in SECTIONS.items() if name in keys_of(part) and name not in known]
        hint = f"; it belongs in {' or '.join(homes)}" if homes else near(name, known)
        self.problems.add(where, f"unknown key{hint}", origin=self.origin)


def lay_overrides(tree: Tree, overrides: Mapping[str, str], problems: Problems) -> None:
    """Put values given on the command line, by dotted key (`server.listen`), over the tree."""
    for dotted, text in overrides.items():
        table, _, key = dotted.rpartition(".")
        if key_at(table, key) is None or table.startswith(ACCESS_KEYS):
            options = [f"{section}.{name}" for section, part in SECTIONS.items() for name in keys_of(part)]
            problems.add(dotted, f"unknown key{near(dotted, options)}", origin=COMMAND_LINE)
        elif table.startswith(f"{PROVIDERS}.") and not _is_provider_table(table):
            problems.add(dotted, "names no provider id", origin=COMMAND_LINE)
        else:
            tree.put(table, key, Entry(text, COMMAND_LINE, text=True))


def _is_provider_table(table: str) -> bool:
    try:
        check_provider_id(table.removeprefix(f"{PROVIDERS}."))
    except ValueError:
        return False
    return True


def key_at(table: str, key: str) -> Key | None:
    """The declared key at a place, if there is one."""
    part = part_of(table)
    return None if part is None else keys_of(part).get(key)
