from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.errors import InvalidBody
from aigw.wire.histories import paired
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Part, Role, Text, ToolCall, ToolResult, Turn
from aigw.wire.places import dotted

# A history in short: `u` and `s` are texts of user and system, `a` of the assistant, digits are calls, `=` before a
# digit is its result; a space begins another turn.
_ROLES: dict[str, Role] = {"u": "user", "s": "system", "a": "assistant", "=": "tool"}


def history(short: str) -> list[Turn]:
    return [_turn(word, at) for at, word in enumerate(short.split())]


def _turn(word: str, at: int) -> Turn:
    parts: list[Part] = []
    for letter in word.replace("=", ""):
        place = f"{at}/{len(parts)}"
        if not letter.isdigit():
            parts.append(Text(text=letter, at=place))
        elif "=" in word:
            parts.append(ToolResult(call_id=letter, parts=[], at=place))
        else:
            parts.append(ToolCall(id=letter, name=f"f{letter}", arguments="{}", at=place))
    role = "user" if "u" in word else _ROLES.get(word[0], "assistant")
    return Turn(role=role, parts=parts, at=f"{at}")


def shortened(turns: Iterable[Turn]) -> str:
    words = []
    for turn in turns:
        word = ""
        for part in turn.parts:
            if isinstance(part, ToolResult):
                word += f"={part.call_id}"
                assert part.name == f"f{part.call_id}"
            else:
                word += part.text if isinstance(part, Text) else cast("ToolCall", part).id
        words.append(word)
    return " ".join(words)


def pair(short: str, *, continued: bool = False) -> tuple[str, list[str]]:
    ledger = Ledger()
    turns = paired(history(short), ledger, continued=continued)
    assert {entry.action for entry in ledger.entries} <= {"rewritten"}
    return shortened(turns), [entry.pointer for entry in ledger.entries]


@pytest.mark.parametrize(
    "short",
    [
        "u a u",
        "s u 1 =1 a",
        "u a1 =1 u a",
        "u 12 =1 =2 u",
        "u 12 =1=2 u",
        "u 1 =1 2 =2 a",
        "u 1 =1 1 =1",
        "u a a u",
        "u a 1 =1",
        "u 1 =1 s u",
    ],
)
def test_orderly_histories_stay(short: str) -> None:
    """Where each result stands behind its call, nothing is moved, and an id may come again in a later turn."""
    assert pair(short) == (short, [])


@pytest.mark.parametrize(
    ("short", "put", "moved"),
    [
        ("u 12 =2 =1 u", "u 12 =1=2 u", ["3/0", "2/0"]),
        ("u 123 =1 =3 =2", "u 123 =1=2=3", ["4/0", "3/0"]),
        ("u 1 u =1 a", "u 1 =1 u a", ["3/0"]),
        ("u 1 u=1 a", "u 1 =1 u a", ["2/1"]),
        ("u 12 =1 u =2", "u 12 =1=2 u", ["4/0"]),
        ("u 1 s =1", "u 1 =1 s", ["3/0"]),
        ("u 1 =1u", "u 1 =1 u", []),
        ("u 1 2 =1 =2", "u 12 =1 =2", []),
        ("u 1 a =1", "u 1a =1", []),
        ("u a 1 2 =2 =1", "u a 12 =1=2", ["4/0", "5/0"][::-1]),
    ],
)
def test_disorder_that_has_one_way_out(short: str, put: str, moved: list[str]) -> None:
    """Results go behind the turn with their calls, in its order; turns with parallel calls become one."""
    assert pair(short) == (put, moved)


@pytest.mark.parametrize(
    ("short", "place"),
    [
        ("u =1", "1/0"),
        ("=1 u", "0/0"),
        ("u a =1", "2/0"),
        ("u 1 =2 =1", "2/0"),
        ("u 1 =1 a =1", "4/0"),
        ("u 1 =1 =1", "3/0"),
        ("u 1", "1/0"),
        ("u 1 u", "1/0"),
        ("u 12 =1 u", "1/1"),
        ("u 1 u 2 =2 =1", "1/0"),
        ("u 11 =1", "1/1"),
        ("u 1 1 =1", "2/0"),
        ("u u1", "1/1"),
    ],
)
def test_disorder_that_has_none(short: str, place: str) -> None:
    """Calls without a result, results without a call, and doubles are refused by their place."""
    turns = history(short)
    if short == "u u1":
        turns[1].parts[1] = ToolCall(id="1", name="f", arguments="{}", at="1/1")
    with pytest.raises(InvalidBody) as caught:
        paired(turns, Ledger(), continued=False)
    assert caught.value.param == dotted(place)


def test_a_result_in_the_assistants_turn() -> None:
    """The assistant does not answer its own calls: such a result is refused by its place."""
    turns = history("u 1 =1")
    turns[2].role = "assistant"
    with pytest.raises(InvalidBody) as caught:
        paired(turns, Ledger(), continued=False)
    assert caught.value.param == "2[0]"


def test_results_of_stored_calls() -> None:
    """In a conversation that goes on from a stored one, results may answer calls that are not here."""
    turns = history("=1 u 2 =2 =3")
    assert paired(turns, Ledger(), continued=True)[:2] == turns[:2]


def test_a_result_of_another_name() -> None:
    """The name of the call counts; another one is told."""
    turns = history("u 1 =1")
    cast("ToolResult", turns[2].parts[0]).name = "g"
    ledger = Ledger()
    assert shortened(paired(turns, ledger, continued=False)) == "u 1 =1"
    assert [entry.pointer for entry in ledger.entries] == ["2/0"]


def test_what_is_lost_when_turns_become_one() -> None:
    """Of two turns that become one, members and speakers that disagree are told."""
    turns = history("u 1 2 =1 =2")
    turns[1].own, turns[2].own = {"x": 1, "y": 1}, {"x": 2, "z": 3}
    turns[2].name = "bob"
    ledger = Ledger()
    assert paired(turns, ledger, continued=False)[1].own == {"x": 1, "y": 1, "z": 3}
    assert [(entry.pointer, entry.action) for entry in ledger.entries] == [("2/x", "dropped"), ("2", "dropped")]


@given(st.lists(st.sampled_from(["u", "a", "1", "2", "12", "=1", "=2", "=1=2", "=2=1", "=1u", "s"]), max_size=8))
def test_any_history(words: list[str]) -> None:
    """Whatever comes is refused by a place, or becomes an orderly history with every part still in it, once."""
    short = " ".join(words)
    try:
        put, _ = pair(short)
    except InvalidBody as refusal:
        place = refusal.param
    else:
        place = "none"
        assert sorted(put.replace(" ", "")) == sorted(short.replace(" ", ""))
        assert pair(put) == (put, [])
    assert place
