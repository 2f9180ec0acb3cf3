"""One choice as it comes: parts in order, thoughts, signatures, media."""

from __future__ import annotations

import base64
from typing import Any

import msgspec
import pytest

from aigw.wire.deltas import Begin, Close, Delta, Finish, Open, Stopped
from aigw.wire.dialect import Dialect
from aigw.wire.fold import folded
from aigw.wire.formats.chat.line import Line, joined
from aigw.wire.formats.chat.shapes import Message
from aigw.wire.neutral import Citation, Foreign, Logprob, Media, Part, Refusal, Source, Text, Thinking, ToolCall
from aigw.wire.sequence import Sequencer

MAKER = Dialect(maker="p")
KEEPER = Dialect(maker="p", thinking_back="reasoning_details")


def heard(deltas: list[dict[str, Any]], dialect: Dialect = MAKER, logprobs: Any = None) -> list[Part]:
    """The parts that deltas amount to."""
    line = Line(0, dialect)
    out: list[Delta] = [Begin()]
    for delta in deltas:
        line.take(msgspec.convert(delta, Message), logprobs, out)
    line.finish(out)
    out.append(Finish())
    return folded(Sequencer().put(out)).candidates[0].parts


CALL = {"index": 0, "id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}
CALLED = ToolCall(id="c", name="f", arguments="{}")
SIGNED = {"google": {"thought_signature": "sig"}}
BOUND = Thinking(signature="sig", maker="p", bound=True)

ANSWERS: list[tuple[list[dict[str, Any]], list[Part]]] = [
    ([{"role": "assistant"}, {"content": ""}, {"content": None}], []),
    ([{"content": "a"}, {"content": "b"}], [Text(text="ab")]),
    ([{"refusal": "n"}, {"refusal": "o"}], [Refusal(text="no")]),
    (
        [{"reasoning_content": "h"}, {"reasoning_content": "m", "content": ""}, {"content": "a"}],
        [Thinking(text="hm", maker="p"), Text(text="a")],
    ),
    ([{"reasoning": "hm"}, {"content": "a"}], [Thinking(text="hm", maker="p"), Text(text="a")]),
    ([{"reasoning": "hm", "reasoning_content": "hm"}], [Thinking(text="hm", maker="p")]),
    (
        [{"content": "a"}, {"reasoning": "hm"}, {"content": "b"}],
        [Text(text="a"), Thinking(text="hm", maker="p"), Text(text="b")],
    ),
    (
        [{"content": [{"type": "thinking", "thinking": [{"text": "hm"}]}, {"type": "text", "text": "a"}]},
         {"content": [{"type": "text", "text": "b"}, {"type": "text", "text": ""}, 1]}],
        [Thinking(text="hm", maker="p"), Text(text="ab")],
    ),
    ([{"content": [{"type": "reference", "reference_ids": [1]}]}],
     [Foreign(format="chat", value={"type": "reference", "reference_ids": [1]})]),
    ([{"content": "a"}, {"tool_calls": [CALL]}, {"content": "b"}], [Text(text="a"), CALLED, Text(text="b")]),
    ([{"content": "a", "tool_calls": [{**CALL, "extra_content": SIGNED}]}], [Text(text="a"), BOUND, CALLED]),
    ([{"content": "a", "extra_content": SIGNED}], [BOUND, Text(text="a")]),
    ([{"content": "a", "extra_content": {"google": {"thought": True}}}], [Text(text="a")]),
    ([{"function_call": {"name": "", "arguments": ""}, "content": "a"}], [Text(text="a")]),
    (
        [{"content": "a", "annotations": [{"type": "url_citation", "url_citation": {"url": "u"}}]}],
        [Text(text="a", citations=[Citation(kind="url", url="u")])],
    ),
    ([{"images": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}, 1]}],
     [Media(kind="image", source=Source(data="QUJD", media_type="image/png"))]),
    (
        [{"audio": {"id": "a1", "data": "QUJD", "transcript": "Hi", "expires_at": 1}}],
        [Media(kind="audio", source=Source(data="QUJD"), id="a1", transcript="Hi", own={"expires_at": 1})],
    ),
    (
        [{"audio": {"id": "a1"}}, {"audio": {"data": "QUI="}}, {"audio": {"data": "QUI=", "transcript": "Hi"}}],
        [Media(kind="audio", source=Source(data="QUJBQg==", media_type="audio/pcm"), id="a1", transcript="Hi")],
    ),
    ([{"audio": {"data": "", "id": ""}, "content": "a", "refusal": ""}], [Text(text="a")]),
]  # fmt: skip


@pytest.mark.parametrize(("deltas", "parts"), ANSWERS)
def test_answers(deltas: list[dict[str, Any]], parts: list[Part]) -> None:
    """Every way in which servers tell text, thoughts, calls and media; empty members say nothing."""
    assert heard(deltas) == parts


def test_parts_are_closed_before_the_next() -> None:
    """A text is complete when something else begins: writers need not wait for the end."""
    line = Line(0, MAKER)
    out: list[Delta] = []
    line.take(Message(content="a"), None, out)
    line.take(msgspec.convert({"tool_calls": [CALL]}, Message), None, out)
    kinds = [type(delta) for delta in out]
    assert kinds.index(Close) < [type(delta) for delta in out].index(Open, 1)


def test_places_of_citations() -> None:
    """A message's places are those of all its content, a part's are its own."""
    cited = {"type": "url_citation", "url_citation": {"url": "u", "start_index": 3, "end_index": 5}}
    parts = heard([{"content": "abc"}, {"tool_calls": [CALL]}, {"content": "de", "annotations": [cited]}])
    assert parts[-1] == Text(text="de", citations=[Citation(kind="url", url="u", start=0, end=2)])


def test_citations_that_come_late() -> None:
    """Those of a text that is closed by then follow in an empty one, of which they have no place; of no text, none."""
    cited = {"type": "url_citation", "url_citation": {"url": "u", "start_index": 0, "end_index": 2}}
    late: list[dict[str, Any]] = [{"content": "abc"}, {"tool_calls": [CALL]}, {"annotations": [cited]}]
    assert heard(late) == [Text(text="abc"), CALLED, Text(text="", citations=[Citation(kind="url", url="u")])]
    assert heard(late[1:]) == [CALLED]


def test_logprobs_stand_with_their_text() -> None:
    """Also where a call follows in the same message, and for a refusal; those of thoughts have no place."""
    token = {"token": "a", "logprob": -1, "bytes": None, "top_logprobs": []}
    odds = [Logprob(token="a", logprob=-1, top=[])]
    logprobs = {"content": [token], "refusal": None, "reasoning_content": [token]}
    assert heard([{"content": "a", "tool_calls": [CALL]}], logprobs=logprobs)[0] == Text(text="a", logprobs=odds)
    assert heard([{"reasoning_content": "a"}], logprobs=logprobs) == [Thinking(text="a", maker="p")]
    both = heard([{"content": "a", "refusal": "a"}], logprobs={"content": [token], "refusal": [token]})
    assert both == [Text(text="a", logprobs=odds), Refusal(text="a", logprobs=odds)]


# -- thoughts that have to come back ----------------------------------------------------------------------------------


def detail(**said: Any) -> dict[str, Any]:
    """A delta with one detail, and the same text in `reasoning`, as OpenRouter sends it."""
    return {"reasoning": said.get("text") or said.get("summary"), "reasoning_details": [said]}


def test_details_are_kept_whole() -> None:
    """Pieces become one detail, which is the signature byte for byte; another type or number is another thought."""
    parts = heard(
        [
            detail(type="reasoning.text", text="h", format="f", index=0),
            detail(type="reasoning.text", text="m", format="f", index=0),
            detail(type="reasoning.text", signature="s", format="f", index=0),
            detail(type="reasoning.summary", summary="so", format="f", index=1),
            detail(type="reasoning.encrypted", data="x", format="f", index=1),
            {"content": "a"},
        ],
        KEEPER,
    )
    assert parts == [
        Thinking(
            text="hm",
            signature='{"type":"reasoning.text","text":"hm","format":"f","index":0,"signature":"s"}',
            maker="p",
        ),
        Thinking(
            text="so",
            signature='{"type":"reasoning.summary","summary":"so","format":"f","index":1}',
            maker="p",
            summary=True,
        ),
        Thinking(
            signature='{"type":"reasoning.encrypted","data":"x","format":"f","index":1}', maker="p", redacted=True
        ),
        Text(text="a"),
    ]


def test_details_of_one_message_stay_apart() -> None:
    """Without numbers, those of one list are several, and those of a stream's chunks one."""
    first, second = {"type": "reasoning.text", "text": "a"}, {"type": "reasoning.text", "text": "b"}
    assert len(heard([{"reasoning_details": [first, second]}], KEEPER)) == 2
    assert len(heard([{"reasoning_details": [first]}, {"reasoning_details": [second]}], KEEPER)) == 1


def test_details_that_have_a_place() -> None:
    """Those of another gateway of this kind say what they come after; of a place that is not there, at the end."""

    def ours(text: str, after: str | None = None) -> dict[str, Any]:
        said = {"type": "reasoning.text", "text": text, "format": "aigw"}
        return said if after is None else {**said, "after": after}

    entries = [ours("1"), ours("2", "content"), ours("3", "c"), ours("4", "gone")]
    parts = heard([{"content": "a", "reasoning_details": entries, "tool_calls": [CALL]}], KEEPER)
    order = [part.text if isinstance(part, Thinking) else type(part).__name__ for part in parts]
    assert order == ["1", "Text", "2", "ToolCall", "3", "4"]


def test_details_elsewhere() -> None:
    """Where nothing has to come back they are text, once; where that stands beside them, it is."""
    said = {"type": "reasoning.text", "text": "hm", "signature": "s"}
    assert heard([{"reasoning_details": [said, 1]}]) == [Thinking(text="hm", maker="p")]
    assert heard([{"reasoning_details": [said], "reasoning": "hm"}]) == [Thinking(text="hm", maker="p")]
    assert heard([{"reasoning_details": [], "reasoning": "hm"}], KEEPER) == [Thinking(text="hm", maker="p")]


@pytest.mark.parametrize("pieces", [[b"abc", b"def", b"g"], [b"a", b"bc", b"defg"], [b"abcdef"], [b"ab", b""]])
def test_sound_in_pieces(pieces: list[bytes]) -> None:
    """Each piece is base64 for itself; together they are the base64 of all bytes."""
    encoded = [base64.b64encode(piece).decode() for piece in pieces]
    assert base64.b64decode(joined(encoded)) == b"".join(pieces)


def test_pieces_that_are_no_base64() -> None:
    """They are told as they came."""
    assert joined(["a=", "b"]) == "a=b"


@pytest.mark.parametrize(
    ("deltas", "word", "reason"),
    [
        ([{"content": "a"}], "stop", "end"),
        ([{"content": "a"}], None, "other"),
        ([{"tool_calls": [CALL]}], None, "tools"),
        ([{"refusal": "no"}], "stop", "refusal"),
        ([{"content": "a"}, {"refusal": "no"}], "stop", "end"),
    ],
)
def test_the_end(deltas: list[dict[str, Any]], word: str | None, reason: str) -> None:
    """The stop is what the upstream's word means after what it said."""
    line, out = Line(0, MAKER), list[Delta]()
    for delta in deltas:
        line.take(msgspec.convert(delta, Message), None, out)
    line.word = word
    line.finish(out)
    assert isinstance(out[-1], Stopped)
    assert out[-1].stop.reason == reason
