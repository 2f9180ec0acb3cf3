"""The model of a form, read while files stream past; and heads that two servers could read differently."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.errors import InvalidBody
from aigw.wire.form import MAX_PARTS, FormScanner, boundary_of, field_of

from ..support.bodies import slices

BOUNDARY = b"----WebKitFormBoundary7MA4YWxkTrZu0gW"


def part(disposition: bytes, content: bytes, *more: bytes) -> bytes:
    """One part: a disposition's parameters, its content, further head lines."""
    head = b"".join(b"%b\r\n" % line for line in more)
    return b"--%b\r\nContent-Disposition: form-data%b\r\n%b\r\n%b\r\n" % (BOUNDARY, disposition, head, content)


FILE = part(b'; name="file"; filename="a.wav"', b"RIFF\r\n--\r\n\0\xff" * 50, b"Content-Type: audio/wav")
MODEL = part(b'; name="model"', b"up:whisper-1")
STREAM = part(b'; name="stream"', b"true")
END = b"--" + BOUNDARY + b"--\r\n"


def scanned(pieces: list[bytes]) -> FormScanner:
    """A scanner fed with these."""
    scanner = FormScanner(BOUNDARY)
    for piece in pieces:
        scanner.feed(piece)
    return scanner


def whole(scanner: FormScanner) -> bytes:
    """Everything that was fed, as it would go out."""
    return b"".join((*scanner.pieces, scanner.held))


@pytest.mark.parametrize(
    "body", [MODEL + STREAM + FILE + END, FILE + STREAM + MODEL + END, FILE + MODEL + STREAM + END]
)
def test_byte_by_byte(body: bytes) -> None:
    """Wherever the fields stand and however the body is cut, the same is read and no byte is lost."""
    scanner = scanned([body[at : at + 1] for at in range(len(body))])
    assert (scanner.model, scanner.stream, scanner.complete) == ("up:whisper-1", True, True)
    assert whole(scanner) == body
    assert scanner.pieces[scanner.model_at] == b"up:whisper-1"


@given(st.lists(st.binary(max_size=40), max_size=4), st.data())
def test_any_slicing(contents: list[bytes], data: st.DataObject) -> None:
    """Files of any bytes, cut anywhere, do not hide the model or change."""
    contents = [content for content in contents if BOUNDARY not in content]
    files = [part(b'; name="file"; filename="f"', content) for content in contents]
    at = data.draw(st.integers(0, len(files)))
    body = b"".join((*files[:at], MODEL, *files[at:], END))
    scanner = scanned(data.draw(slices(body)))
    assert (scanner.model, scanner.complete, whole(scanner)) == ("up:whisper-1", True, body)


@given(st.binary(max_size=80), st.data())
def test_anything_is_read_or_refused(tail: bytes, data: st.DataObject) -> None:
    """Whatever follows the first boundary, the answer is a reading or InvalidBody."""
    body = b"--" + BOUNDARY + b"\r\n" + tail
    try:
        scanner = scanned(data.draw(slices(body)))
    except InvalidBody:
        return
    assert whole(scanner) == body


def test_a_file_goes_up_before_it_is_complete() -> None:
    """All that is held back of a file is what could be the beginning of a delimiter."""
    scanner = FormScanner(BOUNDARY)
    scanner.feed(FILE[:-2] + b"x" * 100)
    assert scanner.held == b""
    scanner.feed(b"abc\r\n--" + BOUNDARY[:10])
    assert scanner.held == b"\r\n--" + BOUNDARY[:10]


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        (b'form-data; name="model"', b"model"),
        (b"form-data; name=model", b"model"),
        (b'FORM-DATA; NAME="model"', b"model"),
        (b'form-data;name="model";', b"model"),
        (b'form-data; name="image[]"', b"image[]"),
        (b'form-data; name="file"; filename="a b.png"', b""),
        (b'form-data; name="file"; filename="a; name=model.png"', b""),
        (b'form-data; name="file"; filename="C:\\\\x.png"', b""),
        (b"form-data; name=\"file\"; filename*=UTF-8''%e2%82%ac", b""),
    ],
)
def test_the_name_of_a_field(disposition: bytes, name: bytes) -> None:
    """Quoted or not, in any case; a part with a file name is a file, whatever that name says."""
    assert field_of(b"Content-Disposition: " + disposition + b"\r\nContent-Type: text/plain\r\n\r\n") == name


@pytest.mark.parametrize(
    "head",
    [
        b'Content-Disposition: form-data; name="model"\r\n folded\r\n\r\n',
        b'Content-Disposition : form-data; name="model"\r\n\r\n',
        b'Content-Disposition: form-data; name="a"\r\nContent-Disposition: form-data; name="model"\r\n\r\n',
        b'X: content-disposition: form-data; name=a\r\nContent-Disposition: form-data; name="m\\odel"\r\n\r\n',
        b'Content-Disposition: form-data; name="a"; name="model"\r\n\r\n',
        b"Content-Disposition: form-data; name=\"a\"; name*=UTF-8''model\r\n\r\n",
        b'Content-Disposition: form-data; name="a\\"; name="model"\r\n\r\n',
        b'Content-Disposition: form-data; name="Model"\r\n\r\n',
        b'Content-Disposition: form-data; name="%6dodel"\r\n\r\n',
        b'Content-Disposition: form-data; name=" model"\r\n\r\n',
        b'Content-Disposition: form-data; filename="x"\r\n\r\n',
        b'Content-Disposition: attachment; name="model"\r\n\r\n',
        b"Content-Type: text/plain\r\n\r\n",
        b"nonsense\r\n\r\n",
    ],
)
def test_heads_that_servers_read_differently_are_refused(head: bytes) -> None:
    """The field that is checked and the one that the provider obeys are the same one, or there is no request."""
    with pytest.raises(InvalidBody):
        field_of(head)


def test_a_head_line_with_another_name_is_no_disposition() -> None:
    """Text that looks like a disposition inside another line is not one."""
    head = b'X-Note: content-disposition: form-data; filename=x\r\nContent-Disposition: form-data; name="model"\r\n\r\n'
    assert field_of(head) == b"model"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"preamble\r\n" + MODEL + END + b"x" * 60, "begin with its boundary"),
        (b"--" + BOUNDARY + b"  \r\n", "malformed boundary"),
        (MODEL + MODEL + END, "more than once"),
        (part(b'; name="model"', b"a" * 600) + END, "too long"),
        (part(b'; name="model"', b"\xff") + END, "must be text"),
        (b"--" + BOUNDARY + b"\r\n" + b"x" * 20_000, "too long a head"),
        (part(b'; name="a"', b"") * (MAX_PARTS + 1), "more than 1000 parts"),
    ],
)
def test_what_is_no_form_is_refused(body: bytes, words: str) -> None:
    """Malformed forms, a second model and parts without end are refused while they come."""
    with pytest.raises(InvalidBody, match=words):
        scanned([body[at : at + 5000] for at in range(0, len(body), 5000)])


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=abc", b"abc"),
        ('multipart/form-data; boundary="a b:c"', b"a b:c"),
        ("Multipart/Form-Data; charset=utf-8; Boundary=abc", b"abc"),
        ("multipart/form-data;boundary=" + "x" * 70, b"x" * 70),
    ],
)
def test_the_boundary(content_type: str, boundary: bytes) -> None:
    """A boundary is read from its parameter, quoted or not (RFC 2046, section 5.1.1)."""
    assert boundary_of(content_type) == boundary


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "application/json",
        "application/json; boundary=abc",
        "multipart/mixed; boundary=abc",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
        "multipart/form-data; boundary=" + "x" * 71,
        "multipart/form-data; xboundary=abc",
        "multipart/form-data; boundary=a; boundary=b",
        'multipart/form-data; x="; boundary=a"; boundary=b',
        "multipart/form-data; boundary*=utf-8''abc",
        'multipart/form-data; boundary="a\\b"',
        "multipart/form-data; boundary=a\x00b",
        "multipart/form-data; boundary=\xe4",
    ],
)
def test_a_doubtful_boundary_is_refused(content_type: str) -> None:
    """Another type, no boundary, two of them, or one with characters it may not have: where parts begin is unclear."""
    with pytest.raises(InvalidBody):
        boundary_of(content_type)
