"""Arguments that come in pieces."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from aigw.wire.formats.gemini.partial_args import PartialCall, steps_of


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("$.a", ["a"]),
        ("$.a[0].b_c[12]", ["a", 0, "b_c", 12]),
        ("$['a b'][\"c\"]", ["a b", "c"]),
        (r"$['it\'s']", ["it's"]),
        ("a.b", ["a", "b"]),
        ("$", []),
        ("$.a[*]", []),
        ("$..a", []),
    ],
)
def test_paths(path: str, steps: list[Any]) -> None:
    """Names and indexes; anything else cannot be read."""
    assert steps_of(path) == steps


@pytest.mark.parametrize(
    ("pieces", "wanted"),
    [
        ([{"jsonPath": "$.a", "stringValue": "x"}, {"jsonPath": "$.a", "stringValue": "y"}], {"a": "xy"}),
        ([{"jsonPath": "$.a", "numberValue": 1.5}, {"jsonPath": "$.b", "boolValue": False}], {"a": 1.5, "b": False}),
        ([{"jsonPath": "$.a[1]", "nullValue": "NULL_VALUE"}], {"a": [None, None]}),
        ([{"jsonPath": "$.a[0][1]", "stringValue": "x"}], {"a": [[None, "x"]]}),
        ([{"jsonPath": "$.a[1000000000]", "numberValue": 1}], {"a": []}),
        ([{"jsonPath": "$.a", "numberValue": 1}, {"jsonPath": "$.a.b", "numberValue": 1}], {"a": 1}),
        ([{"jsonPath": "$[0]", "numberValue": 1}, {"jsonPath": 5}, 5, {"stringValue": "x"}], {}),
    ],
)
def test_pieces(pieces: list[Any], wanted: Any) -> None:
    """Each value stands where its path leads; what leads nowhere is left out, and no index makes a huge list."""
    call = PartialCall("f", None, None, b"")
    call.add(pieces)
    assert msgspec.json.decode(call.arguments()) == wanted


def test_what_came_first() -> None:
    """Arguments that came with the name stay."""
    call = PartialCall("f", None, None, b'{"z":1}')
    call.add([{"jsonPath": "$.a", "numberValue": 2}])
    assert call.arguments() == '{"z":1,"a":2}'
