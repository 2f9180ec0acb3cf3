"""One request's way through the gateway and back, over every pair of formats and over one of the test's own."""

from __future__ import annotations

import random
import re
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.errors import InvalidBody
from aigw.wire.deltas import Begin, Close, Delta, Fail, Finish, Grow, Open, Stopped
from aigw.wire.dialect import Dialect
from aigw.wire.format import Format, Trouble
from aigw.wire.lane import Asking, BackLane
from aigw.wire.losses import Ledger, Loss
from aigw.wire.neutral import Answer, Candidate, Conversation, Stop, Text, Turn
from aigw.wire.sse import Event

from ..support.conversations import answers
from ..support.heard import STREAMS
from ..support.means import FORMATS
from ..support.roundtrip import LOADED, NAMES, asked, bare, each_pair, fewer, lane, read, streamed, told

# -- a format of the test's own ---------------------------------------------------------------------------------------


class Reader:
    """Reads events `begin`, `error`, `end`, or a text."""

    def read(self, event: Event) -> list[Delta]:
        """What an event says."""
        match event.data.decode():
            case "begin":
                return [Begin(), Open(0, Text(text=""))]
            case "error":
                return [Grow(0, "<"), Fail(Trouble(500, "broken", "It broke.")), Grow(0, ">")]
            case "end":
                return [Stopped(Stop(reason="end", word="stop")), Finish()]
            case text:
                return [Grow(0, text)]

    def finish(self) -> list[Delta]:
        """At the end of the bytes."""
        return []


@attrs.frozen
class Writer:
    """Writes the names of deltas, and what they say."""

    array: bool

    def write(self, deltas: list[Delta]) -> bytes:
        """One word for each."""
        words = (delta.text if isinstance(delta, Grow) else type(delta).__name__ for delta in deltas)
        return "".join(f"{word}|" if not self.array else f"{word}," for word in words).encode()


class Plain:
    """A format whose requests are `{"say": …}`, whose answers are text."""

    name = "plain"
    cuts_after_error = False
    tool_ids = re.compile(".*")
    objects_only = True
    system_in_place = False
    ids_once = True

    def read_request(self, body: dict[str, Any], model: str, ledger: Ledger, *, stream: bool) -> Conversation:
        """One turn; all that is not `say` is lost."""
        ledger.drop_members("", (name for name in body if name != "say"), "unknown")
        turns = [Turn(role="user", parts=[Text(text=body["say"], at="/say")])]
        return Conversation(model=model, turns=turns, stream=stream, own_format="plain")

    def write_request(self, conversation: Conversation, dialect: Dialect, ledger: Ledger) -> bytes:
        """The first text and the model."""
        ledger.rewrite("/say", "written in other words")
        [part] = conversation.turns[0].parts
        assert isinstance(part, Text)
        return f"{conversation.model}: {part.text}".encode()

    def read_answer(self, data: bytes, dialect: Dialect) -> Answer:
        """One text."""
        if data == b"none":
            raise ValueError("no answer")
        return Answer(candidates=[Candidate(parts=[Text(text=data.decode())], stop=Stop(reason="end", word="stop"))])

    def write_answer(self, answer: Answer, asked: Conversation, ledger: Ledger) -> bytes:
        """One text."""
        ledger.drop("answer:/x", "no place")
        return b"|".join(part.text.encode() for part in answer.candidates[0].parts if isinstance(part, Text))

    def stream_reader(self, dialect: Dialect) -> Reader:
        """A reader."""
        return Reader()

    def stream_writer(self, asked: Conversation, ledger: Ledger, *, array: bool = False) -> Writer:
        """A writer."""
        return Writer(array)


PLAIN: Format = Plain()  # type: ignore[assignment]  # it has no errors to write


def plain_lane(*, array: bool = False) -> BackLane:
    """The way back of a plain answer."""
    asking = Asking(PLAIN, b'{"say": "Hi"}', "m", stream=True)
    asking.array = array
    return asking.back(PLAIN, Dialect(), Ledger())


def sse(*data: str) -> bytes:
    """Events."""
    return b"".join(b"data: %b\n\n" % each.encode() for each in data)


# -- the way there ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b'{"say": "\xff"}', "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b"[]", "must be a JSON object"),
        (b"null", "must be a JSON object"),
    ],
)
def test_bodies_that_are_none(body: bytes, message: str) -> None:
    """What is no JSON object is refused in words, whatever it is."""
    with pytest.raises(InvalidBody, match=message):
        Asking(PLAIN, body, "m", stream=False)


def test_ask() -> None:
    """Each candidate gets the request under its own model; the losses of reading and of writing are in each ledger."""
    asking = Asking(PLAIN, b'{"say": "Hi", "other": 1, "models": ["a"]}', "m", stream=False)
    for model, sent in (("", b"m: Hi"), ("n", b"n: Hi"), ("", b"m: Hi")):
        body, back = asking.ask(PLAIN, Dialect(model=model))
        assert body == sent
        assert back.ledger.entries == [
            Loss("/other", "dropped", "unknown"),
            Loss("/say", "rewritten", "written in other words"),
        ]


# -- the way back -----------------------------------------------------------------------------------------------------


def test_whole() -> None:
    """A whole answer is read in one format and written in the other; its losses join those of the request."""
    back = plain_lane()
    assert back.whole(b"Hello") == b"Hello"
    assert back.ledger.entries == [Loss("answer:/x", "dropped", "no place")]
    with pytest.raises(ValueError, match="no answer"):
        back.whole(b"none")


def test_feed() -> None:
    """A stream is told as it comes: each arrival gives what can be said by then."""
    back = plain_lane()
    assert back.feed(b"da") == b""
    assert back.feed(b"ta: begin\n\n") == b"Begin|Open|"
    assert back.feed(sse("one") + b"data: t") == b"one|"
    before = back.finished
    assert back.feed(b"wo\n\n" + sse("end")) == b"two|Close|Stopped|Finish|"
    assert (before, back.finished) == (False, True)
    assert back.finish() == b""


def test_nothing() -> None:
    """A stream without an event says nothing, not even at its end."""
    back = plain_lane()
    assert back.finish() == b""
    assert plain_lane().feed(b": ping\n\n") == b""
    assert not back.finished


def test_array() -> None:
    """The writer is told that the caller wants an array."""
    assert plain_lane(array=True).feed(sse("begin")) == b"Begin,Open,"
    assert plain_lane(array=True).streamed(b"Hi") == b"Begin,Open,Hi,Close,Stopped,Finish,"


def test_errors() -> None:
    """An upstream's error is kept for whoever cuts the stream; what came before is told, and nothing after."""
    back = plain_lane()
    assert back.feed(sse("begin", "one", "error", "two")) == b"Begin|Open|one|<|"
    assert back.failed == Trouble(500, "broken", "It broke.")
    assert back.feed(sse("three", "end")) == b""
    assert back.finish() == b""
    assert not back.finished


def test_a_bare_error_in_a_stream() -> None:
    """Google breaks a stream off with the JSON of an error, as if there had been no events: it is one."""
    asking = Asking(LOADED["gemini"], b'{"contents": [{"parts": [{"text": "x"}]}]}', "m", stream=True)
    _, way = asking.ask(LOADED["gemini"], Dialect())
    event = b'data: {"candidates": [{"content": {"parts": [{"text": "a"}]}, "index": 0}]}\r\n\r\n'
    error = b'{\n  "error": {\n    "code": 503,\n    "message": "High demand.",\n    "status": "UNAVAILABLE"\n  }\n}\n'
    for at in range(len(event + error)):
        assert b"High demand" not in way.feed((event + error)[at : at + 1])
    way.finish()
    assert way.failed is not None
    assert (way.failed.message, way.finished) == ("High demand.", False)


def test_streamed_and_collected() -> None:
    """A whole answer can be told as a stream and a stream as a whole answer; half a stream cannot."""
    back = plain_lane()
    assert back.streamed(b"Hi") == b"Begin|Open|Hi|Close|Stopped|Finish|"
    assert back.finished
    assert plain_lane().collected(sse("begin", "one", "two", "end")) == b"onetwo"
    for half in (sse("begin", "one"), sse("begin", "error", "end"), b""):
        with pytest.raises(ValueError, match=r"stream has no end|reported an error: It broke\."):
            plain_lane().collected(half)


# -- every pair -------------------------------------------------------------------------------------------------------


@each_pair
@fewer
@given(data=st.data())
def test_any_slicing(caller: str, target: str, data: st.DataObject) -> None:
    """A stream says the same however it is cut: whole, at each byte, at any byte; and each time it is well-formed.

    Its events may differ: what comes in one arrival may be told in one.
    """
    answer = data.draw(answers(FORMATS[target]))
    stream = streamed(answer, target)
    cuts = [list(range(len(stream))), *([at] for at in random.Random(len(stream)).sample(range(len(stream)), 12))]
    with pytest.MonkeyPatch.context() as patch:
        # The time that a format must have where the provider tells none.
        patch.setattr("time.time", lambda: 1_700_000_000.0)
        whole = understood(told(stream, caller, target, []), caller)
        for cut in cuts:
            assert understood(told(stream, caller, target, cut), caller) == whole


def understood(stream: bytes, caller: str) -> tuple[Any, Any]:
    """What a strict reader of a format makes of a stream, and what ours does."""
    heard = STREAMS[caller](stream)
    assert heard.ended
    return attrs.evolve(heard, values=[]), bare(read(stream, caller))


@each_pair
@fewer
@given(data=st.data())
def test_a_cut_stream_has_no_end(caller: str, target: str, data: st.DataObject) -> None:
    """A stream that stops before its provider said why is told without an end, wherever that is."""
    answer = data.draw(answers(FORMATS[target]))
    stream = streamed(answer, target)
    for cut in random.Random(len(stream)).sample(range(len(stream)), min(20, len(stream))):
        back = lane(caller, target)
        out = back.feed(stream[:cut]) + back.finish()
        assert not STREAMS[caller](out).ended or back.finished or caller == "gemini"


# -- length -----------------------------------------------------------------------------------------------------------


def sizes(thing: Any, seen: set[int]) -> int:
    """How much an object holds, in characters and elements, with all that it leads to."""
    if id(thing) in seen or isinstance(thing, type) or callable(thing):
        return 0
    seen.add(id(thing))
    if isinstance(thing, str | bytes | bytearray):
        return len(thing)
    if isinstance(thing, dict):
        return len(thing) + sum(sizes(each, seen) for pair in thing.items() for each in pair)
    if isinstance(thing, list | tuple | set | frozenset):
        return len(thing) + sum(sizes(each, seen) for each in thing)
    slots = [slot for kind in type(thing).__mro__ for slot in getattr(kind, "__slots__", ())]
    held = [*getattr(thing, "__dict__", {}).values(), *(getattr(thing, slot, None) for slot in slots)]
    return sum(sizes(each, seen) for each in held)


def held(back: BackLane) -> int:
    """What a lane holds, but for what all lanes share."""
    return sizes(back, {id(LOADED[name]) for name in NAMES})


def numbered(event: bytes, number: int) -> bytes:
    """The event with its sequence number moved on, if it has one."""
    return re.sub(rb'"sequence_number":(\d+)', lambda found: b'"sequence_number":%d' % (int(found[1]) + number), event)


def events_of(target: str) -> tuple[bytes, bytes, bytes]:
    """The events with which a stream of one text begins, goes on, and ends."""
    writer = LOADED[target].stream_writer(asked(target).conversation, Ledger())
    begin = writer.write([Begin("id", "m", 1), Open(0, Text(text=""))]) + writer.write([Grow(0, "begin ")])
    more = writer.write([Grow(0, "word ")])
    return begin, more, writer.write([Close(0), Stopped(Stop(reason="end", word="stop")), Finish()])


@each_pair
def test_what_a_lane_holds(caller: str, target: str) -> None:
    """A long stream is not held: only its text, once, for a caller whose last event repeats it."""
    begin, more, _ = events_of(target)
    back = lane(caller, target)
    back.feed(begin)
    before = 0
    for number in range(1000):
        if number == 500:
            before = held(back)
        back.feed(numbered(more, number))
    grown = held(back) - before
    if caller == "responses":
        assert 500 * len("word ") <= grown <= 500 * len("word ") + 508
    else:
        assert grown <= 8


@pytest.mark.parametrize("caller", NAMES)
def test_fifty_thousand(caller: str) -> None:
    """A stream of 50,000 deltas is told in full, and the lane does as much work for the last as for the first."""
    begin, more, end = events_of("chat")
    back = lane(caller, "chat")
    said = [back.feed(begin)] + [back.feed(more) for _ in range(50_000)]
    assert max(map(len, said[-100:])) <= max(map(len, said[1:101])) + 10
    said += [back.feed(end), back.finish()]
    assert back.finished
    repeated = 3 if caller == "responses" else 0  # by the text's, the item's and the response's last event
    assert b"".join(said).count(b"word ") >= 50_000 * (1 + repeated)


@pytest.mark.parametrize(
    ("target", "stream"),
    [
        ("chat", b'data: {"choices":[{"index":0,"delta":{"content":"hi"}}]}\n\ndata: [DONE]\n\n'),
        (
            "messages",
            b'data: {"type":"message_start","message":{}}\n\n'
            b'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":"hi"}}\n\n'
            b'data: {"type":"content_block_stop","index":0}\n\ndata: {"type":"message_stop"}\n\n',
        ),
    ],
)
def test_no_reason_is_made_up(target: str, stream: bytes) -> None:
    """A stream that ends without saying why has no end for the caller, and no reason."""
    body = b'{"messages":[{"role":"user","content":"hi"}]}'
    _, back = Asking(LOADED["chat"], body, "m", stream=True).ask(LOADED[target], Dialect())
    said = back.feed(stream) + back.finish()
    assert b"hi" in said
    assert b"stop" not in said
    assert not back.finished


@pytest.mark.parametrize(("said", "capped"), [(None, None), (5, 5), (100, 100), (101, 100)])
def test_cap(said: int | None, capped: int | None) -> None:
    """A wish for more output than is allowed comes down and is reported in its place; any other stays as it is."""
    body = b'{"messages":[{"role":"user","content":"x"}]%b}' % (b',"max_tokens":%d' % said if said else b"")
    asking = Asking(LOADED["chat"], body, "m", stream=False)
    asking.cap(100)
    assert asking.conversation.settings.max_tokens == capped
    ledger = Ledger()
    asking.written(LOADED["messages"], Dialect(), ledger)
    assert [loss.pointer for loss in ledger.entries] == (["/max_tokens"] if said == 101 else [])
