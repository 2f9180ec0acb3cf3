from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.errors import InvalidBody
from aigw.wire.media import arranged, first_bytes, guessed
from aigw.wire.neutral import Media, Source

PNG = b"\x89PNG\r\n\x1a\n" + bytes(16)


def image(name: str | None = None, **source: Any) -> Media:
    return Media(kind="image", source=Source(**source), at="/m", name=name)


@pytest.mark.parametrize(
    "source",
    [
        {"url": "https://example.com/a.png"},
        {"file_id": "file-1"},
        {"text": ""},
        {"data": "AAAA", "media_type": "image/png"},
        {"data": "AA==", "media_type": "image/png"},
    ],
)
def test_good_media_stay(source: dict[str, Any]) -> None:
    """What is valid is the very same object afterwards."""
    media = image(**source)
    assert arranged(media) is media


@pytest.mark.parametrize(
    ("data", "standard"),
    [("-_8=", "+/8="), ("AA A\r\nA", "AAAA"), ("AAA", "AAA="), ("AA=", "AA=="), ("AAAA\n", "AAAA"), ("AAA==", "AAA=")],
)
def test_spellings_of_base64(data: str, standard: str) -> None:
    """Line breaks, missing padding and the URL-safe alphabet become standard base64 of the same bytes."""
    media = arranged(image(data=data, media_type="image/png"))
    assert media.source == Source(data=standard, media_type="image/png")


@pytest.mark.parametrize("data", ["", "=", "====", "A", "AAAAA", "A===", "AA?A", "A=AA", "ä", "\x00AAA", "%41%41"])
def test_what_is_no_base64(data: str) -> None:
    """Data that does not decode, or is none, is refused by its place."""
    with pytest.raises(InvalidBody) as caught:
        arranged(image(data=data, media_type="image/png"))
    assert caught.value.param == "m"


@given(st.binary(min_size=1))
def test_any_bytes(data: bytes) -> None:
    """What encoders write comes out in the standard alphabet, whichever they use."""
    for encode in (base64.b64encode, base64.urlsafe_b64encode, base64.encodebytes):
        media = arranged(image(data=encode(data).decode(), media_type="image/png"))
        assert media.source.data == base64.b64encode(data).decode()


@pytest.mark.parametrize(
    ("url", "data", "media_type"),
    [
        ("data:image/png;base64,AAAA", "AAAA", "image/png"),
        ("DATA:Image/PNG;Base64,AAAA", "AAAA", "image/png"),
        ("data:text/plain;charset=utf-8;base64,AAAA", "AAAA", "text/plain"),
        ("data:;base64," + base64.b64encode(PNG).decode(), base64.b64encode(PNG).decode(), "image/png"),
        ("data:image/png;base64,AA%3D%3D", "AA==", "image/png"),
        ("data:text/plain,a%20b", base64.b64encode(b"a b").decode(), "text/plain"),
    ],
)
def test_data_urls(url: str, data: str, media_type: str) -> None:
    """A data URL (RFC 2397) is taken apart into data and media type."""
    assert arranged(image(url=url)).source == Source(data=data, media_type=media_type)


@pytest.mark.parametrize("url", ["data:", "data:image/png;base64", "data:image/png;base64,", "data:image/png;base64,?"])
def test_broken_data_urls(url: str) -> None:
    """A data URL without data is refused by its place."""
    with pytest.raises(InvalidBody) as caught:
        arranged(image(url=url))
    assert caught.value.param == "m"


@pytest.mark.parametrize("source", [{}, {"url": ""}, {"file_id": ""}])
def test_empty_sources(source: dict[str, Any]) -> None:
    """Media without a source are refused by their place."""
    with pytest.raises(InvalidBody) as caught:
        arranged(image(**source))
    assert caught.value.param == "m"


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF0000WEBPVP8 ", "image/webp"),
        (b"RIFF0000WAVEfmt ", "audio/wav"),
        (b"%PDF-1.7", "application/pdf"),
        (b"ID3\x04", "audio/mpeg"),
        (b"\xff\xfb\x90\x00", "audio/mpeg"),
        (b"fLaC", "audio/flac"),
        (b"OggS", "audio/ogg"),
        (b"\x00\x00\x00\x20ftypisom", "video/mp4"),
        (b"\x00\x00\x00\x20ftypM4A ", "audio/mp4"),
        (b"00000000WAVE", None),
        (b"hello", None),
        (b"", None),
    ],
)
def test_kinds_by_first_bytes(head: bytes, media_type: str | None) -> None:
    """Files tell their kind by what they begin with."""
    assert guessed(head) == media_type


def test_types_that_nobody_named() -> None:
    """A missing media type is told by the first bytes, then by the file's name, else asked for."""
    png = base64.b64encode(PNG).decode()
    assert arranged(image(data=png)).source.media_type == "image/png"
    assert arranged(image("notes.TXT", data="AAAA")).source.media_type == "text/plain"
    with pytest.raises(InvalidBody, match="media type") as caught:
        arranged(image(data="AAAA"))
    assert caught.value.param == "m"


def test_first_bytes_of_anything() -> None:
    """The beginning of base64 is decoded without the rest; of what is none there are no bytes."""
    assert first_bytes("AAAA" * 100) == bytes(48)
    assert first_bytes("AAAAA") == bytes(3)
    assert first_bytes("ä") == b""
