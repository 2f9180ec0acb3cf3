"""The keywords of JSON Schema as far as Gemini's subset is concerned: what is kept, renamed, or has no place."""

from __future__ import annotations

from typing import Any

BOUNDS = ("minimum", "maximum")
COUNTS = ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")

TYPES = frozenset({"string", "number", "integer", "boolean", "array", "object", "null"})

SUBSET = frozenset(
    {
        "type",
        "format",
        "title",
        "description",
        "nullable",
        "enum",
        "items",
        "properties",
        "required",
        "propertyOrdering",
        "anyOf",
        "pattern",
        "default",
        "example",
        *BOUNDS,
        *COUNTS,
    }
)
"""The keywords of the subset."""

SHAPES: dict[str, type] = {
    "format": str,
    "title": str,
    "description": str,
    "nullable": bool,
    "enum": list,
    "properties": dict,
    "required": list,
    "propertyOrdering": list,
    "anyOf": list,
    "pattern": str,
}
"""What the value of a keyword must be."""

_OBJECTS = frozenset({"properties", "required", "propertyOrdering"})
_ARRAYS = frozenset({"items", "prefixItems"})
OF_NONE = _OBJECTS | _ARRAYS
OF_OTHERS: dict[str, frozenset[str]] = {"object": _ARRAYS, "array": _OBJECTS}
"""Keywords that a schema of a type is refused with, or that have no effect there; `OF_NONE` of all other types."""

RENAMED = frozenset({"const", "oneOf", "allOf", "$ref", "exclusiveMinimum", "exclusiveMaximum", "prefixItems"})
"""Keywords that have another name in the subset, with a rule for each."""

BESIDE_CHOICE = ("title", "description", "nullable", "anyOf", "default")
"""What may stand beside a choice, and the choice."""

ANNOTATIONS = frozenset({"title", "description", "default", "$defs", "definitions", "$schema", "$id", "$comment"})
"""Keywords that ask nothing of a value."""

FORMATS = {
    "string": ("enum", "date-time"),
    "number": ("float", "double"),
    "integer": ("int32", "int64"),
}

_FURTHER = "Gemini's schemas cannot say what further properties may be"
_CONDITIONS = "Gemini's schemas have no conditions"
OUT_OF: dict[str, str] = {
    "additionalProperties": _FURTHER,
    "patternProperties": _FURTHER,
    "unevaluatedProperties": _FURTHER,
    "if": _CONDITIONS,
    "then": _CONDITIONS,
    "else": _CONDITIONS,
    "dependentRequired": _CONDITIONS,
    "dependentSchemas": _CONDITIONS,
    "not": "Gemini's schemas cannot exclude",
}
"""Why the commoner keywords are dropped; all others that are not in the subset are dropped too."""

_OF: tuple[tuple[str, frozenset[str]], ...] = (
    ("object", frozenset({"properties", "required", "propertyOrdering", "minProperties", "maxProperties"})),
    ("array", frozenset({"items", "prefixItems", "minItems", "maxItems"})),
    ("string", frozenset({"pattern", "minLength", "maxLength", "format"})),
    ("number", frozenset({"minimum", "maximum"})),
)
_OF_ALL = frozenset({"title", "description", "nullable", "default", "anyOf", "type", "x-choice"})


def inferred_type(schema: dict[str, Any]) -> str | None:
    """The type whose keywords a schema without a type uses; None if it uses none."""
    values = schema.get("enum")
    named = [value for value in values if value is not None] if isinstance(values, list) else []
    if named:
        return _type_of_all(named)
    return next((kind for kind, words in _OF if words & schema.keys()), None)


def _type_of_all(values: list[Any]) -> str:
    kinds = {type(value) for value in values}
    for kind, name in ((bool, "boolean"), (int, "integer"), (dict, "object")):
        if kinds == {kind}:
            return name
    return "number" if kinds <= {int, float} else "string"


def of_type(schema: dict[str, Any], kind: str) -> dict[str, Any]:
    """The keywords of a schema of several types that are about one of them."""
    others = frozenset().union(*(words for name, words in _OF if name != _family(kind))) - {"format"}
    mine = {key: value for key, value in schema.items() if key not in others and key not in _OF_ALL}
    if mine.get("format") not in FORMATS.get(kind, ()):
        mine.pop("format", None)
    values = mine.pop("enum", None)
    if isinstance(values, list) and any(_fits(value, kind) for value in values):
        mine["enum"] = [value for value in values if _fits(value, kind)]
    return {"type": kind, **mine}


def _family(kind: str) -> str:
    return "number" if kind == "integer" else kind


def _fits(value: Any, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    fitting = {"string": (str,), "integer": (int,), "number": (int, float), "object": (dict,), "array": (list,)}
    return isinstance(value, fitting.get(kind, ()))
