"""What an answer rests on: `groundingMetadata` and `citationMetadata` as citations of its texts, and back.

Their places are bytes of UTF-8, in one part (`partIndex`) or, in streams and older models, in the whole text.

Sources: https://ai.google.dev/api/generate-content#GroundingMetadata, #CitationMetadata
"""

from __future__ import annotations

from typing import Any

from aigw.wire.neutral import Citation

KINDS = ("web", "retrievedContext", "maps", "image")

Span = tuple[int, int, int, str | None]
"""Part index, first byte, byte behind the last, and the text there if it is told."""

Found = tuple[Citation, Span | None]


def citations_of(grounding: Any, cited: Any) -> list[Found]:
    """Every source with each place it is cited at; sources without a place come last."""
    found: list[Found] = []
    if isinstance(grounding, dict):
        found += _grounded(grounding)
    if isinstance(cited, dict):
        for source in _dicts(cited.get("citationSources") or cited.get("citations")):
            citation = Citation(kind="url", url=_text(source, "uri"), title=_text(source, "title"))
            citation.own = {key: source[key] for key in ("license", "publicationDate") if source.get(key)} or None
            found.append((citation, _span(source)))
    return found


def rest_of(grounding: Any) -> dict[str, Any]:
    """What of the grounding does not become citations: the queries, the search entry point …"""
    if not isinstance(grounding, dict):
        return {}
    return {key: value for key, value in grounding.items() if key not in ("groundingChunks", "groundingSupports")}


def _grounded(grounding: dict[str, Any]) -> list[Found]:
    chunks = grounding.get("groundingChunks")
    chunks = chunks if isinstance(chunks, list) else []
    found: list[Found] = []
    used: set[int] = set()
    for support in _dicts(grounding.get("groundingSupports")):
        segment = support.get("segment")
        span = _span(segment) if isinstance(segment, dict) else None
        indices = support.get("groundingChunkIndices")
        for index in indices if isinstance(indices, list) else ():
            citation = _chunk(chunks[index]) if isinstance(index, int) and 0 <= index < len(chunks) else None
            if citation is not None:
                used.add(index)
                found.append((citation, span))
    for index, chunk in enumerate(chunks):
        citation = _chunk(chunk)
        if citation is not None and index not in used:
            found.append((citation, None))
    return found


def _chunk(chunk: Any) -> Citation | None:
    kind = next((kind for kind in KINDS if isinstance(chunk, dict) and isinstance(chunk.get(kind), dict)), None)
    if kind is None:
        return None
    said = dict(chunk[kind])
    uri, title, text = (said.pop(key, None) for key in ("uri", "title", "text"))
    own = {kind: said} if said or kind in ("maps", "image") else None
    return Citation(
        kind="file" if kind == "retrievedContext" else "url",
        url=uri if isinstance(uri, str) else None,
        title=title if isinstance(title, str) else None,
        cited=text if isinstance(text, str) else None,
        own=own,
    )


def _span(said: dict[str, Any]) -> Span | None:
    start, end, part = said.get("startIndex", 0), said.get("endIndex"), said.get("partIndex", 0)
    if not (isinstance(start, int) and isinstance(end, int) and isinstance(part, int)):
        return None
    return part, start, end, _text(said, "text")


def _text(said: dict[str, Any], key: str) -> str | None:
    value = said.get(key)
    return value if isinstance(value, str) else None


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


# -- and back ---------------------------------------------------------------------------------------------------------


def metadata(found: list[Found]) -> dict[str, Any]:
    """`groundingMetadata` of these citations: each source once, and for each place the sources that stand behind it."""
    chunks: list[dict[str, Any]] = []
    supports: dict[Span, list[int]] = {}
    for citation, span in found:
        chunk = _told(citation)
        if chunk not in chunks:
            chunks.append(chunk)
        if span is not None:
            behind = supports.setdefault(span, [])
            if chunks.index(chunk) not in behind:
                behind.append(chunks.index(chunk))
    told: dict[str, Any] = {"groundingChunks": chunks}
    if supports:
        told["groundingSupports"] = [
            {"segment": _segment(span), "groundingChunkIndices": behind} for span, behind in supports.items()
        ]
    return told


def _kind(citation: Citation) -> str:
    own = citation.own or {}
    return next((kind for kind in KINDS if kind in own), "web" if citation.kind == "url" else "retrievedContext")


def unsaid(citation: Citation) -> list[str]:
    """What a citation says that has no place in a chunk."""
    kind = _kind(citation)
    told = {
        "the passage that is cited": citation.cited if kind == "web" else None,
        "which document of the prompt it is": citation.document,
        "its file": citation.file_id if citation.url is not None else None,
        "what only another format says of it": any(name != kind for name in citation.own or ()) or None,
    }
    return [what for what, value in told.items() if value is not None]


def _told(citation: Citation) -> dict[str, Any]:
    own, kind = citation.own or {}, _kind(citation)
    said: dict[str, Any] = {}
    for key, value in (
        ("uri", citation.url or citation.file_id),
        ("title", citation.title),
        ("text", citation.cited if kind != "web" else None),
    ):
        if value is not None:
            said[key] = value
    further = own.get(kind)
    return {kind: {**said, **further} if isinstance(further, dict) else said}


def _segment(span: Span) -> dict[str, Any]:
    part, start, end, text = span
    segment: dict[str, Any] = {}
    if part:
        segment["partIndex"] = part
    if start:
        segment["startIndex"] = start
    segment["endIndex"] = end
    if text is not None:
        segment["text"] = text
    return segment
