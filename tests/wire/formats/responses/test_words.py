"""Responses: its errors, and which events come before anything was generated."""

from __future__ import annotations

import json

import pytest

from aigw.wire.format import Trouble, Verdict
from aigw.wire.formats.responses import FORMAT


def test_an_error() -> None:
    """As in Chat Completions."""
    body = json.loads(FORMAT.error(Trouble(429, "rate_limited", "Slow down.")))
    assert body["error"] == {"message": "Slow down.", "type": "rate_limit_error", "param": None, "code": "rate_limited"}


def test_a_stream_error() -> None:
    """A typed event, which the SDK only hands on: the connection has to be cut for it to raise."""
    event = FORMAT.stream_error(Trouble(502, "upstream_error", "Stopped."))
    assert event.startswith(b"event: error\ndata: ")
    assert json.loads(event.partition(b"data: ")[2])["type"] == "error"
    assert FORMAT.cuts_after_error


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        ('{"type":"response.created"}', Verdict.PREAMBLE),
        ('{"type":"response.in_progress"}', Verdict.PREAMBLE),
        ('{"type":"response.queued"}', Verdict.PREAMBLE),
        ('{"type":"response.output_item.added"}', Verdict.CONTENT),
        ('{"type":"response.output_text.delta"}', Verdict.CONTENT),
        ('{"type":"response.completed"}', Verdict.CONTENT),
        ('{"type":"response.failed"}', Verdict.ERROR),
        ('{"type":"error","message":"x"}', Verdict.ERROR),
        ('{"error":{"message":"x"}}', Verdict.ERROR),
        ('{"type":"response.created","response":{"error":null}}', Verdict.PREAMBLE),
    ],
)
def test_judging(data: str, verdict: Verdict) -> None:
    """Created, queued and in progress are preamble; a failure before any output is an error."""
    assert FORMAT.judge(None, data.encode()) is verdict
