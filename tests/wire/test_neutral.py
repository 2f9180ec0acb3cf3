"""The neutral form: what its definitions promise to readers and writers."""

from __future__ import annotations

import inspect
import re

import msgspec
import pytest

from aigw.wire import neutral
from aigw.wire.neutral import SETTINGS, Answer, Candidate, Conversation, Part, Settings

STRUCTS = [each for each in vars(neutral).values() if isinstance(each, type) and issubclass(each, msgspec.Struct)]
SAID = inspect.getsource(neutral)


def test_nothing_is_said_by_default() -> None:
    """None is "not said": no setting has a default of its own."""
    assert all(getattr(Settings(), name) is None for name in SETTINGS)
    assert set(SETTINGS) == set(Settings.__annotations__)


@pytest.mark.parametrize("make", [lambda: Conversation(model="m", turns=[]), Answer, Candidate])
def test_defaults_are_not_shared(make: type[msgspec.Struct]) -> None:
    """What is empty by default belongs to one conversation or answer alone."""
    one, other = make(), make()
    for name in one.__struct_fields__:
        value = getattr(one, name)
        assert value is not getattr(other, name) or isinstance(value, str | int | None)


@pytest.mark.parametrize("kind", [each for each in STRUCTS if issubclass(each, Part)], ids=lambda kind: kind.__name__)
def test_parts(kind: type[Part]) -> None:
    """Every part has a place, a cache mark and its format's own members, and says in a docstring what it is."""
    assert {"at", "cache", "own"} <= set(kind.__struct_fields__)
    assert re.match(r"[A-Z].*\.", kind.__doc__ or "", re.DOTALL)


@pytest.mark.parametrize("kind", STRUCTS, ids=lambda kind: kind.__name__)
def test_structs_compare(kind: type[msgspec.Struct]) -> None:
    """All of the neutral form compares by value: tests of round trips rest on it."""
    assert kind.__struct_config__.eq
