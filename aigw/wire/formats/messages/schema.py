"""JSON schemas as Anthropic takes them: of tools' inputs, and those that are enforced.

Sources: https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations and the
transformation that Anthropic's own SDKs make.
"""

from __future__ import annotations

from typing import Any

_BRANCHES = ("anyOf", "oneOf", "allOf")
# Members of a schema that enforcement does not take. Their rules are told in the description instead.
_RULES = frozenset(
    {
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern",
        "maxItems", "uniqueItems", "contains", "minContains", "maxContains", "minProperties", "maxProperties",
        "patternProperties", "propertyNames", "dependentRequired", "dependentSchemas", "unevaluatedProperties",
        "unevaluatedItems", "prefixItems", "if", "then", "else", "not",
    }
)  # fmt: skip
_FORMATS = frozenset({"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"})
_MOST_LEAST_ITEMS = 1
_OF_ONE = ("items", "additionalItems")
_OF_MANY = ("properties", "$defs", "definitions")


def of_input(schema: dict[str, Any] | None) -> tuple[dict[str, Any], str | None]:
    """The schema of a tool's input, which must be an object's without branches; and the reason for a loss, if any."""
    if schema is None:
        return {"type": "object", "properties": {}}, None
    if schema.get("type") == "object" and not any(name in schema for name in _BRANCHES):
        return schema, None
    reason = None
    if schema.get("type") not in ("object", None):
        reason = "the input of a tool is always an object"
    flat = {"type": "object", **{name: value for name, value in schema.items() if name not in (*_BRANCHES, "type")}}
    for name in _BRANCHES:
        branches = schema.get(name)
        if isinstance(branches, list):
            reason = f"the input of a tool has no {name} at its top: its branches are joined"
            _join(flat, [branch for branch in branches if isinstance(branch, dict)], every=name == "allOf")
    return flat, reason


def _join(flat: dict[str, Any], branches: list[dict[str, Any]], *, every: bool) -> None:
    """Give an object the properties of all branches, and require what each (or, of allOf, any) of them requires."""
    properties = dict(flat.get("properties") or {})
    required: set[str] | None = None
    for branch in branches:
        for name, schema in (branch.get("properties") or {}).items():
            properties.setdefault(name, schema)
        asked = set(branch.get("required") or ())
        required = asked if required is None else (required | asked if every else required & asked)
    flat["properties"] = properties
    wanted = set(flat.get("required") or ()) | (required or set())
    if wanted:
        flat["required"] = [name for name in properties if name in wanted]


def enforced(schema: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """A schema that can be enforced, and whether it says less than before.

    Objects are closed, `oneOf` is `anyOf`, and rules that are not enforced stand in the description.
    """
    return _enforced(schema)


def _enforced(schema: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    told: dict[str, Any] = {}
    rules: dict[str, Any] = {}
    less = False
    for name, value in schema.items():
        if _is_rule(name, value):
            rules[name] = value
        elif name == "oneOf":
            told["anyOf"], changed = _each(value)
            less = less or changed
        else:
            told[name], changed = _member(name, value)
            less = less or changed
    if (schema.get("type") == "object" or "properties" in schema) and told.get("additionalProperties") is not False:
        less = less or "additionalProperties" in schema
        told["additionalProperties"] = False
    if rules:
        said = ", ".join(f"{name}: {value}" for name, value in rules.items())
        described = told.get("description")
        told["description"] = f"{described}\n\n{{{said}}}" if described else f"{{{said}}}"
    return told, less or bool(rules)


def _is_rule(name: str, value: Any) -> bool:
    if name == "format":
        return not (isinstance(value, str) and value in _FORMATS)
    if name == "minItems":
        return not isinstance(value, int) or value > _MOST_LEAST_ITEMS
    return name in _RULES


def _member(name: str, value: Any) -> tuple[Any, bool]:
    if name in _OF_ONE and isinstance(value, dict):
        return _enforced(value)
    if name in _OF_MANY and isinstance(value, dict):
        told = {key: _enforced(inner) if isinstance(inner, dict) else (inner, False) for key, inner in value.items()}
        return {key: inner for key, (inner, _) in told.items()}, any(less for _, less in told.values())
    if name in _BRANCHES:
        return _each(value)
    return value, False


def _each(value: Any) -> tuple[Any, bool]:
    if not isinstance(value, list):
        return value, False
    told = [_enforced(inner) if isinstance(inner, dict) else (inner, False) for inner in value]
    return [inner for inner, _ in told], any(less for _, less in told)
