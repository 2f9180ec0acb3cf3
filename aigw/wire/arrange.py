"""A caller's conversation, made ready for one provider: what every writer of requests may rely on.

- There is something to answer; no turn and no text is empty.
- Results of tools stand right behind the turn with their calls, each call has one, each knows its tool's name.
- Ids of calls are ones that the target takes; arguments are the JSON text of an object.
- Media are valid base64 of a named type, a URL or a file.
- Nothing is left that only another format knows, or that another provider signed.
- The tool choice names a tool that is there.

What had to be changed stands in the ledger; what cannot be made valid without a guess is refused by its place.
"""

from __future__ import annotations

from typing import Final

import msgspec

from aigw.wire import histories, toolbox
from aigw.wire.dialect import Dialect
from aigw.wire.foreign import Border, is_reference
from aigw.wire.format import Format
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Conversation, Text, ToolCall, ToolResult, Turn
from aigw.wire.places import refusal
from aigw.wire.tool_ids import Ids

_TURNS: Final = {"responses": "input", "gemini": "contents"}
"""Where a format has its turns, if not in `messages`: the place to name when there are none."""


def arrange(conversation: Conversation, target: Format, dialect: Dialect, ledger: Ledger) -> Conversation:
    """The conversation as the target's writer may write it. The argument stays as it is; what is the same is shared.

    Raises InvalidBody, whose `param` is the place, for what cannot be made a valid request.
    """
    turns = conversation.turns
    plain = _plain(turns)
    border = None
    if not plain or conversation.own or conversation.tools or conversation.settings.previous is not None:
        border = Border(conversation, target, dialect, ledger)
        border.refuse_stored(conversation)
    continued = border is not None and border.home and _continued(conversation)
    if border is not None and not plain:
        turns = _arranged(turns, border, target, ledger, continued=continued)
    if not continued:
        turns = _addressed(turns, conversation, target, ledger)
    own, tools, settings = conversation.own, conversation.tools, conversation.settings
    if settings.max_tokens is not None and settings.max_tokens < 0:
        raise refusal(conversation.places.get("max_tokens", ""), "is below zero")
    if border is not None:
        own = border.members("", own) or {}
        tools = border.tools(tools)
    if conversation.tools or settings.tool_choice is not None or settings.parallel_tools is not None:
        settings = toolbox.chosen(conversation, tools, ledger)
    if border is None and settings is conversation.settings and turns is conversation.turns:
        return conversation
    return msgspec.structs.replace(conversation, turns=turns, own=own, tools=tools, settings=settings)


def _plain(turns: list[Turn]) -> bool:
    """Whether there is nothing in the turns but texts, which is the usual case."""
    for turn in turns:
        if turn.own or not turn.parts:
            return False
        for part in turn.parts:
            if type(part) is not Text or not part.text or part.own or part.citations:
                return False
    return True


def _arranged(turns: list[Turn], border: Border, target: Format, ledger: Ledger, *, continued: bool) -> list[Turn]:
    crossed = [new for turn in turns if (new := border.turn(turn)) is not None]
    if not any(isinstance(part, (ToolCall, ToolResult)) for turn in crossed for part in turn.parts):
        return crossed
    ids = Ids(target.tool_ids, ledger, once=target.ids_once)
    return [ids.turn(turn) for turn in histories.paired(crossed, ledger, continued=continued)]


def _continued(conversation: Conversation) -> bool:
    """Whether the provider has more of the conversation than stands here."""
    if conversation.settings.previous is not None:
        return True
    if conversation.own.get("conversation") or conversation.own.get("prompt"):
        return True
    return any(is_reference(part) for turn in conversation.turns for part in turn.parts)


def _addressed(turns: list[Turn], conversation: Conversation, target: Format, ledger: Ledger) -> list[Turn]:
    """The turns, if they say anything to the model.

    OpenAI's formats take instructions alone; elsewhere the last of them becomes what the user says.
    """
    for turn in turns:
        if turn.role == "user" or turn.role == "tool":
            return turns
    last = turns[-1] if turns else None
    if last is not None and last.role != "assistant":
        if target.system_in_place:
            return turns
        ledger.approximate(
            last.at, "instructions alone are no conversation here: the last of them is sent as the user's"
        )
        return [*turns[:-1], msgspec.structs.replace(last, role="user")]
    place = _TURNS.get(conversation.own_format, "messages")
    problem = "says nothing" if not turns else "has no turn of a user"
    raise refusal(place, f"{problem}: send at least one message of a user with some text")
