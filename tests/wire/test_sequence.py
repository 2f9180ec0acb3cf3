"""Parts one at a time: whatever a reader gives, a writer sees closed blocks, in order, with nothing lost."""

from __future__ import annotations

import json
from collections import deque
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.wire.deltas import Begin, Cite, Close, Delta, Finish, Grow, Odds, Open, Sign, Stopped, Tally
from aigw.wire.neutral import (
    Citation,
    Foreign,
    Logprob,
    Part,
    Refusal,
    ServerToolCall,
    Stop,
    Text,
    Thinking,
    ToolCall,
)
from aigw.wire.sequence import Sequencer
from aigw.wire.shapes import Usage

STOPPED = Stopped(Stop(reason="end"))


def call(name: str, *, custom: bool = False) -> ToolCall:
    """A tool's call without arguments."""
    return ToolCall(id=f"id_{name}", name=name, arguments="", custom=custom)


def told(deltas: list[Delta]) -> list[str]:
    """Deltas in short: `+` opens, `-` closes, `=` is text, `!` stops."""
    said = []
    for delta in deltas:
        match delta:
            case Open(part=part, head=head):
                said.append(f"+{part}{type(head).__name__[0]}")
            case Grow(part=part, text=text):
                said.append(f"{part}={text}")
            case Sign(part=part, signature=signature):
                said.append(f"{part}~{signature}")
            case Close(part=part):
                said.append(f"-{part}")
            case Stopped():
                said.append("!")
            case _:
                said.append(type(delta).__name__)
    return said


# what a reader gives, what a writer sees
CASES: list[tuple[str, list[Delta], str]] = [
    ("a text", [Open(0, Text(text="")), Grow(0, "a"), Grow(0, "b"), Close(0), STOPPED], "+0T 0=a 0=b -0 !"),
    ("no Close", [Open(0, Text(text="")), Grow(0, "a"), STOPPED, Finish()], "+0T 0=a -0 ! Finish"),
    ("no Stopped", [Open(0, Text(text="")), Grow(0, "a"), Finish()], "+0T 0=a -0 Finish"),
    ("cut", [Open(0, Text(text="")), Grow(0, "a")], "+0T 0=a"),
    ("numbers with gaps", [Open(3, Text(text="")), Grow(3, "a"), Open(9, Refusal(text="")), STOPPED],
     "+0T 0=a -0 +1R -1 !"),
    ("a text gives way", [Open(0, Thinking()), Grow(0, "a"), Open(1, Text(text="")), Grow(1, "b"), STOPPED],
     "+0T 0=a -0 +1T 1=b -1 !"),
    ("and goes on as another", [Open(0, Text(text="")), Grow(0, "a"), Open(1, Thinking()), Grow(1, "b"), Grow(0, "c"),
                                STOPPED], "+0T 0=a -0 +1T 1=b -1 +2T 2=c -2 !"),
    ("an empty rest of it does not", [Open(0, Text(text="")), Open(1, Thinking()), Grow(0, ""), STOPPED],
     "+0T -0 +1T -1 !"),
    ("a late signature", [Open(0, Thinking()), Open(1, Text(text="")), Sign(0, "s"), STOPPED],
     "+0T -0 +1T -1 +2T 2~s -2 !"),
    ("a call in pieces holds what follows", [Open(0, call("f")), Grow(0, '{"a":'), Open(1, Text(text="")),
                                             Grow(1, "b"), Grow(0, "1}"), Grow(1, "c"), STOPPED],
     '+0T 0={"a": 0=1} -0 +1T 1=b 1=c -1 !'),
    ("a complete call gives way", [Open(0, call("f")), Grow(0, "{}"), Open(1, call("g")), Grow(1, "{"), STOPPED],
     "+0T 0={} -0 +1T 1={ -1 !"),
    ("white space after it", [Open(0, call("f")), Grow(0, "{}"), Open(1, call("g")), Grow(0, "\n"), STOPPED],
     "+0T 0={} -0 +1T -1 !"),
    ("a call without arguments", [Open(0, call("f")), Open(1, call("g")), Grow(1, "{}"), STOPPED],
     "+0T -0 +1T 1={} -1 !"),
    ("arguments that came with the head", [Open(0, ToolCall(id="", name="f", arguments="{}")), Open(1, call("g")),
                                           Grow(1, "{")], "+0T -0 +1T 1={"),
    ("three calls by turns", [Open(0, call("f")), Open(1, call("g")), Open(2, call("h")), Grow(2, "{}"), Grow(1, "{"),
                              Grow(0, "{}"), Grow(1, "}")], "+0T 0={} -0 +1T 1={ 1=} -1 +2T 2={}"),
    ("a custom call has no end of its own", [Open(0, call("f", custom=True)), Grow(0, "{}"), Open(1, Text(text="")),
                                             Grow(1, "a"), Grow(0, "x"), Close(0)],
     "+0T 0={} 0=x -0 +1T 1=a"),
    ("a Close of what waits", [Open(0, call("f")), Open(1, call("g")), Grow(1, "{}"), Close(1), Grow(0, "{}"),
                               STOPPED], "+0T 0={} -0 +1T 1={} -1 !"),
    ("more after its Close", [Open(0, call("f")), Open(1, Text(text="")), Close(1), Close(1), Grow(1, "a"), Close(0)],
     "+0T -0 +1T 1=a -1"),
    ("more after the Close of what was open", [Open(0, Text(text="")), Grow(0, "a"), Close(0), Grow(0, "b"), STOPPED],
     "+0T 0=a -0 +1T 1=b -1 !"),
    ("a Close twice", [Open(0, Text(text="")), Close(0), Close(0), STOPPED], "+0T -0 !"),
    ("a server's tool", [Open(0, ServerToolCall(id="", name="web_search", arguments="{")), Open(1, Text(text="")),
                         Grow(0, "}")], "+0S 0=} -0 +1T"),
    ("a part that came whole", [Open(0, Foreign(format="x", value={})), Open(1, Text(text=""))], "+0F -0 +1T"),
    ("a reason told twice", [Open(0, Text(text="")), STOPPED, STOPPED, Finish()], "+0T -0 ! Finish"),
    ("what is of no part", [Begin(), Open(0, Text(text="")), Tally(Usage()), Grow(0, "a"), STOPPED, Tally(Usage())],
     "Begin +0T Tally 0=a -0 ! Tally"),
]  # fmt: skip


@pytest.mark.parametrize(("given_", "seen"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_order(given_: list[Delta], seen: str) -> None:
    """What a reader gives is told in order, the same whether it comes at once or one by one."""
    assert told(Sequencer().put(given_)) == seen.split(" ")
    sequencer = Sequencer()
    assert told([delta for one in given_ for delta in sequencer.put([one])]) == seen.split(" ")


def test_continued_parts_are_of_their_kind() -> None:
    """A part that goes on after another is of the same kind and maker, and repeats nothing."""
    first = Thinking(text="a", signature="s", maker="m", summary=True, id="i")
    deltas = [Open(0, first), Open(1, Refusal(text="r", at="/x")), Grow(0, "b"), Grow(1, "c")]
    heads = [delta.head for delta in Sequencer().put(deltas) if isinstance(delta, Open)]
    assert heads == [first, Refusal(text="r", at="/x"), Thinking(maker="m", summary=True, id="i"),
                     Refusal(text="", at="/x")]  # fmt: skip


def test_all_of_a_part_is_numbered() -> None:
    """Signatures, citations and probabilities follow their part under its new number, in the order they came."""
    cite, odds = Citation(kind="url", url="https://example.org"), [Logprob(token="a", logprob=-0.5)]
    deltas: list[Delta] = [Open(4, call("f")), Open(7, Text(text="")), Odds(7, odds), Grow(7, "a"), Cite(7, cite)]
    seen = Sequencer().put([*deltas, Grow(4, "{}"), Grow(7, "b")])
    assert seen[3:] == [Open(1, Text(text="")), Odds(1, odds), Grow(1, "a"), Cite(1, cite), Grow(1, "b")]


def test_candidates_are_apart() -> None:
    """Each candidate has its own open part and its own numbers."""
    deltas: list[Delta] = [
        Open(0, Text(text=""), 0),
        Open(5, Text(text=""), 1),
        Grow(0, "a", 0),
        Grow(5, "b", 1),
        Open(6, Thinking(), 1),
        Grow(0, "c", 0),
        Stopped(Stop(reason="end"), 1),
        Grow(0, "d", 0),
        Finish(),
    ]
    assert Sequencer().put(deltas) == [
        Open(0, Text(text=""), 0),
        Open(0, Text(text=""), 1),
        Grow(0, "a", 0),
        Grow(0, "b", 1),
        Close(0, 1),
        Open(1, Thinking(), 1),
        Grow(0, "c", 0),
        Close(1, 1),
        Stopped(Stop(reason="end"), 1),
        Grow(0, "d", 0),
        Close(0, 0),
        Finish(),
    ]


def test_a_part_that_never_began() -> None:
    """More of a part that never began is a reader's mistake, and is told."""
    with pytest.raises(ValueError, match="part 3 of the answer goes on and never began"):
        Sequencer().put([Grow(3, "a")])


def test_the_common_case_is_the_list_itself() -> None:
    """Where nothing needs to change, nothing is made anew; where only the number does, nothing is kept."""
    sequencer = Sequencer()
    sequencer.put([Open(0, Text(text=""))])
    more: list[Delta] = [Grow(0, "a"), Grow(0, "b")]
    assert sequencer.put(more) is more
    sequencer.put([Open(5, Text(text=""))])
    assert sequencer.put([Grow(5, "a"), Grow(5, "b"), Close(5)]) == [Grow(1, "a"), Grow(1, "b"), Close(1)]


def kept(sequencer: Sequencer) -> int:
    """How many objects a sequencer holds."""
    seen = set()
    todo: deque[object] = deque([sequencer])
    while todo:
        thing = todo.popleft()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, dict):
            todo += [*thing, *thing.values()]
        elif isinstance(thing, list | deque):
            todo += thing
        elif hasattr(thing, "__dict__"):
            todo += vars(thing).values()
    return len(seen)


@pytest.mark.parametrize("head", [Text(text=""), call("f"), call("f", custom=True)], ids=["text", "call", "custom"])
@pytest.mark.parametrize("part", [0, 7])
def test_constant_memory(head: Part, part: int) -> None:
    """However long the open part gets, nothing of it is kept."""
    sequencer = Sequencer()
    sequencer.put([Open(part, head), Grow(part, "{")])
    before = kept(sequencer)
    for _ in range(50_000):
        sequencer.put([Grow(part, '"a'), Grow(part, '"')])
    assert kept(sequencer) <= before + 2  # two numbers more, at most, that are not small


# -- any interleaving -------------------------------------------------------------------------------------------------

_JSON = st.recursive(
    st.integers() | st.text('ab"\\{}[] é', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=5,
)


def pieces(text: str) -> st.SearchStrategy[list[str]]:
    """A text cut anywhere."""
    cuts = st.lists(st.integers(0, len(text)), max_size=4).map(lambda at: [0, *sorted(at), len(text)])
    return cuts.map(lambda at: [text[a:b] for a, b in pairwise(at)])


@st.composite
def scripts(draw: st.DrawFn) -> list[list[Delta]]:
    """The deltas of up to six parts, each part's in order."""
    parts: list[list[Delta]] = []
    for number in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(["text", "thinking", "call", "call", "custom"]))
        text = draw(st.text("ab{}", max_size=5))
        head: Part = Text(text="")
        if kind == "thinking":
            head = Thinking()
        elif kind != "text":
            head = call(f"{number}", custom=kind == "custom")
            text = text if kind == "custom" else json.dumps({"a": draw(_JSON)})
        script: list[Delta] = [Open(number, head)]
        script += [Grow(number, piece) for piece in draw(pieces(text))]
        parts.append(script + draw(st.sampled_from([[], [Close(number)]])))
    return parts


@st.composite
def interleaved(draw: st.DrawFn) -> tuple[list[list[Delta]], list[Delta]]:
    """Parts, and one order in which a reader may tell of them: part n does not begin after part n + 1."""
    parts = draw(scripts())
    order: list[Delta] = []
    rest = [deque(part) for part in parts]
    opened = 0
    while any(rest):
        ready = [at for at, part in enumerate(rest) if part and at <= opened]
        at = draw(st.sampled_from(ready))
        opened = max(opened, at + 1)
        order.append(rest[at].popleft())
    return parts, order


def blocks(deltas: list[Delta]) -> list[tuple[Part, str]]:
    """The parts that a writer sees; fails where two are open at once or a number is not the next."""
    found: list[tuple[Part, str]] = []
    is_open = False
    for delta in deltas:
        if isinstance(delta, Open):
            assert not is_open
            assert delta.part == len(found)
            found.append((delta.head, ""))
            is_open = True
        elif isinstance(delta, Grow | Close):
            assert is_open
            assert delta.part == len(found) - 1
            if isinstance(delta, Grow):
                found[-1] = (found[-1][0], found[-1][1] + delta.text)
            is_open = not isinstance(delta, Close)
        else:
            assert not is_open
    assert not is_open
    return found


@given(interleaved(), st.data())
def test_any_interleaving(case: tuple[list[list[Delta]], list[Delta]], data: st.DataObject) -> None:
    """Any interleaving gives blocks that do not overlap; calls are whole and in order, and no text is lost."""
    parts, order = case
    sequencer = Sequencer()
    out: list[Delta] = []
    deltas = [*order, STOPPED, Finish()]
    while deltas:
        size = data.draw(st.integers(1, len(deltas)))
        out += sequencer.put(deltas[:size])
        deltas = deltas[size:]
    seen = blocks(out)
    whole = {delta.part: "" for delta in order}  # type: ignore[attr-defined]
    for delta in order:
        if isinstance(delta, Grow):
            whole[delta.part] += delta.text
    heads = [part[0] for part in parts]
    calls = [(head.head, whole[head.part]) for head in heads if isinstance(head, Open) and type(head.head) is ToolCall]
    assert [block for block in seen if type(block[0]) is ToolCall] == sorted(calls, key=lambda one: order_of(one, seen))
    for kind in (Text, Thinking):
        told_ = sorted("".join(text for head, text in seen if type(head) is kind))
        assert told_ == sorted("".join(whole[h.part] for h in heads if isinstance(h, Open) and type(h.head) is kind))


def order_of(one: tuple[Part, str], seen: list[tuple[Part, str]]) -> int:
    """Where a call stands among the blocks; it stands there once."""
    assert seen.count(one) == 1
    return seen.index(one)
