"""Writes a whole answer for a caller. Source: https://ai.google.dev/api/generate-content#GenerateContentResponse"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import msgspec

from aigw.wire.dialect import PLAIN
from aigw.wire.formats.gemini import blocked, grounding, odds, tally
from aigw.wire.formats.gemini.names import INEXACT, finish_of
from aigw.wire.formats.gemini.offsets import Offsets
from aigw.wire.formats.gemini.part_reader import FORMAT
from aigw.wire.formats.gemini.part_writer import ANSWER, PartWriter
from aigw.wire.losses import Ledger, child
from aigw.wire.neutral import (
    Answer,
    Candidate,
    Citation,
    Conversation,
    Part,
    ServerToolCall,
    ServerToolResult,
    Stop,
    Text,
)
from aigw.wire.signatures import seal

WEB_SEARCH = "web_search"

_encode = msgspec.json.Encoder().encode
_object = msgspec.json.Decoder(dict[str, Any]).decode


def write_answer(answer: Answer, asked: Conversation, ledger: Ledger) -> bytes:
    """The body of a generateContent answer."""
    home = answer.own_format == FORMAT
    own = answer.own if home and answer.own else {}
    note_own(answer.own, answer.own_format, ANSWER, ledger)
    body: dict[str, Any] = {}
    candidates = [_candidate(one, ledger, answer.own_format) for one in answer.candidates if not _is_block(one, own)]
    if candidates:
        body["candidates"] = candidates
    if answer.usage is not None:
        body["usageMetadata"] = tally.metadata(answer.usage, ledger)
    body["modelVersion"] = answer.model or asked.model
    if answer.created is not None:
        body["createTime"] = blocked.time_of(answer.created)
    body["responseId"] = answer.id or uuid4().hex
    body.update(own)
    return _encode(body)


def _is_block(candidate: Candidate, own: dict[str, Any]) -> bool:
    """Whether a candidate only stands for a prompt that was blocked, which is said elsewhere."""
    stop = blocked.stop_of(own.get("promptFeedback"))
    return stop is not None and candidate.stop == stop and not candidate.parts


def note_own(own: dict[str, Any] | None, own_format: str, at: str, ledger: Ledger) -> None:
    """Report members of an answer or a candidate that only another format has."""
    if own and own_format != FORMAT:
        ledger.drop_members(at, own, f"only {own_format or 'the format of the answer'} has it")


def _candidate(candidate: Candidate, ledger: Ledger, own_format: str) -> dict[str, Any]:
    home = own_format == FORMAT
    at = child(ANSWER, "candidates", candidate.index)
    writer = PartWriter(PLAIN, ledger, seal, home=home)
    sources = Sources(at, ledger)
    parts = writer.parts(candidate.parts, child(at, "parts"), sources.take)
    several = sum(isinstance(part, Text) for part, _ in writer.written) > 1
    for part, index in writer.written:
        if isinstance(part, Text):
            sources.cite(part, index, several=several)
    told: dict[str, Any] = {"content": {"parts": parts, "role": "model"}} if parts else {}
    if candidate.stop is not None:
        finish(told, candidate.stop, at, ledger)
    told["index"] = candidate.index
    logprobs = [one for part in candidate.parts if isinstance(part, Text) for one in part.logprobs or ()]
    if logprobs:
        told["logprobsResult"] = odds.result(logprobs)
    add_members(told, "groundingMetadata", sources.metadata())
    note_own(candidate.own, own_format, at, ledger)
    for name, value in (candidate.own or {}).items() if home else ():
        add_members(told, name, value)
    return told


def add_members(told: dict[str, Any], name: str, value: Any) -> None:
    """A member; of an object that is there already, its members."""
    if isinstance(value, dict) and isinstance(told.get(name), dict):
        told[name] = {**told[name], **value}
    elif value != {}:
        told[name] = value


def finish(told: dict[str, Any], stop: Stop, at: str, ledger: Ledger) -> None:
    """Why a candidate ended."""
    word = told["finishReason"] = finish_of(stop)
    exact = stop.reason == "other" and not stop.word
    if word != stop.word and stop.reason in INEXACT and not exact:
        ledger.approximate(child(at, "stop"), f"{stop.word or stop.reason} is told as {word}: {INEXACT[stop.reason]}")
    if stop.detail:
        told["finishMessage"] = stop.detail
    if stop.sequence is not None:
        ledger.drop(child(at, "stop", "sequence"), "Gemini does not tell which stop sequence it was")


class Sources:
    """What one candidate rests on: pages that were searched, and citations of its texts."""

    def __init__(self, at: str, ledger: Ledger) -> None:
        self._at = at
        self._ledger = ledger
        self._found: list[grounding.Found] = []
        self._queries: list[str] = []

    def take(self, part: Part, place: str) -> bool:
        """Whether a part is a web search, which is told in the metadata, not among the parts."""
        if isinstance(part, ServerToolCall) and part.name == WEB_SEARCH:
            self._searched(part.arguments, child(place, "arguments"))
            return True
        if isinstance(part, ServerToolResult) and part.name == WEB_SEARCH:
            self._pages(part, place)
            return True
        return False

    def _searched(self, arguments: str, place: str) -> None:
        """A search, by its arguments: one query or several."""
        try:
            said = _object(arguments or "{}")
        except (ValueError, RecursionError):
            self._ledger.drop(place, "the arguments are no JSON object")
            return
        queries = said.pop("queries", None)
        for query in (said.pop("query", None), *(queries if isinstance(queries, list) else ())):
            if isinstance(query, str) and query and query not in self._queries:
                self._queries.append(query)
        self._ledger.drop_members(place, said, "Gemini tells what was searched for, nothing else")

    def _pages(self, result: ServerToolResult, place: str) -> None:
        if result.error is not None:
            self._ledger.drop(child(place, "error"), "Gemini does not tell that a search failed")
        for hit in result.hits or ():
            if hit.sealed is not None or hit.age is not None or hit.own:
                self._ledger.drop(child(place, "hits"), "of a page Gemini tells the address and the title alone")
            self._found.append((Citation(kind="url", url=hit.url, title=hit.title), None))

    def cite(self, part: Text, index: int, *, several: bool) -> None:
        """The citations of a text; one without a place is of the whole text, where there are several."""
        if not part.citations:
            return
        offsets = Offsets()
        offsets.add(part.text)
        for citation in part.citations:
            self.add(citation, index, offsets, several=several)

    def add(self, citation: Citation, index: int, offsets: Offsets, *, several: bool, shift: int = 0) -> None:
        """One citation of a text, which begins `shift` bytes behind where places are counted from."""
        unsaid = grounding.unsaid(citation)
        if unsaid:
            self._ledger.drop(child(self._at, "citations"), f"Gemini does not tell of a source {', '.join(unsaid)}")
        span: grounding.Span | None = None
        if citation.start is not None and citation.end is not None:
            span = index, shift + offsets.to_bytes(citation.start), shift + offsets.to_bytes(citation.end), None
        elif several:
            span = index, shift, shift + offsets.bytes, None
        self._found.append((citation, span))

    def metadata(self) -> dict[str, Any]:
        """`groundingMetadata`, empty if there is nothing to say."""
        told: dict[str, Any] = {"webSearchQueries": self._queries} if self._queries else {}
        if self._found:
            told.update(grounding.metadata(self._found))
        return told
