"""Turns as chat messages, in the dialect of the provider that they go to.

Results of tools take text alone. Their images and files follow in a message of the user, behind the last result of the
same turn of the assistant: nothing may stand between results.
"""

from __future__ import annotations

from typing import Any

import msgspec

from aigw.wire.formats.chat import details
from aigw.wire.formats.chat.write_content import Contents, merge
from aigw.wire.losses import child
from aigw.wire.neutral import Foreign, Media, Part, Refusal, Text, Thinking, ToolCall, ToolResult, Turn
from aigw.wire.signatures import CHAT_MEMBER


def write_turns(turns: list[Turn], contents: Contents) -> list[dict[str, Any]]:
    """The `messages` of a request."""
    return _Scribe(contents).write(turns)


class _Scribe:
    __slots__ = ("_contents", "_messages", "_shown")

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._messages: list[dict[str, Any]] = []
        self._shown: list[dict[str, Any]] = []  # media of results, to be shown behind the last of them

    def write(self, turns: list[Turn]) -> list[dict[str, Any]]:
        for turn in turns:
            if turn.role == "tool":
                for part in turn.parts:
                    self._returned(part, turn)
                continue
            self._show()
            if turn.role == "assistant":
                message = _Answered(self._contents).message(turn)
                if len(message) > 1:
                    self._messages.append(message)
            else:
                self._said(turn)
        self._show()
        return self._messages

    def _said(self, turn: Turn) -> None:
        """A turn of the user, or instructions. Where `developer` is unknown, `system` means the same."""
        role = "system" if turn.role == "developer" and not self._contents.dialect.developer else turn.role
        content = self._contents.content(turn.parts, media=role == "user")
        if not content:
            return
        message: dict[str, Any] = {"role": role, "content": content}
        if turn.name is not None:
            message["name"] = turn.name
        merge(message, turn.own)
        self._messages.append(message)

    def _returned(self, part: Part, turn: Turn) -> None:
        contents = self._contents
        if not isinstance(part, ToolResult):
            contents.ledger.drop(part.at, "a tool's message holds nothing but its result")
            return
        media = [inner for inner in part.parts if isinstance(inner, Media)]
        texts = [inner for inner in part.parts if not isinstance(inner, Media)]
        if part.failed:
            contents.ledger.approximate(child(part.at, "is_error"), "a result cannot be marked as an error here")
        if self._follow(media, part) and not texts:
            texts.append(Text(text="The result is shown in the next message of the user."))
        if part.cache is not None:
            _mark_last(texts, part, contents)
        message = {"role": "tool", "tool_call_id": part.call_id, "content": contents.content(texts, media=False)}
        merge(message, turn.own)
        self._messages.append(message)

    def _follow(self, media: list[Media], result: ToolResult) -> bool:
        """Keep media for the message behind the results; whether there is any."""
        shown: list[dict[str, Any]] = []
        for part in media:
            said = self._contents.media(part)
            if said is not None:
                self._contents.ledger.approximate(part.at, "a result holds only text here: it follows in a message")
                shown.append(said)
        if shown:
            self._shown += [{"type": "text", "text": f"The result of the tool call {result.call_id}:"}, *shown]
        return bool(shown)

    def _show(self) -> None:
        if self._shown:
            self._messages.append({"role": "user", "content": self._shown})
            self._shown = []


def _mark_last(texts: list[Part], result: ToolResult, contents: Contents) -> None:
    """A cache mark of a result is one of its last text."""
    if texts and contents.dialect.cache_marks:
        if texts[-1].cache is None:
            texts[-1] = msgspec.structs.replace(texts[-1], cache=result.cache)
    else:
        contents.mark(None, result.cache, result.at)


class _Answered:
    """Writes one turn of the assistant."""

    __slots__ = ("_bound", "_calls", "_contents", "_details", "_extra", "_refusals", "_sound", "_texts", "_thoughts")

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._bound: Thinking | None = None
        self._calls: list[dict[str, Any]] = []
        self._details: list[dict[str, Any]] = []
        self._extra: dict[str, Any] | None = None
        self._refusals: list[str] = []
        self._sound: str | None = None
        self._texts: list[Part] = []
        self._thoughts: list[str] = []

    def message(self, turn: Turn) -> dict[str, Any]:
        """The message, only a role if nothing is said; `content` is null where there is none, as OpenAI has it."""
        for part in turn.parts:
            self._take(part)
        if self._bound is not None:
            self._contents.ledger.drop(self._bound.at, "nothing follows that it belongs to")
        message: dict[str, Any] = {"role": "assistant"}
        message["content"] = self._contents.content(self._texts, media=False) if self._texts else None
        if turn.name is not None:
            message["name"] = turn.name
        self._think_back(message)
        self._call_back(message)
        if len(message) == 2 and not self._texts:
            del message["content"]
        merge(message, turn.own)
        return message

    def _call_back(self, message: dict[str, Any]) -> None:
        if self._refusals:
            message["refusal"] = "".join(self._refusals)
        if self._sound is not None:
            message["audio"] = {"id": self._sound}
        if self._calls:
            message["tool_calls"] = self._calls
        if self._extra is not None:
            message["extra_content"] = self._extra

    def _think_back(self, message: dict[str, Any]) -> None:
        back = self._contents.dialect.thinking_back
        if self._details:
            message["reasoning_details"] = self._details
        elif self._thoughts and back is not None:
            message[back] = "".join(self._thoughts)

    def _take(self, part: Part) -> None:
        ledger = self._contents.ledger
        if isinstance(part, Thinking):
            self._think(part)
        elif isinstance(part, ToolCall):
            self._calls.append(self._call(part))
        elif isinstance(part, Refusal):
            self._refusals.append(part.text)
        elif isinstance(part, Text | Foreign):
            if self._bound is not None:
                self._extra = _signed(self._bound)
                self._bound = None
            self._text(part)
        elif isinstance(part, Media) and part.kind == "audio" and part.source.file_id and self._sound is None:
            self._sound = part.source.file_id
        else:
            ledger.drop(part.at, "messages of the assistant have no place for it in Chat Completions")

    def _text(self, part: Text | Foreign) -> None:
        if isinstance(part, Text) and part.citations:
            self._contents.ledger.approximate(part.at, "what the text rests on is not told here")
        if isinstance(part, Foreign) and isinstance(part.value, dict) and "function" in part.value:
            self._calls.append(part.value)
        else:
            self._texts.append(part)

    def _think(self, part: Thinking) -> None:
        """Thinking returns as the dialect has it, or not at all."""
        back = self._contents.dialect.thinking_back
        if part.bound:
            self._bound = part
        elif back is None:
            self._contents.ledger.drop(part.at, "the provider takes no thinking of earlier turns")
        elif back == "reasoning_details":
            self._details.append(details.original(part, len(self._details)))
        elif part.text:
            self._thoughts.append(part.text)
        else:
            self._contents.ledger.drop(part.at, "thinking returns only as text here")

    def _call(self, part: ToolCall) -> dict[str, Any]:
        call: dict[str, Any]
        if part.custom:
            call = {"id": part.id, "type": "custom", "custom": {"name": part.name, "input": part.arguments}}
        else:
            function = {"name": part.name, "arguments": part.arguments}
            call = {"id": part.id, "type": "function", "function": function}
        if self._bound is not None:
            call["extra_content"] = _signed(self._bound)
            self._bound = None
        self._contents.mark(None, part.cache, part.at)
        merge(call, part.own)
        return call


def _signed(bound: Thinking) -> dict[str, Any]:
    """Gemini's signature of a call or a text. https://ai.google.dev/gemini-api/docs/thought-signatures"""
    return {CHAT_MEMBER: {"thought_signature": bound.signature or ""}}
