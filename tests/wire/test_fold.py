"""An answer and the deltas of its stream are two forms of one thing."""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings

from aigw.wire.deltas import Begin, Cite, Close, Delta, Fail, Finish, Grow, Odds, Open, Sign, Stopped, Tally
from aigw.wire.fold import folded, unfolded
from aigw.wire.format import Trouble
from aigw.wire.neutral import (
    Answer,
    Candidate,
    Citation,
    Foreign,
    Logprob,
    Media,
    Part,
    Refusal,
    ServerToolCall,
    Source,
    Stop,
    Text,
    Thinking,
    ToolCall,
)
from aigw.wire.sequence import Sequencer
from aigw.wire.shapes import Usage

from ..support.conversations import answers
from ..support.means import ANYTHING

END = Stop(reason="end", word="stop")
ODDS = [Logprob(token="a", logprob=-0.5)]
CITE = Citation(kind="url", url="https://example.org/")


@settings(max_examples=60)
@given(answers(ANYTHING))
def test_identity(answer: Answer) -> None:
    """An answer unfolded and folded again is the same answer, and was not changed."""
    before = copy.deepcopy(answer)
    assert folded(unfolded(answer)) == answer
    assert answer == before


@settings(max_examples=60)
@given(answers(ANYTHING))
def test_unfolded_is_in_order(answer: Answer) -> None:
    """An answer unfolds to what the sequencer would make of it."""
    deltas = unfolded(answer)
    assert Sequencer().put(list(deltas)) == deltas


# the deltas of one part without Open and Close, its head, the part
PARTS: list[tuple[str, list[Delta], Part, Part]] = [
    ("pieces", [Grow(0, "a"), Grow(0, ""), Grow(0, "b")], Text(text=""), Text(text="ab")),
    ("a head with text", [Grow(0, "b")], Text(text="a"), Text(text="ab")),
    ("nothing", [], Text(text=""), Text(text="")),
    ("odds", [Odds(0, ODDS), Grow(0, "a"), Odds(0, ODDS)], Text(text=""), Text(text="a", logprobs=ODDS * 2)),
    ("citations", [Grow(0, "a"), Cite(0, CITE), Cite(0, CITE)], Text(text="", citations=[CITE]),
     Text(text="a", citations=[CITE] * 3)),
    ("a refusal", [Grow(0, "no")], Refusal(text=""), Refusal(text="no")),
    ("a signature", [Grow(0, "a"), Sign(0, "s"), Sign(0, "t")], Thinking(maker="m"),
     Thinking(text="a", signature="st", maker="m")),
    ("arguments", [Grow(0, "{"), Grow(0, "}")], ToolCall(id="i", name="f", arguments=""),
     ToolCall(id="i", name="f", arguments="{}")),
    ("a server's tool", [Grow(0, "{}")], ServerToolCall(id="i", name="f", arguments=""),
     ServerToolCall(id="i", name="f", arguments="{}")),
    ("what came whole", [], Media(kind="image", source=Source(data="AAAA")),
     Media(kind="image", source=Source(data="AAAA"))),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "head", "part"), [case[1:] for case in PARTS], ids=[case[0] for case in PARTS])
def test_parts(steps: list[Delta], head: Part, part: Part) -> None:
    """A part is its head and all that came after it; the reader's head stays as it is."""
    before = copy.deepcopy(head)
    answer = folded([Begin(), Open(0, head), *steps, Close(0), Stopped(END), Finish()])
    assert answer == Answer(candidates=[Candidate(parts=[part], stop=END)])
    assert head == before


def test_frame() -> None:
    """Names come from Begin, further members from Begin and Finish, candidates in the order of their index."""
    answer = folded(
        [
            Begin("i", "m", 5, {"a": 1, "b": 1}, "chat"),
            Open(0, Foreign(format="x", value=1), 1),
            Open(0, Text(text="a")),
            Stopped(END, 1, {"c": 1}),
            Finish({"b": 2}),
        ]
    )
    assert answer == Answer(
        candidates=[
            Candidate(parts=[Text(text="a")]),
            Candidate(parts=[Foreign(format="x", value=1)], stop=END, index=1, own={"c": 1}),
        ],
        id="i",
        model="m",
        created=5,
        own={"a": 1, "b": 2},
        own_format="chat",
    )


@pytest.mark.parametrize(
    ("older", "newer", "both"),
    [
        (Usage(5, 1, 3), Usage(5, 9), Usage(5, 9, 3)),
        (Usage(5, 1), Usage(0, 9), Usage(5, 9)),
        (Usage(5, 1), Usage(None, 9), Usage(5, 9)),
        (Usage(0, 1), Usage(5, 9, reasoning_tokens=0), Usage(5, 9, reasoning_tokens=0)),
        (Usage(5, 7), Usage(5, 0), Usage(5, 0)),
    ],
)
def test_tallies(older: Usage, newer: Usage, both: Usage) -> None:
    """The last tally counts; what it leaves out, and a prompt it does not repeat, are those of the ones before."""
    assert folded([Begin(), Tally(older), Tally(newer), Finish()]).usage == both


@pytest.mark.parametrize(
    ("deltas", "message"),
    [
        ([], "the stream has no end"),
        ([Begin(), Open(0, Text(text="a")), Close(0), Stopped(END)], "the stream has no end"),
        ([Begin(), Fail(Trouble(500, "c", "It broke.")), Finish()], "the upstream reported an error: It broke."),
    ],
)
def test_no_whole_answer(deltas: list[Delta], message: str) -> None:
    """What was cut or failed is no answer."""
    with pytest.raises(ValueError, match=message):
        folded(deltas)


def test_many_pieces() -> None:
    """A long text costs no more per piece than a short one: its pieces are joined once."""
    pieces: list[Delta] = [Grow(0, "ab")] * 50_000
    answer = folded([Begin(), Open(0, Text(text="")), *pieces, Close(0), Finish()])
    assert answer.candidates[0].parts == [Text(text="ab" * 50_000)]
