"""An answer that goes through a lane: undone of its coding, whole or as it comes, and what is wrong with it said."""

from __future__ import annotations

import gzip
import json

import pytest

from aigw.errors import AnswerBroken, BadAnswer
from aigw.relay.rewriting import EVENTS, JSON, Rewriting
from aigw.wire.dialect import PLAIN
from aigw.wire.lane import Asking

from .exchanges import DONE, ERROR, FORMATS, ROLE, TEXT

STOP = b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
STREAM = ROLE + TEXT + STOP + DONE
ANSWER = json.dumps(
    {"choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}]}
)


def rewriting(*, encoding: str | None = None, stream: bool = True, array: bool = False) -> Rewriting:
    """A chat answer on its way to a caller of Messages (with `array`: of Gemini)."""
    if array:
        asking = Asking(FORMATS["gemini"], b'{"contents":[{"role":"user","parts":[{"text":"x"}]}]}', "m", stream=True)
        asking.array = True
    else:
        body = b'{"max_tokens":9,"messages":[{"role":"user","content":"x"}]}'
        asking = Asking(FORMATS["messages"], body, "m", stream=stream)
    _, lane = asking.ask(FORMATS["chat"], PLAIN)
    return Rewriting(lane, encoding, wants_stream=stream)


def test_the_callers_content_type() -> None:
    """Events for a stream, JSON for a whole answer and for a stream that is one array."""
    assert rewriting().kind == EVENTS
    assert rewriting(stream=False).kind == JSON
    assert rewriting(array=True).kind == JSON


@pytest.mark.parametrize("encoding", [None, "identity", "gzip"])
def test_a_stream_in_pieces(encoding: str | None) -> None:
    """Whatever the coding and the slicing, what is said comes out, and the end is seen."""
    coded = gzip.compress(STREAM, mtime=0) if encoding == "gzip" else STREAM
    way = rewriting(encoding=encoding)
    said = b"".join(way.streamed(coded[at : at + 1], at + 1 == len(coded)) for at in range(len(coded)))
    assert b'"text":"hi"' in said
    assert b"message_stop" in said
    assert way.lane.finished
    assert way.trouble is None


def test_the_upstreams_own_error_is_kept() -> None:
    """It is told by whoever cuts the stream; nothing that follows it is."""
    way = rewriting()
    said = way.streamed(ROLE + TEXT + ERROR + STOP + DONE, True)
    assert b"message_stop" not in said
    assert way.trouble is not None
    assert way.trouble.message == "overloaded"
    assert not way.lane.finished


@pytest.mark.parametrize("encoding", ["gzip", "smoke"])
def test_what_cannot_be_undone_breaks_the_answer(encoding: str) -> None:
    """Bytes that are not in the coding they claim, or in one that nobody knows."""
    with pytest.raises(AnswerBroken):
        rewriting(encoding=encoding).streamed(STREAM, False)
    with pytest.raises(BadAnswer):
        rewriting(encoding=encoding, stream=False).whole(b"{}", events=False)


def test_whole_answers_and_streams_become_each_other() -> None:
    """The caller gets what it asked for, whatever the upstream sends."""
    assert b"message_stop" in rewriting().whole(ANSWER.encode(), events=False)
    told = json.loads(rewriting(stream=False).whole(STREAM, events=True))
    assert told["content"][0]["text"] == "hi"
    assert json.loads(rewriting(stream=False).whole(ANSWER.encode(), events=False))["stop_reason"] == "end_turn"


@pytest.mark.parametrize("data", [b"", b"[]", b"{", b'{"a":1}', ROLE + TEXT])
def test_what_is_no_answer_is_a_failed_attempt(data: bytes) -> None:
    """Never an empty answer."""
    with pytest.raises(BadAnswer):
        rewriting(stream=False).whole(data, events=data.startswith(b"data"))
