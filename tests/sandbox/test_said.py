"""What of an answer really went out, by what was written."""

from __future__ import annotations

import pytest

from aigw.sandbox.faults import parse
from aigw.sandbox.reply import Event, Kind, Reply
from aigw.sandbox.said import Said
from aigw.sandbox.staging import stage

EVENTS = (
    Event(b'data: {"id":"one"}\n\n', Kind.OPEN),
    Event("data: grün\n\n".encode()),
    Event(b"data: two\n\n"),
    Event(b"data: end\n\n", Kind.END),
    Event(b"data: [DONE]\n\n", Kind.DONE),
)
# Content, reason for ending, closing event, own failure.
WHOLE = (True, True, True, False)


def said(faults: str, *, streamed: bool) -> Said:
    """What is kept of an answer under faults, once all of it is written."""
    kept = Said()
    reply = (
        Reply(events=iter(EVENTS), broken=lambda problem, sent: b"broken") if streamed else Reply(body=b'{"id":"one"}')
    )
    list(stage(reply, parse(faults), kept).frames)
    return kept


@pytest.mark.parametrize(
    ("faults", "kept"),
    [
        ("", WHOLE),
        ("chunk=1", WHOLE),
        ("gzip,comments,crlf,bom,empty-data", WHOLE),
        ("double-start,unknown-events", WHOLE),
        ("no-done", (True, True, False, False)),
        ("no-finish", (True, False, True, False)),
        ("no-terminal", (False, False, False, False)),
        ("cut=2c", (False, False, False, False)),
        ("cut=4", (True, True, False, False)),
        ("cut-bytes=40", (False, False, False, False)),
        ("half=2c", (False, False, False, False)),
        ("half=1c", (False, False, False, False)),
        ("half-letter", (False, False, False, False)),
        ("malformed=1c", (False, True, True, False)),
        ("gzip,coding-cut=2", (False, False, False, False)),
        ("gzip,no-trailer", WHOLE),
        ("error-mid=1c", (False, False, False, True)),
        ("error-mid=1c,error-done", (False, False, False, True)),
        ("bare-error=1c", (False, False, False, True)),
        ("empty", (False, False, False, False)),
        ("html", (False, False, False, False)),
    ],
)
def test_how_much_of_a_stream_was_said(faults: str, kept: tuple[bool, ...]) -> None:
    """Only what was written unbroken counts as said."""
    told = said(faults, streamed=True)
    assert (told.content, told.ended, told.closed, told.failed) == kept


@pytest.mark.parametrize(
    ("faults", "content"),
    [
        ("", True),
        ("size=500", True),
        ("chunk=3,gzip", True),
        ("length=7", True),
        ("type=text/plain", True),
        ("length=-7", False),
        ("half", False),
        ("malformed", False),
        ("gzip,coding-cut", False),
        ("empty", False),
        ("cut=1", False),
        ("html", False),
    ],
)
def test_how_much_of_a_plain_answer_was_said(faults: str, content: bool) -> None:
    """A plain answer was said when its last byte was."""
    assert said(faults, streamed=False).content is content


@pytest.mark.parametrize(
    ("opening", "ident"),
    [
        (b'{"id":"chatcmpl-1","object":"x"}', "chatcmpl-1"),
        (b'data: {"type":"response.created","item":{"id":"no"},"response":{"id":"resp_1"}}', "resp_1"),
        (b'{"candidates":[],"responseId": "g1"}', "g1"),
        (b"", ""),
    ],
)
def test_the_id_of_an_answer(opening: bytes, ident: str) -> None:
    """Each API names an answer in its own place."""
    assert Said(opening=opening).ident == ident
