"""How are the things of the control API shown to people? Lists as columns, one thing as its fields."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from aigw.client.resources import Resource
from aigw.printing import print_table, printable

# What says nothing to who reads a table: it is in --json.
_HIDDEN = frozenset({"uri", "token", "lateWorkers"})
# What one looks for first.
_FIRST = ("id", "name")
# What a reload tells of each key that is different.
_CHANGE = ("key", "before", "after")
# In a cell of a list; one thing alone is shown whole.
MOST_IN_CELL = 3


def table(resource: Resource, things: Sequence[Mapping[str, Any]]) -> None:
    """A list."""
    print_table([head for head, _ in resource.columns], [_row(resource, each) for each in things])


def fields(thing: Mapping[str, Any]) -> None:
    """One thing, a line a field."""
    first = {name: thing[name] for name in _FIRST if name in thing}
    lines = [(name, value) for name, value in _lines({**first, **thing}) if value]
    width = max((len(name) for name, _ in lines), default=0)
    for name, value in lines:
        print(f"{printable(name).ljust(width)}  {printable(value)}")


def settings(thing: Mapping[str, Any]) -> None:
    """The settings of an account: what holds, and who says so."""
    rows = [
        [name, _text(value) or "none", "gateway" if thing.get(name) is None else "account"]
        for name, value in thing.get("effective", {}).items()
    ]
    print_table(("SETTING", "VALUE", "FROM"), rows)
    if thing.get("metadata"):
        print(f"metadata  {printable(thing['metadata'])}")


def difference(changes: Sequence[Mapping[str, Any]]) -> None:
    """What a reload changed."""
    rows = [["" if (value := each.get(name)) is None else _plain(value) for name in _CHANGE] for each in changes]
    print_table([name.upper() for name in _CHANGE], rows)


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _row(resource: Resource, thing: Mapping[str, Any]) -> list[str]:
    return [_cell(_at(thing, member)) for _, member in resource.columns]


def _at(thing: Any, member: str) -> Any:
    for name in member.split("."):
        thing = thing.get(name) if isinstance(thing, Mapping) else None
    return thing


def _cell(value: Any) -> str:
    if not isinstance(value, list):
        return _text(value)
    shown = [_text(each) for each in value[:MOST_IN_CELL]]
    more = [f"+{len(value) - MOST_IN_CELL}"] if len(value) > MOST_IN_CELL else []
    return ",".join([*shown, *more]) or "none"


def _lines(thing: Mapping[str, Any], under: str = "") -> Iterator[tuple[str, str]]:
    for name, value in thing.items():
        if name in _HIDDEN:
            continue
        if isinstance(value, Mapping):
            yield from _lines(value, f"{under}{name}.")
        elif isinstance(value, list) and value:
            for at, each in enumerate(value):
                yield (f"{under}{name}" if at == 0 else ""), _text(each)
        else:
            yield f"{under}{name}", "none" if value == [] else _text(value)


def _text(value: Any) -> str:
    """A value in a line: a rule as it is written on a command line, a time without its fraction."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return _of_object(value)
    return re.sub(r"^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d+(?=Z|\+)", r"\1", str(value))


def _of_object(value: Mapping[str, Any]) -> str:
    if isinstance(value.get("steps"), list):
        model = value.get("model")
        target = f"{value.get('provider') or ''}{f':{model}' if model else ''}"
        return f"{target}={'+'.join(_step(each) for each in value['steps'])}"
    for name in ("modelId", "surface", "id"):
        if name in value:
            return _text(value[name])
    return ",".join(f"{name}={_text(each)}" for name, each in value.items())


def _step(step: Mapping[str, Any]) -> str:
    if step.get("type") == "managed":
        return "managed"
    strategy = step.get("keySelectionStrategy") or "ordered"
    keys = ",".join(_text(each) for each in step.get("keys") or ())
    return keys if strategy == "ordered" else f"{strategy}:{keys}"
