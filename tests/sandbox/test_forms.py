"""Bodies as fields and files."""

import pytest

from aigw.sandbox.errors import Refused
from aigw.sandbox.forms import read

_FORM = (
    b'--xx\r\ncontent-disposition: form-data; name="model"\r\n\r\nsandbox-audio\r\n'
    b'--xx\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n'
    b"content-type: audio/wav\r\n\r\n"
    b"\x00\r\n\xff\r\n\r\n--xx--\r\n"
)


def test_a_form_is_read_to_the_byte() -> None:
    """Uploads keep their bytes, line breaks included; text fields become text."""
    form = read(_FORM, "multipart/form-data; boundary=xx")
    assert form.fields == {"model": "sandbox-audio"}
    assert form.files == {"file": [("a.wav", b"\x00\r\n\xff\r\n")]}


def test_json_members_are_fields() -> None:
    """A JSON object's members are its fields, and no body has none."""
    assert read(b'{"a": 1}', "application/json").fields == {"a": 1}
    assert read(b"", "").fields == {}


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (_FORM[:-10], "multipart/form-data; boundary=xx"),
        (b"--xx\r\n\r\nx\r\n--xx--", "multipart/form-data; boundary=xx"),
    ],
)
def test_what_cannot_be_read_is_refused(body: bytes, kind: str) -> None:
    """Broken JSON, JSON that is no object, and broken forms are the caller's mistake."""
    with pytest.raises(Refused) as caught:
        read(body, kind)
    assert caught.value.problem.status == 400
