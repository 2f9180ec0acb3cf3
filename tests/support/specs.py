"""What the makers of the formats say a request, an answer and an event look like: JSON Schemas, from their SDKs.

The schemas are made of the installed SDKs' own types, so that a release with a new field is noticed by the tests that
walk them. `Checker` holds a value against one; `closed` makes it refuse members that nobody documents.
"""

from __future__ import annotations

import copy
import functools
import json
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from jsonschema import Draft202012Validator, exceptions, validators

Schema = dict[str, Any]


def _adapted(kind: Any) -> Schema:
    from pydantic import TypeAdapter

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made: Schema = TypeAdapter(kind).json_schema()
    return made


def _chat() -> Any:
    from openai.types.chat import completion_create_params

    return completion_create_params.CompletionCreateParamsNonStreaming


def _responses() -> Any:
    from openai.types.responses import response_create_params

    return response_create_params.ResponseCreateParamsNonStreaming


def _messages() -> Any:
    from anthropic.types import message_create_params

    return message_create_params.MessageCreateParamsNonStreaming


def _gemini() -> Any:
    """The SDK spreads the body over a config; https://ai.google.dev/api/generate-content puts it together like this."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from google.genai import types
        from pydantic import create_model
    members: Mapping[str, Any] = {
        "contents": (list[types.Content], ...),
        "systemInstruction": (types.Content, None),
        "tools": (list[types.Tool], None),
        "toolConfig": (types.ToolConfig, None),
        "safetySettings": (list[types.SafetySetting], None),
        "generationConfig": (_generation_config(types), None),
        "cachedContent": (str, None),
        "labels": (dict[str, str], None),
        "modelArmorConfig": (types.ModelArmorConfig, None),
        "serviceTier": (types.ServiceTier, None),
        "store": (bool, None),
    }
    return create_model("GenerateContentRequest", **members)


def _generation_config(types: Any) -> Any:
    """Vertex's type lacks what only the developer API has."""
    from pydantic import create_model

    return create_model(
        "GenerationConfig", __base__=types.GenerationConfig, image_config=(types.ImageConfig | None, None)
    )


_REQUESTS = {"chat": _chat, "responses": _responses, "messages": _messages, "gemini": _gemini}
# Documented elsewhere: streams have a type of their own in the SDKs, and API version 2023-06-01 of Anthropic, which
# every provider of that format speaks, has what 2026-10-21 took out.
_MORE: Mapping[str, Mapping[str, Schema]] = {
    "chat": {"stream": {"type": "boolean"}},
    "responses": {"stream": {"type": "boolean"}},
    "messages": {
        "stream": {"type": "boolean"},
        "temperature": {"type": "number", "minimum": 0, "maximum": 1},
        "top_p": {"type": "number"},
        "top_k": {"type": "integer"},
    },
    "gemini": {},
}


def as_documented(format: str, schema: Schema) -> Schema:
    """A request's schema with what is documented elsewhere, and shut for everything else; in place."""
    schema["properties"].update(_MORE[format])
    return closed(schema)


@functools.cache
def request_schema(format: str) -> Schema:
    """What a request of a format looks like, every documented member in it, no other allowed."""
    return as_documented(format, _adapted(_REQUESTS[format]()))


def _answer(format: str) -> Any:
    if format == "chat":
        from openai.types.chat import ChatCompletion

        return ChatCompletion
    if format == "responses":
        from openai.types.responses import Response

        return Response
    if format == "messages":
        # Betas' types hold the others, and the blocks of betas in wide use (MCP, compaction).
        from anthropic.types.beta import BetaMessage

        return BetaMessage
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from google.genai import types
    return types.GenerateContentResponse


def _event(format: str) -> Any:
    if format == "chat":
        from openai.types.chat import ChatCompletionChunk

        return ChatCompletionChunk
    if format == "responses":
        from openai.types.responses import ResponseStreamEvent

        return ResponseStreamEvent
    if format == "messages":
        from anthropic.types.beta import BetaRawMessageStreamEvent

        return BetaRawMessageStreamEvent
    return _answer("gemini")


@functools.cache
def answer_checker(format: str) -> Checker:
    """Checks whole answers."""
    return Checker(_adapted(_answer(format)))


@functools.cache
def event_checker(format: str) -> Checker:
    """Checks the data of events of a stream."""
    return Checker(_adapted(_event(format)))


@functools.cache
def request_checker(format: str) -> Checker:
    """Checks requests, strictly: an undocumented member is a fault."""
    return Checker(request_schema(format))


def closed(schema: Schema) -> Schema:
    """The schema with every object that lists its members shut for others, in place."""
    for node in _nodes(schema):
        if "properties" in node:
            node["additionalProperties"] = False
    return schema


def _nodes(node: Any) -> Iterator[Schema]:
    if isinstance(node, dict):
        # A member may be called "properties", too: only what describes a type is a schema.
        if "type" in node or "anyOf" in node or "$ref" in node or "$defs" in node:
            yield node
        for value in node.values():
            yield from _nodes(value)
    elif isinstance(node, list):
        for value in node:
            yield from _nodes(value)


def of_discovery(document: Mapping[str, Any], name: str) -> Schema:
    """A message of a Google discovery document as a JSON Schema; undeclared members are refused, as the API does.

    Source: https://developers.google.com/discovery/v1/type-format; JSON of protocol buffers allows int64 as text.
    """
    schemas = {key: _discovered(value) for key, value in document["schemas"].items()}
    return {"$ref": f"#/$defs/{name}", "$defs": schemas}


def _discovered(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if "$ref" in node:
        return {"$ref": f"#/$defs/{node['$ref']}"}
    kind = node.get("type")
    if kind == "any":
        return {}
    if kind == "array":
        return {"type": "array", "items": _discovered(node["items"])}
    if kind == "object":
        made: Schema = {"type": "object"}
        if "properties" in node:
            made["properties"] = {name: _discovered(value) for name, value in node["properties"].items()}
        more = node.get("additionalProperties")
        made["additionalProperties"] = _discovered(more) if more is not None else "properties" not in node
        return made
    if node.get("format") in ("int64", "uint64"):
        return {"type": ["string", "integer"]}
    return {"type": kind, "enum": node["enum"]} if "enum" in node else {"type": kind}


class Checker:
    """Holds values against one schema, and says in words what is wrong."""

    def __init__(self, schema: Schema) -> None:
        self._validator = _Quick(_linked(copy.deepcopy(schema)))
        self._known: set[str] = set()

    def faults(self, value: Any) -> list[str]:
        """What is wrong with a value, each with its place; empty when it is as documented."""
        shape = json.dumps(_shape(value), sort_keys=True)
        if shape in self._known:
            return []
        found = [
            f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"
            for error in self._validator.iter_errors(value)
        ]
        if not found:
            self._known.add(shape)
        return found


# Members whose text decides which branch of a schema is meant; any other text is as good as any other of its kind.
_DECIDING = frozenset({"type", "role", "object", "status", "mode", "event", "detail", "effort", "finish_reason"})


def _shape(value: Any, name: str = "") -> Any:
    """A value with its free texts and numbers taken out: what has the same shape has the same faults."""
    if isinstance(value, dict):
        return {key: _shape(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        shapes = [_shape(inner, name) for inner in value]
        return [shape for at, shape in enumerate(shapes) if shape not in shapes[:at]]
    if isinstance(value, str):
        return value if name in _DECIDING or (len(value) < 40 and value.replace("_", "").isupper()) else "text"
    return type(value).__name__


def _linked(schema: Schema) -> Schema:
    """The schema with every reference replaced by what it refers to: a graph, which may go round in circles."""
    definitions = schema.get("$defs", {})

    def target(node: Any) -> Any:
        if isinstance(node, dict) and "$ref" in node:
            return definitions[node["$ref"].rpartition("/")[2]]
        link(node)
        return node

    def link(node: Any) -> None:
        if isinstance(node, dict):
            node.update({key: target(value) for key, value in node.items() if key != "$defs"})
        elif isinstance(node, list):
            node[:] = [target(value) for value in node]

    for definition in definitions.values():
        link(definition)
    root = target(schema)
    assert isinstance(root, dict)
    return root


def _excluded(branch: Any, value: Mapping[str, Any]) -> bool:
    """Whether a branch of a union asks for another constant than the value has."""
    for name in ("type", "role", "mode"):
        member = branch.get("properties", {}).get(name)
        if not isinstance(member, dict):
            continue
        if name not in value:
            if name in branch.get("required", ()):
                return True
        elif value[name] not in member.get("enum", (member.get("const", value[name]),)):
            return True
    return False


def _flat(branches: list[Any]) -> Iterator[Any]:
    """The branches of a union, those of unions within it too."""
    for branch in branches:
        inner = branch.get("anyOf") or branch.get("oneOf")
        if inner and "properties" not in branch:
            yield from _flat(inner)
        else:
            yield branch


def _any_of(validator: Any, branches: list[Any], instance: Any, schema: Any) -> Iterator[exceptions.ValidationError]:
    """`anyOf`, but a union whose branches a constant tells apart is not tried branch by branch."""
    left = list(_flat(branches))
    if isinstance(instance, dict):
        left = [branch for branch in left if not _excluded(branch, instance)]
    errors = []
    for branch in left:
        found = list(validator.descend(instance, branch))
        if not found:
            return
        errors.append(found)
    # The branch that came nearest tells most.
    if errors:
        yield from min(
            errors, key=lambda found: (found[0].validator == "type", -len(found[0].absolute_path), len(found))
        )
    else:
        yield exceptions.ValidationError(f"{str(instance)[:200]!r} is none of the documented kinds")


_extend: Any = validators.extend
_Quick = _extend(Draft202012Validator, {"anyOf": _any_of, "oneOf": _any_of})
