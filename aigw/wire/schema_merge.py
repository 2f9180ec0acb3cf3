"""Two JSON Schemas that both hold as one, and where a reference leads. RFC 6901, JSON Schema 2020-12."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import msgspec

_encode = msgspec.json.Encoder().encode


def shown(value: Any) -> str:
    """A JSON value as text."""
    return _encode(value).decode()


def resolve(root: dict[str, Any], reference: Any) -> dict[str, Any] | None:
    """The schema that a reference within the same document (`#`, `#/$defs/x`) means; None for any other."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return None
    found: Any = root
    for step in unquote(reference[1:]).split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(found, list) and name.isdecimal() and int(name) < len(found):
            found = found[int(name)]
        elif isinstance(found, dict) and name in found:
            found = found[name]
        else:
            return None
    return found if isinstance(found, dict) else None


def merged(left: dict[str, Any], right: dict[str, Any], clashes: list[str]) -> dict[str, Any]:
    """A schema that asks for what both ask for, as far as keywords can be merged one by one.

    Where both say the same thing differently and no rule is known, the right one stands and `clashes` names it.
    """
    both = dict(left)
    for key, value in right.items():
        before = both.get(key, value)
        if before == value:
            both[key] = value
        elif isinstance(before, dict) and isinstance(value, dict) and key in _NAMED:
            both[key] = _named(before, value, clashes)
        elif isinstance(before, dict) and isinstance(value, dict) and key == "items":
            both[key] = merged(before, value, clashes)
        elif key in _RULES:
            both[key] = _RULES[key](before, value)
        else:
            clashes.append(key)
            both[key] = value
    return both


def _named(left: dict[str, Any], right: dict[str, Any], clashes: list[str]) -> dict[str, Any]:
    both = dict(left)
    for name, schema in right.items():
        before = both.get(name)
        whole = isinstance(before, dict) and isinstance(schema, dict)
        both[name] = merged(before, schema, clashes) if whole else schema  # type: ignore[arg-type]
    return both


def _union(left: Any, right: Any) -> Any:
    if not (isinstance(left, list) and isinstance(right, list)):
        return right
    return [*left, *(value for value in right if value not in left)]


def _common(left: Any, right: Any) -> Any:
    """What both allow; what the right one does where that is nothing."""
    if not (isinstance(left, list) and isinstance(right, list)):
        return right
    return [value for value in left if value in right] or right


def _are_names(kinds: Any) -> bool:
    return isinstance(kinds, list) and all(isinstance(kind, str) for kind in kinds)


def _types(left: Any, right: Any) -> Any:
    kinds = [left] if isinstance(left, str) else left
    others = [right] if isinstance(right, str) else right
    if not _are_names(kinds) or not _are_names(others):
        return right
    if {"integer", "number"} == {*kinds, *others}:
        return "integer"
    common = _common(kinds, others)
    return common[0] if isinstance(common, list) and len(common) == 1 else common


def _tighter(choose: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def tighter(left: Any, right: Any) -> Any:
        numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (left, right))
        return choose(left, right) if numbers else right

    return tighter


def _both_all(left: Any, right: Any) -> Any:
    return [*left, *right] if isinstance(left, list) and isinstance(right, list) else right


_NAMED = ("properties", "$defs", "definitions")
_RULES: dict[str, Callable[[Any, Any], Any]] = {
    "required": _union,
    "enum": _common,
    "type": _types,
    "allOf": _both_all,
    **{name: _tighter(max) for name in ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")},
    **{name: _tighter(min) for name in ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")},
}
