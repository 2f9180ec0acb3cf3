"""Chat Completions: its errors, and which chunks say something."""

from __future__ import annotations

import json

import pytest

from aigw.wire.format import Trouble, Verdict
from aigw.wire.formats.chat import FORMAT


def test_an_error() -> None:
    """The shape that OpenAI's SDKs read: message, type, param, code."""
    body = json.loads(FORMAT.error(Trouble(404, "unknown_model", "No such model.", "model", "req_1")))
    error = {"message": "No such model.", "type": "not_found_error", "param": "model", "code": "unknown_model"}
    assert body == {"error": error}


def test_the_type_of_an_upstreams_error_stays() -> None:
    """Where the upstream named the kind of its error, the caller reads that word."""
    body = json.loads(FORMAT.error(Trouble(429, "insufficient_quota", "No.", type="insufficient_quota")))
    assert body["error"]["type"] == "insufficient_quota"


def test_the_type_of_googles_errors() -> None:
    """Google's words for a status are none of OpenAI's types: by the status; the word is the code."""
    body = json.loads(FORMAT.error(Trouble(429, "RESOURCE_EXHAUSTED", "No.", type="RESOURCE_EXHAUSTED")))
    assert (body["error"]["type"], body["error"]["code"]) == ("rate_limit_error", "RESOURCE_EXHAUSTED")


def test_a_stream_error() -> None:
    """As data: the SDK raises on it, so the stream may then end properly, without `[DONE]`."""
    event = FORMAT.stream_error(Trouble(502, "upstream_error", "Stopped."))
    assert event.startswith(b'data: {"error":{')
    assert not FORMAT.cuts_after_error


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        ('{"choices":[]}', Verdict.PREAMBLE),
        ('{"choices":null,"usage":{"total_tokens":1}}', Verdict.PREAMBLE),
        ('{"choices":[{"delta":{"role":"assistant"}}]}', Verdict.PREAMBLE),
        (
            '{"choices":[{"delta":{"role":"assistant","content":"","tool_calls":[]},"finish_reason":null}]}',
            Verdict.PREAMBLE,
        ),
        ('{"choices":[{"delta":{"content":"a"}}]}', Verdict.CONTENT),
        ('{"choices":[{"delta":{"reasoning_content":"a"}}]}', Verdict.CONTENT),
        ('{"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}', Verdict.CONTENT),
        ('{"choices":[{"delta":{},"finish_reason":"stop"}]}', Verdict.CONTENT),
        ('{"choices":[{"delta":{}},{"delta":{"content":"b"}}]}', Verdict.CONTENT),
        ('{"choices":[{"text":"a"}]}', Verdict.CONTENT),
        ("[DONE]", Verdict.CONTENT),
        ('{"error":{"message":"overloaded"}}', Verdict.ERROR),
        ('{"error":"overloaded","choices":[]}', Verdict.ERROR),
    ],
)
def test_judging(data: str, verdict: Verdict) -> None:
    """A role alone is preamble; text, reasoning, tool calls, a finish reason or the end are content."""
    assert FORMAT.judge(None, data.encode()) is verdict


def test_an_event_named_error_is_one() -> None:
    """Some servers name it, as Anthropic does."""
    assert FORMAT.judge("error", b'{"message":"x"}') is Verdict.ERROR
