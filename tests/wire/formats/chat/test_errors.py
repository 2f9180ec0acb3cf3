"""Errors of providers, wherever their servers put the words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aigw.wire.format import Trouble
from aigw.wire.formats.chat.errors import MOST_SAID, read_error

CORPUS = Path(__file__).parents[5] / "shared" / "corpus"
SILENT = "The provider reported an error and did not say which."


@pytest.mark.parametrize(
    ("status", "body", "trouble"),
    [
        (
            404,
            {"error": {"message": "No model.", "type": "invalid_request_error", "param": "model", "code": "no_model"}},
            Trouble(404, "no_model", "No model.", "model", type="invalid_request_error"),
        ),
        (
            429,
            {"error": {"message": "Quota.", "type": "insufficient_quota", "code": None}},
            Trouble(429, "insufficient_quota", "Quota.", type="insufficient_quota"),
        ),
        (401, {"error": {"code": 401, "message": "Key.", "type": "auth"}}, Trouble(401, "auth", "Key.", type="auth")),
        (0, {"error": {"code": 429, "message": "Slow."}}, Trouble(429, "upstream_error", "Slow.")),
        (0, {"error": {"code": "401", "message": "Key."}}, Trouble(401, "upstream_error", "Key.")),
        (0, {"error": "Compute error."}, Trouble(502, "upstream_error", "Compute error.")),
        (
            400,
            {"object": "error", "message": "Bad.", "type": "invalid_model", "code": "1500"},
            Trouble(400, "1500", "Bad.", type="invalid_model"),
        ),
        (400, {"error": {"message": "Bad.", "code": 1210}}, Trouble(400, "1210", "Bad.")),
        (400, {"error": {"message": "Bad.", "code": True}}, Trouble(400, "upstream_error", "Bad.")),
        (401, {"detail": "Unauthorized"}, Trouble(401, "upstream_error", "Unauthorized")),
        (422, {"detail": [{"msg": "field required"}, {"msg": "b"}]},
         Trouble(422, "upstream_error", "field required; b")),
        (400, [{"error": {"message": "Bad.", "status": "INVALID"}}], Trouble(400, "upstream_error", "Bad.")),
        (
            502,
            {"error": {"message": "Provider returned error", "metadata": {"raw": "too long"}}},
            Trouble(502, "upstream_error", "Provider returned error: too long"),
        ),
        (500, {"error": {}, "request_id": "r"}, Trouble(500, "upstream_error", SILENT, request_id="r")),
        (500, 7, Trouble(500, "upstream_error", SILENT)),
        (500, "oh", Trouble(500, "upstream_error", "oh")),
    ],
)  # fmt: skip
def test_reading(status: int, body: Any, trouble: Trouble) -> None:
    """Message, code, type and field from each shape; a code that is a status is no code."""
    assert read_error(status, json.dumps(body).encode()) == trouble


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"Bad gateway", "Bad gateway"), (b"<html>", SILENT), (b"", SILENT), (b"\xff", "\ufffd"), (b"null", "null")],
)
def test_what_is_no_json(data: bytes, message: str) -> None:
    """Plain text is the message; a page is none."""
    assert read_error(502, data).message == message


def test_long_messages_are_cut() -> None:
    """Some quote the whole request."""
    assert len(read_error(400, b"x" * 9000).message) == MOST_SAID


@pytest.mark.skipif(not CORPUS.is_dir(), reason="the recorded traffic is not here")
def test_recorded_errors() -> None:
    """Every recorded error says what it is."""
    for path in CORPUS.glob("*/openai-chat/*/expect.json"):
        error, body = json.loads(path.read_bytes()).get("error"), path.with_name("response.json")
        if error and body.exists():
            trouble = read_error(400, body.read_bytes())
            assert trouble.message != SILENT, path
            said = error if isinstance(error, str) else error.get("message") or error.get("detail") or ""
            assert said[:200].strip() in trouble.message, path
