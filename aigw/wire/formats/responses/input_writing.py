"""Turns, as the items of a provider's `input`.

Source: https://platform.openai.com/docs/api-reference/responses/create#responses-create-input
"""

from __future__ import annotations

from typing import Any, Final

from aigw.wire.draft import Draft
from aigw.wire.formats.responses.annotations import annotation, says_less
from aigw.wire.formats.responses.content_writing import ContentWriter
from aigw.wire.formats.responses.output_items import made_id
from aigw.wire.formats.responses.searches import is_search, search_item
from aigw.wire.losses import child
from aigw.wire.neutral import (
    Foreign,
    Part,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
)

Json = dict[str, Any]

_FULL: Final = frozenset({"id", "status", "logprobs"})
"""Members that only messages in full have."""


class InputWriter:
    """The items of the turns that it is given, and the instructions before them."""

    def __init__(self, draft: Draft) -> None:
        self.items: list[Json] = []
        self.instructions: str | None = None
        self._ledger = draft.ledger
        self._home = draft.conversation.own_format == "responses"
        # The message in full that was written last, if texts may still belong to it: its place, its content.
        self._full: tuple[str, list[Json]] | None = None
        # A message's place and own members, until its first text comes.
        self._head: tuple[str, Json] | None = None
        self._own_makers = (draft.dialect.maker, "responses")
        self._content = ContentWriter(draft)

    def write(self, turns: list[Turn]) -> None:
        """All turns. One leading text of the system's becomes the instructions, which every provider knows.

        Alone it stays a message, as the input may not be empty. A caller of this format has said where it stands.
        """
        rest = turns
        apart = bool(turns) and (turns[0].at == "/instructions" if self._home else len(turns) > 1)
        if apart and (text := _instructions(turns[0])) is not None:
            self.instructions, rest = text, turns[1:]
        for turn in rest:
            if turn.name is not None:
                self._ledger.drop(child(turn.at, "name"), "messages have no names here")
            if turn.role == "assistant":
                self._assistant(turn)
            elif turn.role == "tool":
                self._tool(turn)
            else:
                self._message(turn)

    def _message(self, turn: Turn) -> None:
        """A message of a user or of whoever gives instructions; items of other kinds stand between its pieces."""
        pieces: list[Part] = []
        for part in turn.parts:
            if isinstance(part, Foreign) and part.at == turn.at:
                self._spoken(turn, pieces)
                pieces = []
                self.items.append(part.value)
            else:
                pieces.append(part)
        self._spoken(turn, pieces)

    def _spoken(self, turn: Turn, parts: list[Part]) -> None:
        if not parts:
            return
        role = "user" if turn.role == "tool" else turn.role
        content = self._content.of(parts)
        if content:
            self.items.append({"type": "message", "role": role, "content": content, **(turn.own or {})})

    def _tool(self, turn: Turn) -> None:
        for part in turn.parts:
            if isinstance(part, ToolResult):
                self._result(part)
            else:
                self._spoken(turn, [part])

    def _result(self, result: ToolResult) -> None:
        if result.failed:
            self._ledger.drop(child(result.at, "is_error"), "results of tools have no mark of failure here")
        self._content.unmarked(result)
        output = self._content.of(result.parts)
        kind = "custom_tool_call_output" if result.custom else "function_call_output"
        item = {"type": kind, "call_id": result.call_id, "output": output or ""}
        self.items.append({**item, **(result.own or {})})

    def _assistant(self, turn: Turn) -> None:
        parts = turn.parts
        self._full = None
        self._head = (turn.at, turn.own) if turn.own else None
        for at, part in enumerate(parts):
            if isinstance(part, Text | Refusal):
                self._said(part)
            elif isinstance(part, Thinking):
                self._thought(part)
            elif isinstance(part, ToolCall):
                self._call(part)
            elif isinstance(part, ServerToolCall):
                following = parts[at + 1] if at + 1 < len(parts) else None
                self._search(part, following if isinstance(following, ServerToolResult) else None)
            else:
                self._other(part)
        if self._head is not None:
            self._ledger.drop_members(turn.at, turn.own or {}, "the message that had them says nothing")

    def _other(self, part: Part) -> None:
        if isinstance(part, Foreign):
            self.items.append(part.value)
        elif not (isinstance(part, ServerToolResult) and part.maker in self._own_makers):
            self._ledger.drop(part.at, "a turn of the assistant holds texts and calls of tools here, nothing else")

    def _said(self, part: Text | Refusal) -> None:
        """A text as a message of its own; in full where there is more to it than its words."""
        own = dict(part.own or {})
        self._content.unmarked(part)
        message = self._full
        if message is not None and _within(part, message[0]):
            message[1].append(self._whole(part, own))
            return
        self._full = None
        place = part.at
        if self._head is not None and _within(part, self._head[0]):
            place, own = self._head[0], {**self._head[1], **own}
            self._head = None
        head: Json = {"type": "message", "role": "assistant"}
        if isinstance(part, Text) and not part.citations and _FULL.isdisjoint(own):
            self.items.append({**head, "content": part.text, **own})
            return
        # Messages in full have an id, of which only the beginning matters; its place keeps it the same next time.
        head["id"] = own.pop("id", made_id("msg", str(len(self.items))))
        head["status"] = own.pop("status", "completed")
        content = [self._whole(part, own)]
        self._full = (place, content)
        self.items.append({**head, "content": content, **own})

    def _whole(self, part: Text | Refusal, own: Json) -> Json:
        """One text of a message in full."""
        if isinstance(part, Refusal):
            return {"type": "refusal", "refusal": part.text}
        content: Json = {"type": "output_text", "text": part.text, "annotations": self._annotations(part)}
        if "logprobs" in own:
            content["logprobs"] = own.pop("logprobs")
        return content

    def _annotations(self, text: Text) -> list[Json]:
        citations = text.citations or []
        found = [annotation(citation, len(text.text), home=True) for citation in citations]
        if None in found:
            self._ledger.drop(child(text.at, "citations"), "there is no annotation for parts of the prompt")
        elif any(says_less(citation, home=True) for citation in citations):
            self._ledger.approximate(text.at, "annotations do not quote the passage")
        return [each for each in found if each is not None]

    def _thought(self, thinking: Thinking) -> None:
        if thinking.signature is None and thinking.maker not in self._own_makers:
            self._ledger.drop(thinking.at, "reasoning goes back only to its maker, in the form that it came in")
            return
        self._content.unmarked(thinking)
        item: Json = {"type": "reasoning"}
        if thinking.id is not None:
            item["id"] = thinking.id
        raw = bool(thinking.text) and not thinking.summary
        item["summary"] = [{"type": "summary_text", "text": thinking.text}] if thinking.text and not raw else []
        if raw:
            item["content"] = [{"type": "reasoning_text", "text": thinking.text}]
        if thinking.signature is not None:
            item["encrypted_content"] = thinking.signature
        self.items.append({**item, **(thinking.own or {})})

    def _call(self, call: ToolCall) -> None:
        self._content.unmarked(call)
        if call.custom:
            item = {"type": "custom_tool_call", "call_id": call.id, "name": call.name, "input": call.arguments}
        else:
            item = {"type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments}
        self.items.append({**item, **(call.own or {})})

    def _search(self, call: ServerToolCall, result: ServerToolResult | None) -> None:
        if call.maker not in self._own_makers or not is_search(call):
            self._ledger.drop(call.at, "a provider's own tool: only its maker takes the call back")
            return
        told = result if result is not None and result.call_id == call.id else None
        self.items.append({**search_item(call.id, call, call.arguments, told), **(call.own or {})})


def _within(part: Part, place: str) -> bool:
    """Whether a part stands in the thing at a place."""
    return bool(place) and part.at.startswith(f"{place}/")


def _instructions(turn: Turn) -> str | None:
    """The text of a turn that says nothing but one text of the system's."""
    if turn.role != "system" or len(turn.parts) != 1 or turn.own or turn.name is not None:
        return None
    part = turn.parts[0]
    plain = isinstance(part, Text) and part.cache is None and not part.own
    return part.text if plain and isinstance(part, Text) else None
