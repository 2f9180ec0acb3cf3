"""Pieces of tool calls, under whatever a server tells them apart by."""

from __future__ import annotations

from itertools import count
from typing import Any

import msgspec
import pytest

from aigw.wire.deltas import Delta, Grow, Open
from aigw.wire.formats.chat.calls import Calls
from aigw.wire.formats.chat.shapes import Call, Named
from aigw.wire.neutral import Text, ToolCall
from aigw.wire.structured import STRUCTURED_TOOL


def told(pieces: list[dict[str, Any]]) -> tuple[Calls, list[Delta]]:
    """What is told of pieces."""
    numbers = count()
    calls = Calls(0)
    out: list[Delta] = []
    for piece in pieces:
        calls.take(msgspec.convert(piece, Call), out, lambda out: next(numbers))
    calls.finish(out, lambda out: next(numbers))
    return calls, out


def folded(out: list[Delta]) -> list[tuple[str, str]]:
    """Names and arguments of calls."""
    heads: dict[int, tuple[str, str]] = {}
    for delta in out:
        if isinstance(delta, Open):
            assert isinstance(delta.head, ToolCall)
            heads[delta.part] = (delta.head.name, delta.head.arguments)
        elif isinstance(delta, Grow):
            name, text = heads[delta.part]
            heads[delta.part] = (name, text + delta.text)
    return list(heads.values())


def piece(index: Any = None, id: Any = None, name: Any = None, arguments: Any = None) -> dict[str, Any]:
    """A piece with what is said."""
    function = {key: value for key, value in (("name", name), ("arguments", arguments)) if value is not None}
    return {key: value for key, value in (("index", index), ("id", id), ("function", function)) if value is not None}


TWO = [("f", '{"a":1}'), ("g", '{"b":2}')]

STREAMS: dict[str, list[dict[str, Any]]] = {
    "OpenAI": [piece(0, "x", "f", ""), piece(0, arguments='{"a":'), piece(0, arguments="1}"), piece(1, "y", "g", ""),
               piece(1, arguments='{"b":2}')],
    "interleaved": [piece(0, "x", "f", '{"a"'), piece(1, "y", "g", '{"b"'), piece(0, arguments=":1}"),
                    piece(1, arguments=":2}")],
    "whole": [piece(0, "x", "f", '{"a":1}'), piece(1, "y", "g", '{"b":2}')],
    "all numbered alike": [piece(0, "x", "f", '{"a":1}'), piece(0, "y", "g", '{"b":2}')],
    "all numbered alike, without ids": [piece(0, "", "f", '{"a":1}'), piece(0, "", "g", '{"b":2}')],
    "no numbers": [piece(None, "x", "f", '{"a"'), piece(None, None, None, ":1}"), piece(None, "y", "g", '{"b":2}')],
    "neither": [piece(None, None, "f", '{"a":'), piece(None, None, None, "1}"), piece(None, None, "g", '{"b":2}')],
    "ids again and again": [piece(0, "x", "f", '{"a"'), piece(0, "x", None, ":1}"), piece(1, "y", "g", '{"b"'),
                            piece(1, "y", "g", ":2}")],
    "another id for every piece": [piece(0, "x", "f", '{"a"'), piece(0, "z", None, ":1}"), piece(1, "y", "g", ""),
                                   piece(1, "w", None, '{"b":2}')],
    "objects": [piece(0, "x", "f", {"a": 1}), piece(1, "y", "g", {"b": 2})],
    "names that come late": [piece(0, "x", None, '{"a"'), piece(0, None, "f", ":1}"), piece(1, "y", "g", '{"b":2}')],
    "ids by which pieces are told apart": [piece(None, "x", "f", '{"a"'), piece(None, "y", "g", '{"b"'),
                                           piece(None, "x", None, ":1}"), piece(None, "y", None, ":2}")],
}  # fmt: skip


@pytest.mark.parametrize("server", STREAMS)
def test_pieces_find_each_other(server: str) -> None:
    """However a server numbers and names them, two calls are two calls with all their arguments."""
    calls, out = told(STREAMS[server])
    assert folded(out) == TWO
    assert calls.called
    assert not calls.forced


def test_ids() -> None:
    """An id stays; a call without one gets a new one, each another."""
    _, out = told([piece(0, "x", "f"), piece(1, None, "g"), piece(2, "", "h")])
    ids = [delta.head.id for delta in out if isinstance(delta, Open) and isinstance(delta.head, ToolCall)]
    assert ids[0] == "x"
    assert all(id.startswith("call_") for id in ids[1:])
    assert len(set(ids)) == 3


def test_a_name_that_never_came() -> None:
    """What there is of the call is told; one of which there is nothing is none."""
    assert folded(told([piece(0, "x", None, "{}"), piece(1, "y")])[1]) == [("", "{}")]


def test_custom_tools() -> None:
    """Their input is free text."""
    _, out = told(
        [{"index": 0, "id": "x", "custom": {"name": "c", "input": "a"}}, {"index": 0, "custom": {"input": "b"}}]
    )
    head = out[0].head if isinstance(out[0], Open) else None
    assert head == ToolCall(id="x", name="c", arguments="", custom=True)
    assert [delta.text for delta in out if isinstance(delta, Grow)] == ["a", "b"]


def test_the_reserved_tool() -> None:
    """What a forced tool is called with is the answer's text."""
    calls, out = told([piece(0, "x", STRUCTURED_TOOL, '{"a"'), piece(0, arguments=":1}")])
    assert out == [Open(0, Text(text="")), Grow(0, '{"a"'), Grow(0, ":1}")]
    assert (calls.called, calls.forced) == (False, True)


@pytest.mark.parametrize(
    ("pieces", "calls"),
    [
        ([Named("f", ""), Named(None, "{}")], [("f", "{}")]),
        ([Named("f", "{}")], [("f", "{}")]),
        ([Named("", "")], []),
    ],
)
def test_functions_of_old(pieces: list[Named], calls: list[tuple[str, str]]) -> None:
    """There is one call, and it has no id; some servers send an empty one beside every answer."""
    numbers = count()
    found = Calls(0)
    out: list[Delta] = []
    for each in pieces:
        found.function(each, out, lambda out: next(numbers))
    assert folded(out) == calls
