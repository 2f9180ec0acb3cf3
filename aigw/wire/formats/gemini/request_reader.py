"""Reads a caller's generateContent, streamGenerateContent or countTokens request.

Sources: https://ai.google.dev/api/generate-content, https://ai.google.dev/api/tokens
"""

from __future__ import annotations

from typing import Any

from aigw.wire.formats.gemini.members import Members, wrong
from aigw.wire.formats.gemini.names import CHOICE_MODES
from aigw.wire.formats.gemini.part_reader import FORMAT, PartReader
from aigw.wire.formats.gemini.settings_reader import SettingsReader
from aigw.wire.formats.gemini.tool_reader import tools_of
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Conversation, Part, Text, ToolCall, ToolChoice, ToolResult, Turn

_ROLES = {"user": "user", "model": "assistant", "function": "tool", "tool": "tool"}


def read_request(body: dict[str, Any], model: str, ledger: Ledger, *, stream: bool) -> Conversation:
    """A request in no dialect. Raises InvalidBody, which names the place.

    A countTokens body either holds `contents` like any other request, or a whole request in `generateContentRequest`.
    """
    outer = Members(body, "")
    inner = outer.inner("generateContentRequest")
    request = outer if inner is None else inner
    request.take("model")
    settings = SettingsReader()
    settings.read_config(request)
    settings.read_top(request)
    turns = _system(request) + _turns(request)
    tools = tools_of(request, ledger)
    _tool_config(request, settings)
    own = {**(outer.rest() or {}), **(request.rest() or {}), **settings.own}
    return Conversation(
        model=model,
        turns=turns,
        settings=settings.settings,
        tools=tools,
        stream=stream,
        places=settings.places,
        own=own,
        own_format=FORMAT,
    )


def _system(request: Members) -> list[Turn]:
    value = request.take("systemInstruction")
    if value is None:
        return []
    place = request.place("systemInstruction")
    if isinstance(value, str):
        return [Turn(role="system", parts=[Text(text=value, at=place)], at=place)]
    content = Members(value, place)
    content.take("role")
    reader = PartReader(FORMAT, _named, asked=True)
    parts = [part for item, at in content.items("parts") or () for part in reader.read(item, at)]
    return [Turn(role="system", parts=parts, at=place, own=content.rest())]


def _named(at: str) -> str:
    """The id of a call without one: `call_<turn>_<part>`, which stays the same while a conversation grows."""
    return "_".join(["call", *(step for step in at.split("/") if step.isdigit())])


def _turns(request: Members) -> list[Turn]:
    contents = request.items("contents")
    if not contents:
        raise wrong(request.place("contents"), "must have at least one content")
    reader = PartReader(FORMAT, _named, asked=True)
    turns: list[Turn] = []
    for value, at in contents:
        for turn in _content(Members(value, at), reader):
            _add(turns, turn)
            if turn.role != "assistant":
                reader.turn_over()
    return turns


def _add(turns: list[Turn], turn: Turn) -> None:
    """Contents of the model that follow one another are pieces of one turn: SDKs keep a stream so, chunk by chunk."""
    last = turns[-1] if turns else None
    if last is None or turn.role != "assistant" or last.role != "assistant" or turn.own:
        turns.append(turn)
        return
    parts = turn.parts
    if parts and last.parts and _plain(parts[0]) and _plain(last.parts[-1]):
        last.parts[-1].text += parts[0].text  # type: ignore[attr-defined]
        parts = parts[1:]
    last.parts += parts


def _plain(part: Part) -> bool:
    return type(part) is Text and not part.own


def _content(content: Members, reader: PartReader) -> list[Turn]:
    """The turns of one content: results of functions stand in turns of their own, in the order of the parts."""
    role = content.text("role") or "user"
    if role not in _ROLES:
        raise wrong(content.place("role"), "must be `user` or `model`")
    usual = "assistant" if role == "model" else "user"
    if role == "model":
        parts = [part for item, at in content.items("parts") or () for part in reader.read(item, at)]
        # Streams end with an empty text, which SDKs keep.
        parts = [part for part in parts if not _plain(part) or part.text]  # type: ignore[attr-defined]
        turns = [Turn(role="assistant", parts=parts, at=content.at)]
        _check(parts, ToolResult, "results of functions are the user's")
    else:
        turns = []
        for item, at in content.items("parts") or ():
            parts = reader.read(item, at)
            _check(parts, ToolCall, "only the model calls functions")
            kind = "tool" if any(isinstance(part, ToolResult) for part in parts) else usual
            if not turns or turns[-1].role != kind:
                turns.append(Turn(role=kind, parts=[], at=content.at))  # type: ignore[arg-type]
            turns[-1].parts += parts
        turns = turns or [Turn(role="user", parts=[], at=content.at)]
    turns[0].own = content.rest()
    return turns


def _check(parts: list[Part], never: type[Part], reason: str) -> None:
    for part in parts:
        if isinstance(part, never):
            raise wrong(part.at, f"cannot stand in this role: {reason}")


def _tool_config(request: Members, settings: SettingsReader) -> None:
    config = request.inner("toolConfig")
    if config is None:
        return
    calling = config.inner("functionCallingConfig")
    if calling is not None:
        kept = _choice(calling, settings)
        if kept:
            settings.keep("toolConfig", "functionCallingConfig", kept, calling.at)
    rest = config.rest()
    for name, value in (rest or {}).items():
        settings.keep("toolConfig", name, value, config.place(name))


def _choice(calling: Members, settings: SettingsReader) -> dict[str, Any]:
    """Sets the tool choice; returns what only Gemini knows of it."""
    mode = (calling.text("mode") or "MODE_UNSPECIFIED").upper()
    names = calling.texts("allowedFunctionNames") or None
    kept = calling.rest() or {}
    if mode == "MODE_UNSPECIFIED" and not names:
        return kept
    meant = CHOICE_MODES.get("AUTO" if mode == "MODE_UNSPECIFIED" else mode)
    if meant is None:
        raise wrong(calling.place("mode"), "must be AUTO, ANY, NONE or VALIDATED")
    if meant == "required" and names is not None and len(names) == 1:
        choice = ToolChoice(mode="tool", name=names[0])
    else:
        choice = ToolChoice(mode=meant, allowed=names)  # type: ignore[arg-type]
    settings.say("tool_choice", choice, calling.at)
    return {"mode": "VALIDATED", **kept} if mode == "VALIDATED" else kept
