"""Turns as a system prompt and messages that a provider takes.

What the API asks of them: the system prompt apart, a user's message first, roles that alternate, results of tools first
in theirs, and no white space at the end of a last message of the assistant (which the answer continues: a prefill).

Sources: https://platform.claude.com/docs/en/api/messages/create, .../en/api/errors#prefill-not-supported
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aigw.wire.formats.messages.sent_parts import PartWriter
from aigw.wire.losses import Ledger, child
from aigw.wire.neutral import Turn

# Stand-ins for a turn of the user that the API wants and the conversation does not have. A text must not be blank.
OPENING = "."
GOING_ON = "Continue."

_SYSTEM = ("system", "developer")
# A block with its pointer in the caller's request.
Placed = tuple[dict[str, Any], str]


class Message:
    """A message in the making."""

    __slots__ = ("blocks", "own", "role")

    def __init__(self, role: str, blocks: list[Placed], own: dict[str, Any] | None = None) -> None:
        self.role = role
        self.blocks = blocks
        self.own = own or {}

    @property
    def at(self) -> str:
        """The pointer of its first block."""
        return self.blocks[0][1]


class TurnWriter:
    """Writes one conversation's turns."""

    __slots__ = ("_ledger", "_parts", "messages", "system")

    def __init__(self, parts: PartWriter, ledger: Ledger) -> None:
        self._parts = parts
        self._ledger = ledger
        self.system: list[dict[str, Any]] = []
        self.messages: list[Message] = []

    def write(self, turns: list[Turn]) -> None:
        """All turns. Those of the system that stand first make its prompt; of later ones see `_role`."""
        leading = True
        for turn in turns:
            leading = leading and turn.role in _SYSTEM
            self._note_members(turn)
            if leading:
                self.system += [block for block, _ in self._instructions(turn)]
            else:
                self._add(turn)
        for message in self.messages:
            # A stable sort: results of tools first, the rest in its order.
            message.blocks.sort(key=lambda block: block[0]["type"] != "tool_result")

    def open_with_user(self) -> None:
        """The first message is a user's."""
        if self.messages and self.messages[0].role == "assistant" and not self._parts.home:
            self._ledger.approximate(self.messages[0].at, "a turn of the user was put before it")
            self.messages.insert(0, Message("user", [({"type": "text", "text": OPENING}, "")]))

    def close(self, *, prefill: bool) -> None:
        """The last message is a user's, or one of the assistant's that the model can continue."""
        if not self.messages or self.messages[-1].role != "assistant":
            return
        last = self.messages[-1]
        if not prefill:
            self._ledger.approximate(last.at, "the model does not continue a turn of its own: it is asked to go on")
            self.messages.append(Message("user", [({"type": "text", "text": GOING_ON}, "")]))
            return
        block, at = last.blocks[-1]
        if block["type"] == "text" and not self._parts.home and block["text"] != block["text"].rstrip():
            self._ledger.rewrite(at, "the last turn of the assistant may not end with white space")
            block["text"] = block["text"].rstrip()

    def body(self) -> list[dict[str, Any]]:
        """The messages as they are sent."""
        return [
            {"role": message.role, "content": [block for block, _ in message.blocks], **message.own}
            for message in self.messages
        ]

    def thinks_in_tool_loop(self) -> bool:
        """Whether the turn in which the assistant called the tools whose results stand last began with thinking.

        True also where no results stand last. With a thinking budget the API refuses a loop without it: see
        https://platform.claude.com/docs/en/build-with-claude/extended-thinking#preserving-thinking-blocks
        """
        if len(self.messages) < 2:
            return True
        called, returned = self.messages[-2:]
        if returned.blocks[0][0]["type"] != "tool_result":
            return True
        return called.blocks[0][0]["type"] in ("thinking", "redacted_thinking")

    def _note_members(self, turn: Turn) -> None:
        if turn.name is not None:
            self._ledger.drop(child(turn.at, "name"), "turns have no names in the format")

    def _instructions(self, turn: Turn) -> Iterator[Placed]:
        """A turn of the system's as text blocks."""
        for part in turn.parts:
            block = self._parts.block(part)
            if block is None:
                continue
            if block["type"] == "text":
                yield block, part.at
            else:
                self._ledger.drop(part.at, "the system prompt is text in the format")

    def _add(self, turn: Turn) -> None:
        """One message more, or more of the last one if it is of the same role."""
        role = self._role(turn)
        blocks = list(self._instructions(turn) if turn.role in _SYSTEM else self._spoken(turn, role))
        if not blocks:
            return
        own = turn.own if self._parts.home else None
        if self.messages and self.messages[-1].role == role and role != "system":
            self.messages[-1].blocks += blocks
            self.messages[-1].own.update(own or {})
        else:
            self.messages.append(Message(role, blocks, own))

    def _role(self, turn: Turn) -> str:
        """The role of a message. Few models take the system's later on: it is a user's, unless its caller knows."""
        if turn.role in _SYSTEM:
            if self._parts.home:
                return "system"
            self._ledger.approximate(turn.at, "the system speaks only at the beginning: later on it is a user's text")
            return "user"
        return "assistant" if turn.role == "assistant" else "user"

    def _spoken(self, turn: Turn, role: str) -> Iterator[Placed]:
        for part in turn.parts:
            block = self._parts.block(part)
            if block is None:
                continue
            if role == "assistant" and block["type"] in ("image", "document") and not self._parts.home:
                self._ledger.drop(part.at, "the assistant's turns hold no media in the format")
                continue
            yield block, part.at
