"""A JSON value that satisfies a simple JSON Schema: what a model would fill in.

Understood: type (also a list, also Gemini's upper case), properties, items, minItems, enum, const, default,
anyOf, oneOf, allOf, $ref into the schema itself, minimum and maximum, minLength and maxLength, the common
string formats. Not understood: pattern, multipleOf, conditions.
"""

from collections.abc import Mapping
from typing import Any

# A schema that contains itself is followed this deep; deeper, optional parts are left out.
_DEPTH = 6
_FORMATS = {
    "date-time": "2026-01-01T00:00:00Z",
    "date": "2026-01-01",
    "time": "00:00:00Z",
    "email": "sandbox@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def sample(schema: Mapping[str, Any], text: str) -> Any:
    """The value; free strings hold `text`, so that what the user said can be found again in the answer."""
    return _Sampler(schema, text).value(schema, 0)


class _Sampler:
    def __init__(self, root: Mapping[str, Any], text: str) -> None:
        self._root = root
        self._text = text or "sandbox"

    def value(self, schema: Any, depth: int) -> Any:
        if not isinstance(schema, Mapping):
            return self._text
        schema = self._resolved(schema)
        for key in ("const", "default"):
            if key in schema:
                return schema[key]
        if schema.get("enum"):
            return schema["enum"][0]
        for key in ("anyOf", "oneOf"):
            if schema.get(key):
                return self.value(schema[key][0], depth + 1)
        return self._of_type(schema, depth)

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        for _ in range(_DEPTH):
            reference = schema.get("$ref")
            if not isinstance(reference, str):
                break
            schema = self._pointed(reference)
        if schema.get("allOf"):
            merged: dict[str, Any] = {}
            for part in schema["allOf"]:
                merged.update(self._resolved(part))
            return {**merged, **{key: value for key, value in schema.items() if key != "allOf"}}
        return schema

    def _pointed(self, reference: str) -> Mapping[str, Any]:
        node: Any = self._root
        for step in reference.removeprefix("#").strip("/").split("/"):
            if not step:
                continue
            node = node.get(step.replace("~1", "/").replace("~0", "~"), {}) if isinstance(node, Mapping) else {}
        return node if isinstance(node, Mapping) else {}

    def _of_type(self, schema: Mapping[str, Any], depth: int) -> Any:
        kind = _kind(schema)
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, depth)
        if kind in ("integer", "number"):
            return _number(schema, kind)
        return {"boolean": True, "null": None}[kind] if kind in ("boolean", "null") else self._string(schema)

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        required = schema.get("required") or ()
        properties = schema.get("properties") or {}
        return {
            name: self.value(inner, depth + 1)
            for name, inner in properties.items()
            if depth < _DEPTH or (name in required and depth < 2 * _DEPTH)
        }

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        least = int(schema.get("minItems") or 0)
        count = least if depth >= _DEPTH else max(1, least)
        return [self.value(schema.get("items") or {}, depth + 1) for _ in range(count)]

    def _string(self, schema: Mapping[str, Any]) -> str:
        known = _FORMATS.get(schema.get("format", ""))
        if known is not None:
            return known
        text = self._text.ljust(int(schema.get("minLength") or 0), "x")
        longest = schema.get("maxLength")
        return text if longest is None else text[: int(longest)]


def _kind(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    if isinstance(kind, str):
        return kind.lower()
    return "object" if "properties" in schema else "string"


def _number(schema: Mapping[str, Any], kind: str) -> float | int:
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None and schema.get("exclusiveMinimum") is not None:
        low = schema["exclusiveMinimum"] + 1
    if low is not None:
        return int(low) if kind == "integer" else float(low)
    preferred = 1 if high is None else min(1, high)
    return int(preferred) if kind == "integer" else float(preferred)
