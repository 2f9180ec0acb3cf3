"""JSON Schema in the subset of OpenAPI 3.0 that Gemini's `Schema` takes (`schema_back` is the way back).

What the subset has: `type` (one), `format`, `title`, `description`, `nullable`, `enum` (of texts), `items`,
`properties`, `required`, `propertyOrdering`, `anyOf`, `minimum`, `maximum`, `min/maxItems`, `min/maxLength`,
`min/maxProperties`, `pattern`, `default`, `example`. An unknown keyword is refused there ("Cannot find field"), so
everything else is rewritten, approximated or dropped, each with its place in the ledger.

Sources: https://ai.google.dev/api/caching#Schema, https://json-schema.org/draft/2020-12/json-schema-core,
https://github.com/google-gemini/gemini-cli/issues/3178 (formats), https://github.com/decolua/9router/pull/380 (enums).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from aigw.wire.losses import Ledger, child
from aigw.wire.schema_leaf import CHOICE, any_value, leaf, leaves, simplified
from aigw.wire.schema_merge import merged, resolve
from aigw.wire.schema_words import ANNOTATIONS, BESIDE_CHOICE, OUT_OF, RENAMED, SUBSET

MAX_DEPTH = 40
"""Schemas inside one another: far above what people write, below what a parser refuses."""

MAX_NODES = 2000
"""Schemas written for one: references to references multiply, and a body of a few KB must not become gigabytes."""

MAX_UNROLLED = 2
"""How often a recursive schema is written out inside itself before it ends in any object."""

_CUT = "a schema that refers to itself ends here, in any object"


_NO_NAMES: Final[Mapping[str, str]] = {}


def to_openapi(schema: dict[str, Any], at: str, ledger: Ledger, names: Mapping[str, str] = _NO_NAMES) -> dict[str, Any]:
    """The schema in the subset; `at` is its pointer in the caller's request. The caller's own is not changed.

    `names` are the keywords that the caller wrote by another name (`schema_back.NAMES`).
    """
    return _spelt(_Rewriter(schema, at, ledger, names).node(schema, at, 0))


def _spelt(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with its types in upper case, as the API's enumeration has them."""
    told = dict(schema)
    for key, value in schema.items():
        if key == "type":
            told[key] = value.upper()
        elif key == "items":
            told[key] = _spelt(value)
        elif key == "properties":
            told[key] = {name: _spelt(inner) for name, inner in value.items()}
        elif key == "anyOf":
            told[key] = [_spelt(inner) for inner in value]
    return told


class _Rewriter:
    """Rewrites one schema. `_stack` counts the references that are being written out."""

    __slots__ = ("_at", "_called", "_ledger", "_nodes", "_root", "_stack")

    def __init__(self, root: dict[str, Any], at: str, ledger: Ledger, names: Mapping[str, str]) -> None:
        self._root = root
        self._at = at
        self._ledger = ledger
        self._called = names
        self._nodes = 0
        self._stack: dict[str, int] = {}

    def node(self, schema: Any, at: str, depth: int) -> dict[str, Any]:
        """One schema and all below it."""
        self._nodes += 1
        if self._nodes > MAX_NODES or depth > MAX_DEPTH:
            self._ledger.approximate(at, "the schema is too large or too deep; any object stands there instead")
            return {"type": "object"}
        if not isinstance(schema, dict):
            self._ledger.approximate(at, "no schema with a type; text, number, boolean or object stands there instead")
            return any_value()
        if "$ref" in schema:
            return self._reference(schema, at, depth)
        if "allOf" in schema:
            return self._all_of(schema, at, depth)
        plain = simplified(schema, at, self._ledger)
        self._report(schema, at)
        if "anyOf" in plain:
            return self._any_of(plain, at, depth)
        return self._plain(plain, at, depth)

    def _place(self, at: str, key: str) -> str:
        return child(at, self._called.get(key, key))

    def _report(self, schema: dict[str, Any], at: str) -> None:
        """Every keyword that is not carried."""
        for key in schema:
            if key in ("$defs", "definitions"):
                self._ledger.rewrite(self._place(at, key), "its schemas stand where they are referred to")
            elif key not in SUBSET and key not in RENAMED:
                self._ledger.drop(child(at, key), OUT_OF.get(key, "Gemini's schemas have no such keyword"))

    # -- references and allOf -------------------------------------------------------------------------------------

    def _reference(self, schema: dict[str, Any], at: str, depth: int) -> dict[str, Any]:
        reference, place = schema["$ref"], self._place(at, "$ref")
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        found = resolve(self._root, reference)
        if found is None:
            self._ledger.approximate(place, "refers to nothing within the schema; any object stands there instead")
            return self.node({"type": "object", **beside}, at, depth + 1)
        if self._stack.get(reference, 0) >= MAX_UNROLLED:
            self._ledger.approximate(at, _CUT)
            return {"type": "object"}
        self._ledger.rewrite(place, "Gemini knows no references: what it refers to stands in its place")
        self._stack[reference] = self._stack.get(reference, 0) + 1
        if beside.keys() <= ANNOTATIONS:
            self._report(beside, at)
            # A reference into itself (`#/$defs/x`) is a pointer from the schema on.
            steps = (self._called.get(step, step) for step in reference[1:].split("/"))
            written = self.node(found, self._at + "/".join(steps), depth + 1)
            written.update((key, beside[key]) for key in ("title", "description", "default") if key in beside)
        else:
            self._ledger.rewrite(at, "what the reference asks for and what stands beside it are merged")
            written = self.node(self._merged(found, beside, place), at, depth + 1)
        self._stack[reference] -= 1
        return written

    def _merged(self, left: dict[str, Any], right: dict[str, Any], place: str) -> dict[str, Any]:
        clashes: list[str] = []
        both = merged(left, right, clashes)
        if clashes:
            self._ledger.approximate(place, f"says {', '.join(clashes)} once more; one of them stands")
        return both

    def _all_of(self, schema: dict[str, Any], at: str, depth: int) -> dict[str, Any]:
        place = child(at, "allOf")
        alone = schema.keys() <= {"allOf", *ANNOTATIONS}
        self._ledger.rewrite(place if alone else at, "Gemini knows no allOf: its schemas are merged")
        followed: list[str] = []
        whole = self._flat(schema, place, followed)
        for reference in followed:
            self._stack[reference] = self._stack.get(reference, 0) + 1
        written = self.node(whole, at, depth + 1)
        for reference in followed:
            self._stack[reference] -= 1
        return written

    def _flat(self, schema: dict[str, Any], place: str, followed: list[str]) -> dict[str, Any]:
        """A schema with everything that its allOf asks for; `followed` are the references on the way."""
        self._nodes += 1
        parts = schema.get("allOf")
        whole = {key: value for key, value in schema.items() if key != "allOf"}
        for part in parts if isinstance(parts, list) else ():
            if not isinstance(part, dict) or self._nodes > MAX_NODES:
                self._ledger.approximate(place, "one of its schemas is none, or there are too many")
                continue
            reference = part.get("$ref")
            if reference is not None:
                known = reference in followed or self._stack.get(reference, 0) >= MAX_UNROLLED
                found = None if known else resolve(self._root, reference)
                if found is None:
                    self._ledger.approximate(place, "refers to itself or to nothing: that is left out")
                    found = {}
                else:
                    followed.append(reference)
                beside = {key: value for key, value in part.items() if key != "$ref"}
                part = self._merged(found, beside, place)
            whole = self._merged(whole, self._flat(part, place, followed), place)
        whole.pop("$ref", None)
        return whole

    # -- choices --------------------------------------------------------------------------------------------------

    def _any_of(self, schema: dict[str, Any], at: str, depth: int) -> dict[str, Any]:
        """A choice; in the subset it stands alone, so what stands beside it goes into each branch."""
        keyword = schema.pop(CHOICE, "anyOf")
        place = child(at, keyword) if keyword else at
        beside = {key: value for key, value in schema.items() if key not in BESIDE_CHOICE}
        branches = [branch for branch in schema["anyOf"] if branch != {"type": "null"}]
        written = {key: schema[key] for key in BESIDE_CHOICE if key in schema and key != "anyOf"}
        if len(branches) < len(schema["anyOf"]):
            self._ledger.rewrite(place, "Gemini knows no null among the choices: `nullable` says it")
            written["nullable"] = True
        if beside and branches:
            self._ledger.rewrite(at, "in Gemini's schemas a choice stands alone: what was beside it is in each")
            base = self.node(beside, at, depth + 1)
            beside = beside if "anyOf" in base else base
        told = []
        for index, branch in enumerate(branches):
            whole = self._merged(beside, branch, place) if beside and isinstance(branch, dict) else branch
            told.append(self.node(whole, child(place, index) if keyword else at, depth + 1))
        if not told:
            return {**written, "type": "null"}
        return {**told[0], **written} if len(told) == 1 else {**written, "anyOf": told}

    # -- one schema of one type -----------------------------------------------------------------------------------

    def _plain(self, schema: dict[str, Any], at: str, depth: int) -> dict[str, Any]:
        written = leaf(schema, at, self._ledger)
        kind = written.get("type")
        if kind == "array":
            self._items(schema, written, at, depth)
        elif kind == "object":
            self._properties(schema, written, at, depth)
        leaves(schema, written)
        return written

    def _items(self, schema: dict[str, Any], written: dict[str, Any], at: str, depth: int) -> None:
        items, by_position, key = schema.get("items"), schema.get("prefixItems"), "prefixItems"
        if isinstance(items, list):
            by_position, key = items, "items"
        if not (isinstance(by_position, list) and by_position):
            items = items if isinstance(items, dict) else None
            written["items"] = self.node(items, child(at, "items"), depth + 1)
            return
        place = child(at, key)
        self._ledger.approximate(place, "Gemini knows no items by position: each may be any of them")
        if key == "prefixItems" and items is not None:
            self._ledger.drop(child(at, "items"), "Gemini knows no items after those by position")
        told = [self.node(item, child(place, index), depth + 1) for index, item in enumerate(by_position)]
        kinds = [kind for index, kind in enumerate(told) if kind not in told[:index]]
        written["items"] = kinds[0] if len(kinds) == 1 else {"anyOf": kinds}

    def _properties(self, schema: dict[str, Any], written: dict[str, Any], at: str, depth: int) -> None:
        properties = schema.get("properties")
        told: dict[str, Any] = {}
        place = child(at, "properties")
        for name, value in properties.items() if isinstance(properties, dict) else ():
            if value is False:
                self._ledger.drop(child(place, name), "Gemini cannot forbid a property")
            else:
                told[name] = self.node(value, child(place, name), depth + 1)
        if told:
            written["properties"] = told
        for key in ("required", "propertyOrdering"):
            self._names(schema, written, key, at)

    def _names(self, schema: dict[str, Any], written: dict[str, Any], key: str, at: str) -> None:
        """The names of a list that are properties; others are refused."""
        names, known = schema.get(key), written.get("properties", {})
        kept: list[str] = []
        for index, name in enumerate(names if isinstance(names, list) else ()):
            if isinstance(name, str) and name in known and name not in kept:
                kept.append(name)
            else:
                self._ledger.drop(child(at, key, index), "is none of the properties")
        if kept:
            written[key] = kept
