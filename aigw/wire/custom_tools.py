"""Custom tools at providers that know functions only.

A custom tool takes free text (OpenAI's `custom`, https://platform.openai.com/docs/guides/function-calling#custom-tools).
Elsewhere it is declared as a function with one text, `input`, and so are its calls in the history; the model's own call
of it is turned back here, before the caller sees it.
"""

from __future__ import annotations

import msgspec

from aigw.wire.deltas import Close, Delta, Grow, Open
from aigw.wire.losses import Ledger, child
from aigw.wire.neutral import Answer, AnyTool, Conversation, CustomTool, Part, Tool, ToolCall, ToolResult

_replace = msgspec.structs.replace
_encode = msgspec.json.Encoder().encode
_NO_PLACE = "a function has no place for it"


class _Input(msgspec.Struct, forbid_unknown_fields=True):
    input: str


_decode = msgspec.json.Decoder(_Input).decode


def custom_tools(conversation: Conversation) -> frozenset[str]:
    """The names of the caller's custom tools."""
    return frozenset(tool.name for tool in conversation.tools if isinstance(tool, CustomTool))


def as_functions(conversation: Conversation, ledger: Ledger) -> Conversation:
    """The same conversation without custom tools: tools, calls and results are those of functions."""
    if not custom_tools(conversation) and not any(
        _is_custom(part) for turn in conversation.turns for part in turn.parts
    ):
        return conversation
    tools = [_function(tool, ledger) if isinstance(tool, CustomTool) else tool for tool in conversation.tools]
    turns = [
        _replace(turn, parts=[_plain(part, ledger) for part in turn.parts])
        if any(map(_is_custom, turn.parts))
        else turn
        for turn in conversation.turns
    ]
    settings = conversation.settings
    if settings.tool_choice is not None and settings.tool_choice.custom:
        settings = _replace(settings, tool_choice=_replace(settings.tool_choice, custom=False))
    return _replace(conversation, tools=tools, turns=turns, settings=settings)


def _function(tool: CustomTool, ledger: Ledger) -> AnyTool:
    ledger.approximate(tool.at, "a tool that takes free text became a function with one text")
    if tool.format is not None and tool.format.get("type") != "text":
        ledger.drop(child(tool.at, "format"), "functions have no grammar")
    ledger.drop_members(tool.at, tool.own or (), _NO_PLACE)
    parameters = {
        "type": "object",
        "properties": {"input": {"type": "string"}},
        "required": ["input"],
        "additionalProperties": False,
    }
    return Tool(name=tool.name, description=tool.description, parameters=parameters, at=tool.at)


def _is_custom(part: Part) -> bool:
    return isinstance(part, ToolCall | ToolResult) and part.custom


def _plain(part: Part, ledger: Ledger) -> Part:
    if isinstance(part, ToolResult):
        return _replace(part, custom=False)
    if not isinstance(part, ToolCall) or not part.custom:
        return part
    ledger.drop_members(part.at, part.own or (), _NO_PLACE)
    return _replace(part, arguments=_encode(_Input(part.arguments)).decode(), custom=False, own=None)


def free_text(arguments: str) -> str:
    """What the model wants to say to a custom tool; arguments of another shape are left as they are."""
    try:
        return _decode(arguments).input
    except (msgspec.DecodeError, UnicodeDecodeError):
        return arguments


def _turned_back(call: ToolCall) -> ToolCall:
    return _replace(call, arguments=free_text(call.arguments), custom=True)


class CustomCalls:
    """Turns calls of these tools back. A stream's call is given as a whole: its text stands within JSON."""

    __slots__ = ("_held", "_names")

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names
        # By candidate: the opening that is held back, and the pieces of its arguments.
        self._held: dict[int, tuple[Open, list[str]]] = {}

    def answer(self, answer: Answer) -> Answer:
        """A whole answer."""
        for candidate in answer.candidates:
            candidate.parts = [
                _turned_back(part) if isinstance(part, ToolCall) and self._is_theirs(part) else part
                for part in candidate.parts
            ]
        return answer

    def put(self, deltas: list[Delta]) -> list[Delta]:
        """More of a stream, in order (`sequence.py`)."""
        put: list[Delta] = []
        for delta in deltas:
            self._step(delta, put)
        return put

    def _is_theirs(self, call: ToolCall) -> bool:
        return not call.custom and call.name in self._names

    def _step(self, delta: Delta, put: list[Delta]) -> None:
        if isinstance(delta, Open) and isinstance(delta.head, ToolCall) and self._is_theirs(delta.head):
            self._held[delta.candidate] = delta, [delta.head.arguments]
        elif isinstance(delta, Grow) and delta.candidate in self._held:
            self._held[delta.candidate][1].append(delta.text)
        elif isinstance(delta, Close) and delta.candidate in self._held:
            opening, pieces = self._held.pop(delta.candidate)
            head = opening.head
            assert isinstance(head, ToolCall)
            put += (
                Open(opening.part, _turned_back(_replace(head, arguments="".join(pieces))), opening.candidate),
                delta,
            )
        else:
            put.append(delta)
