"""Reads a provider's whole answer. Source: https://ai.google.dev/api/generate-content#GenerateContentResponse"""

from __future__ import annotations

from typing import Any

import msgspec

from aigw.wire.deltas import Delta
from aigw.wire.dialect import Dialect
from aigw.wire.fold import folded
from aigw.wire.formats.gemini import blocked, grounding, odds, tally
from aigw.wire.formats.gemini.names import stop_of
from aigw.wire.formats.gemini.offsets import Offsets
from aigw.wire.formats.gemini.part_reader import FORMAT, PartReader, lenient
from aigw.wire.formats.gemini.stream_reader import StreamReader, fresh_id
from aigw.wire.neutral import Answer, Candidate, Citation, Text, ToolCall
from aigw.wire.sequence import Sequencer
from aigw.wire.sse import Event

_READ = frozenset({"candidates", "usageMetadata", "modelVersion", "responseId", "createTime"})
_READ_OF_CANDIDATE = frozenset(
    {
        "content",
        "finishReason",
        "finishMessage",
        "index",
        "groundingMetadata",
        "citationMetadata",
        "logprobsResult",
        "tokenCount",
    }
)

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def read_answer(data: bytes, dialect: Dialect) -> Answer:
    """A whole answer, or a stream that came as one JSON array. Raises ValueError for what is neither."""
    try:
        body = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"the answer is not JSON: {error}") from None
    if isinstance(body, list):
        return _of_chunks(body, dialect)
    if not isinstance(body, dict) or "error" in body or not _READ & body.keys() | body.keys() & {"promptFeedback"}:
        raise ValueError("the answer is no GenerateContentResponse")
    return _answer(body, dialect)


def _of_chunks(chunks: list[Any], dialect: Dialect) -> Answer:
    reader, sequencer = StreamReader(dialect), Sequencer()
    deltas: list[Delta] = []
    for chunk in chunks:
        deltas += reader.read(Event("event", _encode(chunk)))
    return folded(sequencer.put([*deltas, *reader.finish()]))


def _answer(body: dict[str, Any], dialect: Dialect) -> Answer:
    candidates = body.get("candidates")
    read = [
        _candidate(value, index, dialect)
        for index, value in enumerate(candidates if isinstance(candidates, list) else ())
        if isinstance(value, dict)
    ]
    stop = blocked.stop_of(body.get("promptFeedback"))
    if not read and stop is not None:
        read = [Candidate(stop=stop)]
    return Answer(
        candidates=read,
        id=_text(body, "responseId"),
        model=_text(body, "modelVersion"),
        created=blocked.seconds_of(_text(body, "createTime")),
        usage=tally.usage_of(body["usageMetadata"]) if "usageMetadata" in body else None,
        own={name: value for name, value in body.items() if name not in _READ} or None,
        own_format=FORMAT,
    )


def _candidate(value: dict[str, Any], index: int, dialect: Dialect) -> Candidate:
    content = value.get("content")
    raw = content.get("parts") if isinstance(content, dict) else None
    reader = PartReader(dialect.maker or FORMAT, fresh_id)
    said = value.get("index")
    candidate = Candidate(parts=[], index=said if isinstance(said, int) else index)
    texts: list[tuple[int, Text]] = []
    for at, item in enumerate(raw if isinstance(raw, list) else ()):
        for part in lenient(reader, item):
            part.at = ""
            if isinstance(part, Text) and not part.text:
                continue
            candidate.parts.append(part)
            if isinstance(part, Text):
                texts.append((at, part))
    _cite(grounding.citations_of(value.get("groundingMetadata"), value.get("citationMetadata")), texts)
    logprobs = odds.odds_of(value.get("logprobsResult"))
    if logprobs and texts:
        texts[-1][1].logprobs = logprobs
    word = value.get("finishReason")
    if isinstance(word, str) and word:
        called = any(isinstance(part, ToolCall) for part in candidate.parts)
        candidate.stop = stop_of(word, _text(value, "finishMessage"), called=called)
    candidate.own = own_of(value)
    return candidate


def own_of(value: dict[str, Any]) -> dict[str, Any] | None:
    """The members of a candidate that only Gemini has."""
    own = {name: member for name, member in value.items() if name not in _READ_OF_CANDIDATE and member is not None}
    rest = grounding.rest_of(value.get("groundingMetadata"))
    if rest:
        own["groundingMetadata"] = rest
    return own or None


def _cite(found: list[grounding.Found], texts: list[tuple[int, Text]]) -> None:
    """Give each citation to the text it is of, with its place in characters where that is sure."""
    for citation, span in found:
        text = _placed(citation, span, texts) if span is not None else None
        if text is None and texts:
            text = texts[-1][1]
        if text is not None:
            text.citations = [*(text.citations or ()), citation]


def _placed(citation: Citation, span: grounding.Span, texts: list[tuple[int, Text]]) -> Text | None:
    part, start, end, said = span
    before = 0
    for at, text in texts:
        whole = text.text.encode("utf-8", "surrogatepass")
        # Within the part that is named; else counted from the beginning of all texts.
        for shift in (0, before) if at == part or part == 0 else ():
            first, last = start - shift, end - shift
            if 0 <= first < last <= len(whole) and (at == part or said is not None or shift):
                cut = whole[first:last].decode("utf-8", "replace")
                if said is None or cut == said:
                    offsets = Offsets()
                    offsets.add(text.text)
                    citation.start, citation.end = offsets.to_chars(first), offsets.to_chars(last)
                    return text
        before += len(whole)
    return _found(citation, said, texts)


def _found(citation: Citation, said: str | None, texts: list[tuple[int, Text]]) -> Text | None:
    """By the words, where the places do not fit."""
    for _, text in texts:
        at = text.text.find(said) if said else -1
        if said and at >= 0:
            citation.start, citation.end = at, at + len(said)
            return text
    return None


def _text(value: dict[str, Any], name: str) -> str | None:
    said = value.get(name)
    return said if isinstance(said, str) and said else None
