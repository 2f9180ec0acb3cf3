"""Whole answers: a provider's message read, a message for a caller written.

Source: https://platform.claude.com/docs/en/api/messages/create, "Returns"
"""

from __future__ import annotations

import uuid
from typing import Any

import msgspec

from aigw.errors import InvalidBody
from aigw.wire.dialect import Dialect
from aigw.wire.formats.messages.blocks import NAME, BlockReader, json_text
from aigw.wire.formats.messages.sent_output import WRAPPED
from aigw.wire.formats.messages.tables import finer_details, read_stop, write_stop
from aigw.wire.formats.messages.tally import read_usage, write_usage
from aigw.wire.formats.messages.told import BlockTeller
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Answer, Candidate, Conversation, Part, Text, ToolCall
from aigw.wire.structured import STRUCTURED_TOOL

STRUCTURED = frozenset({STRUCTURED_TOOL, WRAPPED})
"""Tools whose calls are no calls: their arguments are the answer."""

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
# Members of a message that mean something to a caller of this format.
_OWN = ("container", "context_management", "diagnostics")


def new_id() -> str:
    """An id for a message whose upstream gave none."""
    return f"msg_{uuid.uuid4().hex}"


def read_answer(data: bytes, dialect: Dialect) -> Answer:
    """A provider's message. Raises ValueError for what is none."""
    try:
        message = _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"the answer is no JSON: {error}") from None
    if not isinstance(message, dict) or not isinstance(message.get("content"), list):
        raise ValueError("the answer is no message: it has no content")
    blocks = BlockReader(dialect.maker)
    try:
        parts = [blocks.part(block) for block in message["content"]]
    except InvalidBody as error:
        raise ValueError(f"a content block of the answer cannot be read: {error.message}") from None
    called = any(isinstance(part, ToolCall) and part.name not in STRUCTURED for part in parts)
    word = message.get("stop_reason")
    stop = None
    if isinstance(word, str):
        structured = not called and any(isinstance(part, ToolCall) for part in parts)
        stop = read_stop(word, message.get("stop_sequence"), message.get("stop_details"), structured=structured)
    return Answer(
        candidates=[
            Candidate(
                parts=[unforced(part) for part in parts], stop=stop, own=finer_details(message.get("stop_details"))
            )
        ],
        id=_text(message.get("id")),
        model=_text(message.get("model")),
        usage=read_usage(message.get("usage")),
        own=own_members(message),
        own_format=NAME,
    )


def own_members(message: dict[str, Any]) -> dict[str, Any] | None:
    """Members that only callers of this format understand."""
    return {name: value for name in _OWN if (value := message.get(name)) is not None} or None


def unforced(part: Part) -> Part:
    """A call of the tool that stands for structured output is the text that it was made for."""
    if not isinstance(part, ToolCall) or part.name not in STRUCTURED:
        return part
    return Text(text=unwrapped(part.name, part.arguments or "{}"))


def unwrapped(name: str, arguments: str) -> str:
    """The answer's text in the arguments of such a call."""
    if name != WRAPPED:
        return arguments
    try:
        return json_text(_decode(arguments)["value"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return arguments


def write_answer(answer: Answer, asked: Conversation, ledger: Ledger) -> bytes:
    """A message for the caller who asked that."""
    candidate = next((each for each in answer.candidates if each.index == 0), None) or Candidate()
    note_rest(answer, candidate, ledger)
    home = answer.own_format == NAME
    teller = BlockTeller(ledger, home=home)
    content = teller.blocks(candidate.parts)
    message: dict[str, Any] = {
        "id": answer.id or new_id(),
        "type": "message",
        "role": "assistant",
        "model": answer.model or asked.model,
        "content": content,
        **write_stop(candidate.stop, ledger, refused=teller.refused),
        "usage": write_usage(answer.usage, ledger),
    }
    if home:
        message.update(candidate.own or {})
        message.update(answer.own or {})
    return _encode(message)


def note_rest(answer: Answer, told: Candidate, ledger: Ledger) -> None:
    """Report what a message has no place for: further candidates, members of other formats."""
    for candidate in answer.candidates:
        if candidate is not told:
            note_candidate(candidate.index, ledger)
    note_own(answer.own, answer.own_format, "", ledger)
    note_own(told.own, answer.own_format, "/candidates/0", ledger)


def note_candidate(index: int, ledger: Ledger) -> None:
    """Report a candidate that is not told."""
    ledger.drop(f"answer:/candidates/{index}", "a message has one candidate")


def note_own(own: dict[str, Any] | None, own_format: str, at: str, ledger: Ledger) -> None:
    """Report members that only another format has."""
    if own and own_format != NAME:
        ledger.drop_members(f"answer:{at}", own, f"only {own_format or 'the format of the answer'} has it")


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
