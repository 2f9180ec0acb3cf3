"""Instances of a JSON Schema, one per member that it documents: the smallest value that has it."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

Json = dict[str, Any]
Path = tuple[str | int, ...]

MISSING: Any = object()
_SCHEMA = {"type": "object", "properties": {"city": {"type": "string", "description": "sentinel city"}}}
DATA = base64.b64encode(b"sentinel bytes of something").decode()
PDF = "data:application/pdf;base64," + DATA
PIXEL = "data:image/png;base64," + base64.b64encode(b"sentinel pixels of a png").decode()

# Members whose values have a grammar of their own, by name: what a schema of types cannot say.
_VALUES: Mapping[str, Any] = {
    "arguments": '{"city": "sentinel-argument"}',
    "args": {"city": "sentinel-argument"},
    "data": DATA,
    "file_data": PDF,
    "image_url": PIXEL,
    "url": "https://example.com/sentinel.png",
    "file_url": "https://example.com/sentinel.pdf",
    "uri": "https://example.com/sentinel",
    "fileUri": "https://example.com/sentinel.pdf",
    "mimeType": "image/png",
    "thoughtSignature": DATA,
    "signature": DATA,
    "encrypted_content": DATA,
    "parameters": _SCHEMA,
    "parametersJsonSchema": _SCHEMA,
    "responseJsonSchema": _SCHEMA,
    "input_schema": _SCHEMA,
    "schema": _SCHEMA,
    "metadata": {"team": "sentinel-team"},
    "labels": {"team": "sentinel-team"},
    "logit_bias": {"4711": -37},
    "temperature": 0.625,
    "top_p": 0.875,
    "topP": 0.875,
    "top_k": 37,
    "topK": 37,
    "n": 3,
    "candidateCount": 3,
    "top_logprobs": 3,
    "logprobs": 3,
    "frequency_penalty": 0.375,
    "frequencyPenalty": 0.375,
    "presence_penalty": 0.4375,
    "presencePenalty": 0.4375,
    "max_tokens": 3072,
    "max_completion_tokens": 3072,
    "max_output_tokens": 3072,
    "maxOutputTokens": 3072,
    "budget_tokens": 2048,
    "thinkingBudget": 2048,
}

# Further values worth a look: they say what is meant anyway.
_ALSO: Mapping[str, tuple[Any, ...]] = {"n": (1,), "candidateCount": (1,)}
# Members of which an object has one at most.
_EITHER: tuple[frozenset[str], ...] = (
    frozenset(("image_url", "file_id")),
    frozenset(("file_data", "file_url", "file_id")),
    frozenset(("inlineData", "fileData", "text", "functionCall", "functionResponse", "executableCode",
               "codeExecutionResult", "toolCall", "toolResponse")),
)  # fmt: skip


class Walker:
    """Walks one schema (references and all) and gives instances of it."""

    def __init__(self, schema: Json, least: Mapping[str, Any], skip: frozenset[str] = frozenset()) -> None:
        """`least` has smallest instances of definitions by name, where the schema does not say what one needs;
        `skip` are members of the root that are not walked."""
        self._schema = schema
        self._given = least
        self._skip = skip
        self._defs: Json = schema.get("$defs", {})
        self._count = 0

    def variations(self) -> Iterator[tuple[Path, Any, Any]]:
        """Path of a thing, the instance with it, the instance without it (or with another word in its place)."""
        yield from self._object(self._schema, ())

    def least(self, node: Any, name: str = "", stack: tuple[str, ...] = ()) -> Any:
        """The smallest instance of a schema."""
        node, stack = self._resolved(node, stack)
        if name in _VALUES and self._fits(node, _VALUES[name]):
            return _VALUES[name]
        if stack and stack[-1] in self._given and "properties" in node:
            return dict(self._given[stack[-1]])
        if "const" in node:
            return node["const"]
        if "enum" in node:
            return self._words(node)[0]
        branches = self._branches(node)
        if branches:
            return self.least(branches[0], name, stack)
        return self._least_of(node, name, stack)

    def _least_of(self, node: Json, name: str, stack: tuple[str, ...]) -> Any:
        kind = node.get("type")
        if kind == "object" or "properties" in node:
            if "properties" not in node:
                more = node.get("additionalProperties")
                return {"key": self.least(more, "", stack) if isinstance(more, dict) else f"sentinel-{name}"}
            wanted = node.get("required", ())
            return {key: self.least(node["properties"][key], key, stack) for key in wanted}
        if kind == "array":
            items = node.get("items", {})
            return [self.least(items, name, stack)] if items else [f"sentinel-{name}"]
        if kind == "boolean":
            return True
        self._count += 1
        if kind == "integer":
            return 1000 + self._count
        if kind == "number":
            return 1000.5 + self._count
        return f"sentinel-{name}-{self._count}"

    @staticmethod
    def _fits(node: Json, value: Any) -> bool:
        kinds = {str: "string", dict: "object", int: "integer", float: "number", list: "array"}
        kind = node.get("type")
        if {"enum", "const", "properties", "anyOf", "oneOf"} & set(node):
            return False
        return kind in (kinds[type(value)], "number" if isinstance(value, int) else None, None)

    @staticmethod
    def _words(node: Json) -> list[Any]:
        """The words of an enumeration but its placeholder."""
        return [word for word in node["enum"] if not str(word).endswith("_UNSPECIFIED")] or node["enum"]

    def _resolved(self, node: Any, stack: tuple[str, ...]) -> tuple[Json, tuple[str, ...]]:
        if not isinstance(node, dict):
            return {}, stack
        while "$ref" in node:
            name = node["$ref"].rpartition("/")[2]
            node, stack = self._defs[name], (*stack, name)
        return node, stack

    def _branches(self, node: Json) -> list[Json]:
        found = node.get("anyOf") or node.get("oneOf") or ()
        return [branch for branch in found if branch.get("type") != "null"]

    def _below(self, node: Any, name: str, stack: tuple[str, ...]) -> Iterator[tuple[Path, Any, Any]]:
        """Instances of a schema, the smallest first: path of what is special in it, with, without."""
        again = isinstance(node, dict) and "$ref" in node and node["$ref"].rpartition("/")[2] in stack
        node, stack = self._resolved(node, stack)
        if again:
            yield (), self.least(node, name, stack), MISSING
            return
        if name in _VALUES and self._fits(node, _VALUES[name]):
            yield from (((), value, MISSING) for value in (_VALUES[name], *_ALSO.get(name, ())))
            return
        branches = self._branches(node)
        for branch in branches:
            yield from self._below(branch, name, stack)
        if not branches:
            yield from self._kind(node, name, stack)

    def _kind(self, node: Json, name: str, stack: tuple[str, ...]) -> Iterator[tuple[Path, Any, Any]]:
        if "enum" in node:
            words = self._words(node)
            yield (), words[0], MISSING
            yield from (((), word, words[0]) for word in words[1:])
        elif node.get("type") == "array" and node.get("items"):
            for path, value, without in self._below(node["items"], name, stack):
                yield (0, *path), [value], MISSING if without is MISSING else [without]
        elif node.get("type") == "boolean":
            yield (), True, MISSING
            yield (), False, MISSING
        else:
            yield (), self.least(node, name, stack), MISSING
            if "properties" in node:
                yield from self._object(node, stack)

    def _object(self, node: Json, stack: tuple[str, ...]) -> Iterator[tuple[Path, Any, Any]]:
        base = self.least(node, "", stack)
        wanted = base
        for name, member in node["properties"].items():
            if not stack and name in self._skip:
                continue
            first = True
            for path, value, without in self._below(member, name, stack):
                if without is MISSING and name in wanted and first:
                    first = False
                    continue  # the smallest instance, which the base has
                left = {key: kept for key, kept in base.items() if key not in _barred(name)}
                rest = base if name in wanted else left
                yield (name, *path), {**left, name: value}, rest if without is MISSING else {**left, name: without}


def _barred(name: str) -> frozenset[str]:
    """The members that cannot stand beside one, and the one itself."""
    return frozenset((name,)).union(*(group for group in _EITHER if name in group))
