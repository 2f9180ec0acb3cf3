"""Schemas: a tool's input is an object's, and an enforced schema has no rules that cannot be enforced."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.wire.formats.messages.schema import enforced, of_input

CITY = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
ZIP = {"type": "object", "properties": {"zip": {"type": "string"}}}


@pytest.mark.parametrize(
    ("schema", "expected", "changed"),
    [
        (None, {"type": "object", "properties": {}}, False),
        (CITY, CITY, False),
        ({"properties": {}}, {"type": "object", "properties": {}}, False),
        ({"type": ["object", "null"]}, {"type": "object"}, True),
        ({"type": "string"}, {"type": "object"}, True),
        (
            {"anyOf": [CITY, ZIP]},
            {"type": "object", "properties": {"city": {"type": "string"}, "zip": {"type": "string"}}},
            True,
        ),
        (
            {"type": "object", "allOf": [CITY, ZIP]},
            {
                "type": "object",
                "properties": {"city": {"type": "string"}, "zip": {"type": "string"}},
                "required": ["city"],
            },
            True,
        ),
    ],
)
def test_inputs(schema: Any, expected: Any, changed: bool) -> None:
    """A schema of an object stays; another one becomes one, and that is told."""
    told, reason = of_input(schema)
    assert told == expected
    assert (reason is not None) == changed


def test_a_good_schema_is_not_copied() -> None:
    """Its bytes stay the same for prompt caches."""
    assert of_input(CITY)[0] is CITY


@pytest.mark.parametrize(
    ("schema", "expected", "less"),
    [
        (CITY, {**CITY, "additionalProperties": False}, False),
        ({**CITY, "additionalProperties": False}, {**CITY, "additionalProperties": False}, False),
        ({**CITY, "additionalProperties": True}, {**CITY, "additionalProperties": False}, True),
        ({"type": "integer", "minimum": 1}, {"type": "integer", "description": "{minimum: 1}"}, True),
        (
            {"type": "integer", "description": "How many", "maximum": 9},
            {"type": "integer", "description": "How many\n\n{maximum: 9}"},
            True,
        ),
        ({"type": "array", "items": CITY, "minItems": 1}, None, False),
        ({"type": "array", "minItems": 2}, {"type": "array", "description": "{minItems: 2}"}, True),
        ({"type": "string", "format": "date"}, {"type": "string", "format": "date"}, False),
        ({"type": "string", "format": "color"}, {"type": "string", "description": "{format: color}"}, True),
        ({"oneOf": [{"type": "null"}, True]}, {"anyOf": [{"type": "null"}, True]}, False),
        ({"$defs": {"a": {"type": "string", "pattern": "x"}}, "$ref": "#/$defs/a"}, None, True),
        ({"anyOf": "odd", "properties": {"a": True}}, None, False),
    ],
)
def test_enforced(schema: Any, expected: Any, less: bool) -> None:
    """Objects are closed, branches are one kind, rules are words; what was less is told."""
    told, is_less = enforced(schema)
    assert is_less == less
    if expected is not None:
        assert told == expected
