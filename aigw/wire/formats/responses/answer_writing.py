"""A whole answer, as the response that a caller gets.

Source: https://platform.openai.com/docs/api-reference/responses/object
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from aigw.wire.formats.responses import output_items as items
from aigw.wire.formats.responses.annotations import annotation, odds, says_less
from aigw.wire.formats.responses.echo import Echo, note_usage, refuses
from aigw.wire.formats.responses.searches import is_search, search_item
from aigw.wire.formats.responses.stops import note_stop, status_of
from aigw.wire.losses import Ledger, child
from aigw.wire.neutral import (
    Answer,
    Candidate,
    Conversation,
    Foreign,
    Media,
    Part,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    Thinking,
    ToolCall,
)

Json = dict[str, Any]

_encode: Final = msgspec.json.Encoder().encode

ONE_CANDIDATE: Final = "a response is one answer"
NO_ITEM: Final = "there is no item for it"
NO_MEMBER: Final = "a response has no such member"
ITS_WORDS: Final = "there is no sound in a response: its words are told"
NO_ODDS: Final = "only texts have log probabilities"
NO_ANNOTATION: Final = "there is no annotation for parts of the prompt"
SHORT_ANNOTATION: Final = "an annotation tells the source, not the passage or where else it is known"


def write_answer(answer: Answer, asked: Conversation, ledger: Ledger) -> bytes:
    """The body for the caller who asked that."""
    echo = Echo(asked, answer.id, answer.model, answer.created)
    own = dict(answer.own or {})
    echo.tier = own.pop("service_tier", None)
    home = answer.own_format == "responses"
    if not home:
        ledger.drop_members("answer:", own, NO_MEMBER)
    for candidate in answer.candidates[1:]:
        ledger.drop(child("answer:", "candidates", candidate.index), ONE_CANDIDATE)
    candidate = answer.candidates[0] if answer.candidates else Candidate()
    if candidate.own and not home:
        ledger.drop_members(child("answer:", "candidates", 0), candidate.own, NO_MEMBER)
    output = OutputWriter(echo.id, ledger, home=home).write(candidate)
    note_usage(answer.usage, ledger)
    note_stop(candidate.stop, ledger, refuses=refuses(output))
    response = echo.over(candidate.stop, output, answer.usage)
    return _encode({**own, **response} if home else response)


class OutputWriter:
    """The output items of one candidate."""

    def __init__(self, response_id: str, ledger: Ledger, *, home: bool) -> None:
        self._ids = items.ItemIds(response_id)
        self._ledger = ledger
        self._home = home
        self._output: list[Json] = []

    def write(self, candidate: Candidate) -> list[Json]:
        """All items; texts that follow one another stand in one message."""
        parts = candidate.parts
        for at, part in enumerate(parts):
            self._part(part, at, parts[at - 1] if at else None, parts[at + 1] if at + 1 < len(parts) else None)
        self._cut(candidate)
        return self._output

    def _part(self, part: Part, at: int, before: Part | None, following: Part | None) -> None:
        pointer = child("answer:", "candidates", 0, "parts", at)
        text = words_of(part)
        if isinstance(part, ServerToolResult):
            found = isinstance(before, ServerToolCall) and is_search(before) and before.id == part.call_id
            note_result(part, found, pointer, self._ledger)
        elif text is not None:
            if text is not part:
                self._ledger.approximate(pointer, ITS_WORDS)
            self._said(text, at)
        elif has_item(part, home=self._home):
            self._output.append(self._item(part, following))
        else:
            self._ledger.drop(pointer, NO_ITEM)
            return
        if part.own and not self._home and not isinstance(part, ServerToolResult):
            self._ledger.drop_members(pointer, part.own, NO_MEMBER)

    def _cut(self, candidate: Candidate) -> None:
        """The last item of an incomplete answer is incomplete."""
        status, _ = status_of(candidate.stop, refuses=refuses(self._output))
        if status != "completed" and self._output and "status" in self._output[-1]:
            last = self._output[-1]
            if last.get("type") != "image_generation_call":
                last["status"] = "incomplete"

    def _said(self, part: Text | Refusal, at: int) -> None:
        phase = items.phase_of(part.own) if self._home else None
        last = self._output[-1] if self._output else None
        if last is None or last.get("type") != "message" or (phase is not None and last.get("phase") != phase):
            last = items.message(self._id("msg"), "completed", [], phase)
            self._output.append(last)
        if isinstance(part, Refusal):
            last["content"].append(items.refusal(part.text))
            if part.logprobs:
                self._ledger.drop(child("answer:", "candidates", 0, "parts", at, "logprobs"), NO_ODDS)
            return
        citations = part.citations or []
        pointer = child("answer:", "candidates", 0, "parts", at, "citations")
        found = [annotation(citation, len(part.text), home=self._home) for citation in citations]
        if None in found:
            self._ledger.drop(pointer, NO_ANNOTATION)
        elif any(says_less(citation, home=self._home) for citation in citations):
            self._ledger.approximate(pointer, SHORT_ANNOTATION)
        annotations = [each for each in found if each is not None]
        last["content"].append(items.output_text(part.text, annotations, odds(part.logprobs or [])))

    def _item(self, part: Part, following: Part | None) -> Json:
        """The item for a part that has one."""
        if isinstance(part, Thinking):
            return items.reasoning(reasoning_id(part, self._id("rs")), part, part.text, part.signature)
        if isinstance(part, ToolCall):
            return items.tool_call(self._id("ctc" if part.custom else "fc"), "completed", part, part.arguments)
        if isinstance(part, Media):
            return items.image(self._id("ig"), "completed", part, home=self._home)
        if isinstance(part, ServerToolCall):
            found = isinstance(following, ServerToolResult) and following.call_id == part.id
            result = following if found and isinstance(following, ServerToolResult) else None
            return search_item(search_id(part, self._id("ws")), part, part.arguments, result)
        assert isinstance(part, Foreign)
        value: Json = part.value
        return value

    def _id(self, prefix: str) -> str:
        return self._ids.make(prefix, len(self._output))


def has_item(part: Part, *, home: bool) -> bool:
    """Whether there is an item for a part that is no text. `home`: the answer came in this format."""
    if isinstance(part, Media):
        return part.kind == "image" and part.source.data is not None
    if isinstance(part, Foreign):
        return home and part.format == "responses"
    return isinstance(part, ToolCall | Thinking) or (isinstance(part, ServerToolCall) and is_search(part))


def words_of(part: Part) -> Text | Refusal | None:
    """What a part says in words: a text, or a sound whose words are known."""
    if isinstance(part, Text | Refusal):
        return part
    return Text(text=part.transcript) if isinstance(part, Media) and part.transcript else None


def note_result(result: ServerToolResult, told: bool, pointer: str, ledger: Ledger) -> None:
    """Note what is not told of the result of a provider's own tool: all of it, or what is known beside addresses."""
    if not told:
        ledger.drop(pointer, NO_ITEM)
    elif result.own:
        ledger.drop(pointer, "of what was found only the addresses are told")
    elif any(hit.title or hit.age or hit.sealed for hit in result.hits or ()):
        ledger.drop(child(pointer, "hits"), "of what a search found only the addresses are told")


def reasoning_id(thinking: Thinking, made: str) -> str:
    """The id of a reasoning item: its maker's, if that is one that callers expect."""
    return thinking.id if thinking.id and thinking.id.startswith("rs_") else made


def search_id(call: ServerToolCall, made: str) -> str:
    """The id of a search: its maker's, if there is one."""
    return call.id or made
