"""Tool calls in a chat stream: pieces that belong together, under whatever a server tells them apart by.

OpenAI numbers calls (`index`) and names each once. Other servers leave out the number, or give all calls the same one
and each an id of its own; leave out the id, or repeat it; send each call whole; send arguments as an object; send the
name after the first arguments. What is told: one part per call, opened when its name is known.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import msgspec

from aigw.wire.deltas import Delta, Grow, Open
from aigw.wire.formats.chat.shapes import Call, Named
from aigw.wire.neutral import Text, ToolCall
from aigw.wire.structured import STRUCTURED_TOOL

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def new_id() -> str:
    """An id for a call that came without one."""
    return f"call_{uuid.uuid4().hex[:24]}"


def text_of(value: Any) -> str:
    """Arguments, or a piece of them, as JSON text."""
    if isinstance(value, str):
        return value
    return "" if value is None else _encode(value).decode()


class _Call:
    """One call as far as it is known."""

    def __init__(self, said_id: str, custom: bool) -> None:
        self.said_id = said_id
        self.custom = custom
        self.name = ""
        self.part = -1  # until it is opened
        self.held = ""  # arguments that came before the name
        self.whole = False  # all arguments came with the name


# Closes what is open and gives the number of a new part.
Begin = Callable[[list[Delta]], int]


class Calls:
    """The calls of one choice. `begin` is never kept: it is its owner's, the two would hold each other."""

    def __init__(self, candidate: int) -> None:
        self._candidate = candidate
        self._by_index: dict[int, _Call] = {}
        self._by_id: dict[str, _Call] = {}
        self._last: _Call | None = None
        self.called = False
        self.forced = False

    def take(self, piece: Call, out: list[Delta], begin: Begin) -> None:
        """A piece of a call, or all of it."""
        named = piece.custom or piece.function or Named()
        name = named.name if isinstance(named.name, str) else ""
        call = self._known(piece, name)
        self._last = call
        text = text_of(named.input if call.custom else named.arguments)
        if call.part >= 0:
            if text:
                out.append(Grow(call.part, text, self._candidate))
        elif name:
            call.name = name
            self._open(call, out, begin)
            text = call.held + text
            call.whole = _is_whole(text)
            if text:
                out.append(Grow(call.part, text, self._candidate))
        else:
            call.held += text

    def function(self, named: Named, out: list[Delta], begin: Begin) -> None:
        """A piece of the older `function_call`, of which there is one."""
        if named.name or named.arguments:
            self.take(Call(-1, None, "function", named), out, begin)

    def finish(self, out: list[Delta], begin: Begin) -> None:
        """Calls whose name never came are told with what there is of them."""
        for call in [*self._by_index.values(), *self._by_id.values()]:
            if call.part < 0 and call.held:
                self._open(call, out, begin)
                out.append(Grow(call.part, call.held, self._candidate))

    def _known(self, piece: Call, name: str) -> _Call:
        """The call that a piece belongs to, or begins."""
        said_id = piece.id if isinstance(piece.id, str) else ""
        call = self._find(piece.index, said_id, name)
        if call is None:
            call = _Call(said_id, piece.custom is not None or piece.type == "custom")
            if isinstance(piece.index, int):
                self._by_index[piece.index] = call
            if said_id:
                self._by_id[said_id] = call
        return call

    def _find(self, index: Any, said_id: str, name: str) -> _Call | None:
        """The call that a piece belongs to; None for a new one."""
        if not isinstance(index, int):
            if said_id:
                return self._by_id.get(said_id)
            return self._last if not name or (self._last is not None and not self._last.name) else None
        known = self._by_index.get(index)
        if known is None or not name or known.part < 0:
            return known
        # A name for a second time: of the same call, or of another one under the same number.
        if said_id and known.said_id:
            return known if said_id == known.said_id else None
        return None if known.whole else known

    def _open(self, call: _Call, out: list[Delta], begin: Begin) -> None:
        part = call.part = begin(out)
        if call.name == STRUCTURED_TOOL:
            self.forced = True
            out.append(Open(part, Text(text=""), self._candidate))
            return
        self.called = True
        head = ToolCall(id=call.said_id or new_id(), name=call.name, arguments="", custom=call.custom)
        out.append(Open(part, head, self._candidate))


def _is_whole(text: str) -> bool:
    if not text.endswith("}"):
        return False
    try:
        _decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True
