"""Values that satisfy a schema."""

from typing import Any

import jsonschema
import pytest

from aigw.sandbox.schema import sample

_TREE = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "left": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
    },
    "required": ["name", "left"],
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "name": {"type": "string"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["name", "children"],
        }
    },
}

SCHEMAS: list[dict[str, Any]] = [
    {
        "type": "object",
        "properties": {"a": {"type": "string"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    },
    {"type": "object", "properties": {}},
    {"type": "array", "items": {"type": "number", "minimum": 3}, "minItems": 4},
    {"type": "string", "enum": ["x", "y"]},
    {"const": 7},
    {"type": ["null", "string"]},
    {"type": ["null"]},
    {"type": "boolean"},
    {"type": "integer", "maximum": -2},
    {"type": "integer", "exclusiveMinimum": 5},
    {"type": "string", "minLength": 30},
    {"type": "string", "maxLength": 2},
    {"type": "string", "format": "date-time"},
    {"oneOf": [{"type": "integer"}, {"type": "string"}]},
    {"allOf": [{"type": "object"}, {"properties": {"z": {"type": "null"}}, "required": ["z"]}]},
    {"properties": {"k": {"$ref": "#/definitions/a~1b"}}, "definitions": {"a/b": {"type": "integer"}}},
    _TREE,
]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_sample_satisfies_its_schema(schema: dict[str, Any]) -> None:
    """Whatever simple schema is asked for, the value made from it validates."""
    jsonschema.validate(sample(schema, "canary"), schema)


def test_a_sample_carries_the_users_text() -> None:
    """Free strings hold the text, so that an answer can be traced to its question."""
    assert sample({"properties": {"a": {"type": "array", "items": {}}}}, "canary") == {"a": ["canary"]}


def test_geminis_upper_case_types_are_read() -> None:
    """Gemini writes types in upper case; they mean the same."""
    schema = {"type": "OBJECT", "properties": {"a": {"type": "INTEGER"}, "b": {"type": "BOOLEAN"}}}
    assert sample(schema, "canary") == {"a": 1, "b": True}
