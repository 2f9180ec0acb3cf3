"""Tools, and the choice among them, for a provider.

Sources: https://platform.claude.com/docs/en/agents-and-tools/tool-use/implement-tool-use,
https://platform.claude.com/docs/en/agents-and-tools/tool-use/web-search-tool
"""

from __future__ import annotations

from typing import Any

from aigw.wire.draft import Draft
from aigw.wire.formats.messages import schema
from aigw.wire.formats.messages.asked_tools import WEB_SEARCH
from aigw.wire.formats.messages.members import restored
from aigw.wire.formats.messages.sent_parts import PartWriter
from aigw.wire.losses import child
from aigw.wire.neutral import AnyTool, CustomTool, ForeignTool, Tool, ToolCall, ToolChoice, WebSearch

CUSTOM_INPUT = {
    "type": "object",
    "properties": {"input": {"type": "string"}},
    "required": ["input"],
}
"""The input of a tool that takes free text: one string."""

_CHOICES = {"auto": "auto", "required": "any", "none": "none", "tool": "tool"}
_OPEN: dict[str, Any] = {"type": "object", "properties": {}}


class ToolWriter:
    """Writes the tools of one conversation. `choice` is the tool choice, None for none."""

    __slots__ = ("_draft", "_parts", "choice", "tools")

    def __init__(self, draft: Draft, parts: PartWriter) -> None:
        self._draft = draft
        self._parts = parts
        self.tools: list[dict[str, Any]] = []
        self.choice: dict[str, Any] | None = None

    def write(self) -> None:
        """Tools and choice."""
        choice: ToolChoice | None = self._draft.take("tool_choice")
        allowed = None if choice is None else choice.allowed
        ledger = self._draft.ledger
        for tool in self._draft.conversation.tools:
            if allowed is None or _name(tool) in allowed:
                self.tools.append(self._tool(tool))
                continue
            ledger.drop(tool.at, "the tool choice does not allow it")
            ledger.rewrite(self._draft.place("tool_choice"), "only the tools that are allowed are sent")
        if not self.tools:
            self._stand_in()
        elif choice is not None:
            self.choice = {"type": _CHOICES[choice.mode]}
            if choice.name is not None:
                self.choice["name"] = choice.name
        self._parallel()

    @property
    def forces(self) -> bool:
        """Whether the model must call a tool: it cannot think before that."""
        return self.choice is not None and self.choice["type"] in ("any", "tool")

    def _parallel(self) -> None:
        parallel = self._draft.take("parallel_tools")
        if parallel is None or not self.tools:
            return
        if self.choice is None:
            self.choice = {"type": "auto"}
        if self.choice["type"] != "none":
            self.choice["disable_parallel_tool_use"] = not parallel

    def _stand_in(self) -> None:
        """A history with calls wants the tools that were called; they may not be called any more."""
        if self._parts.home:
            return
        for turn in self._draft.conversation.turns:
            for part in turn.parts:
                if isinstance(part, ToolCall) and part.name not in [tool["name"] for tool in self.tools]:
                    self.tools.append({"name": part.name, "input_schema": _OPEN})
        if self.tools:
            self.choice = {"type": "none"}

    def _tool(self, tool: AnyTool) -> dict[str, Any]:
        if isinstance(tool, Tool):
            return self._function(tool)
        if isinstance(tool, CustomTool):
            return self._custom(tool)
        if isinstance(tool, WebSearch):
            return self._web_search(tool)
        return self._foreign(tool)

    def _function(self, tool: Tool) -> dict[str, Any]:
        told: dict[str, Any] = {"name": tool.name}
        if tool.description is not None:
            told["description"] = tool.description
        told["input_schema"], reason = schema.of_input(tool.parameters)
        if reason is not None:
            self._draft.ledger.approximate(tool.at, reason)
        if tool.strict is not None:
            self._strict(tool, told)
        if tool.cache is not None:
            self._parts.mark(told, tool.cache, tool.at)
        return self._own(told, tool.own)

    def _strict(self, tool: Tool, told: dict[str, Any]) -> None:
        """Enforced arguments. A tool that is not strict is one that does not say so."""
        if not self._draft.dialect.strict_tools:
            if tool.strict:
                self._draft.ledger.drop(tool.at, "the provider does not enforce the schemas of tools")
            return
        told["strict"] = tool.strict
        if not tool.strict or self._parts.home:
            return
        told["input_schema"], less = schema.enforced(told["input_schema"])
        if less:
            self._draft.ledger.approximate(tool.at, "some rules of the schema are told, not enforced")

    def _custom(self, tool: CustomTool) -> dict[str, Any]:
        ledger = self._draft.ledger
        ledger.approximate(tool.at, "a tool that takes free text became one that takes a string")
        if tool.format is not None and tool.format.get("type") != "text":
            ledger.drop(child(tool.at, "format"), "the format has no grammars of tools")
        told: dict[str, Any] = {"name": tool.name}
        if tool.description is not None:
            told["description"] = tool.description
        told["input_schema"] = CUSTOM_INPUT
        return told

    def _web_search(self, tool: WebSearch) -> dict[str, Any]:
        told: dict[str, Any] = {"type": WEB_SEARCH, "name": "web_search"}
        if tool.allowed_domains:
            told["allowed_domains"] = tool.allowed_domains
        if tool.blocked_domains:
            if tool.allowed_domains:
                self._draft.ledger.drop(tool.at, "domains are either allowed or blocked in the format")
            else:
                told["blocked_domains"] = tool.blocked_domains
        if tool.max_uses is not None:
            told["max_uses"] = tool.max_uses
        if tool.location:
            told["user_location"] = {"type": "approximate", **tool.location}
        if tool.depth is not None:
            self._draft.ledger.drop(tool.at, "the depth of a web search is not for this format to say")
        return self._own(told, tool.own)

    def _foreign(self, tool: ForeignTool) -> dict[str, Any]:
        told = dict(tool.value)
        if "cache_control" in told:
            self._parts.marks.append((told, tool.at))
        return told

    def _own(self, told: dict[str, Any], own: dict[str, Any] | None) -> dict[str, Any]:
        if own and self._parts.home:
            told.update(restored(told, own))
        return told


def _name(tool: AnyTool) -> str | None:
    if isinstance(tool, Tool | CustomTool):
        return tool.name
    if isinstance(tool, WebSearch):
        return "web_search"
    return tool.value.get("name") if isinstance(tool.value, dict) else None
