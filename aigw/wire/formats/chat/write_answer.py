"""A whole answer for a chat caller. Source: https://platform.openai.com/docs/api-reference/chat/object"""

from __future__ import annotations

from typing import Any

import msgspec

from aigw.wire.formats.chat import details, told
from aigw.wire.formats.chat.sources import logprob_objects
from aigw.wire.formats.chat.tally import usage_object
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Answer, Candidate, Conversation, Logprob, Part, Refusal, Text, Thinking, ToolCall

_encode = msgspec.json.Encoder().encode


def write_answer(answer: Answer, asked: Conversation, ledger: Ledger) -> bytes:
    """The body of the answer."""
    legacy = told.is_legacy(asked)
    body: dict[str, Any] = {
        "id": told.named(answer.id),
        "object": "chat.completion",
        "created": told.dated(answer.created),
        "model": answer.model or asked.model,
        "choices": [_Choice(candidate, ledger, legacy, answer.own_format).object() for candidate in answer.candidates],
    }
    if answer.usage is not None:
        body["usage"] = usage_object(answer.usage)
        told.report_usage(answer.usage, ledger)
    tier = told.tier_of(answer.own, answer.own_format)
    body.update(tier if answer.own_format != "chat" else answer.own or {})
    told.report_own(
        {name: value for name, value in (answer.own or {}).items() if name not in tier},
        answer.own_format,
        "answer:",
        ledger,
    )
    return _encode(body)


class _Choice:
    """Gathers the parts of one candidate: a message has one text, and everything else beside it."""

    __slots__ = (
        "_annotations",
        "_bound",
        "_calls",
        "_candidate",
        "_extra",
        "_images",
        "_ledger",
        "_legacy",
        "_length",
        "_logprobs",
        "_message",
        "_own_format",
        "_refusals",
        "_refused",
        "_texts",
        "_thoughts",
    )

    def __init__(self, candidate: Candidate, ledger: Ledger, legacy: bool, own_format: str) -> None:
        self._candidate = candidate
        self._ledger = ledger
        self._legacy = legacy
        self._own_format = own_format
        self._annotations: list[dict[str, Any]] = []
        self._bound: Thinking | None = None
        self._calls: list[dict[str, Any]] = []
        self._extra: dict[str, Any] | None = None
        self._images: list[dict[str, Any]] = []
        self._length = 0
        self._logprobs: list[Logprob] = []
        self._message: dict[str, Any] = {}
        self._refusals: list[str] = []
        self._refused: list[Logprob] = []
        self._texts: list[str] = []
        self._thoughts: list[tuple[Thinking, str | None]] = []

    def object(self) -> dict[str, Any]:
        """The entry of `choices`."""
        candidate = self._candidate
        told.report_own(candidate.own, self._own_format, told.place(candidate.index), self._ledger)
        for number, part in enumerate(candidate.parts):
            self._take(part, told.place(candidate.index, "parts", number))
        if self._bound is not None:
            self._sign(self._bound)
        choice: dict[str, Any] = {"index": candidate.index, "message": self._object()}
        choice["logprobs"] = self._odds()
        stop = candidate.stop
        choice["finish_reason"] = (
            None
            if stop is None
            else told.finish_reason(
                stop, candidate.index, self._ledger, refused=bool(self._refusals), legacy=self._legacy
            )
        )
        return choice

    def _odds(self) -> dict[str, Any] | None:
        if not (self._logprobs or self._refused):
            return None
        said = {"content": self._logprobs, "refusal": self._refused}
        return {name: logprob_objects(odds) if odds else None for name, odds in said.items()}

    def _object(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self._texts) if self._texts else None}
        self._tell_thoughts(message)
        message["refusal"] = "".join(self._refusals) if self._refusals else None
        if self._annotations:
            message["annotations"] = self._annotations
        message.update(self._message)
        if self._images:
            message["images"] = self._images
        if self._calls:
            message["tool_calls"] = self._calls
        if self._extra is not None:
            message["extra_content"] = self._extra
        return message

    def _tell_thoughts(self, message: dict[str, Any]) -> None:
        """All in details as soon as one has to come back, or has its place: a caller takes details for the whole."""
        text = "".join(thought.text for thought, _ in self._thoughts)
        if text:
            message["reasoning_content"] = text
        if any(thought.signature or thought.redacted or thought.id or after for thought, after in self._thoughts):
            message["reasoning_details"] = [
                details.sealed(thought, index, after) for index, (thought, after) in enumerate(self._thoughts)
            ]

    def _take(self, part: Part, where: str) -> None:
        told.report_part(part, self._own_format, where, self._ledger)
        if isinstance(part, Text):
            self._text(part, where)
        elif isinstance(part, Refusal):
            self._refusals.append(part.text)
            self._refused += part.logprobs or ()
        elif isinstance(part, Thinking):
            self._think(part)
        elif isinstance(part, ToolCall):
            self._call(part, where)
        else:
            self._show(part, where)

    def _text(self, part: Text, where: str) -> None:
        if self._bound is not None:
            self._sign(self._bound)
        if part.citations:
            self._annotations += told.annotations_of(part.citations, self._length, len(part.text), where, self._ledger)
        if part.logprobs:
            self._logprobs += part.logprobs
        self._texts.append(part.text)
        self._length += len(part.text)

    def _think(self, part: Thinking) -> None:
        if part.bound:
            self._bound = part
            return
        after = self._calls[-1]["id"] if self._calls else "content" if self._texts else None
        self._thoughts.append((part, after))

    def _sign(self, bound: Thinking) -> None:
        """A signature that belongs to the text, of which a message can have one."""
        self._bound = None
        if self._extra is None:
            self._extra = told.signed(bound)
        else:
            self._ledger.drop(told.place(self._candidate.index, "parts"), "a message carries one signature")

    def _call(self, part: ToolCall, where: str) -> None:
        if self._legacy:
            if "function_call" in self._message:
                self._ledger.drop(where, "a caller that asks with functions takes one call")
            else:
                self._message["function_call"] = {"name": part.name, "arguments": part.arguments or "{}"}
            return
        call: dict[str, Any]
        if part.custom:
            call = {"id": part.id, "type": "custom", "custom": {"name": part.name, "input": part.arguments}}
        else:
            function = {"name": part.name, "arguments": part.arguments or "{}"}
            call = {"id": part.id, "type": "function", "function": function}
        if self._bound is not None:
            call["extra_content"] = told.signed(self._bound)
            self._bound = None
        self._calls.append(call)

    def _show(self, part: Part, where: str) -> None:
        if told.is_heard(part) and "audio" not in self._message:
            self._message["audio"] = told.sound_of(part)  # type: ignore[arg-type]  # it is Media
        elif told.is_seen(part):
            self._images.append(told.image_of(part, len(self._images)))  # type: ignore[arg-type]  # it is Media
            self._ledger.approximate(where, "chat answers have no images: it stands in OpenRouter's `images`")
        else:
            self._ledger.drop(where, f"chat answers have no place for this: {told.kind_of(part)}")
