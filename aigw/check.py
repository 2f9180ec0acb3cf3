"""Would the gateway start with this configuration, and with which values from where?"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from aigw import compose
from aigw.declared import load_settings, needs_sandbox
from aigw.errors import ConfigError
from aigw.settings import Settings, describe

# Tables that stand once for each of their kind: of those only what was written is shown in the list.
_MANY = ("providers.", "access_keys[")


def check(path: Path | None, overrides: Mapping[str, str]) -> dict[str, Any]:
    """The effective configuration as `settings.describe` tells it, and notes on what a start would add to it.

    Nothing is opened, made or called. Raises ConfigError with everything that is wrong.
    """
    settings = load_settings(path, None, overrides)
    compose.snapshot_of(settings)
    return {"settings": describe(settings), "notes": list(_notes(settings))}


def problems(error: ConfigError) -> list[str]:
    """The single problems that an error lists."""
    first, *rest = error.message.split("\n")
    return [line.strip() for line in rest] or [first]


def rows(described: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Dotted key, value and origin of everything described; of a provider or access key only what is not default."""
    found = []
    for key, entry in _entries(described, ""):
        if not key.startswith(_MANY) or entry["origin"] != "default":
            found.append((key, _plain(entry["value"]), entry["origin"]))
    return found


def _entries(part: Any, path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(part, list):
        for number, each in enumerate(part):
            yield from _entries(each, f"{path}[{number}]")
    elif isinstance(part, dict) and part.keys() == {"value", "origin"}:
        yield path, part
    elif isinstance(part, dict):
        for name, each in part.items():
            yield from _entries(each, f"{path}.{name}" if path else name)


def _plain(value: object) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _notes(settings: Settings) -> Iterator[str]:
    if needs_sandbox(settings):
        yield "no provider has a key: serve starts the sandbox provider; set OPENAI_API_KEY or another for a real one"
    if not settings.access_keys:
        yield f"no access key is declared: serve uses the one it keeps in {settings.server.data_dir}, made at first"
