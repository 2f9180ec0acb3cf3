"""Members of a caller's object: asked for by type, refused by place, kept where nobody asked."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.errors import InvalidBody
from aigw.wire.formats.responses.members import Members, kind_of
from aigw.wire.neutral import CacheMark


@pytest.mark.parametrize(
    ("value", "taken", "complaint"),
    [
        ({"a": 1}, lambda m: m.text("a"), "input[0].a must be a string, not a number."),
        ({}, lambda m: m.needed("a"), "input[0].a is required."),
        ({"a": None}, lambda m: m.needed("a"), "input[0].a is required."),
        ({"a": True}, lambda m: m.number("a"), "input[0].a must be a number, not a boolean."),
        ({"a": 1.5}, lambda m: m.whole("a"), "input[0].a must be a whole number."),
        ({"a": "1"}, lambda m: m.flag("a"), "input[0].a must be true or false, not a string."),
        ({"a": {}}, lambda m: m.items("a"), "input[0].a must be an array, not an object."),
        ({"a": ["x", None]}, lambda m: m.texts("a"), "input[0].a[1] must be a string, not null."),
        ({"a": []}, lambda m: m.table("a"), "input[0].a must be an object, not an array."),
        ({"a": "x"}, lambda m: m.inner("a"), "input[0].a must be an object, not a string."),
    ],
)
def test_what_has_the_wrong_type_is_refused(value: Any, taken: Any, complaint: str) -> None:
    """A member of the wrong type is refused with its place, in the notation of OpenAI's errors."""
    with pytest.raises(InvalidBody) as caught:
        taken(Members(value, "/input/0"))
    assert caught.value.message == complaint
    assert caught.value.param == complaint.partition(" ")[0]


def test_what_is_no_object_is_refused() -> None:
    """Only objects have members."""
    with pytest.raises(InvalidBody, match=r"tools\[1\] must be an object, not null"):
        Members(None, "/tools/1")


def test_right_types_pass() -> None:
    """A whole number may be written with a point; null is as good as nothing."""
    members = Members({"a": 2.0, "b": None, "c": [1], "d": {"e": "f"}}, "")
    assert members.whole("a") == 2
    assert members.text("b") is None
    assert members.items("c") == [1]
    inner = members.inner("d")
    assert inner is not None
    assert (inner.at, inner.text("e")) == ("/d", "f")


def test_what_nobody_asked_for() -> None:
    """The object's own members are those that nobody took, and those put back; null is nothing."""
    members = Members({"a": 1, "b": 2, "c": None, "d": 4}, "")
    members.take("a")
    members.take("d")
    members.leave("d")
    assert members.own() == {"b": 2, "d": 4}
    assert Members({"a": None}, "").own() is None


def test_cache_breakpoints() -> None:
    """A breakpoint is a cache mark that knows its own place."""
    members = Members({"prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}}, "/input/0/content/1")
    assert members.cache() == CacheMark("30m", "/input/0/content/1/prompt_cache_breakpoint")
    assert Members({}, "").cache() is None


@pytest.mark.parametrize(
    ("value", "name"),
    [(None, "null"), (True, "a boolean"), (1.5, "a number"), ("", "a string"), ([], "an array"), ({}, "an object")],
)
def test_kinds(value: Any, name: str) -> None:
    """Values are called what JSON calls them."""
    assert kind_of(value) == name
