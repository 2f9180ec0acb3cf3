"""Answers that are torn, or of unexpected types, still say what they can."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.wire.answer import counts_of, stop_of
from aigw.wire.counts import usage
from aigw.wire.glean import glean, read, read_list
from aigw.wire.shapes import Answer


def figures(answer: Answer | None) -> tuple[int | None, int | None] | None:
    """Input and output tokens of an answer."""
    counts = None if answer is None else counts_of(answer)
    found = None if counts is None else usage(counts)
    return None if found is None else (found.input_tokens, found.output_tokens)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"id":7,"usage":{"prompt_tokens":12,"completion_tokens":3}}', (12, 3)),
        ('{"model":{"name":"x"},"usage":{"prompt_tokens":12.0,"completion_tokens":"3"}}', (12, 3)),
        ('{"usage":{"prompt_tokens":12,"completion_tokens":3.5}}', (12, None)),
        ('{"usage":{"prompt_tokens":12,"completion_tokens":-3}}', (12, None)),
        ('{"usage":{"prompt_tokens":12,"completion_tokens":true}}', (12, None)),
        ('{"usage":{"prompt_tokens":12,"completion_tokens":1e99}}', (12, None)),
        ('{"usage":{"prompt_tokens":12,"completion_tokens":[3],"prompt_tokens_details":7}}', (12, None)),
        ('{"choices":{"0":{}},"usage":{"prompt_tokens":12,"completion_tokens":3}}', (12, 3)),
        ('{"choices":[null,7,{"finish_reason":7}],"usage":{"prompt_tokens":12,"completion_tokens":3}}', (12, 3)),
        ('{"delta":[],"message":[],"response":7,"usage":{"prompt_tokens":12,"completion_tokens":3}}', (12, 3)),
        ('{"id":1,"usage":{"type":"duration","seconds":"many"}}', None),
        ('{"id":1,"usage":"lots"}', None),
        ('{"usage":[{"prompt_tokens":12}]}', None),
    ],
)
def test_unexpected_types(body: str, expected: tuple[int | None, int | None] | None) -> None:
    """A member of another type costs that member, not the others."""
    assert figures(read(body.encode())) == expected


def test_every_member_is_fitted() -> None:
    """The slow way reads whatever the quick way reads."""
    body: dict[str, Any] = {
        "id": "a",
        "object": "response",
        "model": "m",
        "type": "t",
        "status": "incomplete",
        "stop_reason": "s",
        "error": {"code": "c"},
        "code": "c",
        "delta": {"stop_reason": "d"},
        "message": {"id": "x", "usage": {"input_tokens": 1}},
        "response": {"id": "y", "incomplete_details": {"reason": "max_output_tokens"}},
        "incomplete_details": {"reason": "r"},
        "x_groq": {"id": "z"},
        "choices": [{"finish_reason": "f", "usage": {"prompt_tokens": 2}}],
        "candidates": [{"finishReason": "F"}],
        "promptFeedback": {"blockReason": "B"},
        "modelVersion": "v",
        "responseId": "w",
        "meta": {"billed_units": {"input_tokens": 3}, "tokens": {"input_tokens": 4}},
        "usageMetadata": {
            "promptTokenCount": 5,
            "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 6}],
            "candidatesTokensDetails": [{"modality": "AUDIO", "tokenCount": 7}],
        },
        "usage": {
            "type": "duration",
            "prompt_tokens_details": {"cached_tokens": 8},
            "output_tokens_details": {"thinking_tokens": 9},
            "cache_creation": {"ephemeral_1h_input_tokens": 10},
            "iterations": [{"type": "compaction", "input_tokens": 11}],
            "seconds": 12.5,
        },
    }
    quick = read(json.dumps(body).encode())
    body["choices"].append({"finish_reason": 7})
    slow = read(json.dumps(body).encode())
    assert slow is not None
    assert slow.choices is not None
    slow.choices.pop()
    assert slow == quick


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"nonsense", b'"text"', b"7", b"null", b"\xff", b"{" * 100_000])
def test_what_is_no_object(body: bytes) -> None:
    """What is no JSON object is no answer, and raises nothing."""
    assert read(body) is None


def test_lists() -> None:
    """An array gives its objects, whatever else is in it."""
    assert [item.id for item in read_list(b'[{"id":"a"},{"id":"b"}]') or []] == ["a", "b"]
    assert [item.id for item in read_list(b'[{"id":"a"},7,{"id":7}]') or []] == ["a", None]
    assert read_list(b'{"id":"a"}') is None
    assert read_list(b'[{"id":"a"}') is None


CHAT = (
    '{"id":"chatcmpl-1","model":"m-1","choices":[{"index":0,"message":{"content":"%s","tool_calls":[{"function":'
    '{"arguments":"{\\"usage\\":{\\"prompt_tokens\\":1}}"}}]},"logprobs":null,"finish_reason":"stop"}],'
    '"usage":{"prompt_tokens":12,"completion_tokens":3,"total_tokens":15},"system_fingerprint":"fp"}'
)
BODIES = {
    "chat": (CHAT, "stop"),
    "messages": (
        '{"id":"msg_1","model":"m-1","content":[{"type":"text","text":"%s"},{"type":"tool_use","input":{"usage":'
        '{"input_tokens":1}}}],"stop_reason":"end_turn","usage":{"input_tokens":12,"output_tokens":3}}',
        "end_turn",
    ),
    "gemini": (
        '{"candidates":[{"content":{"parts":[{"text":"%s"},{"functionCall":{"args":{"usageMetadata":'
        '{"promptTokenCount":1}}}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":12,'
        '"candidatesTokenCount":3},"modelVersion":"m-1","responseId":"r-1"}',
        "STOP",
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_both_ends_of_a_body(name: str) -> None:
    """Of a body without its middle the ends give all; objects of the same name inside of it do not count."""
    body, stop = BODIES[name]
    whole = (body % ("x" * 5000)).encode()
    answer, complete = glean(whole[:200], whole[-700:])
    assert complete
    assert figures(answer) == (12, 3)
    assert stop_of(answer) == stop
    assert (answer.model or answer.model_version) == "m-1"


@pytest.mark.parametrize("name", BODIES)
def test_a_nested_object_alone_is_not_the_usage(name: str) -> None:
    """Where the true usage is missing, one inside a tool call does not stand in for it."""
    body, _ = BODIES[name]
    whole = (body % "x").encode()
    cut = whole.rindex(b'"usage')
    rest = whole[whole.index(b"}", cut) + 1 :]
    without = whole[:cut] + b'"other":{}' + rest
    json.loads(without)
    answer, _ = glean(without[:20], without)
    assert figures(answer) is None


def test_usage_of_a_response_in_an_event() -> None:
    """In an event of Responses the usage stands one level deeper; nowhere else is it looked for there."""
    event = (
        b'{"type":"response.completed","response":{"id":"resp_1","object":"response","status":"completed","tools":['
        b'{"parameters":{"properties":{"usage":{"type":"string"}}}}],"usage":{"input_tokens":12,"output_tokens":3,'
        b'"total_tokens":15},"metadata":{}}}'
    )
    answer, _ = glean(event[:110], event[-150:], event=True)
    assert figures(answer) == (12, 3)
    assert stop_of(answer) == "completed"
    assert figures(glean(event[:20], event[-150:])[0]) is None


def test_usage_before_the_content() -> None:
    """Members before the content are read from the front, as far as they are complete."""
    front = b'{"id": "a",\n "usage": {"prompt_tokens": 12, "completion_tokens": 3}, "data": [{"b64_json": "iVBO'
    answer, complete = glean(front, b'AAAA"}]}')
    assert figures(answer) == (12, 3)
    assert not complete


def test_a_number_at_the_tear_is_not_believed() -> None:
    """A number that may go on beyond the tear is no number."""
    assert figures(glean(b'{"usage":{"prompt_tokens":12,"completion_tokens":3', b"")[0]) == (12, None)
    assert figures(glean(b'{"usage":{"prompt_tokens":12,"completion_tokens":3,', b"")[0]) == (12, 3)


def test_the_last_object_of_a_torn_array() -> None:
    """A Gemini stream that is an array gives its last usage, or the last that came."""
    item = b'{"candidates":[{"content":{}%s}],"usageMetadata":{"promptTokenCount":12,"candidatesTokenCount":%d}}'
    front, last = b"[" + item % (b"", 1) + b",\n" + item % (b"", 2), item % (b',"finishReason":"STOP"', 3) + b"\n]"
    answer, complete = glean(front, last[20:])
    assert (figures(answer), stop_of(answer), complete) == ((12, 3), "STOP", True)
    assert figures(glean(front + b",\n", b"")[0]) == (12, 2)


@given(st.integers(0, 500))
def test_a_body_that_broke_off(cut: int) -> None:
    """A body cut at any byte gives what stood before the cut, and never another number."""
    whole = (CHAT % "x").encode()
    answer, complete = glean(whole[:cut], whole[:cut])
    assert complete == (cut >= len(whole))
    assert figures(answer) in (None, (12, None), (12, 3))
    assert answer.id in (None, "chatcmpl-1")


@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:\\ 1eusage', max_size=80).map(str.encode))
def test_garbage(data: bytes) -> None:
    """No bytes make the readers raise."""
    read(data)
    read_list(data)
    glean(data, data)
    glean(data[:20], data[20:], event=True)
