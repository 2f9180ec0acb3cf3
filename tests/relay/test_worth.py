"""What a status and first bytes say for failover: SPEC.md, "Failover", as a table."""

from __future__ import annotations

import pytest

from aigw.errors import Helps
from aigw.relay.worth import disguised, helps, is_usual, said

NEXT_KEY = {401, 402, 403, 404, 408, 409, 425, 429} | set(range(300, 400)) | set(range(500, 1000))
NEXT_MODEL = {400, 413, 422}


def test_helps() -> None:
    """Every status leads somewhere: to another key, another model, or to the caller."""
    found = {status: helps(status) for status in range(300, 1000)}
    assert {status for status, where in found.items() if where is Helps.NEXT_KEY} == NEXT_KEY
    assert {status for status, where in found.items() if where is Helps.NEXT_MODEL} == NEXT_MODEL
    assert found[405] is found[451] is Helps.NOTHING


@pytest.mark.parametrize(
    ("kind", "data", "reason"),
    [
        ("application/json", b'{"error":{"message":"no"}}', "error_in_answer"),
        ("application/json; charset=utf-8", b' \r\n{\n\t"error" : {', "error_in_answer"),
        ("application/problem+json", b'{"error":{', "error_in_answer"),
        ("application/json", b'{"type":"error","error":{"type":"overloaded_error"}}', "error_in_answer"),
        ("application/json", b"", "empty_answer"),
        ("text/html; charset=utf-8", b"", "html"),
        ("text/html", b"<html>", "html"),
    ],
)
def test_disguised(kind: str, data: bytes, reason: str) -> None:
    """A web page, an error object and nothing at all are no success whatever the status says."""
    error = disguised(kind, data)
    assert error is not None
    assert error.reason == reason


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("application/json", b"{}"),
        ("application/json", b'{"error":null}'),
        ("application/json", b'{"error":"gone"}'),
        ("application/json", b'{"id":"x","error":{"message":"no"}}'),
        ("application/json", b'[{"error":{}}]'),
        ("text/plain", b'{"error":{"message":"no"}}'),
        ("", b'{"error":{"message":"no"}}'),
        ("audio/mpeg", b"\0"),
    ],
)
def test_not_disguised(kind: str, data: bytes) -> None:
    """Anything else is an answer: whoever asked decides about it."""
    assert disguised(kind, data) is None


def test_said() -> None:
    """What the upstream said about its error is told with it, when it can be read."""
    assert said("it failed", b'{"error":{"message":"overloaded"}}') == "it failed: overloaded"
    assert said("it failed", b"\0") == "it failed"


@pytest.mark.parametrize(
    ("data", "usual"),
    [
        (b'{"id":"chatcmpl-1"}', True),
        (b'{"error":{"message":"no"}}', False),
        (b'{"type":"error","error":{}}', False),
        (b' {"id":1}', False),
        (b'{ "error":{}}', False),
        (b"[]", False),
        (b"", False),
    ],
)
def test_what_need_not_be_looked_at(data: bytes, usual: bool) -> None:
    """An answer that cannot be an error by its first bytes goes on at once; whatever may be one is looked at."""
    assert is_usual("application/json", data) is usual
    assert not is_usual("text/plain", data)
