from __future__ import annotations

import re
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.wire.losses import Ledger
from aigw.wire.neutral import Text, ToolCall, ToolResult, Turn
from aigw.wire.tool_ids import Ids

ANTHROPIC = re.compile(r"[A-Za-z0-9_-]{1,64}")
CHAT = re.compile(r".{1,40}", re.DOTALL)
MISTRAL = re.compile(r"[A-Za-z0-9]{9}")


def loop(*ids: str) -> list[Turn]:
    """For each id a turn with its call, and one with its result."""
    turns = []
    for at, id in enumerate(ids):
        turns.append(Turn(role="assistant", parts=[ToolCall(id=id, name="f", arguments="{}", at=f"/{at}/call")]))
        turns.append(Turn(role="tool", parts=[ToolResult(call_id=id, parts=[], at=f"/{at}/result")]))
    return turns


def rewritten(legal: re.Pattern[str], *ids: str, once: bool = True) -> tuple[list[str], list[str]]:
    """The new ids of a loop's calls, which are those of its results, and what is told."""
    ledger = Ledger()
    names = Ids(legal, ledger, once=once)
    turns = [names.turn(turn) for turn in loop(*ids)]
    calls = [cast("ToolCall", turn.parts[0]).id for turn in turns[::2]]
    assert calls == [cast("ToolResult", turn.parts[0]).call_id for turn in turns[1::2]]
    return calls, [entry.pointer for entry in ledger.entries]


def test_legal_ids_stay() -> None:
    """An id that the target takes is left alone, and so is the turn."""
    ledger = Ledger()
    names = Ids(ANTHROPIC, ledger, once=True)
    turns = [*loop("call_1", "toolu-2"), Turn(role="user", parts=[Text(text="a")])]
    assert all(names.turn(turn) is turn for turn in turns)
    assert not ledger


@pytest.mark.parametrize("legal", [ANTHROPIC, CHAT, MISTRAL])
@pytest.mark.parametrize("id", ["", "a b", "ü", "x" * 100, "functions.f:0", "\ud800"])
def test_illegal_ids_become_legal(legal: re.Pattern[str], id: str) -> None:
    """An id becomes one that the target takes, the same every time, and both places are told."""
    (new,), told = rewritten(legal, id)
    assert legal.fullmatch(new)
    assert told == ([] if new == id else ["/0/call", "/0/result"])
    assert rewritten(legal, id)[0] == [new]


def test_something_of_the_id_is_kept() -> None:
    """What was legal in an id is still seen in the new one, for those who read logs."""
    assert rewritten(ANTHROPIC, "functions.get_weather:0")[0][0].startswith("functions_get_weather_")


def test_an_id_that_comes_again() -> None:
    """Where ids must be unique, the second use of one gets another, whatever follows."""
    calls, told = rewritten(ANTHROPIC, "call_0", "call_0", "call_0")
    assert calls[0] == "call_0"
    assert len(set(calls)) == 3
    assert told == ["/1/call", "/1/result", "/2/call", "/2/result"]
    assert rewritten(ANTHROPIC, "call_0", "call_0")[0] == calls[:2]
    assert rewritten(ANTHROPIC, "call_0", "call_0", once=False) == (["call_0", "call_0"], [])


def test_an_id_that_looks_like_a_new_one() -> None:
    """A caller's id that is the same as one made here before does not fall together with it."""
    (made,), _ = rewritten(ANTHROPIC, "a b")
    calls, _ = rewritten(ANTHROPIC, "a b", made)
    assert calls[0] == made
    assert len(set(calls)) == 2


@given(st.lists(st.text(max_size=6), max_size=6), st.sampled_from([ANTHROPIC, CHAT, MISTRAL]))
def test_any_ids(ids: list[str], legal: re.Pattern[str]) -> None:
    """New ids are legal and unique, and those of a conversation's beginning stay when it grows."""
    calls, _ = rewritten(legal, *ids)
    assert len(set(calls)) == len(ids)
    assert all(map(legal.fullmatch, calls))
    assert rewritten(legal, *ids[:-1])[0] == calls[: max(0, len(ids) - 1)]


def test_a_result_of_a_stored_call() -> None:
    """A result whose call is not here keeps to the same rules."""
    ledger = Ledger()
    turn = Ids(ANTHROPIC, ledger, once=True).turn(loop("a b")[1])
    assert ANTHROPIC.fullmatch(cast("ToolResult", turn.parts[0]).call_id)
    assert len(ledger) == 1
