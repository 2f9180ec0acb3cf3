"""A caller's request, read.

Source: https://platform.claude.com/docs/en/api/messages/create
"""

from __future__ import annotations

from typing import Any

from aigw.wire.formats.messages.asked_tools import read_tool, read_tool_choice
from aigw.wire.formats.messages.asked_turns import read_turns
from aigw.wire.formats.messages.blocks import NAME
from aigw.wire.formats.messages.members import Members
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Conversation, OutputFormat, Reasoning

# Read by the gateway already; `models` is its own.
_DEALT_WITH = ("model", "models", "stream")
# How thinking is displayed, as whether it is told.
_SHOWN = {"summarized": "auto", "omitted": "none"}


def read_request(body: dict[str, Any], model: str, ledger: Ledger, *, stream: bool) -> Conversation:
    """The conversation of a request's body. Raises InvalidBody."""
    asked = Members(body, "")
    for known in _DEALT_WITH:
        asked.take(known)
    conversation = Conversation(model=model, turns=read_turns(asked, ledger), stream=stream, own_format=NAME)
    conversation.tools = [
        read_tool(Members(tool, f"/tools/{index}")) for index, tool in enumerate(asked.items("tools") or ())
    ]
    _Settings(asked, conversation).read()
    return conversation


class _Settings:
    """Everything beside turns and tools, read into a conversation."""

    __slots__ = ("_asked", "_conversation")

    def __init__(self, asked: Members, conversation: Conversation) -> None:
        self._asked = asked
        self._conversation = conversation
        conversation.places = {}

    def read(self) -> None:
        """Read them all; what is left becomes the conversation's own."""
        asked = self._asked
        self._say("max_tokens", asked.whole("max_tokens"), "/max_tokens")
        self._say("temperature", asked.number("temperature"), "/temperature")
        self._say("top_p", asked.number("top_p"), "/top_p")
        self._say("top_k", asked.whole("top_k"), "/top_k")
        self._say("stop", asked.texts("stop_sequences"), "/stop_sequences")
        self._say("tier", asked.text("service_tier"), "/service_tier")
        self._say("cache", asked.cache(), "/cache_control")
        self._tool_choice()
        metadata = asked.inner("metadata")
        if metadata is not None:
            self._say("user", metadata.text("user_id"), "/metadata/user_id")
        config = asked.inner("output_config")
        self._reasoning(config)
        self._output(config)
        self._conversation.own = asked.own() or {}

    def _say(self, setting: str, value: Any, place: str) -> None:
        if value is not None:
            setattr(self._conversation.settings, setting, value)
            self._conversation.places[setting] = place

    def _tool_choice(self) -> None:
        value = self._asked.take("tool_choice")
        asked = Members({"type": value}, "/tool_choice") if isinstance(value, str) else self._asked.inner("tool_choice")
        if asked is not None:
            choice, parallel = read_tool_choice(asked)
            self._say("tool_choice", choice, "/tool_choice")
            self._say("parallel_tools", parallel, "/tool_choice/disable_parallel_tool_use")

    def _reasoning(self, config: Members | None) -> None:
        """Thinking, and the effort that goes with it."""
        reasoning = Reasoning()
        places = []
        if self._thinking(reasoning):
            places.append("/thinking")
        effort = None if config is None else config.text("effort")
        if effort is not None:
            reasoning.effort = effort
            places.append("/output_config/effort")
        if places:
            self._say("reasoning", reasoning, " ".join(places))

    def _thinking(self, reasoning: Reasoning) -> bool:
        thinking = self._asked.inner("thinking")
        if thinking is None:
            return False
        kind = thinking.needed("type")
        if kind not in ("enabled", "disabled", "adaptive"):
            self._asked.leave("thinking")
            return False
        reasoning.enabled = kind != "disabled"
        reasoning.adaptive = kind == "adaptive"
        reasoning.budget = thinking.whole("budget_tokens")
        shown = _SHOWN.get(thinking.text("display") or "")
        if shown is None:
            thinking.leave("display")
        reasoning.shown = shown
        return True

    def _output(self, config: Members | None) -> None:
        """The schema of the answer, at its place or at that of the time when it was a beta."""
        for holder, name in ((config, "format"), (self._asked, "output_format")):
            asked = None if holder is None else holder.inner(name)
            if holder is None or asked is None:
                continue
            schema = asked.table("schema")
            if asked.text("type") != "json_schema" or schema is None or self._conversation.settings.output is not None:
                holder.leave(name)
                continue
            self._say("output", OutputFormat(kind="schema", schema=schema), asked.at)
