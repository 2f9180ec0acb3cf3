"""The items of a caller's `input`, as turns.

Items of the assistant's side that follow one another (reasoning, messages, calls) are one turn; so are outputs of
tools. A message of the user's side is a turn of its own.

An item's `id` and `status` are its maker's bookkeeping, and as such members of the format's own. In an item that was
made here, of another format's answer, they are nobody's: they are forgotten. Members of a message of the assistant
stand on its turn, which then has the message's place; those of a second message in a turn stand on its first part.

Source: https://platform.openai.com/docs/api-reference/responses/create#responses-create-input
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from aigw.wire.formats.responses.content import read_content
from aigw.wire.formats.responses.members import Members, refuse
from aigw.wire.formats.responses.output_items import is_made
from aigw.wire.formats.responses.searches import read_search
from aigw.wire.losses import child
from aigw.wire.neutral import Foreign, Part, Role, Text, Thinking, ToolCall, ToolResult, Turn
from aigw.wire.signatures import opened

PARAGRAPHS: Final = "\n\n"
"""What stands between the parts of a summary when they are one text."""

_ROLES: Final = {"system", "developer", "user", "assistant"}
# Items of other kinds that stand for what the model did; the rest is what was done for it or said to it.
_OF_THE_MODEL: Final = frozenset({
    "apply_patch_call", "code_interpreter_call", "compaction", "computer_call", "file_search_call",
    "image_generation_call", "local_shell_call", "mcp_approval_request", "mcp_call", "mcp_list_tools", "program",
    "shell_call", "tool_search_call",
})  # fmt: skip


class InputReader:
    """Turns of the items that it is given, one after the other."""

    def __init__(self) -> None:
        self.turns: list[Turn] = []
        # The tools that were called, by the ids of the calls: results seldom name them.
        self._called: dict[str, str] = {}

    def add(self, value: Any, at: str) -> None:
        """One item. Raises InvalidBody."""
        members = Members(value, at)
        kind = members.text("type") or _unsaid(members)
        read = _READERS.get(kind)
        if read is None:
            role: Role = "assistant" if kind in _OF_THE_MODEL else "user"
            self._part(role, Foreign(format="responses", value=value, at=at), at)
        else:
            read(self, members)

    def message(self, members: Members) -> None:
        """A message in any of its forms."""
        role = members.needed("role")
        if role not in _ROLES:
            refuse(members.place("role"), f"must be one of {', '.join(sorted(_ROLES))}, not {role!r}")
        content = members.take("content")
        if content is None:
            refuse(members.place("content"), "is required")
        parts = read_content(content, members.place("content"))
        _file_away(members)
        own = members.own()
        if role != "assistant":
            self.turns.append(Turn(role=role, parts=parts, at=members.at, own=own))  # type: ignore[arg-type]
            return
        turn = self._turn("assistant", members.at)
        if own and turn.own is None:
            turn.at, turn.own = members.at, own
        elif own and parts:
            first = parts[0]
            parts[0] = msgspec.structs.replace(first, at=members.at, own={**(first.own or {}), **own})
        turn.parts += parts

    def reasoning(self, members: Members) -> None:
        """What the model thought; what is sealed goes back to whom it belongs to."""
        summary = _texts(members, "summary")
        said = _texts(members, "content")
        found = opened(members.text("encrypted_content"), "responses")
        sealed = found.maker != "responses"
        id = members.text("id")
        if sealed:
            members.text("status")
        thinking = Thinking(
            text=said or summary,
            signature=found.signature,
            maker=found.maker,
            redacted=found.redacted if sealed else bool(found.signature and not (said or summary)),
            bound=found.bound,
            id=found.id if sealed or found.signature is None else id,
            summary=found.summary if sealed else not said,
            at=members.at,
        )
        if said and summary:
            members.leave("summary")
        if not sealed and found.signature is None:
            members.leave("id")
        thinking.own = members.own()
        self._part("assistant", thinking, members.at)

    def function_call(self, members: Members) -> None:
        """A call of a function."""
        self._call(members, members.text("arguments") or "", custom=False)

    def custom_call(self, members: Members) -> None:
        """A call of a tool that takes free text."""
        self._call(members, members.text("input") or "", custom=True)

    def _call(self, members: Members, arguments: str, *, custom: bool) -> None:
        name, id = members.needed("name"), members.needed("call_id")
        _file_away(members)
        self._called[id] = name
        call = ToolCall(id=id, name=name, arguments=arguments, custom=custom, at=members.at, own=members.own())
        self._part("assistant", call, members.at)

    def function_output(self, members: Members) -> None:
        """What a function returned."""
        self._output(members, custom=False)

    def custom_output(self, members: Members) -> None:
        """What a tool that takes free text returned."""
        self._output(members, custom=True)

    def _output(self, members: Members, *, custom: bool) -> None:
        id = members.needed("call_id")
        output = members.take("output")
        if output is None:
            refuse(members.place("output"), "is required")
        parts = read_content(output, members.place("output")) if output != "" else []
        name = members.text("name") or self._called.get(id)
        if id not in self._called:
            members.leave("name")  # the call is stored, so its name is said nowhere else
        result = ToolResult(call_id=id, parts=parts, name=name, custom=custom, at=members.at, own=members.own())
        self._part("tool", result, members.at)

    def search(self, members: Members) -> None:
        """A search of the web that the provider made."""
        for part in read_search(members.value, "responses", members.at):
            self._part("assistant", part, members.at)

    def _part(self, role: Role, part: Part, at: str) -> None:
        self._turn(role, at).parts.append(part)

    def _turn(self, role: Role, at: str) -> Turn:
        """The turn that goes on, or a new one."""
        turns = self.turns
        if role == "user" or not turns or turns[-1].role != role:
            turns.append(Turn(role=role, parts=[], at=at))
        return turns[-1]


def read_input(value: Any, at: str) -> list[Turn]:
    """`input`: a string, or a list of items. Raises InvalidBody."""
    if isinstance(value, str):
        return [Turn(role="user", parts=[Text(text=value, at=at)], at=at)]
    if not isinstance(value, list):
        refuse(at, "must be a string or an array of items")
    reader = InputReader()
    for index, item in enumerate(value):
        reader.add(item, child(at, index))
    return reader.turns


def _file_away(members: Members) -> None:
    """Forget the bookkeeping of an item that was made here."""
    if is_made(members.text("id")):
        members.text("status")
    else:
        members.leave("id")


def _unsaid(members: Members) -> str:
    """The type of an item that does not say it: a message, or a reference to something stored. Raises InvalidBody."""
    if "role" in members.value:
        return "message"
    if "id" not in members.value:
        refuse(members.place("type"), "is required")
    return "item_reference"


def _texts(members: Members, name: str) -> str:
    """The paragraphs of a reasoning item."""
    parts = members.items(name) or []
    return PARAGRAPHS.join(Members(part, members.place(name, at)).needed("text") for at, part in enumerate(parts))


_READERS: Final[dict[str, Callable[[InputReader, Members], None]]] = {
    "message": InputReader.message,
    "reasoning": InputReader.reasoning,
    "function_call": InputReader.function_call,
    "custom_tool_call": InputReader.custom_call,
    "function_call_output": InputReader.function_output,
    "custom_tool_call_output": InputReader.custom_output,
    "web_search_call": InputReader.search,
}
