"""Arguments of a function call that come in pieces, each with its path: what Vertex AI streams when it is asked to.

Source: https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling (PartialArg: `jsonPath` is
RFC 9535 as far as names and indexes go; `willContinue` says that more of the same text follows).
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

MOST_ITEMS = 10_000
"""The longest list that a path may make: an index of a billion must not."""

# A step of a path: `.name`, `['name']`, `["name"]` or `[0]`.
_STEP = re.compile(r"\.([^.\[\]]+)|\['((?:[^'\\]|\\.)*)'\]|\[\"((?:[^\"\\]|\\.)*)\"\]|\[(\d+)\]")
_ESCAPED = re.compile(r"\\(.)")

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class PartialCall:
    """One call in the making."""

    def __init__(self, name: str, ident: str | None, signature: str | None, args: bytes) -> None:
        self.name = name
        self.ident = ident
        self.signature = signature
        started = _decode(args) if args else {}
        self._args: dict[str, Any] = started if isinstance(started, dict) else {}
        self._texts: dict[str, list[str]] = {}  # by path, what came of a text; joined once, at the end

    def add(self, pieces: list[Any]) -> None:
        """More arguments; what is none is left out."""
        for piece in pieces:
            path = piece.get("jsonPath") if isinstance(piece, dict) else None
            if not isinstance(path, str):
                continue
            if isinstance(piece.get("stringValue"), str):
                self._texts.setdefault(path, []).append(piece["stringValue"])
            elif "numberValue" in piece:
                self._put(path, piece["numberValue"])
            elif "boolValue" in piece:
                self._put(path, piece["boolValue"])
            elif "nullValue" in piece:
                self._put(path, None)
            if path in self._texts and len(self._texts[path]) == 1:
                self._put(path, "")  # its place in the order of the members

    def arguments(self) -> str:
        """All of them as JSON text."""
        for path, texts in self._texts.items():
            self._put(path, "".join(texts))
        return _encode(self._args).decode()

    def _put(self, path: str, value: Any) -> None:
        steps = steps_of(path)
        if not steps or isinstance(steps[0], int):
            return
        inside: Any = self._args
        for step, following in zip(steps, [*steps[1:], None], strict=True):
            if following is None:
                _set(inside, step, value)
                return
            inside = _inner(inside, step, [] if isinstance(following, int) else {})
            if inside is None:
                return


def steps_of(path: str) -> list[str | int]:
    """The names and indexes of a path; nothing for one that cannot be read."""
    steps: list[str | int] = []
    at = 1 if path.startswith("$") else 0
    if at == 0:
        path = f".{path}"
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            return []
        name, single, double, index = match.groups()
        if index is not None:
            steps.append(int(index))
        else:
            steps.append(name if name is not None else _ESCAPED.sub(r"\1", single if single is not None else double))
        at = match.end()
    return steps


def _inner(inside: Any, step: str | int, empty: Any) -> Any:
    """The value at a step, made where there is none; None where there cannot be one."""
    if isinstance(step, int):
        if not isinstance(inside, list) or step >= MOST_ITEMS:
            return None
        while len(inside) <= step:
            inside.append(None)
        if inside[step] is None:
            inside[step] = empty
        return inside[step]
    return inside.setdefault(step, empty) if isinstance(inside, dict) else None


def _set(inside: Any, step: str | int, value: Any) -> None:
    if isinstance(step, int):
        if _inner(inside, step, value) is not None or value is None:
            inside[step] = value
    elif isinstance(inside, dict):
        inside[step] = value
