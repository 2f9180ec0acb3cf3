"""Messages: its errors, and which events come before anything was generated."""

from __future__ import annotations

import json

import pytest

from aigw.wire.format import Trouble, Verdict
from aigw.wire.formats.messages import FORMAT


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (402, "billing_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (413, "invalid_request_error"),
        (418, "invalid_request_error"),
        (429, "rate_limit_error"),
        (500, "api_error"),
        (503, "overloaded_error"),
        (529, "overloaded_error"),
    ],
)
def test_an_error(status: int, kind: str) -> None:
    """The shape and the types that Anthropic's SDKs know; our code is where they look for one."""
    body = json.loads(FORMAT.error(Trouble(status, "some_code", "Words.", None, "req_1")))
    error = {"type": kind, "message": "Words.", "details": {"error_code": "some_code"}}
    assert body == {"type": "error", "error": error, "request_id": "req_1"}


def test_a_stream_error() -> None:
    """Without its event's name the SDK would ignore it; with it the SDK raises, so no cut is needed."""
    event = FORMAT.stream_error(Trouble(502, "upstream_error", "Stopped.", None, "req_1"))
    assert event.startswith(b"event: error\ndata: {")
    assert not FORMAT.cuts_after_error


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        ('{"type":"message_start","message":{}}', Verdict.PREAMBLE),
        ('{"type":"ping"}', Verdict.PREAMBLE),
        ('{"type":"content_block_start"}', Verdict.CONTENT),
        ('{"type":"content_block_delta"}', Verdict.CONTENT),
        ('{"type":"message_delta"}', Verdict.CONTENT),
        ('{"type":"message_stop"}', Verdict.CONTENT),
        ('{"type":"error","error":{"type":"overloaded_error"}}', Verdict.ERROR),
    ],
)
def test_judging(data: str, verdict: Verdict) -> None:
    """The message's start and pings are preamble."""
    assert FORMAT.judge(None, data.encode()) is verdict
