"""A request in the making: every setting is written or reported."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.wire.dialect import PLAIN, Dialect
from aigw.wire.draft import Draft
from aigw.wire.losses import Ledger, Loss
from aigw.wire.neutral import SETTINGS, Conversation, Settings


def draft(dialect: Dialect = PLAIN, **settings: Any) -> Draft:
    """A draft of a conversation with settings, each at the pointer of its name."""
    places = {name: f"/{name}" for name in settings}
    conversation = Conversation(model="m", turns=[], settings=Settings(**settings), places=places)
    return Draft(conversation, dialect, Ledger())


def test_carry() -> None:
    """A setting is written under its name, another, or into another object; one that is not said is not written."""
    written = draft(temperature=0.5, top_p=0.25, seed=0)
    inner: dict[str, Any] = {}
    written.carry("temperature")
    written.carry("top_p", "topP")
    written.carry("seed", into=inner)
    written.carry("top_k")
    written.close("Chat")
    assert written.body == {"temperature": 0.5, "topP": 0.25}
    assert inner == {"seed": 0}
    assert not written.ledger


def test_take() -> None:
    """A setting that was taken is dealt with."""
    written = draft(stop=["a"])
    assert written.take("stop") == ["a"]
    assert written.take("seed") is None
    written.close("Chat")
    assert not written.ledger


@pytest.mark.parametrize("name", SETTINGS)
def test_close(name: str) -> None:
    """Every setting that is said and that nobody took is reported with its place."""
    said: dict[str, Any] = {name: False}
    written = draft(**said)
    written.close("Chat")
    words = name.replace("_", " ")
    assert written.ledger.entries == [Loss(f"/{name}", "dropped", f"Chat has nothing like {words}")]


@pytest.mark.parametrize(
    ("member", "value", "sent", "lost"),
    [("temperature", 0.5, False, True), ("n", 2, False, True), ("n", 1, False, False), ("top_p", 1, True, False)],
)
def test_refused(member: str, value: float, sent: bool, lost: bool) -> None:
    """What the model does not accept is dropped and reported; at its default it says nothing, and is left out."""
    written = draft(Dialect(refused=frozenset({"temperature", "n"}), model="gpt"), **{member: value})
    written.carry(member)
    written.close("Chat")
    assert written.body == ({member: value} if sent else {})
    reason = f"the model gpt does not accept {member}"
    assert written.ledger.entries == ([] if not lost else [Loss(f"/{member}", "dropped", reason)])
