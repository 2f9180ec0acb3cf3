"""JSON bodies as callers write them: any member order, any white space, any escapes, and cut anywhere."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

SPACE = st.text(" \t\r\n", max_size=3)
# Text that UTF-8 can carry: no lone surrogates.
TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
_PLAIN = st.none() | st.booleans() | st.integers(-(2**63), 2**64) | st.floats(allow_nan=False, allow_infinity=False)
VALUE: st.SearchStrategy[Any] = st.recursive(
    _PLAIN | TEXT | st.sampled_from(["model", "models", '"model"', "\\", 'a\\"model', "}", "]"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT | st.just("model"), inner, max_size=3),
    max_leaves=8,
)
OTHER_KEY = TEXT.filter(lambda key: key.casefold() not in ("model", "models", "stream"))
NAME = st.sampled_from(["gpt-4o", "openai:gpt-4o", "up:llama3.2:1b", "", 'a"b\\c', "größer", "\n"]) | TEXT


@st.composite
def strings(draw: st.DrawFn, text: str) -> str:
    """A string literal for a text, with or without escapes for what needs none."""
    style = draw(st.sampled_from(["plain", "ascii", "escaped"]))
    if style == "escaped":
        units = text.encode("utf-16-be")
        codes = [units[at : at + 2].hex() for at in range(0, len(units), 2)]
        return '"' + "".join(f"\\u{code}" for code in codes) + '"'
    return json.dumps(text, ensure_ascii=style == "ascii")


@st.composite
def objects(draw: st.DrawFn, members: Sequence[tuple[str, Any]]) -> bytes:
    """A JSON object with these members in this order."""

    def spaced(text: str) -> str:
        return draw(SPACE) + text + draw(SPACE)

    parts = [
        spaced(draw(strings(key))) + ":" + spaced(json.dumps(value, ensure_ascii=draw(st.booleans())))
        for key, value in members
    ]
    return spaced("{" + (",".join(parts) or draw(SPACE)) + "}").encode()


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A well-formed request body: the members that are read, if any, between others."""
    read: list[tuple[str, Any]] = []
    if draw(st.booleans()):
        read.append(("model", draw(NAME)))
    if draw(st.booleans()):
        read.append(("models", draw(st.lists(NAME, max_size=3))))
    if draw(st.booleans()):
        read.append(("stream", draw(st.booleans() | VALUE)))
    others = draw(st.dictionaries(OTHER_KEY, VALUE, max_size=4))
    return draw(objects(draw(st.permutations(read + list(others.items())))))


@st.composite
def slices(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """The data in pieces."""
    cuts = sorted(draw(st.lists(st.integers(0, len(data)), max_size=6)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
