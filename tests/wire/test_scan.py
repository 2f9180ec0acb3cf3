"""A body read while it comes: the same whatever the slicing, and the same as one read as a whole."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.errors import InvalidBody
from aigw.wire import scan
from aigw.wire.peek import peek
from aigw.wire.scan import Scanner

from ..support.bodies import requests, slices


def scanned(pieces: list[bytes], *, strict: bool = False) -> Scanner:
    """A scanner fed with these."""
    scanner = Scanner(strict=strict)
    for piece in pieces:
        scanner.feed(piece)
    return scanner


def whole(scanner: Scanner) -> bytes:
    """Everything that was fed, as it would go out."""
    return b"".join((*scanner.pieces, scanner.held, *scanner.rest))


@given(st.data())
def test_any_slicing_reads_the_same_as_a_peek(data: st.DataObject) -> None:
    """Cut anywhere, a body says what it says as a whole, and loses nothing but `models`, which becomes spaces."""
    body = data.draw(requests())
    scanner = scanned(data.draw(slices(body)))
    read = peek(body)
    assert scanner.complete
    assert (scanner.model, scanner.models, scanner.stream, scanner.listed) == (
        read.model,
        read.models,
        read.stream,
        read.listed,
    )
    out = whole(scanner)
    assert len(out) == len(body)
    wanted = json.loads(body)
    wanted.pop("models", None)
    assert json.loads(out) == wanted
    if not read.listed:
        assert out == body
    if read.model is not None:
        assert json.loads(scanner.pieces[scanner.model_at]) == read.model


@given(requests())
def test_byte_by_byte(body: bytes) -> None:
    """Every single byte may come alone."""
    alone = scanned([body[at : at + 1] for at in range(len(body))])
    once = scanned([body])
    assert whole(alone) == whole(once)
    assert (alone.model, alone.models, alone.stream) == (once.model, once.models, once.stream)


@given(st.binary(max_size=60) | st.text('{}[]":,\\model s\n0', max_size=40).map(str.encode), st.data())
def test_anything_is_read_or_refused(body: bytes, data: st.DataObject) -> None:
    """Whatever bytes come in whatever slices, the answer is a reading or InvalidBody, and no byte is lost."""
    try:
        scanner = scanned(data.draw(slices(body)))
    except InvalidBody:
        return
    assert len(whole(scanner)) == len(body)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"[]", None),
        (b"x", None),
        (b'{"a" 1}', None),
        (b'{"a":}', None),
        (b'{"a":1 "b":2}', None),
        (b'{"a":1,}', None),
        (b"{,}", None),
        (b'{"a":1}}', None),
        (b'{"a":1}{"model":"m"}', None),
        (b'{"\\x":1}', None),
        (b'{"model":1,', "model"),
        (b'{"model":null}', "model"),
        (b'{"model":{"a":1}}', "model"),
        (b'{"models":"m"}', "models"),
        (b'{"models":["a",1]}', "models"),
        (b'{"models":[[[1]]]}', "models"),
        (b'{"model":"a","model":"b"}', "model"),
        (b'{"model":"a","\\u006dodel":"b"}', "model"),
        (b'{"models":["a"],"b":1,"models":["c"]}', "models"),
        (b'{"model":"' + b"a" * 70_000 + b'"}', "model"),
    ],
)
def test_what_cannot_be_read_is_refused(body: bytes, param: str | None) -> None:
    """The refusal comes as soon as the bytes that cannot be right, and names the field at fault."""
    with pytest.raises(InvalidBody) as caught:
        scanned([body[at : at + 1000] for at in range(0, len(body), 1000)])
    assert caught.value.param == param


@pytest.mark.parametrize("body", [b'{"Model":"a"}', b'{"model":"a","MODELS":[]}', b'{"model\xc5\xbf":[]}'])
def test_strict_refuses_other_spellings(body: bytes) -> None:
    """As `peek` does for callers who may not call every model; others may send what they like."""
    with pytest.raises(InvalidBody):
        scanned([body], strict=True)
    assert scanned([body]).complete


def test_bytes_go_up_before_the_body_is_complete() -> None:
    """What is decided is a piece at once; only a member's name and the value of a name are held back."""
    scanner = Scanner()
    scanner.feed(b'{"messages":[{"content":"' + b"a" * 1000)
    assert whole(scanner) == b"".join(scanner.pieces)
    scanner.feed(b'"}],"mod')
    assert scanner.held == b',"mod'
    scanner.feed(b'el":"gp')
    assert scanner.held == b'"gp'
    scanner.feed(b't"')
    assert (scanner.model, scanner.held) == ("gpt", b"")


def test_a_long_member_name_is_not_held() -> None:
    """A name that cannot be one of ours goes on, however long it is, and is forgotten."""
    scanner = Scanner()
    scanner.feed(b'{"' + b"x" * 1000)
    assert scanner.held == b""
    scanner.feed(b'y":1,"model":"m"}')
    assert scanner.model == "m"
    assert scanner.complete


@pytest.mark.parametrize("dense", [b"[", b'\\"', b'"",'], ids=["brackets", "escapes", "strings"])
def test_it_gives_up_when_its_budget_is_spent(dense: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body dense with brackets, quotes or escapes costs bounded time: what still comes is only kept."""
    monkeypatch.setattr(scan, "MAX_TOKENS", 100)
    quote = b'"' if dense.startswith(b"\\") else b"["
    body = b'{"model":"a","x":' + quote + dense * 200
    scanner = scanned([body[at : at + 50] for at in range(0, len(body), 50)])
    assert scanner.gave_up
    assert scanner.model == "a"
    assert len(b"".join(scanner.rest)) >= len(dense) * 90
    assert whole(scanner) == body


def test_nothing_unseen_is_a_piece_after_giving_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second `model` behind what was looked at does not go up unseen."""
    monkeypatch.setattr(scan, "MAX_TOKENS", 10)
    scanner = scanned([b'{"model":"a","x":[' + b"[]," * 20 + b'[]],"model":"b"}'])
    assert b'"b"' not in b"".join(scanner.pieces)


def test_too_many_members() -> None:
    """The ten-thousandth member is the last that is taken, however many bytes they come in."""
    scanner = Scanner()
    with pytest.raises(InvalidBody, match="more than 10000 members"):
        scanner.feed(b"{" + b'"k":1,' * 20_000)
