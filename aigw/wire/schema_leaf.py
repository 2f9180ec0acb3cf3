"""What one schema says of a value itself, in Gemini's subset of OpenAPI: its type, values, bounds and format."""

from __future__ import annotations

from typing import Any

from aigw.wire.losses import Ledger, child
from aigw.wire.schema_merge import shown
from aigw.wire.schema_words import (
    ANNOTATIONS,
    BESIDE_CHOICE,
    BOUNDS,
    COUNTS,
    FORMATS,
    OF_NONE,
    OF_OTHERS,
    SHAPES,
    SUBSET,
    TYPES,
    inferred_type,
    of_type,
)

CHOICE = "x-choice"
"""Stands, while a schema is rewritten, for the keyword that its choice was written with; empty for several types."""

_TIGHTER = "another keyword beside it allows less, and stands for both"


def any_value() -> dict[str, Any]:
    """The nearest to "any value": a schema without a type is refused, and an array would need its items."""
    return {"anyOf": [{"type": kind} for kind in ("string", "number", "boolean", "object")]}


# -- keywords that another one can say --------------------------------------------------------------------------------


def simplified(schema: dict[str, Any], at: str, ledger: Ledger) -> dict[str, Any]:
    """The schema with the keywords of the subset only, and those that it can say otherwise said so."""
    plain = {key: value for key, value in schema.items() if key in SUBSET or key == "prefixItems"}
    for key, kind in SHAPES.items():
        if key in plain and not isinstance(plain[key], kind):
            del plain[key]
            ledger.drop(child(at, key), "is malformed")
    _choice(schema, plain, at, ledger)
    if "const" in schema:
        alone = schema.keys() <= {"const", "type", *ANNOTATIONS} and (
            schema["const"] is not None or "type" not in plain
        )
        _const(schema["const"], plain, child(at, "const") if alone else at, ledger)
    if isinstance(plain.get("type"), list):
        _types(plain, at, ledger)
    _exclusive(schema, plain, at, ledger)
    return plain


def _choice(schema: dict[str, Any], plain: dict[str, Any], at: str, ledger: Ledger) -> None:
    any_of, one_of = schema.get("anyOf"), schema.get("oneOf")
    if any_of == []:
        del plain["anyOf"]
        ledger.drop(child(at, "anyOf"), "is no choice")
    if one_of is None:
        return
    place = child(at, "oneOf")
    if "anyOf" in plain or not (isinstance(one_of, list) and one_of):
        ledger.drop(place, "Gemini's schemas have one choice, anyOf")
    else:
        plain["anyOf"], plain[CHOICE] = one_of, "oneOf"
        ledger.approximate(place, "Gemini knows no oneOf: anyOf lets several match")


def _const(value: Any, plain: dict[str, Any], place: str, ledger: Ledger) -> None:
    """One value: a text is an enum of one, a number lies between itself and itself."""
    if value is None:
        plain["type"] = "null"
    elif isinstance(value, str) and value:
        plain["enum"] = [value]
    elif isinstance(value, int | float) and not isinstance(value, bool):
        plain.setdefault("type", "integer" if isinstance(value, int) else "number")
        plain["minimum"] = plain["maximum"] = value
    else:
        plain.setdefault("type", inferred_type({"enum": [value]}))
        ledger.approximate(place, "Gemini knows no const; an enum of one value can be a text only")
        return
    ledger.rewrite(place, "Gemini knows no const: an enum or a range of one value says it")


def _types(plain: dict[str, Any], at: str, ledger: Ledger) -> None:
    """One type each: null becomes `nullable`, several become a choice."""
    kinds = plain.pop("type")
    named = [kind for kind in kinds if isinstance(kind, str) and kind != "null"]
    ledger.rewrite(child(at, "type"), "Gemini's schemas have one type: null is `nullable`, others are a choice")
    if "null" in kinds and named:
        plain["nullable"] = True
    if len(named) <= 1:
        plain["type"] = named[0] if named else "null"
    elif "anyOf" not in plain:
        _divide(plain, named, at, ledger)


def _divide(plain: dict[str, Any], kinds: list[Any], at: str, ledger: Ledger) -> None:
    """A choice of types, each with the keywords that are about it."""
    branches = [of_type(plain, kind) for kind in kinds]
    for key in [key for key in plain if key not in BESIDE_CHOICE]:
        values = plain.pop(key)
        told = [branch[key] for branch in branches if key in branch]
        if key == "enum":
            told = [told] if all(any(one in kept for kept in told) for one in values if one is not None) else []
        if not told:
            ledger.drop(child(at, key), f"says nothing of {', '.join(map(str, kinds))}")
    plain["anyOf"], plain[CHOICE] = branches, ""


def _exclusive(schema: dict[str, Any], plain: dict[str, Any], at: str, ledger: Ledger) -> None:
    """Exclusive bounds: a number since draft 6, before it a flag beside the bound."""
    for key, bound, step in (("exclusiveMinimum", "minimum", 1), ("exclusiveMaximum", "maximum", -1)):
        value = schema.get(key)
        if value is None or value is False:
            continue
        before = plain.get(bound)
        limit = before if value is True else value
        if isinstance(limit, bool) or not isinstance(limit, int | float):
            ledger.drop(child(at, key), "is no number")
            continue
        if plain.get("type") == "integer" and limit == int(limit):
            limit = int(limit) + step
            ledger.rewrite(child(at, key), f"of integers, the next one as {bound} says it")
        else:
            ledger.approximate(child(at, key), f"Gemini knows no {key}: {bound} lets the limit itself pass")
        if value is not True and isinstance(before, int | float):
            limit = max(before, limit) if step > 0 else min(before, limit)
            if limit != before:
                ledger.rewrite(child(at, bound), _TIGHTER)
        plain[bound] = limit


# -- what is said of a value ------------------------------------------------------------------------------------------


def leaf(schema: dict[str, Any], at: str, ledger: Ledger) -> dict[str, Any]:
    """Everything but items and properties. Where no type is known, any value."""
    kind = _kind(schema, at, ledger)
    if kind is None:
        ledger.approximate(at, "no schema with a type; text, number, boolean or object stands there instead")
        return {**{key: schema[key] for key in BESIDE_CHOICE if key in schema}, **any_value()}
    written: dict[str, Any] = {"type": kind}
    written.update((key, schema[key]) for key in ("title", "description", "nullable") if key in schema)
    for key in OF_OTHERS.get(kind, OF_NONE) & schema.keys():
        ledger.drop(child(at, key), f"says nothing of type {kind}")
    if "enum" in schema:
        _enum(schema["enum"], kind, written, child(at, "enum"), ledger)
    _format(schema.get("format"), written, child(at, "format"), ledger)
    _bounds(schema, written, at, ledger)
    return written


def leaves(schema: dict[str, Any], written: dict[str, Any]) -> None:
    """What stands last, and asks nothing of a value."""
    written.update((key, schema[key]) for key in ("default", "example") if key in schema)


def _kind(schema: dict[str, Any], at: str, ledger: Ledger) -> str | None:
    """The type; None where neither it nor the keywords tell it."""
    said = schema.get("type")
    if isinstance(said, str) and said.lower() in TYPES:
        return said.lower()
    if said is not None:
        ledger.drop(child(at, "type"), "is no type of JSON's")
    kind = inferred_type(schema)
    if kind is not None and "enum" not in schema:
        ledger.rewrite(at, f"says no type; its keywords are those of type {kind}")
    return kind


def _format(name: Any, written: dict[str, Any], place: str, ledger: Ledger) -> None:
    if name is None:
        return
    kind = written["type"]
    if name in FORMATS.get(kind, ()) and (name != "enum" or "enum" in written):
        written["format"] = name
    else:
        ledger.drop(place, f"Gemini knows no such format of type {kind}")


def _enum(values: list[Any], kind: str, written: dict[str, Any], place: str, ledger: Ledger) -> None:
    """The values, if they are texts; of others their range, and the list itself in the description."""
    if None in values:
        written["nullable"] = True
        ledger.rewrite(place, "null is not a value of an enum here: `nullable` says it")
    named = [value for value in values if value is not None]
    if not named:
        return
    if kind == "string" and all(isinstance(value, str) and value for value in named):
        written["enum"] = list(dict.fromkeys(named))
        return
    numbers = [value for value in named if isinstance(value, int | float) and not isinstance(value, bool)]
    if kind in ("integer", "number") and len(numbers) == len(named):
        least, most = min(numbers), max(numbers)
        written["minimum"], written["maximum"] = least, most
        if kind == "integer" and len(set(numbers)) == most - least + 1:
            ledger.rewrite(place, "Gemini's enums hold texts only: the range says the same")
            return
    ledger.approximate(place, "Gemini's enums hold texts that are not empty: the description tells the values")
    told = f"One of: {', '.join(shown(value) for value in named)}."
    written["description"] = f"{written['description']} {told}" if "description" in written else told


def _bounds(schema: dict[str, Any], written: dict[str, Any], at: str, ledger: Ledger) -> None:
    for key in (*BOUNDS, *COUNTS):
        value = schema.get(key)
        if key in written and value is not None and value != written[key]:
            ledger.rewrite(child(at, key), _TIGHTER)
        if value is None or key in written:
            continue
        good = not isinstance(value, bool) and isinstance(value, int | float)
        if good and key in BOUNDS:
            written[key] = value
        elif good and int(value) == value >= 0:
            written[key] = int(value)
        else:
            ledger.drop(child(at, key), "is no such number")
    if "pattern" in schema:
        written["pattern"] = schema["pattern"]
