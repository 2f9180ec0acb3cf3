"""Says what of a request is neither in its translation nor in the ledger. It knows nothing of how translation works.

Every string, number and boolean of the request has to turn up in the output: as a value, inside a longer text, as
base64, inside JSON that is a text, or as the other format's word for it by the table below. Or the ledger has its
pointer, or that of a thing around it.

`lost` looks at one request. `ignored` compares two translations, of a body with a member and of the same body without
it: when they are the same bytes, nothing of the member arrived, whatever else happens to look like it.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs

Json = dict[str, Any]


def _row(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Words that say what kind of thing an object is. The thing itself is looked for, not what it is called.
_SHAPES = _row(
    """
    text input_text output_text summary_text reasoning_text image image_url input_image file input_file document
    input_audio base64 url content function custom custom_tool tool tool_use tool_result function_call
    function_call_output custom_tool_call custom_tool_call_output message reasoning thinking redacted_thinking refusal
    object ephemeral json_schema enabled reasoning.text reasoning.encrypted reasoning.summary approximate allowed_tools
    """
)
_ROLES = _row("system developer user assistant tool function model")
# What one format says by one word and others by another: any of a row's words stands for any other.
_SYNONYMS: tuple[frozenset[str], ...] = tuple(
    _row(words)
    for words in (
        "auto AUTO VALIDATED",
        "none NONE disabled",
        "required any ANY tool function VALIDATED",
        "low LOW MEDIA_RESOLUTION_LOW",
        "medium MEDIUM MEDIA_RESOLUTION_MEDIUM",
        "high HIGH MEDIA_RESOLUTION_HIGH",
        "minimal MINIMAL",
        "xhigh XHIGH max",
        "text TEXT",
        "audio AUDIO",
        "image IMAGE",
        "json_object json_schema application/json",
        "text text/plain",
        "string STRING",
        "number NUMBER",
        "integer INTEGER",
        "boolean BOOLEAN",
        "array ARRAY",
        "object OBJECT",
        "null NULL nullable",
        "in_memory in-memory",
        "wav audio/wav",
        "mp3 audio/mp3 audio/mpeg",
        "standard_only default standard",
        "enabled adaptive",
        "adaptive -1",
        "explicit ephemeral",
        "5m 300s",
        "1h 3600s",
    )
)
_SAME: Mapping[str, frozenset[str]] = {
    word: frozenset().union(*(row for row in _SYNONYMS if word in row)) for row in _SYNONYMS for word in row
}
# Members that say the opposite of another format's: yes here is no there.
_OPPOSITE = frozenset(("disable_parallel_tool_use", "parallel_tool_calls", "exclude"))
# Words that another format says by a zero.
_ZERO = frozenset(("none", "disabled"))
# Read by the gateway itself; not part of what is translated.
_ROUTING = frozenset({"/model", "/models", "/stream"})
# Lists of turns and tools: an entry for the whole list says nothing of its elements.
_TOO_COARSE = re.compile(r"(/(messages|contents|input|tools|generationConfig|toolConfig))?")
_SHORT = 24


@attrs.define
class Output:
    """What an output holds, in the forms that leaves are looked for."""

    texts: list[str] = attrs.Factory(list)
    words: set[str] = attrs.Factory(set)
    numbers: set[float] = attrs.Factory(set)
    truths: set[bool] = attrs.Factory(set)
    joined: str = ""

    @classmethod
    def of(cls, value: Any) -> Output:
        """Everything that a JSON value holds, JSON and base64 within texts included."""
        made = cls()
        made._take(value)
        made.joined = "\x00".join(made.texts)
        return made

    def _take(self, value: Any) -> None:
        if isinstance(value, dict):
            for name, inner in value.items():
                self.words.add(name)
                self._take(inner)
        elif isinstance(value, list):
            for inner in value:
                self._take(inner)
        elif isinstance(value, bool):
            self.truths.add(value)
        elif isinstance(value, int | float):
            self.numbers.add(float(value))
            self.words.add(str(value))
        elif isinstance(value, str):
            self._text(value)

    def _text(self, text: str) -> None:
        self.texts.append(text)
        self.words.add(text)
        if text[:1] in '{["' or text.lstrip("-")[:1].isdigit():
            with contextlib.suppress(ValueError, RecursionError):
                self._take(json.loads(text))
        plain = _unbase64(text)
        if plain is not None:
            self.texts.append(plain)

    def has(self, leaf: str | float | bool) -> bool:
        """Whether a leaf is there."""
        if isinstance(leaf, bool):
            return leaf in self.truths
        if isinstance(leaf, int | float):
            return float(leaf) in self.numbers
        if not leaf or leaf in self.words or not self.words.isdisjoint(_SAME.get(leaf, ())):
            return True
        return self._within(leaf) or self._json(leaf) or (leaf in _ZERO and 0.0 in self.numbers)

    def _within(self, text: str) -> bool:
        """Whether a text is part of a longer one, itself or as base64, or is JSON or base64 of what is there."""
        if len(text) < _SHORT:
            # A short one has to stand there as a word: "low" is not in "allow".
            found = re.search(rf"(?<!\w){re.escape(text)}(?!\w)", self.joined)
            return found is not None or _unbase64(text) in self.words
        if text in self.joined or json.dumps(text)[1:-1] in self.joined:
            return True
        if base64.b64encode(text.encode()).decode() in self.joined:
            return True
        _, comma, data = text.partition(";base64,")
        if comma and data in self.joined:
            return True
        plain = _unbase64(text)
        return plain is not None and plain in self.joined

    def _json(self, text: str) -> bool:
        """Whether a text is JSON whose every leaf is there."""
        if text[:1] not in "{[":
            return False
        try:
            value = json.loads(text)
        except ValueError:
            return False
        return all(self.has(leaf) for _, leaf in leaves(value))


def _unbase64(text: str) -> str | None:
    data = text.rpartition(";base64,")[2]
    if len(data) < 4 or len(data) % 4 or re.search(r"[^A-Za-z0-9+/=]", data):
        return None
    try:
        return base64.b64decode(data, validate=True).decode()
    except (binascii.Error, ValueError):
        return None


def leaves(value: Any, pointer: str = "") -> Iterator[tuple[str, str | float | bool]]:
    """Pointers and values of everything that is no container and not null."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from leaves(inner, f"{pointer}/{at}")
    elif value is not None:
        yield pointer, value


def told(pointer: str, ledger: Iterable[str]) -> bool:
    """Whether the ledger speaks of a place: of itself, of a thing around it, or of something within it."""
    return any(
        place == pointer
        or (pointer.startswith(place + "/") and not _TOO_COARSE.fullmatch(place))
        or place.startswith(pointer + "/")
        for place in ledger
    )


def _only_shape(pointer: str, leaf: Any) -> bool:
    name = pointer.rpartition("/")[2]
    return (name == "type" and leaf in _SHAPES) or (name == "role" and leaf in _ROLES)


def says_nothing(value: Any, pointer: str) -> bool:
    """Whether a member's value is empty, or nothing but words for its kind."""
    return all(_only_shape(place, leaf) for place, leaf in leaves(value, pointer))


def lost(request: Json, output: Json, ledger: Iterable[str]) -> list[str]:
    """Pointers of leaves that are neither in the output nor in the ledger, with what stood there."""
    places = list(ledger)
    held = Output.of(output)
    return [
        f"{pointer} = {leaf!r:.120}"
        for pointer, leaf in leaves(request)
        if pointer not in _ROUTING
        and not _only_shape(pointer, leaf)
        and not (held.has(leaf) or (pointer.rpartition("/")[2] in _OPPOSITE and held.has(not leaf)))
        and not told(pointer, places)
    ]


def ignored(pointer: str, output: Any, without: Any, ledger: Iterable[str]) -> bool:
    """Whether a member changed nothing in the output, and the ledger does not speak of it."""
    return bool(output == without) and not told(pointer, ledger)
