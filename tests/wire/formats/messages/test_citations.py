"""Citations: all five kinds come back as they were; other formats' links become results of a web search."""

from __future__ import annotations

from typing import Any

import pytest

from aigw.wire.formats.messages.citations import is_ours, read_citation, write_citation
from aigw.wire.neutral import Citation

KINDS: list[dict[str, Any]] = [
    {
        "type": "char_location",
        "cited_text": "a",
        "document_index": 0,
        "document_title": "T",
        "file_id": "file_1",
        "start_char_index": 1,
        "end_char_index": 2,
    },
    {
        "type": "page_location",
        "cited_text": "a",
        "document_index": 0,
        "document_title": None,
        "start_page_number": 1,
        "end_page_number": 2,
    },
    {
        "type": "content_block_location",
        "cited_text": "a",
        "document_index": 1,
        "document_title": "T",
        "start_block_index": 1,
        "end_block_index": 2,
    },
    {
        "type": "web_search_result_location",
        "cited_text": "a",
        "url": "https://example.org",
        "title": "T",
        "encrypted_index": "xyz",
    },
    {
        "type": "search_result_location",
        "cited_text": "a",
        "source": "https://example.org",
        "title": None,
        "search_result_index": 0,
        "start_block_index": 1,
        "end_block_index": 2,
    },
]


@pytest.mark.parametrize("citation", KINDS, ids=lambda citation: str(citation["type"]))
def test_there_and_back(citation: dict[str, Any]) -> None:
    """Nothing of a citation is lost within the format."""
    read = read_citation(citation)
    assert is_ours(read)
    assert write_citation(read) == citation


@pytest.mark.parametrize(
    ("index", "kind", "url"),
    [(0, "document", None), (3, "url", "https://example.org"), (4, "url", "https://example.org")],
)
def test_kinds(index: int, kind: str, url: str | None) -> None:
    """A page of the web is one wherever it was found; the rest is part of the prompt."""
    read = read_citation(KINDS[index])
    assert (read.kind, read.url, read.cited) == (kind, url, "a")


@pytest.mark.parametrize(
    ("citation", "told"),
    [
        (Citation(kind="url", url="https://e.org", title="T"), "web_search_result_location"),
        (Citation(kind="file", file_id="f"), None),
        (Citation(kind="document", title="T"), None),
        (Citation(kind="url"), None),
    ],
)
def test_from_other_formats(citation: Citation, told: str | None) -> None:
    """A link is told; what points at nothing that the caller could find is not."""
    written = write_citation(citation)
    assert (None if written is None else written["type"]) == told
