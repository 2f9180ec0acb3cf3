"""What every wire format has to offer."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.wire import formats
from aigw.wire.format import Trouble, Verdict

FORMATS = formats.load()
TROUBLE = Trouble(404, "unknown_model", 'There is no "gpt-9".\nTry another.', "model", "req_1")


def test_they_are_found_in_their_folder() -> None:
    """A format is one file; its name is the key under which errors and streams find it."""
    assert sorted(FORMATS) == ["chat", "gemini", "messages", "responses"]
    assert all(format.name == name for name, format in FORMATS.items())


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 405, 408, 413, 418, 429, 431, 500, 502, 503, 504, 529])
def test_errors_are_json_with_the_message(name: str, status: int) -> None:
    """For every status an error is a JSON object that carries the message whole, and our code somewhere in it."""
    body = FORMATS[name].error(Trouble(status, "some_code", TROUBLE.message, None, "req_1"))
    assert json.loads(body)["error"]["message"] == TROUBLE.message
    assert b'"some_code"' in body


@pytest.mark.parametrize("name", FORMATS)
def test_a_stream_error_is_one_event_that_is_judged_an_error(name: str) -> None:
    """What we say in a stream is one well-formed event, and what we would recognise in an upstream's."""
    event = FORMATS[name].stream_error(TROUBLE)
    lines = event.decode().splitlines()
    assert event.endswith((b"\n\n", b"\r\n\r\n"))
    data = next(line.removeprefix("data: ") for line in lines if line.startswith("data: "))
    kind = next((line.removeprefix("event: ") for line in lines if line.startswith("event: ")), None)
    assert FORMATS[name].judge(kind, data.encode()) is Verdict.ERROR


@pytest.mark.parametrize("name", FORMATS)
@given(st.none() | st.text(max_size=10), st.binary(max_size=50) | st.text('{}[]":,error', max_size=30).map(str.encode))
def test_judging_never_fails(name: str, kind: str | None, data: bytes) -> None:
    """Whatever an upstream sends, there is a verdict."""
    assert FORMATS[name].judge(kind, data) in Verdict


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("data", [b"", b"null", b"[]", b"1", b'{"choices":1}', b"\xff", b'{"error":'])
def test_what_is_not_understood_counts_as_content(name: str, data: bytes) -> None:
    """The caller's SDK decides about it, as it would without a gateway."""
    assert FORMATS[name].judge(None, data) is Verdict.CONTENT
