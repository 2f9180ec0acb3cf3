"""A caller's chat request as a conversation in no dialect.

Source: https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from typing import Any

from aigw.wire.formats.chat.members import Members
from aigw.wire.formats.chat.settings import read_settings
from aigw.wire.formats.chat.tools import read_tools
from aigw.wire.formats.chat.turns import read_turns
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Conversation


def read_request(body: dict[str, Any], model: str, ledger: Ledger, *, stream: bool) -> Conversation:
    """The conversation; members that nobody knows stand in `own`. Raises InvalidBody with the place."""
    members = Members(body, "")
    for known in ("model", "models", "stream"):
        members.take(known)
    turns = read_turns(members.take("messages"), "/messages")
    tools = read_tools(members)
    settings, places = read_settings(members, ledger)
    return Conversation(
        model=model,
        turns=turns,
        settings=settings,
        tools=tools,
        stream=stream,
        places=places,
        own=members.own() or {},
        own_format="chat",
    )
