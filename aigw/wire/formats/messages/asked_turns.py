"""The system prompt and the messages of a caller's request as turns.

Source: https://platform.claude.com/docs/en/build-with-claude/working-with-messages
"""

from __future__ import annotations

from aigw.wire.formats.messages.blocks import BlockReader
from aigw.wire.formats.messages.members import Members, refuse
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Part, Role, ToolResult, Turn

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system"}


def read_turns(asked: Members, ledger: Ledger) -> list[Turn]:
    """All turns; the system prompt is the first. Raises InvalidBody."""
    blocks = BlockReader()
    turns: list[Turn] = []
    system = asked.take("system")
    if system is not None:
        turns.append(Turn(role="system", parts=blocks.content(system, "/system"), at="/system"))
    messages = asked.items("messages")
    if messages is None:
        refuse("/messages", "is required")
    for index, message in enumerate(messages):
        turns += _message(Members(message, f"/messages/{index}"), blocks, ledger)
    return turns


def _message(message: Members, blocks: BlockReader, ledger: Ledger) -> list[Turn]:
    """One message: a turn, or two where a user's message brings results of tools."""
    role = _ROLES.get(message.needed("role"))
    if role is None:
        refuse(message.place("role"), "must be user, assistant or system")
    content = message.take("content")
    if content is None:
        refuse(message.place("content"), "is required")
    parts = blocks.content(content, message.place("content"))
    own = message.own()
    results = [part for part in parts if isinstance(part, ToolResult)]
    if not results:
        return [Turn(role=role, parts=parts, at=message.at, own=own)]
    if role != "user":
        refuse(results[0].at, "results of tools stand in messages of the user")
    rest = [part for part in parts if not isinstance(part, ToolResult)]
    if not rest:
        return [Turn(role="tool", parts=parts, at=message.at, own=own)]
    _note_order(parts, len(results), ledger)
    return [
        Turn(role="tool", parts=[*results], at=message.at),
        Turn(role="user", parts=rest, at=message.at, own=own),
    ]


def _note_order(parts: list[Part], results: int, ledger: Ledger) -> None:
    """Results that stand behind other content are moved before it: Anthropic itself would refuse them."""
    for index, part in enumerate(parts):
        if isinstance(part, ToolResult) and index >= results:
            ledger.rewrite(part.at, "results of tools come before other content of the turn")
