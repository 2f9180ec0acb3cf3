"""What a text rests on: Anthropic's five kinds of citations.

Source: https://platform.claude.com/docs/en/build-with-claude/citations
"""

from __future__ import annotations

from typing import Any

from aigw.wire.formats.messages.members import Members
from aigw.wire.neutral import Citation

# Members of Anthropic's that have a name of ours; all others stay in `own`.
_NAMED = frozenset({"cited_text", "document_index", "document_title", "file_id", "title", "url"})
_TEXTS = ("cited_text", "document_title", "file_id", "title", "url", "source")
_TITLED = frozenset({"web_search_result_location", "search_result_location"})


def check_citation(citation: Members) -> None:
    """Refuse a citation of a caller's whose members have wrong types."""
    citation.needed("type")
    for name in _TEXTS:
        citation.text(name)
    citation.whole("document_index")


def read_citation(value: dict[str, Any]) -> Citation:
    """One citation; where in a document it was found stays in `own`, with its type."""
    kind = _text(value.get("type"))
    url = value.get("source" if kind == "search_result_location" else "url")
    return Citation(
        kind="url" if kind == "web_search_result_location" or _is_link(url) else "document",
        url=_text(url),
        title=_text(value.get("title")) or _text(value.get("document_title")),
        cited=_text(value.get("cited_text")),
        document=_index(value.get("document_index")),
        file_id=_text(value.get("file_id")),
        own={name: found for name, found in value.items() if name not in _NAMED and (name != "type" or kind)},
    )


def is_ours(citation: Citation) -> bool:
    """Whether it was read from this format, with the seal that the provider asks to get back."""
    return citation.own is not None and "type" in citation.own


def write_citation(citation: Citation, *, home: bool = True) -> dict[str, Any] | None:
    """One citation for a caller; None for what has no place: a stored file, a document that nobody numbered.

    `home`: it was read from this format, so that its own members are this format's.
    """
    own = (citation.own or {}) if home else {}
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
    if kind in _TITLED:
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
