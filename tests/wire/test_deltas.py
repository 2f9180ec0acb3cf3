"""Steps of a stream: every kind has a meaning for whoever puts them in order or together."""

from __future__ import annotations

import pytest

from aigw.wire import deltas
from aigw.wire.deltas import Begin, Cite, Close, Delta, Fail, Finish, Grow, Odds, Open, Sign, Stopped, Tally
from aigw.wire.fold import folded
from aigw.wire.format import Trouble
from aigw.wire.neutral import Citation, Stop, Text, Thinking
from aigw.wire.sequence import Sequencer
from aigw.wire.shapes import Usage

# one of every kind, in an order that a reader could give them
STREAM: list[Delta] = [
    Begin("i", "m", 1),
    Open(0, Thinking()),
    Sign(0, "s"),
    Close(0),
    Open(1, Text(text="")),
    Grow(1, "a"),
    Odds(1, []),
    Cite(1, Citation(kind="url")),
    Close(1),
    Stopped(Stop(reason="end")),
    Tally(Usage(1, 2)),
    Finish(),
]


def test_every_kind() -> None:
    """There are these kinds of steps and no others; all but an error pass the sequencer and make up an answer."""
    kinds = {kind for kind in vars(deltas).values() if isinstance(kind, type) and issubclass(kind, Delta)}
    assert kinds == {Delta, Fail, *map(type, STREAM)}
    assert Sequencer().put(list(STREAM)) == STREAM
    answer = folded(STREAM)
    assert answer.usage == Usage(1, 2)
    assert answer.candidates[0].parts == [
        Thinking(signature="s"),
        Text(text="a", citations=[Citation(kind="url")]),
    ]


def test_errors_pass() -> None:
    """An upstream's error goes through at its place: it is the lane's to deal with."""
    fail = Fail(Trouble(500, "upstream_error", "It broke."))
    assert Sequencer().put([Begin(), Open(0, Text(text="")), fail])[-1] is fail


@pytest.mark.parametrize(
    "delta", [each for each in STREAM if hasattr(each, "candidate")], ids=lambda d: type(d).__name__
)
def test_first_candidate(delta: Delta) -> None:
    """What names no candidate is of the first: most answers have one."""
    assert delta.candidate == 0  # type: ignore[attr-defined]
