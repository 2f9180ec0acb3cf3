"""The heads of answers, byte for byte."""

from __future__ import annotations

import json

import pytest

from aigw.errors import AllFailed, MethodNotAllowed, NotFound, Unauthorized
from aigw.front import answers
from aigw.observe.record import Record
from aigw.wire import formats

CHAT = formats.load()["chat"]


@pytest.mark.parametrize(
    ("code", "line"),
    [
        (200, b"HTTP/1.1 200 OK\r\n"),
        (429, b"HTTP/1.1 429 Too Many Requests\r\n"),
        (529, b"HTTP/1.1 529 Status\r\n"),
        (299, b"HTTP/1.1 299 Status\r\n"),
    ],
)
def test_status_lines(code: int, line: bytes) -> None:
    """Registered or not, every status has a phrase: some clients cannot do without."""
    assert answers.status_line(code) == line


FIELDS = [
    (b"Content-Type", b"text/html"),
    (b"Content-Encoding", b"gzip"),
    (b"Retry-After", b"3"),
    (b"Set-Cookie", b"session=1"),
    (b"x-request-id", b"theirs"),
]


def test_passed_fields() -> None:
    """What callers act on passes in its spelling; cookies do not; the upstream's request id is renamed."""
    assert b"".join(answers.passed_fields(FIELDS)) == (
        b"Content-Type: text/html\r\nContent-Encoding: gzip\r\nRetry-After: 3\r\nx-aigw-upstream-request-id: theirs\r\n"
    )


@pytest.mark.parametrize(
    ("replaced", "begins"),
    [
        (False, b"Content-Type: text/html\r\nContent-Encoding: gzip\r\nRetry-After: 3\r\n"),
        (True, b"content-type: application/json\r\nRetry-After: 3\r\n"),
    ],
)
def test_error_fields(replaced: bool, begins: bytes) -> None:
    """A body of our own has a type of its own and no coding; retry hints stay either way."""
    assert b"".join(answers.error_fields(FIELDS, replaced=replaced)).startswith(begins)


def test_ids() -> None:
    """Under both names that SDKs read."""
    assert answers.ids("req_1") == b"x-request-id: req_1\r\nrequest-id: req_1\r\n"


def test_what_is_told_of_a_relayed_answer() -> None:
    """Ids, who served, attempts, and where the time went in milliseconds."""
    record = Record("req_1", "chat-completions", 100.0, 0.0)
    record.received = 100.010
    for started, ended in ((100.011, 100.050), (100.050, None)):
        attempt = record.attempt("up", "m", "", started)
        attempt.ended = ended
    attempt.connect_ms, attempt.first_byte_ms = 5.0, 45.0
    lines = answers.told(record, record.attempts[-1], b"x-aigw-provider: up\r\n", 0.5, 0.25, 100.097)
    assert lines == (
        b"x-request-id: req_1\r\nrequest-id: req_1\r\nx-aigw-provider: up\r\nx-aigw-attempts: 2\r\n"
        b"server-timing: auth;dur=0.500, route;dur=0.250, connect;dur=5.000, upstream;dur=40.000, gateway;dur=3.000\r\n"
    )


@pytest.mark.parametrize(
    ("close", "head_only", "end"),
    [
        (False, False, b"content-length: 2\r\n\r\n{}"),
        (True, False, b"content-length: 2\r\nconnection: close\r\n\r\n{}"),
        (True, True, b"content-length: 2\r\nconnection: close\r\n\r\n"),
    ],
)
def test_a_whole_answer(close: bool, head_only: bool, end: bytes) -> None:
    """Framed by its length; an answer to HEAD tells the length and leaves the body out."""
    answer = answers.body_answer(200, [b"a: 1\r\n"], b"{}", close=close, head_only=head_only)
    assert answer == b"HTTP/1.1 200 OK\r\na: 1\r\n" + end


@pytest.mark.parametrize(
    ("refusal", "lines"),
    [
        (Unauthorized("No.", code="missing_access_key"), b"x-aigw-error: missing_access_key\r\n"),
        (AllFailed("No.", retry_after=7), b"x-aigw-error: all_candidates_failed\r\nretry-after: 7\r\n"),
        (MethodNotAllowed("No.", headers=(("allow", "GET, HEAD"),)), b"allow: GET, HEAD\r\n"),
    ],
)
def test_a_refusals_fields(refusal: NotFound, lines: bytes) -> None:
    """Type, ids, our code, when to come back, what else belongs to the status."""
    head = b"".join(answers.refusal_parts(refusal, CHAT, "req_1")[0])
    assert head.startswith(b"content-type: application/json\r\nx-request-id: req_1\r\nrequest-id: req_1\r\n")
    assert head.endswith(lines)


@pytest.mark.parametrize("name", ["chat", "responses", "messages", "gemini"])
def test_a_refusals_body_is_in_the_callers_format(name: str) -> None:
    """Each format's own error shape, with the same words."""
    format = formats.load()[name]
    _, body = answers.refusal_parts(NotFound("There is nothing.", param="model"), format, "req_1")
    assert json.loads(body)["error"]["message"] == "There is nothing."
    assert ("request_id" in json.loads(body)) is (name == "messages")
