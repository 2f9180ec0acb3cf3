"""Writes a generateContent or countTokens request for a provider.

Sources: https://ai.google.dev/api/generate-content, https://ai.google.dev/api/tokens,
https://ai.google.dev/gemini-api/docs/thought-signatures
"""

from __future__ import annotations

from typing import Any

import msgspec

from aigw.errors import InvalidBody
from aigw.wire.dialect import Dialect
from aigw.wire.draft import Draft
from aigw.wire.formats.gemini.part_reader import FORMAT
from aigw.wire.formats.gemini.part_writer import PartWriter
from aigw.wire.formats.gemini.settings_writer import write_settings
from aigw.wire.formats.gemini.tool_writer import write_tools
from aigw.wire.losses import Ledger, child
from aigw.wire.neutral import Conversation, Media, Part, Thinking, Turn

UNSIGNED = "skip_thought_signature_validator"
"""Stands for the signature of a call that the model did not make: models with thinking levels refuse a call without
one, and take this instead (https://ai.google.dev/gemini-api/docs/thought-signatures, "FAQs")."""

OPENING = "."
"""What the user says before a conversation that begins with calls of the model's."""

GOING_ON = "Continue."
"""What the user says after the model's last turn, where it may not be the last."""

_ROLES = {"user": "user", "tool": "user", "assistant": "model", "system": "user", "developer": "user"}
_WRITTEN_APART = frozenset({"generationConfig", "toolConfig"})

_encode = msgspec.json.Encoder().encode


def write_request(conversation: Conversation, dialect: Dialect, ledger: Ledger) -> bytes:
    """The body of generateContent; the model stands in the path."""
    return _encode(_body(conversation, dialect, ledger))


def count_request(conversation: Conversation, dialect: Dialect, ledger: Ledger) -> bytes:
    """The body of countTokens, with the whole request, so that the system text and the tools count too."""
    model = conversation.model
    named = model if model.partition("/")[0] in ("models", "tunedModels") else f"models/{model}"
    return _encode({"generateContentRequest": {"model": named, **_body(conversation, dialect, ledger)}})


def _body(conversation: Conversation, dialect: Dialect, ledger: Ledger) -> dict[str, Any]:
    draft = Draft(conversation, dialect, ledger)
    writer = PartWriter(dialect, ledger, _raw, home=conversation.own_format == FORMAT)
    leading = _leading(conversation.turns)
    contents = _contents(conversation.turns[leading:], writer, draft)
    if not contents:
        raise InvalidBody("contents: nothing of the conversation can be sent to the provider.", param="contents")
    draft.body["contents"] = contents
    if leading:
        draft.body["systemInstruction"] = _system(conversation.turns[:leading], writer, ledger)
    write_tools(draft)
    write_settings(draft)
    if conversation.own_format == FORMAT:
        draft.body.update((name, value) for name, value in conversation.own.items() if name not in _WRITTEN_APART)
    draft.close("Gemini")
    if dialect.amend is not None:
        dialect.amend(draft.body)
    return draft.body


def _raw(thinking: Thinking) -> str:
    return thinking.signature or ""


def _leading(turns: list[Turn]) -> int:
    """How many turns of the system's or the developer's stand first."""
    return next((at for at, turn in enumerate(turns) if turn.role not in ("system", "developer")), len(turns))


def _system(turns: list[Turn], writer: PartWriter, ledger: Ledger) -> dict[str, Any]:
    own: dict[str, Any] = {}
    parts: list[Part] = []
    for turn in turns:
        own.update(turn.own or {})
        _unnamed(turn, ledger)
        for part in turn.parts:
            if isinstance(part, Media):
                ledger.drop(part.at, "Gemini's system instruction is text")
            else:
                parts.append(part)
    return {"parts": writer.parts(parts), **own}


def _contents(turns: list[Turn], writer: PartWriter, draft: Draft) -> list[dict[str, Any]]:
    """One content for each run of turns of a role; results of functions stay apart from what the user says."""
    contents: list[dict[str, Any]] = []
    before = ""
    for turn in turns:
        _unnamed(turn, draft.ledger)
        if turn.role in ("system", "developer"):
            draft.ledger.approximate(turn.at, f"Gemini knows no {turn.role} after the beginning: it became the user's")
        parts = writer.parts(turn.parts) + writer.behind
        writer.behind = []
        if not parts:
            continue
        kind = "tool" if turn.role == "tool" else _ROLES[turn.role]
        if kind == "model" and draft.dialect.efforts:
            _sign(parts)
        if kind == before and not turn.own:
            contents[-1]["parts"] += parts
        else:
            contents.append({"role": _ROLES[turn.role], "parts": parts, **(turn.own or {})})
        before = kind
    _open(contents, turns, draft)
    _close(contents, turns, draft)
    return contents


def _open(contents: list[dict[str, Any]], turns: list[Turn], draft: Draft) -> None:
    """A turn with calls comes behind one of the user's (400 "Please ensure that function call turn comes …")."""
    if draft.conversation.own_format == FORMAT or not contents or contents[0]["role"] != "model":
        return
    if any("functionCall" in part for part in contents[0]["parts"]):
        at = next(turn.at for turn in turns if turn.role == "assistant")
        draft.ledger.approximate(at, "a turn of the user was put before it")
        contents.insert(0, {"role": "user", "parts": [{"text": OPENING}]})


def _close(contents: list[dict[str, Any]], turns: list[Turn], draft: Draft) -> None:
    """Models since Gemini 3.6 do not go on with a turn of their own (400 "Requests ending with a model turn …")."""
    if contents and contents[-1]["role"] == "model" and not draft.dialect.prefill:
        at = next(turn.at for turn in reversed(turns) if turn.role == "assistant")
        draft.ledger.approximate(at, "the model does not continue a turn of its own: it is asked to go on")
        contents.append({"role": "user", "parts": [{"text": GOING_ON}]})


def _unnamed(turn: Turn, ledger: Ledger) -> None:
    if turn.name is not None:
        ledger.drop(child(turn.at, "name"), "Gemini's turns have no names")


def _sign(parts: list[dict[str, Any]]) -> None:
    """The first call of each turn must have a signature."""
    call = next((part for part in parts if "functionCall" in part), None)
    if call is not None and "thoughtSignature" not in call:
        call["thoughtSignature"] = UNSIGNED
