"""Errors of providers, in answers and in streams."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aigw.wire.format import Trouble
from aigw.wire.formats.responses import FORMAT
from aigw.wire.formats.responses.troubles import streamed_trouble

OPENAI = {"message": "Bad.", "type": "invalid_request_error", "param": "temperature", "code": "decimal_below_min"}


@pytest.mark.parametrize(
    ("body", "trouble"),
    [
        (
            {"error": OPENAI},
            Trouble(400, "decimal_below_min", "Bad.", "temperature", type="invalid_request_error"),
        ),
        ({"error": {**OPENAI, "code": None}},
         Trouble(400, "invalid_request_error", "Bad.", "temperature", type="invalid_request_error")),
        ({"error": {"message": "Bad.", "code": 400}}, Trouble(400, "400", "Bad.")),
        ({"code": "invalid-argument", "error": "Bad key."}, Trouble(400, "invalid-argument", "Bad key.")),
        ({"detail": "Sign in."}, Trouble(400, "upstream_error", "Sign in.")),
        ({"detail": [{"loc": ["body"]}]}, Trouble(400, "upstream_error", '[{"loc":["body"]}]')),
        ({"object": "error", "message": "Bad.", "type": "BadRequestError", "code": 40},
         Trouble(400, "40", "Bad.", type="BadRequestError")),
        ([{"error": OPENAI}], Trouble(400, "decimal_below_min", "Bad.", "temperature", type="invalid_request_error")),
        ({"type": "response.failed", "response": {"error": {"code": "c", "message": "Bad."}}},
         Trouble(400, "c", "Bad.")),
        ({"type": "error", "code": "c", "message": "Bad.", "param": None}, Trouble(400, "c", "Bad.")),
        ("Bad.", Trouble(400, "upstream_error", "Bad.")),
        ({}, Trouble(400, "upstream_error", "The provider answered with the status 400 and said nothing more.")),
    ],
)  # fmt: skip
def test_bodies(body: Any, trouble: Trouble) -> None:
    """Whatever shape a server gives its errors, message, code, kind and place are found."""
    assert FORMAT.read_error(400, json.dumps(body).encode()) == trouble


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"<html>Bad gateway</html>", "<html>Bad gateway</html>"),
        (b"\xff", "\ufffd"),
        (b"", "The provider answered with the status 502 and said nothing more."),
        (b"x" * 5000, "x" * 2000 + "…"),
    ],
)
def test_what_is_no_json(data: bytes, message: str) -> None:
    """A page of a proxy is told as it is, cut."""
    assert FORMAT.read_error(502, data) == Trouble(502, "upstream_error", message)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("rate_limit_exceeded", 429),
        ("server_error", 502),
        ("503", 503),
        ("what", 502),
        ("context_length_exceeded", 400),
    ],
)
def test_errors_within_a_stream(code: str, status: int) -> None:
    """An error that comes within a stream has the status that its code stands for."""
    assert streamed_trouble({"type": "error", "error": {"code": code, "message": "Bad."}}).status == status
