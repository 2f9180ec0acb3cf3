"""Two schemas as one, and references."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.wire.schema_merge import merged, resolve

MERGED: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any], list[str]]] = [
    ({"minimum": 1, "maximum": 9}, {"minimum": 3, "maximum": 12}, {"minimum": 3, "maximum": 9}, []),
    ({"type": ["string", "null"]}, {"type": "string"}, {"type": "string"}, []),
    ({"type": "number"}, {"type": "integer"}, {"type": "integer"}, []),
    ({"enum": ["a", "b"]}, {"enum": ["b", "c"]}, {"enum": ["b"]}, []),
    ({"required": ["a"]}, {"required": ["b", "a"]}, {"required": ["a", "b"]}, []),
    ({"items": {"minLength": 1}}, {"items": {"maxLength": 2}}, {"items": {"minLength": 1, "maxLength": 2}}, []),
    (
        {"properties": {"a": {"minimum": 1}}},
        {"properties": {"a": {"minimum": 2}, "b": {}}},
        {"properties": {"a": {"minimum": 2}, "b": {}}},
        [],
    ),
    ({"allOf": [1]}, {"allOf": [2]}, {"allOf": [1, 2]}, []),
    ({"pattern": "a"}, {"pattern": "b"}, {"pattern": "b"}, ["pattern"]),
    ({"minimum": "x"}, {"minimum": 2}, {"minimum": 2}, []),
]


@pytest.mark.parametrize(("left", "right", "both", "clashes"), MERGED)
def test_merging(left: dict[str, Any], right: dict[str, Any], both: dict[str, Any], clashes: list[str]) -> None:
    """What both ask for is asked for; what has no rule is named."""
    found: list[str] = []
    assert merged(left, right, found) == both
    assert found == clashes


ROOT = {"$defs": {"a": {"type": "string"}, "b/c": {"type": "null"}, "list": [{"type": "array"}], "text": "x"}}


@pytest.mark.parametrize(
    ("reference", "wanted"),
    [
        ("#", ROOT),
        ("#/$defs/a", {"type": "string"}),
        ("#/$defs/b~1c", {"type": "null"}),
        ("#/%24defs/a", {"type": "string"}),
        ("#/$defs/list/0", {"type": "array"}),
        ("#/$defs/list/7", None),
        ("#/$defs/text", None),
        ("#/$defs/none", None),
        ("https://e.x/a", None),
        (5, None),
    ],
)
def test_references(reference: Any, wanted: Any) -> None:
    """A reference within the document leads to a schema, any other to nothing."""
    assert resolve(ROOT, reference) == wanted
