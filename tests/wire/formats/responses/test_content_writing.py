"""Parts of a turn, as content."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.wire.dialect import PLAIN, Dialect
from aigw.wire.draft import Draft
from aigw.wire.formats.responses.content_writing import ContentWriter
from aigw.wire.losses import Ledger
from aigw.wire.neutral import CacheMark, Citation, Conversation, Media, Part, Source, Structured, Text, Thinking

URL = "https://example.org/a"
PDF = Source(data="AAAA", media_type="application/pdf")


def write(
    parts: list[Part], dialect: Dialect = PLAIN, own_format: str = "messages"
) -> tuple[str | list[dict[str, Any]], list[str]]:
    """Content, and the places of what was lost."""
    ledger = Ledger()
    draft = Draft(Conversation(model="m", turns=[], own_format=own_format), dialect, ledger)
    return ContentWriter(draft).of(parts), [entry.pointer for entry in ledger.entries]


def image(**source: Any) -> Media:
    """An image at `/x`."""
    return Media(kind="image", source=Source(**source), at="/x")


@pytest.mark.parametrize(
    ("part", "written"),
    [
        (image(url=URL), {"type": "input_image", "detail": "auto", "image_url": URL}),
        (image(data="AAAA", media_type="image/png"),
         {"type": "input_image", "detail": "auto", "image_url": "data:image/png;base64,AAAA"}),
        (image(file_id="f"), {"type": "input_image", "detail": "auto", "file_id": "f"}),
        (Media(kind="image", source=Source(url=URL), detail="low"),
         {"type": "input_image", "detail": "low", "image_url": URL}),
        (Media(kind="document", source=PDF, name="a.pdf"),
         {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}),
        (Media(kind="document", source=PDF),
         {"type": "input_file", "filename": "document.pdf", "file_data": "data:application/pdf;base64,AAAA"}),
        (Media(kind="document", source=Source(url=URL)), {"type": "input_file", "file_url": URL}),
        (Media(kind="document", source=Source(file_id="f"), detail="high"),
         {"type": "input_file", "file_id": "f", "detail": "high"}),
        (Media(kind="document", source=Source(text="plain")), {"type": "input_text", "text": "plain"}),
    ],
)  # fmt: skip
def test_media(part: Part, written: dict[str, Any]) -> None:
    """Images and documents, from wherever they come; a document of plain text is a text."""
    assert write([part]) == ([written], [])


def test_texts() -> None:
    """One text alone is a string, and so is one value; several are a list."""
    assert write([Text(text="a")]) == ("a", [])
    assert write([Structured(value="[1]")]) == ("[1]", [])
    assert write([Text(text="a"), Structured(value="[1]")]) == (
        [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "[1]"}],
        [],
    )


@pytest.mark.parametrize(
    ("part", "dialect", "count", "lost"),
    [
        (Media(kind="audio", source=Source(data="AAAA"), at="/x"), PLAIN, 0, ["/x"]),
        (Media(kind="video", source=Source(url=URL), at="/x"), PLAIN, 0, ["/x"]),
        (image(url=URL), Dialect(image_urls=False), 0, ["/x"]),
        (image(data="AAAA"), Dialect(image_urls=False), 1, []),
        (Media(kind="image", source=Source(url=URL), name="n", at="/x"), PLAIN, 1, ["/x"]),
        (Media(kind="document", source=PDF, at="/x"), Dialect(documents=False), 0, ["/x"]),
        (Media(kind="document", source=Source(text="t"), name="n", at="/x"), Dialect(documents=False), 1, ["/x"]),
        (Media(kind="document", source=PDF, context="c", cited=True, at="/x"), PLAIN, 1,
         ["/x/context", "/x/citations"]),
        (Thinking(text="t", at="/x"), PLAIN, 0, ["/x"]),
        (Text(text="a", citations=[Citation(kind="document")], at="/x"), PLAIN, 1, ["/x/citations"]),
        (Text(text="a", cache=CacheMark("5m"), at="/x"), PLAIN, 1, ["/x/cache_control"]),
        (Text(text="a", cache=CacheMark(None, "/x/mark"), at="/x"), PLAIN, 1, ["/x/mark"]),
    ],
)  # fmt: skip
def test_what_cannot_be_said(part: Part, dialect: Dialect, count: int, lost: list[str]) -> None:
    """What the API or the provider has no place for is reported; nothing else is."""
    written, told = write([part, Text(text="b")], dialect)
    assert (len(written), told) == (count + 1, lost)


def test_in_its_own_format() -> None:
    """Cache marks and sounds of callers of this format stay."""
    sound = Media(kind="audio", source=Source(data="AAAA", media_type="audio/mpeg"))
    assert write([Text(text="a", cache=CacheMark("30m")), sound], own_format="responses") == (
        [
            {"type": "input_text", "text": "a", "prompt_cache_breakpoint": {"mode": "explicit", "ttl": "30m"}},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "mp3"}},
        ],
        [],
    )
