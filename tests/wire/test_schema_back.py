"""Gemini's schemas as JSON Schema."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.wire.schema_back import from_openapi

CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("types", {"type": "STRING"}, {"type": "string"}),
    ("no type", {"type": "TYPE_UNSPECIFIED", "description": "d"}, {"description": "d"}),
    ("nullable", {"type": "STRING", "nullable": True}, {"type": ["string", "null"]}),
    (
        "a nullable enum",
        {"type": "STRING", "format": "enum", "enum": ["a"], "nullable": True},
        {"type": ["string", "null"], "enum": ["a", None]},
    ),
    (
        "a nullable choice",
        {"anyOf": [{"type": "STRING"}], "nullable": True},
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
    ),
    ("not nullable", {"type": "STRING", "nullable": False}, {"type": "string"}),
    ("counts as texts", {"type": "ARRAY", "maxItems": "3"}, {"type": "array", "maxItems": 3}),
    (
        "snake case",
        {"any_of": [{"type": "INTEGER", "max_length": "2"}]},
        {"anyOf": [{"type": "integer", "maxLength": 2}]},
    ),
    (
        "the order of properties",
        {"properties": {"a": {"type": "STRING"}, "b": {"items": {"type": "NUMBER"}}}, "propertyOrdering": ["b", "a"]},
        {"properties": {"b": {"items": {"type": "number"}}, "a": {"type": "string"}}},
    ),
    (
        "references",
        {"ref": "#/defs/a", "defs": {"a": {"type": "STRING"}}},
        {"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}},
    ),
]


@pytest.mark.parametrize(("schema", "wanted"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_each_keyword(schema: dict[str, Any], wanted: dict[str, Any]) -> None:
    """What OpenAPI says in its own way is said as JSON Schema says it, in the same order."""
    assert repr(from_openapi(schema)) == repr(wanted)
