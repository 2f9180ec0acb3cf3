"""The one pass over a request's fields."""

from __future__ import annotations

import pytest

from aigw.wire import head as module
from aigw.wire.head import AUTHORIZATION, CONNECTION, CONTENT_TYPE, Head
from aigw.wire.headers import MAX_REMEMBERED


def test_fields_are_noted_in_any_spelling_and_forwarded_as_sent() -> None:
    """What the gateway acts on is found by its lower-case name; what passes keeps the caller's spelling and order."""
    head = Head([(b"AUTHORIZATION", b"Bearer x"), (b"Content-TYPE", b"a/b"), (b"X-One", b"1"), (b"x-one", b"2")])
    assert head.noted == {AUTHORIZATION: b"Bearer x", CONTENT_TYPE: b"a/b"}
    assert head.forwarded == [
        (b"content-type", b"Content-TYPE", b"a/b"),
        (b"x-one", b"X-One", b"1"),
        (b"x-one", b"x-one", b"2"),
    ]


def test_the_first_of_several_counts() -> None:
    """Of a field that stands twice the first is noted: a second credential is never looked at."""
    head = Head([(b"authorization", b"Bearer first"), (b"Authorization", b"Bearer second")])
    assert head.noted[AUTHORIZATION] == b"Bearer first"
    assert head.forwarded == []


def test_every_connection_field_counts() -> None:
    """Fields named by a second Connection field are of this hop as well (RFC 9110, section 7.6.1)."""
    head = Head([(b"Connection", b"keep-alive"), (b"connection", b"x-hop")])
    assert head.noted[CONNECTION] == b"keep-alive, x-hop"


def test_text() -> None:
    """A noted field as text, empty when it was not sent."""
    assert Head([(b"content-type", b"a/\xe4")]).text(CONTENT_TYPE) == "a/ä"
    assert Head([]).text(CONTENT_TYPE) == ""


def test_names_are_remembered_within_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """Callers who invent names for every request do not fill the memory."""
    monkeypatch.setattr(module, "_known", {})
    Head([(b"x-%d" % number, b"") for number in range(MAX_REMEMBERED + 10)])
    assert len(module._known) == MAX_REMEMBERED
