"""Schemas of Gemini's subset of OpenAPI as JSON Schema: the way back of `openapi_schema`.

Source: https://ai.google.dev/api/caching#Schema
"""

from __future__ import annotations

from typing import Any

from aigw.wire.schema_words import COUNTS

_ALIASES = {
    "any_of": "anyOf",
    "max_items": "maxItems",
    "min_items": "minItems",
    "max_length": "maxLength",
    "min_length": "minLength",
    "max_properties": "maxProperties",
    "min_properties": "minProperties",
    "property_ordering": "propertyOrdering",
    "additional_properties": "additionalProperties",
    "defs": "$defs",
    "ref": "$ref",
}


NAMES = {"$ref": "ref", "$defs": "defs"}
"""Keywords by the names that Gemini's schemas have for them."""


def from_openapi(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema of the subset as JSON Schema: types in lower case, `nullable` as a type, counts as numbers.

    The order of properties is that of `propertyOrdering`.
    """
    written: dict[str, Any] = {}
    for name, value in schema.items():
        key = _ALIASES.get(name, name)
        if value is not None or key in ("default", "example"):
            written[key] = _back(key, value)
    nullable = written.pop("nullable", False)
    if written.get("format") == "enum":
        del written["format"]
    if written.get("type") == "type_unspecified":
        del written["type"]
    _ordered(written)
    return _nullable(written) if nullable is True else written


def _back(key: str, value: Any) -> Any:
    if key == "type" and isinstance(value, str):
        return value.lower()
    if key in COUNTS and isinstance(value, str) and value.isdigit():
        return int(value)
    if key == "$ref" and isinstance(value, str):
        return value.replace("#/defs/", "#/$defs/")
    if key in ("properties", "$defs") and isinstance(value, dict):
        return {name: from_openapi(inner) if isinstance(inner, dict) else inner for name, inner in value.items()}
    if key in ("items", "additionalProperties") and isinstance(value, dict):
        return from_openapi(value)
    if key == "anyOf" and isinstance(value, list):
        return [from_openapi(inner) if isinstance(inner, dict) else inner for inner in value]
    return value


def _ordered(written: dict[str, Any]) -> None:
    order, properties = written.get("propertyOrdering"), written.get("properties")
    if not isinstance(order, list) or not isinstance(properties, dict):
        return
    del written["propertyOrdering"]
    first = {name: properties[name] for name in order if isinstance(name, str) and name in properties}
    written["properties"] = {**first, **properties}


def _nullable(written: dict[str, Any]) -> dict[str, Any]:
    kind, choices = written.get("type"), written.get("anyOf")
    if isinstance(written.get("enum"), list) and None not in written["enum"]:
        written["enum"] = [*written["enum"], None]
    if isinstance(kind, str) and kind != "null":
        written["type"] = [kind, "null"]
    elif isinstance(choices, list):
        written["anyOf"] = [*choices, {"type": "null"}]
    return written
