"""A provider's error."""

from __future__ import annotations

import msgspec
import pytest

from aigw.wire.format import Trouble
from aigw.wire.formats.gemini import FORMAT


@pytest.mark.parametrize(
    ("status", "data", "wanted"),
    [
        (
            400,
            b'{"error":{"code":400,"message":"m","status":"INVALID_ARGUMENT"}}',
            Trouble(400, "INVALID_ARGUMENT", "m", type="INVALID_ARGUMENT"),
        ),
        (
            403,
            b'{"error":{"message":"m","status":"PERMISSION_DENIED","details":[{"reason":"SERVICE_DISABLED"}]}}',
            Trouble(403, "SERVICE_DISABLED", "m", type="PERMISSION_DENIED"),
        ),
        (
            400,
            b'{"error":{"message":"m","details":[{"fieldViolations":[{"field":"contents"}]},{"requestId":"r"}]}}',
            Trouble(400, "upstream_error", "m", param="contents", request_id="r"),
        ),
        (
            429,
            b'[{"error":{"message":"m","status":"RESOURCE_EXHAUSTED"}}]',
            Trouble(429, "RESOURCE_EXHAUSTED", "m", type="RESOURCE_EXHAUSTED"),
        ),
        (200, b'{"error":{"code":503,"message":"m"}}', Trouble(503, "upstream_error", "m")),
        (200, b'{"error":{"message":"m"}}', Trouble(502, "upstream_error", "m")),
        (500, b'{"error":"m"}', Trouble(500, "upstream_error", "m")),
        (500, b"<html>", Trouble(500, "upstream_error", "<html>")),
        (500, b"", Trouble(500, "upstream_error", "The provider answered with an error.")),
    ],
)
def test_each_shape(status: int, data: bytes, wanted: Trouble) -> None:
    """Status, kind, code, sentence, field and request as far as they are told."""
    assert FORMAT.read_error(status, data) == wanted


def test_both_ways() -> None:
    """What an error says is kept when it is written for a caller of the same format."""
    trouble = Trouble(429, "QUOTA", "m", param="p", request_id="r", type="RESOURCE_EXHAUSTED")
    assert FORMAT.read_error(429, FORMAT.error(trouble)) == trouble


def test_words_of_others() -> None:
    """Another format's word for the kind gives way to the one of the status."""
    error = msgspec.json.decode(FORMAT.error(Trouble(429, "c", "m", type="insufficient_quota")))["error"]
    assert error["status"] == "RESOURCE_EXHAUSTED"
