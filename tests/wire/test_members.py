"""Members of a caller's object: their types, their places, and what is left."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.errors import InvalidBody
from aigw.wire.formats.chat.members import Members
from aigw.wire.neutral import CacheMark
from aigw.wire.places import dotted


@pytest.mark.parametrize(
    ("pointer", "path"),
    [
        ("", ""),
        ("/messages", "messages"),
        ("/messages/2/content/0/text", "messages[2].content[0].text"),
        ("/logit_bias/50256", "logit_bias[50256]"),
        ("/metadata/a~1b~0c", "metadata.a/b~c"),
    ],
)
def test_places_are_told_as_openai_tells_them(pointer: str, path: str) -> None:
    """A JSON pointer becomes a path with dots and brackets."""
    assert dotted(pointer) == path


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", 1),
        ("needed", None),
        ("number", True),
        ("number", "1"),
        ("whole", 1.5),
        ("flag", 0),
        ("items", {}),
        ("texts", "a"),
        ("table", []),
        ("inner", "a"),
        ("needed_inner", None),
    ],
)
def test_a_wrong_type_is_refused_by_its_place(kind: str, value: Any) -> None:
    """A 400 that names the member; never anything else."""
    members = Members({"a": value}, "/tools/1")
    with pytest.raises(InvalidBody) as refusal:
        getattr(members, kind)("a")
    assert refusal.value.param == "tools[1].a"


def test_an_element_of_the_wrong_type() -> None:
    """The place of an element has its number."""
    with pytest.raises(InvalidBody) as refusal:
        Members({"stop": ["a", 1]}, "").texts("stop")
    assert refusal.value.param == "stop[1]"


def test_no_object() -> None:
    """Whatever must be an object and is none is refused."""
    with pytest.raises(InvalidBody) as refusal:
        Members([], "")
    assert refusal.value.param is None


@pytest.mark.parametrize("value", [3, 3.0])
def test_whole_numbers(value: float) -> None:
    """JSON knows one kind of number: 3.0 is 3."""
    assert Members({"n": value}, "").whole("n") == 3


def test_null_says_nothing() -> None:
    """A member that is null counts as absent, for every type, and is nobody's own."""
    members = Members({"a": None, "b": None}, "")
    assert [members.text("a"), members.flag("a"), members.items("a"), members.inner("a"), members.own()] == [None] * 5


def test_what_nobody_asked_for_is_left() -> None:
    """Also within objects; an object that was put back is whole again."""
    members = Members({"a": 1, "b": {"c": 2, "d": 3}, "e": {"f": 4}, "g": None}, "")
    members.inner("b").take("c")  # type: ignore[union-attr]
    members.inner("e").take("f")  # type: ignore[union-attr]
    assert members.own() == {"a": 1, "b": {"d": 3}}
    members.leave("e")
    assert members.own() == {"a": 1, "b": {"d": 3}, "e": {"f": 4}}


@pytest.mark.parametrize(
    ("value", "mark"),
    [
        ({}, None),
        ({"cache_control": {"type": "ephemeral"}}, CacheMark(None, "/p/cache_control")),
        ({"cache_control": {"type": "ephemeral", "ttl": "1h"}}, CacheMark("1h", "/p/cache_control")),
        ({"prompt_cache_breakpoint": {"mode": "explicit"}}, CacheMark(None, "/p/prompt_cache_breakpoint")),
    ],
)
def test_cache_marks(value: dict[str, Any], mark: CacheMark | None) -> None:
    """Anthropic's member and OpenAI's say the same, and nothing of them is left over."""
    members = Members(value, "/p")
    assert members.cache() == mark
    assert members.own() is None
