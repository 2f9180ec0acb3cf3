"""What the relay has of a caller's request: fields that do not pass, and bodies of every kind."""

from __future__ import annotations

import pytest

from aigw import operations
from aigw.relay.request import Body, GrowingBody, NoBody, Request, WholeBody
from aigw.wire.head import Head

from .exchanges import FORMATS

JSON = b'{"model": "a","x":1}'


def request(*fields: tuple[bytes, bytes]) -> Request:
    return Request(operations.CHAT, FORMATS["chat"], Head(fields), {}, NoBody())


def test_request() -> None:
    """A request begins without an id, a query or lines of the gateway's own."""
    made = request((b"Accept", b"*/*"), (b"Host", b"gateway"))
    assert (made.id, made.query, made.extra, made.dropped) == ("", "", b"", frozenset())
    assert [name for name, _, _ in made.head.forwarded] == [b"accept"]


@pytest.mark.parametrize(
    ("value", "dropped"),
    [
        (b"keep-alive", set()),
        (b"close", set()),
        (b"Close, X-Secret", {b"x-secret"}),
        (b"x-a , ,x-b", {b"x-a", b"x-b", b""}),
    ],
)
def test_named_by_connection(value: bytes, dropped: set[bytes]) -> None:
    """Fields that `Connection` names are for this hop alone."""
    assert request((b"Connection", value)).dropped - {b""} == dropped - {b""}


def test_no_body() -> None:
    """No body is nothing, and has not even a length of zero."""
    body = NoBody()
    assert (body.pieces("a"), body.count(), body.length("a")) == ([], 0, -1)
    assert (body.complete, body.decided) == (True, True)
    body.release(0)


def test_whole_body_untouched() -> None:
    """A body that names the model as the provider does goes out byte for byte."""
    body = WholeBody(JSON, "a", listed=False)
    assert body.pieces("a") == [JSON]
    assert (body.length("a"), body.count(), body.complete, body.decided) == (len(JSON), 1, True, True)


def test_whole_body_spliced() -> None:
    """Another model is put in its place, and nothing else changed; the first is still there for the next attempt."""
    body = WholeBody(JSON, "a", listed=False)
    assert body.pieces('b"\n') == [b'{"model": "b\\"\\n","x":1}']
    assert body.length("b") == len(JSON)
    assert body.pieces("b")[0] is body.pieces("b")[0]
    body.release(1)
    assert body.pieces("a") == [JSON]


def test_whole_body_with_models() -> None:
    """The gateway's own `models` never goes out, even when the model stays."""
    raw = b'{"model":"a","models":["b","c"],"x":1}'
    body = WholeBody(raw, "a", listed=True)
    assert body.pieces("a") == [b'{"model":"a","x":1}']
    assert body.pieces("b") == [b'{"model":"b","x":1}']


def test_whole_body_without_a_model() -> None:
    """Where the path names the model the body is not touched."""
    raw = b'{"contents":[]}'
    assert WholeBody(raw, None, listed=False, in_path=True).pieces("a") == [raw]


def growing(announced: int | None = None, *, form: bool = False) -> tuple[GrowingBody, list[bytes]]:
    """A body whose model, `a`, is known, and the list its further pieces come to."""
    arrived = [b"model=", b"a"] if form else [b'{"model":', b'"a"']
    return GrowingBody(arrived, announced, "a", 1, form=form), arrived


def test_growing_body() -> None:
    """What has arrived can be had from any piece on, again and again, while more comes."""
    body, arrived = growing()
    assert body.pieces("a") == [b'{"model":', b'"a"']
    arrived += [b',"x":', b"1}"]
    assert body.pieces("a", 2) == [b',"x":', b"1}"]
    assert body.pieces("a") == arrived
    assert body.pieces("a") is not arrived
    assert body.count() == 4


@pytest.mark.parametrize(("form", "other"), [(False, b'"b\\""'), (True, b'b"')])
def test_growing_body_spliced(form: bool, other: bytes) -> None:
    """Another model is put in its place: a string in JSON, plain text in a form."""
    body, _ = growing(form=form)
    assert body.pieces('b"')[1] == other
    assert body.pieces('b"', 1) == [other]
    assert body.pieces('b"', 2) == []
    assert body.pieces("a")[1] == (b"a" if form else b'"a"')


def test_length_of_a_growing_body() -> None:
    """An announced length is changed by the difference of the models' names; a chunked body has one at its end."""
    body, arrived = growing(100)
    assert (body.length("a"), body.length("abc")) == (100, 102)
    body, arrived = growing()
    assert body.length("a") is None
    arrived.append(b"}")
    body.complete = True
    assert (body.length("a"), body.length("abc")) == (13, 15)


def test_length_without_a_model() -> None:
    """A body whose model stands in the path keeps its length and its bytes."""
    body = GrowingBody([b"{"], 100, None, -1)
    assert body.length("b") == 100
    assert body.pieces("b") == [b"{"]


def test_release() -> None:
    """What nobody will ask for any more is let go, once; the count of pieces stays what it was."""
    body, arrived = growing(form=True)
    body.release(1)
    assert arrived == [b"", b"a"]
    arrived.append(b"x")
    body.release(2)
    body.release(1)
    assert arrived == [b"", b"", b"x"]
    assert body.count() == 3
    assert body.pieces("a", 2) == [b"x"]


def test_release_of_open_json() -> None:
    """A JSON body may still name further models up to its end: until then it is kept for them."""
    body, arrived = growing()
    body.release(2)
    assert arrived == [b'{"model":', b'"a"']
    body.complete = True
    body.release(2)
    assert arrived == [b"", b""]


def test_release_is_linear() -> None:
    """Letting go of a body that came in very many pieces touches each piece once."""

    class Counting(list[bytes]):
        touched = 0

        def __setitem__(self, at: object, value: object) -> None:
            self.touched += len(value) if isinstance(value, list) else 1
            super().__setitem__(at, value)  # type: ignore[call-overload]

    arrived = Counting([b"model=", b"a"])
    body = GrowingBody(arrived, None, "a", 1, form=True)
    for _ in range(1000):
        arrived.append(b"x")
        body.release(len(arrived))
    assert arrived.touched == len(arrived)


@pytest.mark.parametrize("body", [NoBody(), WholeBody(JSON, "a", listed=False), growing()[0]])
def test_contract(body: Body) -> None:
    """Every body can be asked the same."""
    assert len(body.pieces("a")) == body.count()
    assert isinstance(body.complete, bool)
    assert isinstance(body.decided, bool)
