"""Where a JSON value ends that arrives in pieces: the answer is that of a JSON parser, in any slicing."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.wire.balance import Balance

_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.sampled_from('ab"\\{}[]:,\n é\U0001f600')),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('ab"\\{', max_size=3), inner, max_size=3),
    max_leaves=8,
)


def fed(pieces: list[str]) -> Balance:
    """A balance that has seen the pieces."""
    balance = Balance()
    for piece in pieces:
        balance.feed(piece)
    return balance


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("", False),
        ("  ", False),
        ("null", False),
        ("12", False),
        ('"{}"', False),
        ("{}", True),
        ("[]", True),
        (' {"a": [1, {"b": "}"}]} \n', True),
        ('{"a": "}', False),
        ('{"a": "\\"}"', False),
        ('{"a": "\\"}"}', True),
        ('{"a": "\\\\"}', True),
        ('{"a": "\\', False),
        ('{"a": [}', False),
    ],
)
def test_complete(text: str, complete: bool) -> None:
    """A value is complete when its last bracket closes, and brackets in strings are text."""
    assert fed([text]).complete is complete
    assert fed(list(text)).complete is complete


@given(_VALUES.map(lambda value: json.dumps({"a": value})), st.data())
def test_any_slicing(text: str, data: st.DataObject) -> None:
    """An object is complete after its last character and not before, however it is cut."""
    cuts = data.draw(st.lists(st.integers(0, len(text) - 1), max_size=4))
    balance = Balance()
    for start, end in pairwise([0, *sorted(cuts), len(text)]):
        assert not balance.complete
        balance.feed(text[start:end])
    assert balance.complete


def test_constant_memory() -> None:
    """What is remembered of a long value has the size of what is remembered of a short one."""
    long = fed(['{"a": "'] + ["x\\" + '"y'] * 50_000)
    # Compiled classes have no `vars`.
    kept = [getattr(long, name) for name in ("_depth", "_in_string", "_escaped", "_began")]
    assert kept == [1, True, False, True]
    assert not long.complete
    long.feed('"}')
    assert long.complete
