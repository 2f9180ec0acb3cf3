"""The loss ledger: every loss once, with its place, in a bounded space."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.wire.losses import MOST, SHOWN_BYTES, Action, Ledger, Loss, child, shown

ACTIONS: list[Action] = ["dropped", "rewritten", "approximated"]


def test_once_each() -> None:
    """A pointer is noted once per action, the first reason wins, and the order is that of noting."""
    ledger = Ledger()
    assert not ledger
    ledger.drop("/a", "one")
    ledger.drop("/a", "two")
    ledger.rewrite("/a", "three")
    ledger.approximate("/b", "four")
    assert ledger.entries == [
        Loss("/a", "dropped", "one"),
        Loss("/a", "rewritten", "three"),
        Loss("/b", "approximated", "four"),
    ]
    assert bool(ledger)
    assert len(ledger) == 3


def test_several_places() -> None:
    """A setting that was said in two places is noted in both; a space within a name separates nothing."""
    ledger = Ledger()
    ledger.drop("/max_tokens /max_completion_tokens", "both")
    ledger.drop(child("", "a b", " c", "/"), "one")
    assert [entry.pointer for entry in ledger.entries] == ["/max_tokens", "/max_completion_tokens", "/a b/ c/~1"]


def test_bound() -> None:
    """The ledger keeps so many entries and counts the rest."""
    ledger = Ledger()
    for number in range(MOST + 7):
        ledger.drop(f"/{number}", "much")
    assert len(ledger.entries) == MOST
    assert ledger.more == 7
    assert len(ledger) == MOST + 7


def test_what_is_kept_is_not_counted_again() -> None:
    """What is noted again and again, as in every chunk of a stream, is one entry."""
    ledger = Ledger()
    for number in range(MOST):
        ledger.drop(f"/{number}", "much")
    for _ in range(3):
        ledger.drop("/0", "known")
    assert ledger.more == 0


def test_another_ledger() -> None:
    """What another ledger has is taken over, once."""
    one, other = Ledger(), Ledger()
    one.drop("/a", "r")
    other.drop("/a", "s")
    other.rewrite("/b c", "t")
    one.add(other.entries)
    assert one.entries == [Loss("/a", "dropped", "r"), Loss("/b c", "rewritten", "t")]


def test_members() -> None:
    """Members of an object are noted below its pointer."""
    ledger = Ledger()
    ledger.drop_members("/messages/0", ["a", "b/c"], "unknown")
    assert [entry.pointer for entry in ledger.entries] == ["/messages/0/a", "/messages/0/b~1c"]


@pytest.mark.parametrize(
    ("names", "pointer"),
    [
        ((), "/x"),
        (("a", 3, "b"), "/x/a/3/b"),
        (("~",), "/x/~0"),
        (("/",), "/x/~1"),
        (("~1",), "/x/~01"),
        (("",), "/x/"),
    ],
)
def test_child(names: tuple[str | int, ...], pointer: str) -> None:
    """Pointers are escaped as RFC 6901 says."""
    assert child("/x", *names) == pointer


@pytest.mark.parametrize(
    ("entries", "text"),
    [
        ([], b""),
        ([Loss("/a", "dropped", "r")], b"/a;dropped"),
        ([Loss("/a", "dropped", "r"), Loss("/b", "rewritten", "r")], b"/a;dropped, /b;rewritten"),
        ([Loss("", "approximated", "r")], b"/;approximated"),
        ([Loss("/a b,c;d\r\né", "dropped", "r")], b"/a?b?c?d???;dropped"),
        ([Loss("/" + "x" * SHOWN_BYTES, "dropped", "r")], b"..."),
    ],
)
def test_shown(entries: list[Loss], text: bytes) -> None:
    """The header's value is pointers and actions, in visible ASCII; a reason is not in it."""
    assert shown(entries) == text


@given(st.lists(st.builds(Loss, st.text(max_size=300), st.sampled_from(ACTIONS), st.text())))
def test_shown_is_a_header(entries: list[Loss]) -> None:
    """Whatever a caller names its fields, the header is bounded and has nothing that ends a line."""
    text = shown(entries)
    assert len(text) <= SHOWN_BYTES
    assert re.fullmatch(rb"[ -~]*", text)


def test_shown_is_never_longer() -> None:
    """The bound holds where an entry just fits and another follows."""
    for size in range(SHOWN_BYTES - 40, SHOWN_BYTES):
        assert len(shown([Loss("/" + "x" * size, "dropped", "r"), Loss("/a", "dropped", "r")])) <= SHOWN_BYTES
        entries = [Loss("/" + "x" * 500, "dropped", "r"), Loss("/" + "y" * (size - 500), "dropped", "r")]
        assert len(shown([*entries, Loss("/a", "dropped", "r")])) <= SHOWN_BYTES


def test_shown_is_cut_between_entries() -> None:
    """Where there is no room for all, the value says so."""
    text = shown([Loss(f"/messages/{number}/content", "dropped", "r") for number in range(MOST)])
    assert text.endswith(b";dropped, ...")
    assert SHOWN_BYTES - 50 < len(text) <= SHOWN_BYTES
