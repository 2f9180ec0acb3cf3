"""JSON Schema in Gemini's subset: what comes out is accepted there, and nothing is lost in silence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aigw.wire.losses import Ledger
from aigw.wire.openapi_schema import MAX_NODES, to_openapi
from aigw.wire.schema_back import NAMES as BACK
from aigw.wire.schema_back import from_openapi

TYPES = {"STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"}
FORMATS = {"STRING": {"enum", "date-time"}, "NUMBER": {"float", "double"}, "INTEGER": {"int32", "int64"}}
TEXTS = {"title", "description", "pattern", "format"}
NUMBERS = {"minimum", "maximum"}
COUNTS = {"minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties"}
LISTS = {"enum", "required", "propertyOrdering"}
OTHERS = {"type", "nullable", "items", "properties", "anyOf", "default", "example"}


def complaints(schema: Any, at: str = "$") -> list[str]:
    """What Gemini's own check would say of a schema: unknown keywords, wrong types, empty lists, loose names."""
    if not isinstance(schema, dict):
        return [f"{at}: no schema"]
    found = [f"{at}.{key}: Cannot find field" for key in schema if key not in TEXTS | NUMBERS | COUNTS | LISTS | OTHERS]
    found += [f"{at}.{key}: no text" for key in TEXTS & schema.keys() if not isinstance(schema[key], str)]
    found += [f"{at}.{key}: no number" for key in NUMBERS & schema.keys() if not isinstance(schema[key], int | float)]
    found += [f"{at}.{key}: no count" for key in COUNTS & schema.keys() if type(schema[key]) is not int]
    found += [f"{at}.nullable: no flag"] if not isinstance(schema.get("nullable", True), bool) else []
    return found + _of_kind(schema, at)


def _of_kind(schema: dict[str, Any], at: str) -> list[str]:
    kind = schema.get("type")
    found = []
    if "anyOf" in schema:
        if not schema["anyOf"] or set(schema) - {"anyOf", "title", "description", "nullable", "default"}:
            found.append(f"{at}: anyOf must stand alone")
        return found + [one for i, branch in enumerate(schema["anyOf"]) for one in complaints(branch, f"{at}|{i}")]
    if kind not in TYPES:
        return [*found, f"{at}: type must be specified"]
    if "format" in schema and schema["format"] not in FORMATS.get(kind, ()):
        found.append(f"{at}.format: only {FORMATS.get(kind)} are supported for {kind} type")
    if "enum" in schema:
        values = schema["enum"]
        if kind != "STRING" or not values or not all(isinstance(value, str) and value for value in values):
            found.append(f"{at}.enum: only allowed for STRING type, and not empty")
    return found + _of_array(schema, at) + _of_object(schema, at)


def _of_array(schema: dict[str, Any], at: str) -> list[str]:
    if schema.get("type") == "ARRAY":
        return complaints(schema["items"], f"{at}[]") if "items" in schema else [f"{at}.items: missing field"]
    return [f"{at}.items: not an array"] if "items" in schema else []


def _of_object(schema: dict[str, Any], at: str) -> list[str]:
    found = []
    properties = schema.get("properties", {})
    if schema.get("type") != "OBJECT" and (properties or "required" in schema):
        found.append(f"{at}.properties: not an object")
    if "properties" in schema and not properties:
        found.append(f"{at}.properties: should be non-empty for OBJECT type")
    for key in ("required", "propertyOrdering"):
        names = schema.get(key, [])
        if key in schema and (not names or len(set(names)) < len(names) or set(names) - set(properties)):
            found.append(f"{at}.{key}: property is not defined")
    return found + [one for name, inner in properties.items() for one in complaints(inner, f"{at}.{name}")]


def spelt(value: Any) -> Any:
    """The types of a schema in upper case, as the API has them; the tables are easier to read without."""
    if isinstance(value, dict):
        return {key: inner.upper() if key == "type" else spelt(inner) for key, inner in value.items()}
    return [spelt(inner) for inner in value] if isinstance(value, list) else value


# name, schema, what comes out, ledger
EXACT: list[tuple[str, dict[str, Any], dict[str, Any], list[tuple[str, str]]]] = [
    ("as it is", {"type": "string", "minLength": 1}, {"type": "string", "minLength": 1}, []),
    ("upper case", {"type": "STRING"}, {"type": "string"}, []),
    (
        "nullable by type",
        {"type": ["string", "null"]},
        {"type": "string", "nullable": True},
        [("/p/type", "rewritten")],
    ),
    (
        "several types",
        {"type": ["string", "integer"], "minLength": 2, "maximum": 5, "description": "d"},
        {"description": "d", "anyOf": [{"type": "string", "minLength": 2}, {"type": "integer", "maximum": 5}]},
        [("/p/type", "rewritten")],
    ),
    (
        "a choice with null",
        {"anyOf": [{"type": "string"}, {"type": "null"}]},
        {"type": "string", "nullable": True},
        [("/p/anyOf", "rewritten")],
    ),
    (
        "oneOf",
        {"oneOf": [{"type": "string"}, {"type": "boolean"}]},
        {"anyOf": [{"type": "string"}, {"type": "boolean"}]},
        [("/p/oneOf", "approximated")],
    ),
    ("const", {"const": "x"}, {"type": "string", "enum": ["x"]}, [("/p/const", "rewritten")]),
    ("const number", {"const": 4}, {"type": "integer", "minimum": 4, "maximum": 4}, [("/p/const", "rewritten")]),
    ("const flag", {"const": True}, {"type": "boolean"}, [("/p/const", "approximated")]),
    ("const null", {"const": None}, {"type": "null"}, [("/p/const", "rewritten")]),
    (
        "enum with null",
        {"type": "string", "enum": ["a", None]},
        {"type": "string", "nullable": True, "enum": ["a"]},
        [("/p/enum", "rewritten")],
    ),
    (
        "enum of neighbours",
        {"type": "integer", "enum": [1, 3, 2]},
        {"type": "integer", "minimum": 1, "maximum": 3},
        [("/p/enum", "rewritten")],
    ),
    (
        "enum of numbers",
        {"enum": [1, 10], "description": "How many."},
        {"type": "integer", "description": "How many. One of: 1, 10.", "minimum": 1, "maximum": 10},
        [("/p/enum", "approximated")],
    ),
    (
        "enum with an empty text",
        {"type": "string", "enum": ["", "a"]},
        {"type": "string", "description": 'One of: "", "a".'},
        [("/p/enum", "approximated")],
    ),
    (
        "exclusive bounds of integers",
        {"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 10},
        {"type": "integer", "minimum": 1, "maximum": 9},
        [("/p/exclusiveMinimum", "rewritten"), ("/p/exclusiveMaximum", "rewritten")],
    ),
    (
        "exclusive bounds of numbers",
        {"type": "number", "exclusiveMinimum": 0, "minimum": -1},
        {"type": "number", "minimum": 0},
        [("/p/exclusiveMinimum", "approximated"), ("/p/minimum", "rewritten")],
    ),
    (
        "exclusive bounds of draft 4",
        {"type": "integer", "minimum": 3, "exclusiveMinimum": True},
        {"type": "integer", "minimum": 4},
        [("/p/exclusiveMinimum", "rewritten")],
    ),
    ("format", {"type": "string", "format": "uri"}, {"type": "string"}, [("/p/format", "dropped")]),
    ("a known format", {"type": "string", "format": "date-time"}, {"type": "string", "format": "date-time"}, []),
    (
        "keywords without a place",
        {"type": "object", "additionalProperties": False, "$schema": "s", "$id": "i", "x-own": 1},
        {"type": "object"},
        [(f"/p/{key}", "dropped") for key in ("additionalProperties", "$schema", "$id", "x-own")],
    ),
    (
        "a loose name",
        {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a", "b"]},
        {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
        [("/p/required/1", "dropped")],
    ),
    (
        "no type",
        {"properties": {"a": {"type": "string"}}},
        {"type": "object", "properties": {"a": {"type": "string"}}},
        [("/p", "rewritten")],
    ),
    (
        "a reference",
        {"$ref": "#/$defs/a~1b", "description": "d", "$defs": {"a/b": {"type": "string", "format": "uri"}}},
        {"type": "string", "description": "d"},
        [("/p/$ref", "rewritten"), ("/p/$defs", "rewritten"), ("/p/$defs/a~1b/format", "dropped")],
    ),
    ("a lost reference", {"$ref": "https://e.x/s"}, {"type": "object"}, [("/p/$ref", "approximated")]),
    (
        "allOf",
        {"allOf": [{"$ref": "#/definitions/a"}, {"required": ["x"]}], "definitions": {"a": {"type": "object"}}},
        {"type": "object"},
        [("/p/allOf", "rewritten"), ("/p/definitions", "rewritten"), ("/p/required/0", "dropped")],
    ),
    (
        "a choice beside keywords",
        {
            "type": "object",
            "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
            "anyOf": [{"required": ["a"]}, {"required": ["b"]}],
        },
        {
            "anyOf": [
                {
                    "type": "object",
                    "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
                    "required": [name],
                }
                for name in ("a", "b")
            ]
        },
        [("/p", "rewritten")],
    ),
    (
        "items by position",
        {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": False},
        {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
        [("/p/prefixItems", "approximated"), ("/p/items", "dropped")],
    ),
    (
        "no items",
        {"type": "array"},
        {"type": "array", "items": {"anyOf": [{"type": kind} for kind in ("string", "number", "boolean", "object")]}},
        [("/p/items", "approximated")],
    ),
    (
        "a forbidden property",
        {"type": "object", "properties": {"a": False, "b": {"type": "string"}}},
        {"type": "object", "properties": {"b": {"type": "string"}}},
        [("/p/properties/a", "dropped")],
    ),
]


@pytest.mark.parametrize(("schema", "wanted", "losses"), [case[1:] for case in EXACT], ids=[case[0] for case in EXACT])
def test_each_rewriting(schema: dict[str, Any], wanted: dict[str, Any], losses: list[tuple[str, str]]) -> None:
    """What the subset can say otherwise is said so, and each change stands in the ledger at its pointer."""
    ledger = Ledger()
    assert to_openapi(schema, "/p", ledger) == spelt(wanted)
    assert [(entry.pointer, entry.action) for entry in ledger.entries] == losses
    assert complaints(spelt(wanted)) == []


NAMES = st.sampled_from(["a", "b", "c d", "e/f"])
KEYWORDS: dict[str, st.SearchStrategy[Any]] = {
    "title": st.just("t"),
    "description": st.just("d"),
    "format": st.sampled_from(["uri", "date-time", "int32", "float", "enum"]),
    "enum": st.lists(st.sampled_from(["x", "y", "", 1, 2, 5, 1.5, None, True]), max_size=4),
    "const": st.sampled_from(["x", 1, None, True, 1.5, [1]]),
    "minimum": st.sampled_from([0, 1.5]),
    "exclusiveMinimum": st.sampled_from([0, 2.5, True]),
    "exclusiveMaximum": st.sampled_from([9, "many"]),
    "minLength": st.sampled_from([1, 3, -1, "x"]),
    "maxItems": st.just(5),
    "pattern": st.just("^a"),
    "additionalProperties": st.booleans(),
    "uniqueItems": st.just(True),
    "multipleOf": st.just(2),
    "nullable": st.just(True),
    "default": st.sampled_from([1, None, "x"]),
    "required": st.lists(NAMES, max_size=3),
    "$ref": st.sampled_from(["#", "#/$defs/a", "#/$defs/b", "#/nowhere", "other.json"]),
    "not": st.just({"type": "null"}),
}
KINDS = st.sampled_from(
    [*sorted(map(str.lower, TYPES)), "STRING", "file", ["string", "null"], ["integer", "array", "null"], ["null"]]
)


def _schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=1, max_size=3)
    nested = {
        "type": KINDS,
        "items": st.one_of(inner, several),
        "prefixItems": several,
        "properties": st.dictionaries(NAMES, st.one_of(inner, st.booleans()), max_size=3),
        "anyOf": several,
        "oneOf": several,
        "allOf": several,
        "$defs": st.dictionaries(st.sampled_from(["a", "b"]), inner, max_size=2),
    }
    return st.fixed_dictionaries({}, optional={**KEYWORDS, **nested})


SCHEMAS = st.recursive(st.fixed_dictionaries({}, optional={"type": KINDS, **KEYWORDS}), _schemas, max_leaves=6)


@settings(max_examples=120, deadline=None)
@given(SCHEMAS)
def test_any_schema_is_accepted(schema: dict[str, Any]) -> None:
    """Whatever a caller writes, a strict check of the subset has nothing to complain of."""
    before = repr(schema)
    written = to_openapi(schema, "/p", Ledger())
    assert complaints(written) == []
    assert repr(schema) == before


@settings(max_examples=60, deadline=None)
@given(SCHEMAS)
def test_what_is_in_the_subset_stays(schema: dict[str, Any]) -> None:
    """A schema of the subset is written as it is, and comes back through JSON Schema the same."""
    subset = to_openapi(schema, "", Ledger())
    assert to_openapi(subset, "", Ledger()) == subset
    assert complaints(to_openapi(from_openapi(subset), "", Ledger())) == []


def _lost_leaves(schema: dict[str, Any], written: dict[str, Any], ledger: Ledger) -> list[str]:
    """The pointers of leaves whose value is nowhere in the output and that no entry covers."""
    told = repr(written)
    pointers = {entry.pointer for entry in ledger.entries}

    def walk(value: Any, at: str) -> list[str]:
        if isinstance(value, dict):
            return [one for key, inner in value.items() for one in walk(inner, f"{at}/{key.replace('/', '~1')}")]
        if isinstance(value, list):
            return [one for i, inner in enumerate(value) for one in walk(inner, f"{at}/{i}")]
        covered = any(at == pointer or at.startswith(f"{pointer}/") for pointer in pointers)
        return [] if covered or str(value).lower() in told.lower() else [at]

    return walk(schema, "/p")


@settings(max_examples=80, deadline=None, derandomize=True)
@given(SCHEMAS)
def test_no_keyword_is_lost_in_silence(schema: dict[str, Any]) -> None:
    """Every value of a schema is found in what is written, or in the ledger."""
    ledger = Ledger()
    written = to_openapi(schema, "/p", ledger)
    if ledger.more == 0:
        assert _lost_leaves(schema, written, ledger) == []


def test_recursion_ends() -> None:
    """A schema that refers to itself is written out twice and ends in any object."""
    schema = {"$ref": "#/$defs/a", "$defs": {"a": {"type": "object", "properties": {"next": {"$ref": "#/$defs/a"}}}}}
    ledger = Ledger()
    written = to_openapi(schema, "", ledger)
    assert written["properties"]["next"]["properties"]["next"] == {"type": "OBJECT"}
    assert any(entry.action == "approximated" for entry in ledger.entries)


def test_references_do_not_multiply_without_end() -> None:
    """References to references, each twice, end at a bound: a small body cannot become a huge one."""
    layers = {
        f"l{i}": {"type": "object", "properties": {name: {"$ref": f"#/$defs/l{i + 1}"} for name in "abcd"}}
        for i in range(15)
    }
    schema = {"$ref": "#/$defs/l0", "$defs": {**layers, "l15": {"type": "string"}}}
    assert repr(to_openapi(schema, "", Ledger())).count("'type'") <= 2 * MAX_NODES


def test_depth_has_an_end() -> None:
    """Schemas inside one another far beyond sense are cut, not followed."""
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(300):
        schema = {"type": "array", "items": schema}
    assert complaints(to_openapi(schema, "", Ledger())) == []


def test_names_of_the_caller() -> None:
    """What the caller writes by another name is reported by that name."""
    schema = {"properties": {"x": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"type": "string", "not": {}}}}
    ledger = Ledger()
    assert to_openapi(schema, "/p", ledger, BACK) == spelt({"type": "object", "properties": {"x": {"type": "string"}}})
    assert {entry.pointer for entry in ledger.entries} == {"/p", "/p/defs", "/p/defs/a/not", "/p/properties/x/ref"}
