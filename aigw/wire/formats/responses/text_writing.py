"""What the answer's text must be, for a provider: `text`, and what JSON mode wants of the input.

No provider of this format is without both schemas and JSON mode, so no forced tool has to stand for them.

Source: https://platform.openai.com/docs/guides/structured-outputs
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from aigw.wire.draft import Draft
from aigw.wire.losses import child
from aigw.wire.neutral import OutputFormat

Json = dict[str, Any]

_encode = msgspec.json.Encoder().encode

_VERBOSITIES: Final = frozenset({"low", "medium", "high"})
_SCHEMA_NAME: Final = "answer"
"""For a schema without a name: the API wants one."""

_ILLEGAL_IN_NAMES: Final = re.compile(r"[^A-Za-z0-9_-]")
_MOST_NAME: Final = 64
_JSON: Final = "Answer with a JSON object."


def write_text(draft: Draft) -> None:
    """`text`. The input has to be written already."""
    text: Json = {}
    output = draft.take("output")
    if output is not None:
        format = _format(output, draft)
        if format is not None:
            text["format"] = format
    verbosity = draft.take("verbosity")
    if verbosity in _VERBOSITIES or (verbosity is not None and _home(draft)):
        draft.put("verbosity", verbosity, draft.place("verbosity"), text)
    elif verbosity is not None:
        draft.ledger.drop(draft.place("verbosity"), f"there is no verbosity {verbosity}")
    if text:
        draft.body["text"] = text


def _home(draft: Draft) -> bool:
    return draft.conversation.own_format == "responses"


def _format(output: OutputFormat, draft: Draft) -> Json | None:
    place = draft.place("output")
    if output.kind == "text":
        return {"type": "text"}
    dialect = draft.dialect
    if output.kind == "schema" and dialect.json_schema:
        return _by_schema(output, draft)
    if dialect.json_object:
        return _json_mode(output, draft)
    if dialect.json_schema:
        draft.ledger.approximate(place, "the provider has no JSON mode: a schema asks for any object")
        return {"type": "json_schema", "name": _SCHEMA_NAME, "schema": {"type": "object"}}
    draft.ledger.drop(place, "the provider has no structured output")
    return None


def _by_schema(output: OutputFormat, draft: Draft) -> Json:
    name = _ILLEGAL_IN_NAMES.sub("_", output.name or _SCHEMA_NAME)[:_MOST_NAME]
    if output.name is not None and name != output.name:
        place = child(draft.place("output"), "name")
        draft.ledger.rewrite(place, "names of schemas are letters, digits, _ and -, 64 at most")
    format: Json = {"type": "json_schema", "name": name, "schema": output.schema or {}}
    if output.description is not None:
        format["description"] = output.description
    if output.strict is not None:
        format["strict"] = output.strict
    return format


def _json_mode(output: OutputFormat, draft: Draft) -> Json:
    """JSON mode, of which the input has to speak; a schema that it cannot enforce is told in words."""
    place = draft.place("output")
    if output.kind == "schema":
        draft.ledger.approximate(place, "the provider knows no schemas, only JSON: the schema is told in words")
        schema = _encode(output.schema or {}).decode()
        _say(draft, f"Answer with a JSON object that satisfies this JSON Schema: {schema}")
    elif not _home(draft) and not _mentions_json(draft.body["input"]):
        instructions = draft.body.get("instructions")
        if instructions is not None and "json" in instructions.lower():
            # They do not count as input, but may stand there as well.
            del draft.body["instructions"]
            _say(draft, instructions)
        else:
            draft.ledger.rewrite(place, "JSON mode wants the word in a message: one of the system's asks for JSON")
            _say(draft, _JSON)
    return {"type": "json_object"}


def _say(draft: Draft, text: str) -> None:
    draft.body["input"].insert(0, {"type": "message", "role": "system", "content": text})


def _mentions_json(items: list[Json]) -> bool:
    """Whether the word stands at the beginning, up to the user's first message, which stays as it is later on."""
    first = next((at for at, item in enumerate(items) if item.get("role") == "user"), len(items))
    return b"json" in _encode(items[: first + 1]).lower()
