"""Members of a caller's objects."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from aigw.errors import InvalidBody
from aigw.wire.formats.gemini.members import Members, integer, number, snake


def test_both_names() -> None:
    """A member is found under either name, its place is the one that was used, and null is nothing."""
    members = Members({"top_p": 1, "topK": None, "stopSequences": ["a"], "extra": 1, "gone": None}, "/c")
    assert (members.take("topP"), members.place("topP")) == (1, "/c/top_p")
    assert (members.take("topK"), members.place("topK")) == (None, "/c/topK")
    assert members.texts("stopSequences") == ["a"]
    assert members.rest() == {"extra": 1}


@pytest.mark.parametrize(("name", "wanted"), [("topP", "top_p"), ("text", "text"), ("fileUri", "file_uri")])
def test_snake(name: str, wanted: str) -> None:
    """Names as protocol buffers have them."""
    assert snake(name) == wanted


@pytest.mark.parametrize(
    ("read", "value", "wanted"),
    [(integer, "5", 5), (integer, 5.0, 5), (number, "0.5", 0.5), (number, 3, 3)],
)
def test_numbers(read: Callable[[Any, str], Any], value: Any, wanted: Any) -> None:
    """Numbers may be text, as the JSON form of protocol buffers has them."""
    assert read(value, "/a") == wanted


@pytest.mark.parametrize(
    ("read", "value"),
    [(integer, True), (integer, "x"), (integer, 1.5), (integer, None), (number, True), (number, "nan"), (number, [])],
)
def test_no_numbers(read: Callable[[Any, str], Any], value: Any) -> None:
    """Anything else is refused by its place."""
    with pytest.raises(InvalidBody) as caught:
        read(value, "/a/0/b")
    assert caught.value.param == "a[0].b"


@pytest.mark.parametrize("read", ["text", "integer", "number", "flag", "items", "texts", "object", "inner"])
def test_wrong_kinds(read: str) -> None:
    """Each reader refuses what is not of its kind."""
    with pytest.raises(InvalidBody):
        getattr(Members({"a": object()}, ""), read)("a")


def test_nothing() -> None:
    """What is not there is None for every reader."""
    members = Members({}, "")
    for read in ("text", "integer", "number", "flag", "items", "texts", "object", "inner"):
        assert getattr(members, read)("a") is None
