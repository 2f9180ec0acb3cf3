"""When a stream is worth sending: its first events, in plain and in coded form."""

from __future__ import annotations

import gzip

import pytest

from aigw.wire import formats
from aigw.wire.format import Verdict
from aigw.wire.opening import MAX_HELD, Opening

ROLE = b'data: {"choices":[{"delta":{"role":"assistant","content":""}}]}\n\n'
CONTENT = b'data: {"choices":[{"delta":{"content":"Hi"}}]}\n\n'
ERROR = b'data: {"error":{"message":"overloaded"}}\n\n'


def opening(encoding: str | None = None) -> Opening:
    """Of a chat stream."""
    return Opening(formats.load()["chat"], encoding)


@pytest.mark.parametrize(
    ("events", "verdict"),
    [
        (b"", Verdict.PREAMBLE),
        (ROLE, Verdict.PREAMBLE),
        (b": comment\n\n" + ROLE, Verdict.PREAMBLE),
        (ROLE + CONTENT, Verdict.CONTENT),
        (ROLE + CONTENT + ERROR, Verdict.CONTENT),
        (ERROR, Verdict.ERROR),
        (ROLE + ERROR, Verdict.ERROR),
        (b"data: [DONE]\n\n", Verdict.CONTENT),
        (b"data: {not json\n\n", Verdict.CONTENT),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_the_first_event_that_says_something_decides(events: bytes, verdict: Verdict, size: int) -> None:
    """Preamble is held back; content goes out; an error before any content lets another candidate try."""
    judge = opening()
    found = Verdict.PREAMBLE
    for at in range(0, len(events), size):
        found = judge.feed(events[at : at + size])
        if found is not Verdict.PREAMBLE:
            break
    assert found is verdict
    assert judge.error == (ERROR[6:-2] if verdict is Verdict.ERROR else b"")


def test_half_an_event_decides_nothing() -> None:
    """Until its blank line an event is not there."""
    judge = opening()
    assert judge.feed(ERROR[:-1]) is Verdict.PREAMBLE
    assert judge.feed(ERROR[-1:]) is Verdict.ERROR


def test_a_coded_stream_is_looked_into() -> None:
    """A compressed stream is undone on the side."""
    coded = gzip.compress(ROLE + ERROR)
    judge = opening("gzip")
    assert Verdict.ERROR in [judge.feed(coded[at : at + 10]) for at in range(0, len(coded), 10)]


@pytest.mark.parametrize(("encoding", "data"), [("gzip", b"no gzip at all"), ("x-unknown", ERROR)])
def test_what_cannot_be_looked_into_goes_out(encoding: str, data: bytes) -> None:
    """Broken or unknown codings are the caller's to judge."""
    assert opening(encoding).feed(data) is Verdict.CONTENT


@pytest.mark.parametrize("data", [b"data: " + b"x" * (MAX_HELD + 1), ROLE * (MAX_HELD // len(ROLE) + 1)])
def test_a_preamble_without_end_goes_out(data: bytes) -> None:
    """No more than a bound is held back, whether it is one event or many."""
    assert opening().feed(data) is Verdict.CONTENT
