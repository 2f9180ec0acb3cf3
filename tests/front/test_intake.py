"""A body on its way in: whole, growing, or a form; what goes up, when, and with which length."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.errors import InvalidBody
from aigw.front.intake import WHOLE_UP_TO, Form, Growing, Whole
from aigw.wire import scan
from aigw.wire.peek import Peeked

from ..support.bodies import requests, slices
from ..support.intakes import fed, sent, taken

MOST = 2**20
PAD = b" " * WHOLE_UP_TO


# -- whole ----------------------------------------------------------------------------------------------------------


def test_a_body_in_pieces_is_one() -> None:
    """It is read once it is complete, and goes up with another model in the place of its own."""
    found = taken(Whole(False), b'{"mod', b'el":"up:m","a"', b":[1]}")
    assert found.peeked == Peeked("up:m")
    assert sent(found, "m") == b'{"model":"m","a":[1]}'
    assert sent(found, "up:m") == b'{"model":"up:m","a":[1]}'


@pytest.mark.parametrize(
    ("body", "out"),
    [
        (b'{"contents":[]}', b'{"contents":[]}'),
        (b'{"model":"x","contents":[]}', b'{"model":"x","contents":[]}'),
        (b'{"models":["a"],"contents":[]}', b'{"contents":[]}'),
    ],
)
@pytest.mark.parametrize("padding", [b"", PAD])
def test_where_the_path_names_the_model_the_body_stays(body: bytes, out: bytes, padding: bytes) -> None:
    """Gemini's model stands in the path: nothing is put into the body, and only `models` is taken out."""
    body += padding
    intake = Growing(len(body), in_path=True) if padding else Whole(True)
    found = list(fed(intake, [body[:10], body[10:]]))
    assert json.loads(sent(found[0], "m")) == json.loads(out)
    if b"models" not in body:
        assert sent(found[0], "m") == body


# -- growing --------------------------------------------------------------------------------------------------------


def test_a_large_body_goes_up_when_its_model_is_known() -> None:
    """Long before it is complete; the length it will have is known from the start."""
    intake = Growing(1000)
    assert intake.feed(b'{"messages":[1,2],', False) is None
    found = intake.feed(b'"model":"up:m","a":"', False)
    assert found is not None
    assert found.peeked == Peeked("up:m")
    assert b"".join(found.body.pieces("m")) == b'{"messages":[1,2],"model":"m","a":"'
    assert found.body.length("m") == 1000 - len("up:")
    assert found.body.length("up:m") == 1000
    before = found.body.count()
    assert intake.feed(b"more", False) is None
    assert found.body.pieces("m", before) == [b"more"]
    assert not found.body.complete
    assert intake.feed(b'"}', True) is None
    assert found.body.complete


def test_late_fallbacks_are_found_and_taken_out() -> None:
    """`models` behind everything else: known at the end, and blanked so that the length stays."""
    body = b'{"model":"up:m","a":"' + PAD + b'","models":["b","c"]}'
    intake = Growing(len(body))
    (found,) = fed(intake, [body[:1000], body[1000:-30], body[-30:]])
    assert found.peeked.models == ()
    assert intake.seen.models == ("b", "c")
    assert found.body.decided
    out = sent(found, "up:m")
    assert json.loads(out) == {"model": "up:m", "a": PAD.decode()}


@pytest.mark.parametrize(
    "body", [b'{"models":["up:a","b"],"x":1}', b'{"x":1,"models":["up:a","b"]}', b'{"models":["up:a","b"]}']
)
def test_fallbacks_without_a_model(body: bytes) -> None:
    """The first one is put in where no model stood."""
    body += PAD
    (found,) = fed(Growing(len(body)), [body[:20], body[20:]])
    assert (found.peeked.model, found.peeked.models) == (None, ("up:a", "b"))
    wanted = json.loads(body)
    del wanted["models"]
    assert json.loads(sent(found, "a")) == wanted | {"model": "a"}


def test_small_chunked_bodies_are_read_as_a_whole() -> None:
    """Without a length a body may still be small: then it is checked to be JSON to its end, as any other."""
    assert sent(taken(Growing(None), b'{"model":', b'"up:m"}'), "m") == b'{"model":"m"}'
    with pytest.raises(InvalidBody, match="not valid JSON"):
        taken(Growing(None), b'{"model":"m","a":[}')


def test_large_chunked_bodies_have_no_length() -> None:
    """Until they are complete; then they have."""
    intake = Growing(None)
    found = intake.feed(b'{"model":"up:m","a":"' + PAD, False)
    assert found is not None
    assert found.body.length("m") is None
    intake.feed(b'"}', True)
    assert found.body.length("m") == len(b"".join(found.body.pieces("m")))


@given(st.data())
def test_whatever_comes_reads_the_same(data: st.DataObject) -> None:
    """Growing or whole, in any slices, a body says and sends the same."""
    body = data.draw(requests())
    whole = taken(Whole(False), body)
    intake = Growing(len(body))
    found, *_ = fed(intake, [*data.draw(slices(body)), b""])
    assert intake.seen.models == whole.peeked.models
    assert (found.peeked.model, intake.seen.stream, found.body.decided) == (
        whole.peeked.model,
        whole.peeked.stream,
        True,
    )
    assert json.loads(sent(found, "other")) == json.loads(sent(whole, "other"))


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"m"',
        b'{"model":"m","a":[',
        b'{"model":"m"}}',
        b'{"model":"m","model":"n"}',
        b'{"model":"m","a":"',
        b"[]",
    ],
)
def test_a_large_body_that_is_no_json_is_refused(body: bytes) -> None:
    """At the latest when it ends."""
    intake = Growing(len(body) + len(PAD))
    with pytest.raises(InvalidBody):
        list(fed(intake, [body[:13] + PAD, body[13:]]))


class TestGivingUp:
    """A body so dense that scanning it would take too long."""

    DENSE = b"[" + b"[]," * 100 + b"[]]"

    @pytest.fixture(autouse=True)
    def small_budget(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Spent after a few brackets."""
        monkeypatch.setattr(scan, "MAX_TOKENS", 20)

    @pytest.mark.parametrize(
        "body", [b'{"model":"up:m","x":%b}', b'{"x":%b,"model":"up:m"}', b'{"models":["a"],"x":%b,"model":"up:m"}']
    )
    def test_it_is_read_as_a_whole(self, body: bytes) -> None:
        """Nothing goes up before its end, and then as it would have."""
        body %= self.DENSE
        found = list(fed(Growing(len(body)), [body[at : at + 40] for at in range(0, len(body), 40)]))
        wanted = json.loads(body) | {"model": "m"}
        models = wanted.pop("models", [])
        assert json.loads(sent(found[0], "m")) == wanted
        assert list(found[0].peeked.models) in ([], models)

    def test_what_went_up_before_is_continued(self) -> None:
        """The rest is looked at as a whole, and only then follows."""
        body = b'{"model":"up:m","x":%b,"stream":true}' % self.DENSE
        intake = Growing(len(body))
        found = intake.feed(body[:30], False)
        assert found is not None
        for at in range(30, len(body) - 5, 50):
            intake.feed(body[at : min(at + 50, len(body) - 5)], False)
        assert len(b"".join(found.body.pieces("up:m"))) < 100
        intake.feed(body[-5:], True)
        assert sent(found, "m") == body.replace(b"up:", b"")
        assert intake.seen.stream

    @pytest.mark.parametrize(
        "tail", [b',"model":"forbidden"}', b',"m\\u006fdel":"forbidden"}', b',"models":["b"],"models":["c"]}', b",}"]
    )
    def test_a_second_model_is_still_found(self, tail: bytes) -> None:
        """What hides behind a dense value does not go up."""
        body = b'{"model":"m","x":' + self.DENSE + tail
        intake = Growing(len(body), strict=True)
        found = intake.feed(body[:20], False)
        assert found is not None
        with pytest.raises(InvalidBody):
            intake.feed(body[20:], True)
        assert tail not in b"".join(found.body.pieces("m"))

    def test_late_fallbacks_are_taken_out(self) -> None:
        """In what has not gone up yet."""
        body = b'{"model":"up:m","x":' + self.DENSE + b',"models":["b"],"y":1}'
        intake = Growing(len(body))
        (found,) = fed(intake, [body[:20], body[20:]])
        assert intake.seen.models == ("b",)
        wanted = json.loads(body) | {"model": "m"}
        del wanted["models"]
        assert json.loads(sent(found, "m")) == wanted

    def test_two_lists_of_fallbacks_are_refused(self) -> None:
        """Also when one was taken out before."""
        body = b'{"models":["a"],"model":"m","x":' + self.DENSE + b',"models":["b"]}'
        with pytest.raises(InvalidBody, match="more than once"):
            list(fed(Growing(len(body)), [body]))


# -- forms ----------------------------------------------------------------------------------------------------------

FILE = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + b"\0\xff" * 500 + b"\r\n"
MODEL = b'--b\r\nContent-Disposition: form-data; name="model"\r\n\r\nup:m\r\n'
END = b"--b--\r\n"


def test_a_form_goes_up_when_its_model_is_known() -> None:
    """The model first: the file streams. The model last: it waits."""
    intake = Form(b"b", len(MODEL + FILE + END))
    found = intake.feed(MODEL + FILE[:500], False)
    assert found is not None
    assert found.body.decided
    assert found.body.length("m") == len(MODEL + FILE + END) - 3
    intake.feed(FILE[500:] + END, True)
    assert sent(found, "m") == (MODEL + FILE + END).replace(b"up:", b"")
    waiting = Form(b"b", len(FILE + MODEL + END))
    assert waiting.feed(FILE, False) is None
    last = waiting.feed(MODEL + END, True)
    assert last is not None
    assert sent(last, "m") == (FILE + MODEL + END).replace(b"up:", b"")


def test_what_was_sent_of_a_file_is_let_go() -> None:
    """Nobody else will be asked, so it need not be kept."""
    intake = Form(b"b", None)
    found = intake.feed(MODEL + FILE[:800], False)
    assert found is not None
    found.body.release(found.body.count())
    assert b"".join(found.body.pieces("up:m")) == b""


def test_an_open_json_body_is_kept() -> None:
    """It may have to be read as a whole at its end."""
    intake = Growing(10**6)
    found = intake.feed(b'{"model":"m","a":"' + PAD, False)
    assert found is not None
    found.body.release(found.body.count())
    assert len(b"".join(found.body.pieces("m"))) > len(PAD)
    intake.feed(b'"}', True)
    found.body.release(found.body.count())
    assert b"".join(found.body.pieces("m")) == b""


@pytest.mark.parametrize("body", [MODEL, MODEL + FILE, FILE[:-2] + b"\r\n--b-", b"", b"--b\r\n"])
def test_a_form_that_ends_too_early_is_refused(body: bytes) -> None:
    """Its closing boundary has to come."""
    with pytest.raises(InvalidBody, match="ends too early"):
        list(fed(Form(b"b", len(body)), [body]))


def test_a_form_without_a_model() -> None:
    """It is for the plan to say that one is missing."""
    assert taken(Form(b"b", None), FILE + END).peeked == Peeked(None)
