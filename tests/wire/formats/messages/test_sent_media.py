"""Media for a provider: kinds it takes, from places it can reach."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from aigw.wire.dialect import PLAIN, Dialect
from aigw.wire.formats.messages.sent_media import MediaWriter
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Media, MediaKind, Source

MARKDOWN = base64.b64encode(b"# Hi").decode()
WEB = "https://e.org/a"


def sent(media: Media, dialect: Dialect = PLAIN, *, home: bool = False) -> tuple[Any, list[str]]:
    """The block, and what was done by the ledger."""
    ledger = Ledger()
    return MediaWriter(dialect, ledger, home=home).block(media), [entry.action for entry in ledger.entries]


@pytest.mark.parametrize(
    ("kind", "source", "expected", "losses"),
    [
        (
            "image",
            Source(data="AA==", media_type="image/jpg"),
            {"type": "base64", "media_type": "image/jpeg", "data": "AA=="},
            [],
        ),
        ("image", Source(data="AA==", media_type="image/tiff"), None, ["dropped"]),
        ("image", Source(url=WEB), {"type": "url", "url": WEB}, []),
        ("image", Source(url="gs://bucket/a"), None, ["dropped"]),
        ("image", Source(file_id="file_1"), {"type": "file", "file_id": "file_1"}, []),
        ("image", Source(file_id="file-1"), None, ["dropped"]),
        (
            "document",
            Source(data="AA==", media_type="application/pdf"),
            {"type": "base64", "media_type": "application/pdf", "data": "AA=="},
            [],
        ),
        (
            "document",
            Source(data=MARKDOWN, media_type="text/plain; charset=utf-8"),
            {"type": "text", "media_type": "text/plain", "data": "# Hi"},
            [],
        ),
        (
            "document",
            Source(data=MARKDOWN, media_type="text/markdown"),
            {"type": "text", "media_type": "text/plain", "data": "# Hi"},
            ["rewritten"],
        ),
        ("document", Source(data="/w==", media_type="text/csv"), None, ["dropped"]),
        ("document", Source(data="AA==", media_type="application/zip"), None, ["dropped"]),
        ("document", Source(text="t"), {"type": "text", "media_type": "text/plain", "data": "t"}, []),
        ("document", Source(url=WEB), {"type": "url", "url": WEB}, []),
        ("document", Source(url=WEB, media_type="text/csv"), None, ["dropped"]),
        ("audio", Source(data="AA=="), None, ["dropped"]),
        ("video", Source(url=WEB), None, ["dropped"]),
    ],
)
def test_sources(kind: MediaKind, source: Source, expected: Any, losses: list[str]) -> None:
    """Each source has its form, or it is dropped and reported."""
    block, noted = sent(Media(kind=kind, source=source))
    assert (None if block is None else block["source"]) == expected
    assert noted == losses


def test_a_file_of_its_own_caller() -> None:
    """A caller of this format knows which files the provider has."""
    block, losses = sent(Media(kind="image", source=Source(file_id="x")), home=True)
    assert (block["source"]["file_id"], losses) == ("x", [])


@pytest.mark.parametrize(
    "media", [Media(kind="image", source=Source(url=WEB)), Media(kind="document", source=Source(text="t"))]
)
def test_a_provider_without(media: Media) -> None:
    """What a provider does not take is dropped and reported."""
    assert sent(media, Dialect(image_urls=False, documents=False)) == (None, ["dropped"])


def test_what_is_said_of_media() -> None:
    """A document's title, context and citations are said, and a sound's words; an image's name and detail are not."""
    block, losses = sent(
        Media(kind="document", source=Source(text="t"), name="T", context="C", cited=True, detail="high")
    )
    assert (block["title"], block["context"], block["citations"]) == ("T", "C", {"enabled": True})
    assert losses == ["approximated"]
    assert sent(Media(kind="image", source=Source(url=WEB), detail="auto"))[1] == []
    assert sent(Media(kind="image", source=Source(url=WEB), name="n"))[1] == ["approximated"]
    sound = Media(kind="audio", source=Source(data="AA=="), transcript="la")
    assert sent(sound) == ({"type": "text", "text": "la"}, ["approximated"])
