"""Calls of custom tools, back from providers that know functions only.

A custom tool takes free text (OpenAI's `custom`). Towards a format without them it is declared as a function with one
text, `input`; the model's call of it is turned back here, before the caller sees it.
"""

from __future__ import annotations

import msgspec

from aigw.wire.deltas import Close, Delta, Grow, Open
from aigw.wire.neutral import Answer, Conversation, CustomTool, ToolCall

_replace = msgspec.structs.replace


class _Input(msgspec.Struct, forbid_unknown_fields=True):
    input: str


_decode = msgspec.json.Decoder(_Input).decode


def custom_tools(conversation: Conversation) -> frozenset[str]:
    """The names of the caller's custom tools."""
    return frozenset(tool.name for tool in conversation.tools if isinstance(tool, CustomTool))


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
