"""A caller's request, as a conversation.

Source: https://platform.openai.com/docs/api-reference/responses/create
"""

from __future__ import annotations

from typing import Any

from aigw.wire.formats.responses.input_reading import read_input
from aigw.wire.formats.responses.members import Members, refuse
from aigw.wire.formats.responses.settings_reading import SettingsReader
from aigw.wire.formats.responses.tools import read_tools
from aigw.wire.neutral import Conversation, Text, Turn

# Read by the gateway itself, before any format is asked.
_OF_THE_GATEWAY = ("model", "models", "stream")
# Whoever continues something that is stored need not say anything more.
_CONTINUES = ("previous_response_id", "conversation", "prompt")


def read_request(body: dict[str, Any], model: str, *, stream: bool) -> Conversation:
    """The conversation that a body holds. Raises InvalidBody, which names the place."""
    members = Members(body, "")
    for name in _OF_THE_GATEWAY:
        members.take(name)
    turns: list[Turn] = []
    instructions = members.text("instructions")
    if instructions:
        at = members.place("instructions")
        turns.append(Turn(role="system", parts=[Text(text=instructions, at=at)], at=at))
    said = members.take("input")
    if said is not None:
        turns += read_input(said, members.place("input"))
    elif all(body.get(name) is None for name in _CONTINUES):
        refuse(members.place("input"), "is required")
    reader = SettingsReader(members)
    settings = reader.read()
    tools = members.items("tools")
    return Conversation(
        model=model,
        turns=turns,
        settings=settings,
        tools=read_tools(tools, members.place("tools")) if tools else [],
        stream=stream,
        places=reader.places,
        own=members.own() or {},
        own_format="responses",
    )
