"""What may cross into the target's format: members, parts and tools that only the caller's has stay behind, reported.

So does what one provider has signed, on its way to another.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from aigw.errors import InvalidBody
from aigw.wire import arguments, media
from aigw.wire.dialect import Dialect
from aigw.wire.format import Format
from aigw.wire.losses import Ledger, child
from aigw.wire.neutral import (
    SETTINGS,
    AnyTool,
    Citation,
    Conversation,
    Foreign,
    ForeignTool,
    Media,
    Part,
    Refusal,
    SearchHit,
    ServerToolResult,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Turn,
)
from aigw.wire.places import refusal

# Members by which a request goes on from something that a provider has stored: without it, it is another request.
_STORED: Final = {
    "conversation": "a stored conversation can be continued",
    "prompt": "a stored prompt can be used",
    "cachedContent": "cached content can be used",
    "cached_content": "cached content can be used",
}
_REFERENCE: Final = (
    "refers to a stored item, which can be read only at the provider that made it, in its own format: send the item"
    " itself instead"
)
# What nobody but the provider that it came from, or is meant for, would miss: nothing is lost with it elsewhere.
_BOOKKEEPING: Final = {"responses": ("/input/", frozenset({"id", "status"}))}
"""Where members stand that things are only counted by, and which."""
_UNASKED: Final = {"responses": {"include": frozenset({"reasoning.encrypted_content"})}}
"""Words of a list that ask for what a caller gets anyway: thoughts always come sealed."""
_EMPTY: Final = "it is empty"
_DEPTH: Final = 4
"""Objects within objects that are looked into: Gemini's `generationConfig.speechConfig` and the like go as deep."""


def _places(at: str, own: dict[str, Any], depth: int) -> Iterator[str]:
    """Where the members are. Readers leave of an object within only what they did not know, so it is not named itself.

    Null says nothing anywhere, so nothing is lost with it.
    """
    for name, value in own.items():
        place = child(at, name)
        if isinstance(value, dict) and value and depth:
            yield from _places(place, value, depth - 1)
        elif value is not None:
            yield place


def is_reference(part: Part) -> bool:
    """Whether a part stands for an item that only the provider that stored it has."""
    if type(part) is not Foreign or part.format != "responses" or not isinstance(part.value, dict):
        return False
    kind = part.value.get("type")
    return kind == "item_reference" or (kind is None and "id" in part.value)


class Border:
    """Between one request's own format and the target's."""

    __slots__ = ("_dialect", "_ledger", "_objects", "_own_format", "_reason", "_said", "_target", "home")

    def __init__(self, conversation: Conversation, target: Format, dialect: Dialect, ledger: Ledger) -> None:
        self._target = target
        self._dialect = dialect
        self._ledger = ledger
        self._own_format = conversation.own_format
        self._objects = target.objects_only
        self._said = conversation.places
        self._reason = f"only {conversation.own_format or 'the format of the request'} has it"
        self.home = conversation.own_format == target.name
        """Whether there is no border: the provider speaks the caller's format."""

    def refuse_stored(self, conversation: Conversation) -> None:
        """Raises InvalidBody for what only the provider that stored it could go on with."""
        if self.home:
            return
        end = "only at the provider that made it, in its own format: send the whole conversation instead."
        if conversation.settings.previous is not None:
            raise InvalidBody(f"A stored response can be continued {end}", param="previous_response_id")
        for name, what in _STORED.items():
            value = conversation.own.get(name)
            if value is not None and value != "":
                raise InvalidBody(f"{name}: {what} {end}", param=name)

    def members(self, at: str, own: dict[str, Any] | None) -> dict[str, Any] | None:
        """What stays of an object's `own` members."""
        if not own or self.home:
            return own
        missed = self._missed(at, own)
        if not at:
            missed = {name: value for name, value in missed.items() if not self._placed(name)}
        for place in _places(at, missed, _DEPTH):
            self._ledger.drop(place, self._reason)
        return None

    def _placed(self, name: str) -> bool:
        """Whether the reader says where the members of an object stand that are not settings: it is reported there."""
        place = None if name in SETTINGS else self._said.get(name)
        if place is None:
            return False
        self._ledger.drop(place, self._reason)
        return True

    def _missed(self, at: str, own: dict[str, Any]) -> dict[str, Any]:
        if at:
            within, known = _BOOKKEEPING.get(self._own_format, ("/", frozenset()))
            return {name: value for name, value in own.items() if name not in known} if at.startswith(within) else own
        asked = _UNASKED.get(self._own_format, {})
        return {
            name: value
            for name, value in own.items()
            if not (name in asked and isinstance(value, list) and asked[name].issuperset(value))
        }

    def tools(self, tools: list[AnyTool]) -> list[AnyTool]:
        """The tools that the target may have."""
        if self.home:
            return tools
        kept: list[AnyTool] = []
        for tool in tools:
            if type(tool) is ForeignTool:
                if tool.format != self._target.name:
                    self._ledger.drop(tool.at, self._reason)
                    continue
            elif tool.own:  # type: ignore[union-attr]  # mypy does not narrow by `type() is`
                tool = msgspec.structs.replace(tool, own=self.members(tool.at, tool.own))  # type: ignore[union-attr]
            kept.append(tool)
        return kept

    def turn(self, turn: Turn) -> Turn | None:
        """What crosses of a turn; None if there is nothing of it."""
        parts = self._parts(turn.parts, told=True)
        own = self.members(turn.at, turn.own)
        if not parts:
            if not turn.parts:
                self._ledger.drop(turn.at, _EMPTY)
            return None
        if parts is turn.parts and own is turn.own:
            return turn
        return msgspec.structs.replace(turn, parts=parts, own=own)

    def _parts(self, parts: list[Part], *, told: bool) -> list[Part]:
        kept: list[Part] = []
        same = True
        for part in parts:
            new = self._part(part, told=told)
            same = same and new is part
            if new is not None:
                kept.append(new)
        return parts if same else kept

    def _part(self, part: Part, *, told: bool) -> Part | None:
        kind = type(part)
        if kind is Text or kind is Refusal:
            if not part.text:  # type: ignore[attr-defined]
                if told:
                    self._ledger.drop(part.at, _EMPTY)
                return None
        elif (kind is Foreign and part.format != self._target.name) or (  # type: ignore[attr-defined]
            kind is Thinking and self._sealed(part)  # type: ignore[arg-type]
        ):
            if kind is Foreign:
                if is_reference(part):
                    raise refusal(part.at, _REFERENCE)
                self._ledger.drop(part.at, self._reason)
            return None
        else:
            part = self._arranged(part)
        return part if self.home else self._stripped(part)

    def _sealed(self, thinking: Thinking) -> bool:
        """Whether it must stay behind: it is empty, or signed by somebody else."""
        held = thinking.signature is not None or thinking.id is not None or thinking.redacted
        if held and thinking.maker not in (self._dialect.maker, self._target.name):
            if thinking.signature is None and thinking.text and not thinking.redacted:
                return False
            self._ledger.drop(thinking.at, f"it is signed for {thinking.maker or 'another provider'}")
            return True
        if not held and not thinking.text:
            self._ledger.drop(thinking.at, _EMPTY)
            return True
        return False

    def _arranged(self, part: Part) -> Part:
        if type(part) is ToolCall:
            return arguments.arranged(part, self._ledger, objects=self._objects)
        if type(part) is Media:
            return media.arranged(part)
        if type(part) is ToolResult:
            if any(type(inner) is ToolResult for inner in part.parts):
                raise refusal(part.at, "is the result of a tool, which cannot hold another result")
            # An empty text is all that some tools return: the result stays, so nothing is lost.
            parts = self._parts(part.parts, told=False)
            return part if parts is part.parts else msgspec.structs.replace(part, parts=parts)
        return part

    def _stripped(self, part: Part) -> Part:
        """Without the members of the other format, also those of its citations and search results."""
        inner: list[Citation] | list[SearchHit] | None = None
        if type(part) is Text:
            inner = part.citations
        elif type(part) is ServerToolResult:
            inner = part.hits
        if inner and any(item.own for item in inner):
            self._ledger.drop(part.at, f"members of its sources: {self._reason}")
            field = "citations" if type(part) is Text else "hits"
            part = msgspec.structs.replace(part, **{field: [msgspec.structs.replace(item, own=None) for item in inner]})
        if part.own:
            part = msgspec.structs.replace(part, own=self.members(part.at, part.own))
        return part
