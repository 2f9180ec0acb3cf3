"""What is read of a complete body, and what a splice leaves alone."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from aigw.errors import InvalidBody
from aigw.wire.peek import MAX_MEMBERS, Peeked, blank, members, peek, splice

from ..support.bodies import NAME, requests

DEEP = b'{"model":"m","a":' + b"[" * 100_000 + b"]" * 100_000 + b"}"


def expected(body: bytes) -> Peeked:
    """What Python's own parser reads of a body."""
    read: dict[str, Any] = json.loads(body)
    return Peeked(read.get("model"), tuple(read.get("models", ())), read.get("stream") is True, "models" in read)


@given(requests(), st.booleans())
def test_it_reads_what_a_json_parser_reads(body: bytes, strict: bool) -> None:
    """Whatever the order, white space and escapes, the fields are those of the parsed object."""
    assert peek(body, strict=strict) == expected(body)


@given(requests(), NAME, st.booleans())
@example(b'{"a":{"model":"x"},"model":"up:x"}', "x", False)
@example(b'{"\\u006dodel":"up:x","b":{"model":"up:x"}}', "x", False)
@example(b'{"models":["a"]}', "x", True)
@example(b'{"models":["a"],"b":1}', "x", True)
@example(b'{"b":1,"models":["a"]}', "x", True)
@example(b"{}", "x", False)
def test_a_splice_changes_the_model_and_nothing_else(body: bytes, model: str, listed: bool) -> None:
    """Parsed, the spliced body is the old one with the new model, and without `models` where that is asked for."""
    wanted = json.loads(body) | {"model": model}
    if listed:
        wanted.pop("models", None)
    assert json.loads(splice(body, model, listed=listed)) == wanted


@given(requests())
def test_a_splice_of_nothing_keeps_every_byte(body: bytes) -> None:
    """Without a new model and with `models` left in, not a byte changes."""
    assert splice(body, None, listed=False) == body


@given(requests(), NAME)
def test_bytes_before_and_behind_the_model_stay(body: bytes, model: str) -> None:
    """White space, number formats, escapes and order of everything else are the caller's own."""
    found = [(start, end) for key, _, start, end in members(body) if key == "model"]
    if found:
        start, end = found[0]
        literal = json.dumps(model, ensure_ascii=False).encode()
        spliced = splice(body, model, listed=False)
        assert spliced.startswith(body[:start])
        assert spliced.endswith(body[end:])
        assert json.loads(spliced[start : len(spliced) - len(body) + end]) == json.loads(literal)


@given(requests())
def test_blanking_keeps_the_length(body: bytes) -> None:
    """A body whose length is announced loses `models` without losing a byte."""
    wanted = json.loads(body)
    wanted.pop("models", None)
    blanked = blank(body)
    assert len(blanked) == len(body)
    assert json.loads(blanked) == wanted


@given(st.binary(max_size=60) | st.text('{}[]":,\\model s\n0', max_size=40).map(str.encode))
def test_anything_is_read_or_refused(body: bytes) -> None:
    """Whatever bytes come, the answer is a reading or InvalidBody."""
    for read in (peek, members):
        with suppress(InvalidBody):
            read(body)


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        (b"", None, "not valid JSON"),
        (b"[]", None, "must be a JSON object"),
        (b'"model"', None, "must be a JSON object"),
        (b"null", None, "must be a JSON object"),
        (b"{", None, "not valid JSON"),
        (b'{"model":"m"}x', None, "not valid JSON"),
        (b'{"model":"m",}', None, "not valid JSON"),
        (b"\xef\xbb\xbf{}", None, "not valid JSON"),
        (b'{"model":"\xff"}', "model", "`model` must be a string"),
        (b'{"model":"\\ud800"}', None, "not valid JSON"),
        (DEEP, None, "not valid JSON"),
        (b'{"model":1}', "model", "`model` must be a string"),
        (b'{"model":null}', "model", "`model` must be a string"),
        (b'{"model":["m"]}', "model", "`model` must be a string"),
        (b'{"models":"m"}', "models", "`models` must be an array of strings"),
        (b'{"models":null}', "models", "`models` must be an array of strings"),
        (b'{"models":["a",2]}', "models", "`models[1]`"),
        (b'{"model":"a","model":"b"}', "model", "more than once"),
        (b'{"model":"a","x":{"model":1},"model":"b"}', "model", "more than once"),
        (b'{"models":["a"],"models":["b"]}', "models", "more than once"),
    ],
)
def test_what_cannot_be_read_is_refused(body: bytes, param: str | None, words: str) -> None:
    """The refusal names the field at fault and says what it should be."""
    with pytest.raises(InvalidBody) as caught:
        peek(body)
    assert caught.value.param == param
    assert words in caught.value.message


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"a","m\\u006fdel":"b"}',
        b'{"m\\u006fdel":"a","\\u006d\\u006f\\u0064\\u0065\\u006c":"b"}',
        b'{"model":"a","Model":"b"}',
        b'{"MODEL":"a"}',
        b'{"model":"a","model\xc5\xbf":["b"]}',
        b'{"model":"a","Models":["b"]}',
    ],
)
def test_strict_refuses_what_parsers_read_differently(body: bytes) -> None:
    """A caller who may not call every model cannot hide one in a spelling that only the provider understands."""
    with pytest.raises(InvalidBody):
        peek(body, strict=True)


@pytest.mark.parametrize(
    "body",
    [
        b'{"user":"a","model":"up:m","user":"b"}',
        b'{"model":"up:m","a":[{"b":"]\xc3\xbc"}],"a":' + b"9" * 5000 + b',"a":1e999}',
        b'{"a":1,"a":2,"models":["x"],"model":"up:m"}',
    ],
)
def test_other_members_may_stand_twice(body: bytes) -> None:
    """What does not choose a model is for the provider to judge, and passes as it is."""
    read = peek(body, strict=True)
    assert read.model == "up:m"
    spliced = splice(body, "m", listed=read.listed)
    assert spliced == body.replace(b"up:m", b"m").replace(b'"models":["x"],', b"")


def test_a_model_in_nested_objects_is_not_a_second_one() -> None:
    """Only top-level members choose; tools and schemas may have a property called `model`."""
    body = b'{"tools":[{"model":"x"}],"model":"m","schema":{"properties":{"model":{"model":1}}}}'
    assert peek(body).model == "m"
    assert splice(body, "n", listed=False) == body.replace(b'"model":"m"', b'"model":"n"')


@pytest.mark.parametrize("names", [range(MAX_MEMBERS + 1), [0] * (MAX_MEMBERS + 1), range(150_000)])
def test_too_many_members(names: Any) -> None:
    """More members than anybody needs are refused before each of them has cost its microsecond."""
    body = b"{" + b",".join(b'"%d":1' % name for name in names) + b"}"
    with pytest.raises(InvalidBody, match="more than 10000 members"):
        peek(body)


def test_many_commas_are_no_members() -> None:
    """A long text with commas, or a long list, is one member, and what stands around it is found."""
    rest = json.dumps({"a": [1] * 120_000, "b": "," * 120_000}).encode()
    body = b'{"model":"m",' + rest[1:-1] + b',"models":["n"]}'
    assert peek(body) == Peeked("m", ("n",), listed=True)
    assert json.loads(splice(body, "o", listed=True)) == {"model": "o", **json.loads(rest)}
    with pytest.raises(InvalidBody, match="must be a JSON object"):
        peek(json.dumps([1] * 120_000).encode())
    with pytest.raises(InvalidBody, match="not valid JSON"):
        peek(body[:-1])
