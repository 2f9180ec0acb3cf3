"""Gemini: its errors, and that it has no preamble."""

from __future__ import annotations

import json

import pytest

from aigw.wire.format import Trouble, Verdict
from aigw.wire.formats.gemini import FORMAT


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "INVALID_ARGUMENT"),
        (401, "UNAUTHENTICATED"),
        (403, "PERMISSION_DENIED"),
        (404, "NOT_FOUND"),
        (418, "INVALID_ARGUMENT"),
        (429, "RESOURCE_EXHAUSTED"),
        (500, "INTERNAL"),
        (503, "UNAVAILABLE"),
        (504, "DEADLINE_EXCEEDED"),
    ],
)
def test_an_error(status: int, name: str) -> None:
    """Code, message and canonical status; our code is the reason of an ErrorInfo."""
    error = json.loads(FORMAT.error(Trouble(status, "some_code", "Words.")))["error"]
    assert (error["code"], error["message"], error["status"]) == (status, "Words.", name)
    assert error["details"][0]["reason"] == "some_code"


def test_a_stream_error() -> None:
    """An error object as data; without a terminal event only a cut tells that the stream is not complete."""
    event = FORMAT.stream_error(Trouble(502, "upstream_error", "Stopped."))
    assert event.startswith(b'data: {"error":{')
    assert FORMAT.cuts_after_error


@pytest.mark.parametrize(
    ("data", "verdict"),
    [
        ('{"candidates":[]}', Verdict.CONTENT),
        ('{"promptFeedback":{}}', Verdict.CONTENT),
        ('{"error":{"code":503}}', Verdict.ERROR),
    ],
)
def test_judging(data: str, verdict: Verdict) -> None:
    """Every chunk is content but an error."""
    assert FORMAT.judge(None, data.encode()) is verdict
