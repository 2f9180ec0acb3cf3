"""A caller's messages as turns: who said what, called which tool, and thought what before.

Source: https://platform.openai.com/docs/api-reference/chat/create, `messages`. Beside OpenAI's members this reads those
in which servers tell reasoning (`reasoning_content`, `reasoning`, `reasoning_details`) and Gemini's signatures
(`extra_content.google.thought_signature`, https://ai.google.dev/gemini-api/docs/openai).
"""

from __future__ import annotations

from typing import Any

import msgspec

from aigw.wire import signatures
from aigw.wire.formats.chat import details
from aigw.wire.formats.chat.content import read_content
from aigw.wire.formats.chat.members import Members, refuse
from aigw.wire.losses import child
from aigw.wire.neutral import Foreign, Media, Part, Refusal, Role, Source, Thinking, ToolCall, ToolResult, Turn

_encode = msgspec.json.Encoder().encode
_ROLES: dict[str, Role] = {"system": "system", "developer": "developer", "user": "user"}


def read_turns(value: Any, at: str) -> list[Turn]:
    """The turns of `messages`."""
    if not isinstance(value, list):
        refuse(at, "must be an array of messages" if value is not None else "is required")
    reader = _Turns()
    return [reader.read(Members(item, child(at, index)), index) for index, item in enumerate(value)]


class _Turns:
    """Reads messages in their order: results are told apart by the calls before them."""

    __slots__ = ("_calls_by_id", "_legacy")

    def __init__(self) -> None:
        self._calls_by_id: dict[str, ToolCall] = {}
        self._legacy: dict[str, list[str]] = {}  # ids that calls of functions without ids were given, by name

    def read(self, members: Members, index: int) -> Turn:
        role = members.needed("role")
        if role in _ROLES:
            turn = Turn(role=_ROLES[role], parts=_content(members))
        elif role == "assistant":
            turn = Turn(role="assistant", parts=self._said(members, index))
        elif role == "tool":
            turn = Turn(role="tool", parts=[self._result(members)])
        elif role == "function":
            turn = Turn(role="tool", parts=[self._returned(members, index)])
        else:
            refuse(members.place("role"), f"is {role!r}: it must be system, developer, user, assistant or tool")
        if turn.role != "tool":
            turn.name = members.text("name")
        turn.at = members.at
        _mark(turn, members)
        turn.own = members.own()
        return turn

    def _result(self, members: Members) -> ToolResult:
        call_id = members.needed("tool_call_id")
        call = self._calls_by_id.get(call_id)
        return ToolResult(
            call_id=call_id,
            parts=_content(members),
            name=members.text("name") or (call.name if call is not None else None),
            custom=call is not None and call.custom,
            at=members.at,
        )

    def _returned(self, members: Members, index: int) -> ToolResult:
        """The result of a function, which answers the oldest call of that name without a result."""
        name = members.needed("name")
        waiting = self._legacy.get(name)
        call_id = waiting.pop(0) if waiting else f"call_{index}"
        return ToolResult(call_id=call_id, parts=_content(members), name=name, at=members.at)

    # -- the assistant ---------------------------------------------------------------------------------------------

    def _said(self, members: Members, index: int) -> list[Part]:
        """Thoughts, content and calls, in the order that they have in a turn."""
        thoughts = _thoughts(members)
        bound = _bound(members, members.at)
        content = _answered(members)
        calls = self._calls(members, index)
        if bound is not None:
            (content or calls).insert(0, bound)
        return _in_order(thoughts, content, calls)

    def _calls(self, members: Members, index: int) -> list[Part]:
        parts: list[Part] = []
        for place, item in enumerate(members.items("tool_calls") or ()):
            parts += self._call(Members(item, child(members.at, "tool_calls", place)), item)
        function = members.inner("function_call")
        if function is not None:
            name = function.needed("name")
            call_id = f"call_{index}"
            self._legacy.setdefault(name, []).append(call_id)
            arguments = _arguments(function, "arguments")
            parts.append(ToolCall(id=call_id, name=name, arguments=arguments, at=function.at))
        return parts

    def _call(self, members: Members, item: Any) -> list[Part]:
        kind = members.text("type") or "function"
        if kind not in ("function", "custom"):
            return [Foreign(format="chat", value=item, at=members.at)]
        bound = _bound(members, members.at)
        call_id = members.needed("id")
        inner = members.needed_inner(kind)
        name = inner.needed("name")
        members.take("index")
        if kind == "custom":
            call = ToolCall(id=call_id, name=name, arguments=inner.needed("input"), custom=True, at=members.at)
        else:
            call = ToolCall(id=call_id, name=name, arguments=_arguments(inner, "arguments"), at=members.at)
        self._calls_by_id[call_id] = call
        call.cache = members.cache()
        call.own = members.own()
        return [call] if bound is None else [bound, call]


def _answered(members: Members) -> list[Part]:
    """What the assistant said, by whatever means."""
    parts = _content(members)
    refusal = members.text("refusal")
    if refusal:
        parts.append(Refusal(text=refusal, at=members.place("refusal")))
    return parts + _spoken(members)


def _in_order(thoughts: list[tuple[Thinking, str | None]], content: list[Part], calls: list[Part]) -> list[Part]:
    """Thoughts first, but those that are known to come after the content or a call."""
    known = {part.id for part in calls if isinstance(part, ToolCall)}
    parts: list[Part] = [thought for thought, after in thoughts if after is None]
    parts += content
    parts += [thought for thought, after in thoughts if after is not None and after not in known]
    for part in calls:
        parts.append(part)
        if isinstance(part, ToolCall):
            parts += [thought for thought, after in thoughts if after == part.id]
    return parts


def _arguments(members: Members, name: str) -> str:
    """Arguments as their JSON text; some callers send the object itself."""
    value = members.take(name)
    if value is None:
        return ""
    if isinstance(value, dict):
        return _encode(value).decode()
    if not isinstance(value, str):
        refuse(members.place(name), "must be a string")
    return value


def _content(members: Members) -> list[Part]:
    return read_content(members.take("content"), members.place("content"))


def _mark(turn: Turn, members: Members) -> None:
    """A cache mark of a whole message (LiteLLM's) is one of its last part."""
    last = turn.parts[-1] if turn.parts else None
    if last is not None and last.cache is None and not isinstance(last, Thinking | Foreign):
        last.cache = members.cache()


def _spoken(members: Members) -> list[Part]:
    """`audio`: an earlier answer in sound, by its id."""
    sound = members.inner("audio")
    if sound is None:
        return []
    name = sound.needed("id")
    return [Media(kind="audio", source=Source(file_id=name), id=name, at=sound.at)]


def _bound(members: Members, at: str) -> Thinking | None:
    """The signature that belongs to what follows it."""
    extra = members.inner("extra_content")
    google = extra.inner("google") if extra is not None else None
    signature = google.text("thought_signature") if google is not None else None
    if not signature:
        return None
    thinking = signatures.opened(signature, "chat")
    thinking.bound = True
    thinking.at = child(at, "extra_content", "google", "thought_signature")
    return thinking


def _thoughts(members: Members) -> list[tuple[Thinking, str | None]]:
    """Reasoning before the answer, each with what it comes after (None: it begins the turn).

    Details win over the plain text beside them, which is theirs, unless none of them has any.
    """
    entries = members.items("reasoning_details") or []
    said = ""
    places: list[str] = []
    for name in ("reasoning_content", "reasoning"):
        text = members.text(name)
        if text:
            said = said or text
            places.append(members.place(name))
    thoughts: list[tuple[Thinking, str | None]] = []
    at = members.place("reasoning_details")
    for index, detail in details.merged(entries):
        thoughts.append((details.read(detail, child(at, index)), details.after(detail)))
    if said and not any(thought.text for thought, _ in thoughts):
        thoughts.insert(0, (Thinking(text=said, at=" ".join(places)), None))
    return thoughts
