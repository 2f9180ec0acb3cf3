"""Content parts of a request: what can be said, to whom, and what the ledger says of the rest."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.wire.dialect import PLAIN, Dialect
from aigw.wire.formats.chat.write_content import Contents, data_url, merge
from aigw.wire.losses import Ledger
from aigw.wire.neutral import CacheMark, Foreign, Media, MediaKind, Part, Refusal, Source, Structured, Text, Thinking

MARKED = Dialect(cache_marks=True)
POOR = Dialect(image_urls=False, documents=False, audio=False)
PNG = Source(data="QUJD", media_type="image/png")
PDF = Source(data="QUJD", media_type="application/pdf")


def media(kind: MediaKind, source: Source, **said: Any) -> Media:
    """Media with a place."""
    return Media(kind=kind, source=source, at="/p", **said)


SAID: list[tuple[Part, dict[str, Any]]] = [
    (Structured(value="[1]", at="/p"), {"type": "text", "text": "[1]"}),
    (Refusal(text="no", at="/p"), {"type": "refusal", "refusal": "no"}),
    (Foreign(format="chat", value={"type": "x"}, at="/p"), {"type": "x"}),
    (Text(text="a", own={"x": 1}), {"type": "text", "text": "a", "x": 1}),
    (media("image", PNG), {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}),
    (
        media("image", Source(url="https://a"), detail="low", own={"image_url": {"y": 1}}),
        {"type": "image_url", "image_url": {"url": "https://a", "detail": "low", "y": 1}},
    ),
    (
        media("audio", Source(data="QUJD", media_type="audio/wav")),
        {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
    ),
    (
        media("audio", Source(data="QUJD", media_type="audio/mpeg; q=1")),
        {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "mp3"}},
    ),
    (
        media("document", PDF),
        {"type": "file", "file": {"filename": "document.pdf", "file_data": "data:application/pdf;base64,QUJD"}},
    ),
    (media("document", Source(file_id="f")), {"type": "file", "file": {"file_id": "f"}}),
    (
        media("document", Source(file_id="f"), name="a.pdf"),
        {"type": "file", "file": {"filename": "a.pdf", "file_id": "f"}},
    ),
]


@pytest.mark.parametrize(("part", "said"), SAID)
def test_parts(part: Part, said: dict[str, Any]) -> None:
    """Every part that there is a kind for, with the members that its caller added; nothing is lost."""
    ledger = Ledger()
    assert Contents(PLAIN, ledger).content([part, Text(text="b")], media=True) == [
        said,
        {"type": "text", "text": "b"},
    ]
    assert not ledger


@pytest.mark.parametrize(
    ("part", "dialect"),
    [
        (media("image", Source(file_id="f")), PLAIN),
        (media("image", Source(url="https://a")), POOR),
        (media("audio", Source(url="https://a")), PLAIN),
        (media("audio", Source(data="QUJD", media_type="audio/flac")), PLAIN),
        (media("audio", Source(data="QUJD", media_type="audio/wav")), POOR),
        (media("video", Source(url="https://a")), PLAIN),
        (media("document", Source(url="https://a")), PLAIN),
        (media("document", PDF), POOR),
        (Thinking(text="a", at="/p"), PLAIN),
    ],
)
def test_what_cannot_be_said(part: Part, dialect: Dialect) -> None:
    """It is left out, and the ledger names it."""
    ledger = Ledger()
    assert Contents(dialect, ledger).content([part], media=True) == ""
    assert [(entry.pointer, entry.action) for entry in ledger.entries] == [("/p", "dropped")]


def test_media_stand_with_the_user_alone() -> None:
    """Instructions and results hold text."""
    ledger = Ledger()
    assert Contents(PLAIN, ledger).content([media("image", PNG)], media=False) == ""
    assert [entry.pointer for entry in ledger.entries] == ["/p"]


@pytest.mark.parametrize(
    ("source", "name", "text"),
    [
        (Source(text="plain"), None, "plain"),
        (Source(text="plain"), "a.txt", "a.txt\n\nplain"),
        (Source(data="cGxhaW4=", media_type="text/csv"), None, "plain"),
    ],
)
def test_documents_of_text(source: Source, name: str | None, text: str) -> None:
    """They are texts, also where no documents are taken, and the ledger says so."""
    ledger = Ledger()
    said = Contents(POOR, ledger).content([media("document", source, name=name)], media=True)
    assert said == [{"type": "text", "text": text}]
    assert [(entry.pointer, entry.action) for entry in ledger.entries] == [("/p", "rewritten")]


def test_text_that_is_none() -> None:
    """Data that is not the text it claims to be goes as a file."""
    source = Source(data="//8=", media_type="text/plain")
    said = Contents(PLAIN, Ledger()).content([media("document", source)], media=True)
    assert said == [{"type": "file", "file": {"filename": "document", "file_data": data_url(source)}}]


def test_what_is_said_beside_media() -> None:
    """Context, wishes for citations and details of documents have no place, each by its own pointer."""
    ledger = Ledger()
    part = media("document", PDF, context="c", cited=True, detail="low")
    Contents(PLAIN, ledger).content([part], media=True)
    assert [entry.pointer for entry in ledger.entries] == ["/p/context", "/p/citations", "/p/detail"]
    Contents(PLAIN, ledger).content([media("image", PNG, name="a.png")], media=True)
    assert (ledger.entries[-1].pointer, ledger.entries[-1].action) == ("/p", "approximated")


@pytest.mark.parametrize(
    ("mark", "dialect", "content", "lost"),
    [
        (CacheMark(), MARKED, [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}], []),
        (
            CacheMark("1h"),
            MARKED,
            [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
            [],
        ),
        (CacheMark(), PLAIN, "a", ["/p/cache_control"]),
        (CacheMark(None, "/m/prompt_cache_breakpoint"), PLAIN, "a", ["/m/prompt_cache_breakpoint"]),
    ],
)
def test_cache_marks(mark: CacheMark, dialect: Dialect, content: Any, lost: list[str]) -> None:
    """Where the provider knows them they make a part of a string; elsewhere the ledger names them."""
    ledger = Ledger()
    assert Contents(dialect, ledger).content([Text(text="a", cache=mark, at="/p")], media=True) == content
    assert [entry.pointer for entry in ledger.entries] == lost


def test_own_members_return_to_their_objects() -> None:
    """Objects are merged, everything else is put beside."""
    into: dict[str, Any] = {"a": {"b": 1}, "c": 2}
    merge(into, {"a": {"d": 3}, "e": {"f": 4}})
    merge(into, None)
    assert into == {"a": {"b": 1, "d": 3}, "c": 2, "e": {"f": 4}}
