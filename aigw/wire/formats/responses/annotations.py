"""Annotations and log probabilities of an output text, both ways.

Source: https://platform.openai.com/docs/api-reference/responses/object#responses-object-output
"""

from __future__ import annotations

from typing import Any, Final

from aigw.wire.formats.responses.members import refuse
from aigw.wire.losses import child
from aigw.wire.neutral import Citation, Logprob

Json = dict[str, Any]

_PLACED: Final = frozenset({"type", "url", "title", "start_index", "end_index"})
_OF_FILES: Final = {
    "file_citation": frozenset({"type", "file_id", "filename", "index"}),
    "container_file_citation": frozenset({"type", "file_id", "filename", "start_index", "end_index"}),
    "file_path": frozenset({"type", "file_id", "index"}),
}


def citations_of(values: list[Any] | None, at: str) -> list[Citation] | None:
    """`annotations` of a caller's request. Raises InvalidBody."""
    if not values:
        return None
    found = []
    for index, value in enumerate(values):
        citation = citation_of(value)
        if citation is None:
            refuse(child(at, index), "must be an object with a type")
        found.append(citation)
    return found


def citation_of(value: Any) -> Citation | None:
    """One annotation; None for what is none."""
    if not isinstance(value, dict) or not isinstance(value.get("type"), str):
        return None
    kind = value["type"]
    known = _OF_FILES.get(kind, _PLACED)
    own = {name: member for name, member in value.items() if name not in known and member is not None}
    start = _index(value.get("start_index"))
    if kind == "url_citation":
        return Citation(
            kind="url",
            url=_text(value.get("url")),
            title=_text(value.get("title")),
            start=start,
            end=_index(value.get("end_index")),
            own=own or None,
        )
    if kind != "file_citation":
        own["type"] = kind
    return Citation(
        kind="file" if kind in _OF_FILES else "document",
        file_id=_text(value.get("file_id")),
        title=_text(value.get("filename")),
        start=start if start is not None else _index(value.get("index")),
        end=_index(value.get("end_index")),
        own=own or None,
    )


def annotation(citation: Citation, length: int, *, home: bool) -> Json | None:
    """A citation of a text that has this many characters so far; None where there is no annotation for it.

    `home`: it came in this format, so its own members are an annotation's.
    """
    own = dict(citation.own or {}) if home else {}
    kind = own.pop("type", None)
    start = citation.start if citation.start is not None else 0
    end = citation.end if citation.end is not None else length
    if citation.kind == "url" or (citation.kind == "document" and citation.url):
        named = {"url": citation.url or "", "title": citation.title or ""}
        return {"type": "url_citation", "start_index": start, "end_index": end, **named, **own}
    if not citation.file_id:
        return None
    if kind == "file_path":
        return {"type": kind, "file_id": citation.file_id, "index": start, **own}
    named = {"file_id": citation.file_id, "filename": citation.title or ""}
    if kind == "container_file_citation":
        return {"type": kind, **named, "start_index": start, "end_index": end, **own}
    return {"type": "file_citation", **named, "index": start, **own}


def says_less(citation: Citation, *, home: bool) -> bool:
    """Whether there is more to a citation than its annotation says."""
    return bool(citation.cited) or (not home and any(name != "type" for name in citation.own or ()))


def logprobs_of(values: Any) -> list[Logprob] | None:
    """`logprobs` of a text; entries that are none are left out."""
    if not isinstance(values, list):
        return None
    return [found for value in values if (found := _logprob(value)) is not None] or None


def _logprob(value: Any) -> Logprob | None:
    if not isinstance(value, dict) or not isinstance(value.get("token"), str):
        return None
    odds = value.get("logprob")
    if isinstance(odds, bool) or not isinstance(odds, int | float):
        return None
    told = value.get("bytes")
    return Logprob(
        token=value["token"],
        logprob=odds,
        bytes=told if isinstance(told, list) else None,
        top=logprobs_of(value.get("top_logprobs")),
    )


def odds(logprobs: list[Logprob]) -> list[Json]:
    """Log probabilities as an output text has them; `bytes` must be there."""
    return [{**_odd(each), "top_logprobs": [_odd(other) for other in each.top or ()]} for each in logprobs]


def _odd(each: Logprob) -> Json:
    told = each.bytes if each.bytes is not None else list(each.token.encode("utf-8", "surrogatepass"))
    return {"token": each.token, "bytes": told, "logprob": each.logprob}


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _index(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
