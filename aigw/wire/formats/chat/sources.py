"""Citations and log probabilities: what stands beside the text of an answer, both ways.

Sources: https://platform.openai.com/docs/api-reference/chat/object, `annotations` and `logprobs`; Perplexity's
`search_results` and `citations`, xAI's `citations`; Together's older `logprobs` of parallel arrays.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aigw.wire.neutral import Citation, Logprob


def citations_of(annotations: Any) -> list[Citation]:
    """The citations among a message's `annotations`."""
    if not isinstance(annotations, list):
        return []
    found = (_citation(item) for item in annotations if isinstance(item, dict))
    return [citation for citation in found if citation is not None]


def _citation(item: dict[str, Any]) -> Citation | None:
    kind = item.get("type")
    inner = item.get(kind) if isinstance(kind, str) else None
    said = inner if isinstance(inner, dict) else item
    if kind == "url_citation" and _text(said.get("url")):
        return Citation(
            kind="url",
            url=_text(said.get("url")),
            title=_text(said.get("title")),
            cited=_text(said.get("content")),
            start=_place(said.get("start_index")),
            end=_place(said.get("end_index")),
        )
    if kind == "file_citation" and _text(said.get("file_id")):
        return Citation(kind="file", file_id=_text(said.get("file_id")), title=_text(said.get("filename")))
    return None


def searched(results: Any, citations: Any) -> list[Citation]:
    """The pages that an answer rests on as a whole: search results, or plain URLs."""
    for items in (results, citations):
        if isinstance(items, list) and items:
            return [page for page in map(_page, items) if page is not None]
    return []


def _page(item: Any) -> Citation | None:
    if isinstance(item, str) and item:
        return Citation(kind="url", url=item)
    if isinstance(item, dict) and _text(item.get("url")):
        return Citation(kind="url", url=item["url"], title=_text(item.get("title")), cited=_text(item.get("snippet")))
    return None


def annotation(citation: Citation, start: int, end: int) -> dict[str, Any] | None:
    """`url_citation` of a page, over these characters of the content; None for what cannot be said."""
    if citation.kind != "url" or not citation.url:
        return None
    said: dict[str, Any] = {
        "start_index": start,
        "end_index": end,
        "url": citation.url,
        "title": citation.title or "",
    }
    if citation.cited is not None:
        said["content"] = citation.cited
    return {"type": "url_citation", "url_citation": said}


def logprobs_of(value: Any, member: str = "content") -> list[Logprob]:
    """The tokens of `logprobs.content` (or `refusal`)."""
    if not isinstance(value, dict):
        return []
    tokens = value.get(member)
    if isinstance(tokens, list):
        return [logprob for logprob in map(_logprob, tokens) if logprob is not None]
    if member == "content" and isinstance(value.get("tokens"), list):
        pairs = zip(value["tokens"], value.get("token_logprobs") or (), strict=False)
        return [Logprob(token=token, logprob=odds) for token, odds in pairs if _is_odds(token, odds)]
    return []


def _is_odds(token: Any, odds: Any) -> bool:
    return isinstance(token, str) and isinstance(odds, int | float)


def _logprob(item: Any) -> Logprob | None:
    if not isinstance(item, dict) or not _is_odds(item.get("token"), item.get("logprob")):
        return None
    raw, top = item.get("bytes"), item.get("top_logprobs")
    return Logprob(
        token=item["token"],
        logprob=item["logprob"],
        bytes=raw if isinstance(raw, list) else None,
        top=[odds for odds in map(_logprob, top) if odds is not None] if isinstance(top, list) else None,
    )


def logprob_objects(logprobs: Iterable[Logprob]) -> list[dict[str, Any]]:
    """`logprobs.content`; bytes that were not told are null."""
    return [{**_odds(each), "top_logprobs": [_odds(other) for other in each.top or ()]} for each in logprobs]


def _odds(logprob: Logprob) -> dict[str, Any]:
    return {"token": logprob.token, "logprob": logprob.logprob, "bytes": logprob.bytes}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _place(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
