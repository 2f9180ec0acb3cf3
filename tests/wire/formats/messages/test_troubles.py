"""A provider's errors, whatever they look like."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aigw.wire.format import Trouble
from aigw.wire.formats.messages import FORMAT
from aigw.wire.formats.messages.troubles import STATUSES, read_error

OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Busy"}, "request_id": "req_1"}


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (529, OVERLOADED, Trouble(529, "overloaded_error", "Busy", None, "req_1", "overloaded_error")),
        (0, OVERLOADED, Trouble(529, "overloaded_error", "Busy", None, "req_1", "overloaded_error")),
        (
            400,
            {"error": {"type": "invalid_request_error", "message": "M", "details": {"error_code": "c"}}},
            Trouble(400, "c", "M", None, "", "invalid_request_error"),
        ),
        (
            400,
            {"error": {"message": "M", "code": "c", "param": "p", "type": "t"}},
            Trouble(400, "c", "M", "p", "", "t"),
        ),
        (500, {"error": "broken"}, Trouble(500, "upstream_error", "broken")),
        (404, {"detail": "Not Found"}, Trouble(404, "upstream_error", "Not Found")),
        (422, {"detail": [{"loc": ["x"]}]}, Trouble(422, "upstream_error", '[{"loc":["x"]}]')),
        (503, {"message": "later"}, Trouble(503, "upstream_error", "later")),
        (500, [], Trouble(500, "upstream_error", "The provider gave no reason.")),
        (0, {}, Trouble(502, "upstream_error", "The provider gave no reason.")),
    ],
)
def test_errors(status: int, body: Any, expected: Trouble) -> None:
    """Status, code, message, field, id and kind are found where they stand."""
    assert read_error(status, json.dumps(body).encode()) == expected


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"upstream timed out\n", "upstream timed out"),
        (b"<html>Bad Gateway</html>", "The provider gave no reason."),
        (b"\xff", "�"),
        (b"", "The provider gave no reason."),
        (b"x" * 5000, "x" * 2000),
    ],
)
def test_no_json(body: bytes, message: str) -> None:
    """Words are told, within bounds; pages are not."""
    assert read_error(502, body).message == message


@pytest.mark.parametrize("kind", STATUSES)
def test_kinds_stay(kind: str) -> None:
    """A kind of error that Anthropic knows reaches the caller as it was, even where the status tells less."""
    status = 418 if STATUSES[kind] < 500 else 599
    assert json.loads(FORMAT.error(Trouble(status, "c", "m", type=kind)))["error"]["type"] == kind


@pytest.mark.parametrize(
    ("status", "said", "told"),
    [
        (429, "insufficient_quota", "rate_limit_error"),
        (401, "invalid_request_error", "authentication_error"),
        (404, "invalid_request_error", "not_found_error"),
        (422, "invalid_request_error", "invalid_request_error"),
        (500, "invalid_request_error", "api_error"),
        (503, "rate_limit_error", "overloaded_error"),
        (400, "api_error", "invalid_request_error"),
    ],
)
def test_other_kinds(status: int, said: str, told: str) -> None:
    """Another provider's kind becomes Anthropic's for the status; so does a word of both that the status belies."""
    assert json.loads(FORMAT.error(Trouble(status, "c", "m", type=said)))["error"]["type"] == told
