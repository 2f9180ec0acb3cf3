"""Members of a caller's request: each has its type, and what nobody takes is the format's own."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.errors import InvalidBody
from aigw.wire.formats.messages.members import Members, restored
from aigw.wire.neutral import CacheMark


@pytest.mark.parametrize(
    ("method", "value"),
    [
        ("text", 1),
        ("needed", None),
        ("needed", True),
        ("whole", 1.5),
        ("whole", float("inf")),
        ("whole", float("nan")),
        ("whole", True),
        ("number", "1"),
        ("flag", 1),
        ("items", {}),
        ("texts", [1]),
        ("texts", "a"),
        ("table", []),
        ("inner", "a"),
    ],
)
def test_a_wrong_type(method: str, value: Any) -> None:
    """Is refused with the place, written as Anthropic writes places."""
    with pytest.raises(InvalidBody) as refused:
        getattr(Members({"a~b": value}, "/messages/2"), method)("a~b")
    assert refused.value.param is not None
    assert refused.value.param.startswith("messages.2.a~b")
    assert refused.value.param in refused.value.message


@pytest.mark.parametrize(
    ("method", "value", "expected"),
    [
        ("text", "a", "a"),
        ("whole", 3.0, 3),
        ("number", 0.5, 0.5),
        ("flag", False, False),
        ("items", [1], [1]),
        ("texts", ["a"], ["a"]),
        ("table", {"a": 1}, {"a": 1}),
        ("text", None, None),
        ("inner", None, None),
    ],
)
def test_a_member(method: str, value: Any, expected: Any) -> None:
    """Comes as it is; null is as if it were not there."""
    assert getattr(Members({"it": value}, ""), method)("it") == expected


def test_what_is_left() -> None:
    """Members that nobody took, without nulls; None for none."""
    members = Members({"a": 1, "b": None, "c": 2}, "")
    members.take("a")
    assert members.own() == {"c": 2}
    members.take("c")
    assert members.own() is None
    members.leave("a")
    assert members.own() == {"a": 1}


def test_what_is_left_within() -> None:
    """Members of an object that was taken apart stay at their place, and are put back there."""
    members = Members({"a": {"b": 1, "c": {"d": 2, "e": 3}, "f": None}}, "")
    outer = members.inner("a")
    assert outer is not None
    inner = outer.inner("c")
    assert inner is not None
    assert (outer.take("b"), inner.take("d")) == (1, 2)
    own = {"a": {"c": {"e": 3}}}
    assert members.own() == own
    assert restored({"a": {"b": 5, "c": {"d": 6}}}, own) == {"a": {"b": 5, "c": {"d": 6, "e": 3}}}


@pytest.mark.parametrize(
    ("written", "own", "whole"),
    [
        ({"a": 1}, None, {"a": 1}),
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}),
        ({"a": {"type": "x", "b": 1}}, {"a": {"c": 2}}, {"a": {"type": "x", "b": 1, "c": 2}}),
        ({"a": {"type": "x", "b": 1}}, {"a": {"type": "y"}}, {"a": {"type": "y"}}),
        ({"a": [1]}, {"a": {"b": 2}}, {"a": {"b": 2}}),
    ],
)
def test_restoring(written: dict[str, Any], own: Any, whole: dict[str, Any]) -> None:
    """What is left goes into what was written; what has a type of its own stands for itself."""
    before = str(written)
    assert restored(written, own) == whole
    assert str(written) == before


@pytest.mark.parametrize(
    ("control", "mark", "own"),
    [
        (None, None, None),
        ({"type": "ephemeral"}, CacheMark(), None),
        ({"type": "ephemeral", "ttl": "1h"}, CacheMark("1h"), None),
        ({"type": "ephemeral", "scope": "all"}, CacheMark(), {"cache_control": {"scope": "all"}}),
        ({"type": "lasting", "ttl": "1y"}, None, {"cache_control": {"type": "lasting", "ttl": "1y"}}),
    ],
)
def test_cache_marks(control: Any, mark: CacheMark | None, own: Any) -> None:
    """A marker has its lifetime; what else it says stays this format's own."""
    members = Members({"cache_control": control}, "")
    assert (members.cache(), members.own()) == (mark, own)


def test_no_object() -> None:
    """What must be an object is refused if it is none; the request as a whole has no place."""
    with pytest.raises(InvalidBody) as refused:
        Members([], "")
    assert refused.value.param is None
