"""Tools and the choice among them, so that no provider refuses them: names once, and no choice of what is not there."""

from __future__ import annotations

import msgspec

from aigw.wire.losses import Ledger
from aigw.wire.neutral import AnyTool, Conversation, CustomTool, ForeignTool, Settings, Tool, ToolChoice, WebSearch
from aigw.wire.places import quoted, refusal

_GONE = "the tool that it names cannot be sent"


def names(tools: list[AnyTool]) -> set[str]:
    """What a choice may name. Raises InvalidBody for a name that two tools have."""
    found: set[str] = set()
    for tool in tools:
        if isinstance(tool, (Tool, CustomTool)):
            if not tool.name:
                raise refusal(tool.at, "has no name")
            if tool.name in found:
                raise refusal(
                    tool.at,
                    f"has the name {quoted(tool.name)}, as another tool has: give each tool a name of its own",
                )
            found.add(tool.name)
        elif isinstance(tool, WebSearch):
            found.add("web_search")
        elif isinstance(tool, ForeignTool) and isinstance(tool.value, dict):
            found.update(value for key in ("name", "type") if isinstance(value := tool.value.get(key), str))
    return found


def chosen(conversation: Conversation, tools: list[AnyTool], ledger: Ledger) -> Settings:
    """The settings for these tools, which may be fewer than the caller's.

    Raises InvalidBody for a choice of a tool that the caller did not send.
    """
    settings = conversation.settings
    choice = settings.tool_choice
    place = conversation.places.get("tool_choice", "")
    wanted = names(conversation.tools)
    left = wanted if tools is conversation.tools else names(tools)
    if choice is not None:
        _refuse_unknown(choice, wanted, place)
        kept = _kept(choice, left, ledger, place, any_tool=bool(tools))
        if kept is not choice:
            settings = msgspec.structs.replace(settings, tool_choice=kept)
    if settings.parallel_tools is not None and not tools:
        ledger.drop(conversation.places.get("parallel_tools", ""), "there are no tools")
        settings = msgspec.structs.replace(settings, parallel_tools=None)
    return settings


def _refuse_unknown(choice: ToolChoice, wanted: set[str], place: str) -> None:
    for name in (choice.name, *(choice.allowed or ())):
        if name is not None and name not in wanted:
            raise refusal(place, f"names {quoted(name)}, which is not among the tools: send it, or choose another")
    if choice.mode == "required" and not wanted:
        raise refusal(place, "asks for a call, but there are no tools: send some")


def _kept(choice: ToolChoice, left: set[str], ledger: Ledger, place: str, *, any_tool: bool) -> ToolChoice | None:
    if not any_tool:
        ledger.drop(place, "there are no tools")
        return None
    if choice.name is not None and choice.name not in left:
        ledger.drop(place, _GONE)
        return None
    if choice.allowed is None or left.issuperset(choice.allowed):
        return choice
    ledger.drop(place, _GONE)
    allowed = [name for name in choice.allowed if name in left]
    return msgspec.structs.replace(choice, allowed=allowed) if allowed else None
