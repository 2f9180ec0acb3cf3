from __future__ import annotations

import pytest

from aigw.errors import InvalidBody
from aigw.wire.arguments import arranged
from aigw.wire.losses import Ledger
from aigw.wire.neutral import ToolCall


def call(arguments: str, *, custom: bool = False) -> ToolCall:
    return ToolCall(id="c", name="f", arguments=arguments, custom=custom, at="/c")


@pytest.mark.parametrize("text", ["{}", ' { "a" : 1.0 } ', '{"a":1,"a":2}', '{"a":123456789012345678901234567890}'])
def test_objects_stay_to_the_byte(text: str) -> None:
    """An object's text is not touched: spaces, doubled names and long numbers are as the model wrote them."""
    ledger = Ledger()
    given = call(text)
    assert arranged(given, ledger, objects=True) is given
    assert not ledger


@pytest.mark.parametrize("text", ["", " ", "null", " null\n"])
@pytest.mark.parametrize("objects", [True, False])
def test_nothing_becomes_an_empty_object(text: str, objects: bool) -> None:
    """Empty text and null are how models say that there are no arguments."""
    ledger = Ledger()
    assert arranged(call(text), ledger, objects=objects) == call("{}")
    assert [(entry.pointer, entry.action) for entry in ledger.entries] == [("/c", "rewritten")]


@pytest.mark.parametrize(
    "text",
    [
        "5", "[]", '"{}"', "true", "Infinity", "NaN", '{"a":', '{"a":NaN}', '{"a":Infinity}', '{"a":1e999}', "{} {}",
        "{'a':1}", '{"a":' + "[" * 100_000, "\ud800",
    ],
)  # fmt: skip
def test_anything_else_is_refused_where_objects_are_needed(text: str) -> None:
    """What is no object is refused by its place; where arguments are a text on the wire it passes as it is."""
    with pytest.raises(InvalidBody, match="not the JSON text of an object") as caught:
        arranged(call(text), Ledger(), objects=True)
    assert caught.value.param == "c"
    given = call(text)
    assert arranged(given, Ledger(), objects=False) is given


def test_calls_of_nothing() -> None:
    """A call names its tool: without, it is refused by its place."""
    with pytest.raises(InvalidBody, match="without a name") as caught:
        arranged(ToolCall(id="c", name="", arguments="{}", at="/c"), Ledger(), objects=True)
    assert caught.value.param == "c"


@pytest.mark.parametrize("text", ["", "null", "5", "free text"])
def test_custom_tools_take_any_text(text: str) -> None:
    """What a custom tool takes is no JSON, so it is never looked at."""
    given = call(text, custom=True)
    assert arranged(given, Ledger(), objects=True) is given
