"""What the guard of a passing stream says of its end, whatever pieces it came in."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.errors import AnswerBroken
from aigw.wire import formats
from aigw.wire.guard import Guard
from aigw.wire.usage import Tap

FORMATS = formats.load()

# -- streams -------------------------------------------------------------------------------------------------------

ROLE = b'data: {"id":"c","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
WORD = b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"21 \xc2\xb0C"},"finish_reason":null}]}\n\n'
OTHER = WORD.replace(b'"index":0', b'"index":1')
STOP = b'data: {"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
STOP_OTHER = STOP.replace(b'"index":0', b'"index":1')
USAGE = b'data: {"id":"c","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4}}\n\n'
DONE = b"data: [DONE]\n\n"
ERROR = b'data: {"error":{"message":"it broke","type":"server_error"}}\n\n'

START = b'event: message_start\ndata: {"type":"message_start","message":{"id":"m","content":[]}}\n\n'
DELTA = (
    b"event: content_block_delta\n"
    b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"message_start"}}\n\n'
)
QUOTED = DELTA.replace(b'"message_start"', b'"event: message_start\\ndata: {\\"type\\":\\"message_start\\"}"')
REASON = b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\n'
END = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
PING = b'event: ping\ndata: {"type": "ping"}\n\n'
TROUBLE = b'data: {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}\n\n'

CREATED = b'event: response.created\ndata: {"type":"response.created","sequence_number":0,"response":{"id":"r"}}\n\n'
TEXT = b'event: response.output_text.delta\ndata: {"type":"response.output_text.delta","delta":"x"}\n\n'


def over(kind: str, padding: int = 0) -> bytes:
    """The last event of Responses, which repeats all that was said."""
    echo = b"x" * padding
    return b'event: response.%b\ndata: {"type":"response.%b","response":{"id":"r","output":"%b"}}\n\n' % (
        kind.encode(),
        kind.encode(),
        echo,
    )


REPORTED = b'event: error\ndata: {"type":"error","code":"server_error","message":"it broke","sequence_number":3}\n\n'
FAILED = (
    b"event: response.failed\n"
    b'data: {"type":"response.failed","response":{"status":"failed","error":{"code":"rate_limit","message":"no"}}}\n\n'
)

PART = b'data: {"candidates":[{"content":{"parts":[{"text":"21 \xc2\xb0C"}]},"index":0}]}\r\n\r\n'
PICTURE = b'data: {"candidates":[{"content":{"parts":[{"inlineData":{"data":"%b"}}]},"finishReason":"STOP"}]}\r\n\r\n'
FINAL = b'data: {"candidates":[{"content":{"parts":[{"text":"."}]},"finishReason":"STOP","index":0}]}\r\n\r\n'
TALLY = b'data: {"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":4}}\r\n\r\n'
BLOCKED = b'data: {"promptFeedback":{"blockReason":"SAFETY"}}\r\n\r\n'
BROKE = b'data: {"error":{"code":503,"message":"it broke","status":"UNAVAILABLE"}}\r\n\r\n'

WHOLE, CUT, TWICE, NO_TEXT = "whole", "stream_cut", "bad_stream twice", "bad_stream text"
HEARD, HEARD_NOT, HEARD_AND_OVER = "error, told", "error, not told", "error, told, proper"

CASES: dict[str, Sequence[tuple[bytes, str]]] = {
    "chat": [
        (ROLE + WORD + STOP + USAGE + DONE, WHOLE),
        (ROLE + WORD + DONE, WHOLE),
        (ROLE + WORD + STOP, WHOLE),
        (ROLE + WORD + STOP + USAGE, WHOLE),
        (ROLE + WORD + STOP + b"data: [DO", WHOLE),
        (ROLE + WORD + STOP + b"data: [DONE]", WHOLE),
        (ROLE + WORD + OTHER + STOP_OTHER + STOP, WHOLE),
        (ROLE + WORD + STOP + b": bye\n\n", WHOLE),
        (b'data: {"object":"chat.completion.done","choices":[]}\n\n', WHOLE),
        (b'data: {"choices":[{"index":0,"text":"x","finish_reason":"length"}]}\n\n' + DONE, WHOLE),
        (ROLE + WORD, CUT),
        (ROLE + WORD + STOP[:-1], CUT),
        (ROLE + WORD[:60], CUT),
        (ROLE + WORD + OTHER + STOP, CUT),
        (ROLE + WORD + STOP_OTHER, CUT),
        (ROLE + WORD + USAGE, CUT),
        (b"", CUT),
        (b'{"choices":[{"finish_reason":"stop"}]}', CUT),
        (ROLE + WORD + ERROR, HEARD_AND_OVER),
        (ROLE + WORD + ERROR + DONE, HEARD_AND_OVER),
        (ROLE + WORD + b'data: {"x_groq":{"error":{"message":"no"}}}\n\n' + DONE, HEARD_NOT),
        (ROLE + WORD + b'event: error\ndata: {"message":"no"}\n\n', HEARD_NOT),
        (ROLE + WORD + ERROR.removeprefix(b"data: "), HEARD_NOT),
        (ROLE + WORD + ERROR[:-1], HEARD_NOT),
    ],
    "messages": [
        (START + DELTA + REASON + END, WHOLE),
        (START + DELTA + REASON + END + PING + b"data: [DONE]\n\n", WHOLE),
        (START + QUOTED + QUOTED + REASON + END[:-1], WHOLE),
        (START + DELTA + REASON, CUT),
        (START + DELTA + PING, CUT),
        (START + DELTA + b"event: message_stop\n\n", CUT),
        (START + DELTA + b"event: error\n" + TROUBLE, HEARD_AND_OVER),
        (START + DELTA + TROUBLE, HEARD_NOT),
        (START + DELTA + TROUBLE + END, HEARD_NOT),
        (START + DELTA + START + DELTA + REASON + END, TWICE),
        (b"\xef\xbb\xbf" + START + START, TWICE),
        (START + START.replace(b"event: ", b"event:"), TWICE),
        (START.replace(b"\n", b"\r\n") + START.replace(b"\n", b"\r"), TWICE),
    ],
    "responses": [
        *((CREATED + TEXT + over(kind), WHOLE) for kind in ("completed", "incomplete", "cancelled")),
        (CREATED + TEXT + over("completed", 100_000), WHOLE),
        (CREATED + TEXT + over("completed", 20_000) + DONE, WHOLE),
        (CREATED + TEXT + REPORTED + FAILED, HEARD_AND_OVER),
        (CREATED + TEXT, CUT),
        (CREATED + TEXT + DONE, CUT),
        (CREATED + TEXT + over("completed")[:-1], CUT),
        (CREATED + TEXT + REPORTED, HEARD),
        (CREATED + TEXT + b'data: {"error":{"message":"no"}}\n\n', HEARD),
        (CREATED + TEXT + CREATED, TWICE),
    ],
    "gemini": [
        (PART + FINAL, WHOLE),
        (PART + FINAL + TALLY, WHOLE),
        (PART + FINAL[:-2], WHOLE),
        (BLOCKED, WHOLE),
        (PART + PICTURE % (b"A" * 50_000) + TALLY, WHOLE),
        (PART + TALLY, CUT),
        (FINAL + PART, CUT),
        (PART + FINAL[:40], CUT),
        (PART + BROKE, HEARD),
        (PART + BROKE.removeprefix(b"data: "), HEARD),
        (PART.replace(b"\xb0", b"") + FINAL, NO_TEXT),
    ],
}
ALL = [(name, stream, wanted) for name, cases in CASES.items() for stream, wanted in cases]


def verdict(name: str, pieces: Sequence[bytes], coding: str | None = None) -> str:
    """What the guard says of a stream that comes so, in a word; and that nothing passed that may not."""
    tap = Tap("text/event-stream", coding)
    guard = Guard(FORMATS[name], tap, coded=coding is not None)
    for piece in pieces:
        if guard.halts(piece):
            assert 0 <= guard.room < len(piece)
            return NO_TEXT if "text" in guard.why else TWICE
        tap.feed(piece)
    return word(guard.ending())


def word(broken: AnswerBroken | None) -> str:
    """The same of what is wrong with the end."""
    if broken is None:
        return WHOLE
    if broken.reason != "error_in_stream":
        return broken.reason
    assert broken.detail
    return {(True, True): HEARD_AND_OVER, (True, False): HEARD, (False, False): HEARD_NOT}[broken.told, broken.proper]


@pytest.mark.parametrize(("name", "stream", "wanted"), ALL)
def test_how_it_ended(name: str, stream: bytes, wanted: str) -> None:
    """Only the terminal event of its format is an end; an error is one that the caller's SDK hears of, or not."""
    assert verdict(name, [stream]) == wanted


@pytest.mark.parametrize(("name", "stream", "wanted"), [case for case in ALL if len(case[1]) < 5000])
def test_byte_by_byte(name: str, stream: bytes, wanted: str) -> None:
    """The same, one byte at a time."""
    assert verdict(name, [stream[at : at + 1] for at in range(len(stream))]) == wanted


@given(st.data())
def test_slicing_does_not_matter(data: st.DataObject) -> None:
    """The same in any pieces, also in a content coding."""
    name, stream, wanted = data.draw(st.sampled_from(ALL))
    coded = wanted not in (TWICE, NO_TEXT) and data.draw(st.booleans())
    sent = gzip.compress(stream) if coded else stream
    edges = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=12)))
    pieces = [sent[begin:end] for begin, end in pairwise([0, *edges, len(sent)])]
    assert verdict(name, pieces, "gzip" if coded else None) == wanted


@given(st.lists(st.sampled_from([START, DELTA, QUOTED, PING, END]), max_size=6), st.data())
def test_what_passes_before_a_second_start(events: list[bytes], data: st.DataObject) -> None:
    """All of the first answer, and of the second at most the beginning of a line that came on its own."""
    stream = b"".join(events)
    edges = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=5)))
    guard = Guard(FORMATS["messages"], Tap("text/event-stream"), coded=False)
    passed = b""
    for begin, end in pairwise([0, *edges, len(stream)]):
        if guard.halts(stream[begin:end]):
            passed += stream[begin : begin + guard.room]
            break
        passed += stream[begin:end]
    starts = [at for at, event in enumerate(events) if event is START]
    if len(starts) < 2:
        assert passed == stream
    else:
        allowed = b"".join(events[: starts[1]])
        assert passed.startswith(allowed)
        assert passed in (allowed, allowed + START[: len(passed) - len(allowed)])
        assert len(passed) < len(allowed) + len(b"event: message_start")


@pytest.mark.parametrize(
    ("coding", "packed", "wanted"),
    [
        ("gzip", gzip.compress(ROLE + WORD + DONE)[:-12], CUT),
        ("gzip", gzip.compress(ROLE + WORD), CUT),
        ("gzip", gzip.compress(ROLE + WORD + DONE)[:-8], WHOLE),
        ("deflate", zlib.compress(ROLE + WORD + DONE), WHOLE),
        ("gzip", b"\x1f\x8b\x08" + bytes(20), "bad_stream"),
        ("lz9", b"??", WHOLE),
    ],
    ids=["cut short", "no end in it", "no trailer", "deflate", "no gzip", "unknown"],
)
def test_codings(coding: str, packed: bytes, wanted: str) -> None:
    """A coded stream is judged by what is in it; one that nobody here can read is not judged."""
    assert verdict("chat", [packed], coding) == wanted


def test_what_was_reported() -> None:
    """The upstream's own words are at hand for the record and for our own event."""
    tap = Tap("text/event-stream")
    guard = Guard(FORMATS["messages"], tap, coded=False)
    tap.feed(START + DELTA + TROUBLE)
    broken = guard.ending()
    assert broken is not None
    assert broken.detail == "Overloaded"
    assert getattr(broken.trouble, "status", None) == 529
    assert guard.ending() is not None, "it may be asked again"
    assert tap.finish().error == "overloaded_error"
