"""What a text rests on: Anthropic's five kinds of citations.

Source: https://platform.claude.com/docs/en/build-with-claude/citations
"""

from __future__ import annotations

from typing import Any

from aigw.wire.neutral import Citation

# Members of Anthropic's that have a name of ours; all others stay in `own`.
_NAMED = frozenset({"cited_text", "document_index", "document_title", "file_id", "title", "url"})
_TITLES = {"web_search_result_location": "title", "search_result_location": "title"}


def read_citation(value: dict[str, Any]) -> Citation:
    """One citation; where in a document it was found stays in `own`, with its type."""
    kind = value.get("type")
    url = value.get("url")
    if kind == "search_result_location":
        url = value.get("source")
    return Citation(
        kind="url" if kind == "web_search_result_location" or _is_link(url) else "document",
        url=_text(url),
        title=_text(value.get("title")) or _text(value.get("document_title")),
        cited=_text(value.get("cited_text")),
        document=_index(value.get("document_index")),
        file_id=_text(value.get("file_id")),
        own={name: found for name, found in value.items() if name not in _NAMED},
    )


def is_ours(citation: Citation) -> bool:
    """Whether it was read from this format, with the seal that the provider asks to get back."""
    return citation.own is not None and "type" in citation.own


def write_citation(citation: Citation) -> dict[str, Any] | None:
    """One citation for a caller; None for what has no place: a stored file, a document that nobody numbered."""
    own = citation.own or {}
    kind = own.get("type")
    if kind is None and citation.kind == "url" and citation.url is not None:
        return {
            "type": "web_search_result_location",
            "url": citation.url,
            "title": citation.title,
            "cited_text": citation.cited or "",
            "encrypted_index": "",
        }
    if kind is None:
        return None
    told: dict[str, Any] = {"type": kind, "cited_text": citation.cited or ""}
    if kind in _TITLES:
        told["title"] = citation.title
    if kind == "web_search_result_location":
        told["url"] = citation.url
    if citation.document is not None:
        told["document_index"] = citation.document
        told["document_title"] = citation.title
    if citation.file_id is not None:
        told["file_id"] = citation.file_id
    told.update(own)
    return told


def _is_link(url: Any) -> bool:
    return isinstance(url, str) and url.startswith(("http://", "https://"))


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _index(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
