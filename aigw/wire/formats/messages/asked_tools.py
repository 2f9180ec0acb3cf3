"""The tools of a caller's request, and the choice among them.

Source: https://platform.claude.com/docs/en/agents-and-tools/tool-use/overview
"""

from __future__ import annotations

from typing import Literal

from aigw.wire.formats.messages.blocks import NAME
from aigw.wire.formats.messages.members import Members, refuse
from aigw.wire.neutral import AnyTool, ForeignTool, Tool, ToolChoice, WebSearch

WEB_SEARCH = "web_search_20250305"
"""The web search that every model has; later ones filter what they find by code of the model's."""

_WEB_SEARCH = "web_search_"
_MODES: dict[str, Literal["auto", "none", "required", "tool"]] = {
    "auto": "auto",
    "any": "required",
    "none": "none",
    "tool": "tool",
}
_PLACES = ("city", "region", "country", "timezone")


def read_tool(tool: Members) -> AnyTool:
    """One tool: a function of the caller's, the provider's web search, or another one that only this format knows."""
    kind = tool.text("type")
    if kind is None or kind in ("custom", "function"):
        return Tool(
            name=tool.needed("name"),
            description=tool.text("description"),
            parameters=tool.table("input_schema"),
            strict=tool.flag("strict"),
            cache=tool.cache(),
            at=tool.at,
            own=tool.own(),
        )
    if kind.startswith(_WEB_SEARCH):
        return _web_search(tool, kind)
    return ForeignTool(format=NAME, value=tool.value, at=tool.at)


def _web_search(tool: Members, kind: str) -> WebSearch:
    if tool.text("name") != "web_search":
        tool.leave("name")
    search = WebSearch(
        allowed_domains=tool.texts("allowed_domains"),
        blocked_domains=tool.texts("blocked_domains"),
        max_uses=tool.whole("max_uses"),
        at=tool.at,
    )
    location = tool.inner("user_location")
    if location is not None and location.text("type") in (None, "approximate"):
        search.location = {name: told for name in _PLACES if (told := location.text(name)) is not None} or None
    elif location is not None:
        tool.leave("user_location")
    if kind != WEB_SEARCH:
        tool.leave("type")
    search.own = tool.own()
    return search


def read_tool_choice(choice: Members) -> tuple[ToolChoice, bool | None]:
    """The choice, and whether several tools may be called at once."""
    mode = _MODES.get(choice.needed("type"))
    if mode is None:
        refuse(choice.place("type"), "must be auto, any, tool or none")
    alone = choice.flag("disable_parallel_tool_use")
    parallel = None if alone is None else not alone
    return ToolChoice(mode=mode, name=choice.needed("name") if mode == "tool" else None), parallel
