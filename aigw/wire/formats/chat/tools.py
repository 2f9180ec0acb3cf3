"""A caller's tools, and which of them may or must be called.

Source: https://platform.openai.com/docs/api-reference/chat/create, `tools`, `tool_choice` and the older `functions`,
`function_call`.
"""

from __future__ import annotations

from typing import Any, Literal

from aigw.wire.formats.chat.members import Members, refuse
from aigw.wire.losses import Ledger, child
from aigw.wire.neutral import AnyTool, CustomTool, ForeignTool, Tool, ToolChoice, WebSearch

_MODES: dict[str, Literal["auto", "none", "required"]] = {
    "auto": "auto",
    "none": "none",
    "required": "required",
    "any": "required",  # Mistral's
}


def read_tools(members: Members) -> list[AnyTool]:
    """`tools`, then `functions`, then the search that `web_search_options` asks for."""
    tools: list[AnyTool] = []
    for index, item in enumerate(members.items("tools") or ()):
        tools.append(_tool(Members(item, child(members.place("tools"), index))))
    for index, item in enumerate(members.items("functions") or ()):
        function = Members(item, child(members.place("functions"), index))
        tools.append(_function(function, function))
    search = members.table("web_search_options")
    if search is not None:
        tools.append(_search(Members(search, members.place("web_search_options"))))
    return tools


def _tool(members: Members) -> AnyTool:
    kind = members.text("type") or ("function" if "function" in members.value else "")
    if kind == "function":
        return _function(members.needed_inner("function"), members)
    if kind == "custom":
        custom = members.needed_inner("custom")
        return CustomTool(
            name=custom.needed("name"),
            description=custom.text("description"),
            format=_flat_format(custom.table("format")),
            at=members.at,
            own=members.own(),
        )
    if not kind:
        refuse(members.place("type"), "is required")
    return ForeignTool(format="chat", value=members.value, at=members.at)


def _flat_format(format: dict[str, Any] | None) -> dict[str, Any] | None:
    """The format of a custom tool as Responses has it: what it says of a grammar stands beside the type."""
    grammar = None if format is None else format.get("grammar")
    if format is None or not isinstance(grammar, dict):
        return format
    return {**{name: value for name, value in format.items() if name != "grammar"}, **grammar}


def _function(function: Members, members: Members) -> Tool:
    tool = Tool(
        name=function.needed("name"),
        description=function.text("description"),
        parameters=function.table("parameters"),
        strict=function.flag("strict"),
        cache=members.cache() or function.cache(),
        at=members.at,
    )
    tool.own = members.own()
    return tool


def _search(members: Members) -> WebSearch:
    """Its place is a near one or none; `approximate` holds the words for it."""
    where = members.inner("user_location")
    near = None
    if where is not None:
        where.take("type")
        near = where.table("approximate")
    location = {name: value for name, value in near.items() if isinstance(value, str)} if near else None
    search = WebSearch(depth=members.text("search_context_size"), location=location, at=members.at)
    search.own = members.own()
    return search


def read_choice(members: Members, ledger: Ledger) -> tuple[ToolChoice | None, str]:
    """The choice among the tools, and where it stands. What nobody knows stays among the caller's own members."""
    for name in ("tool_choice", "function_call"):
        value = members.take(name)
        if value is None:
            continue
        at = members.place(name)
        if isinstance(value, str):
            return _mode(value, at), at
        choosing = Members(value, at)
        choice = _named(choosing, legacy=name == "function_call")
        if choice is None:
            members.leave(name)
        else:
            ledger.drop_members(at, choosing.own() or (), "a tool choice has no such member")
        return choice, at
    return None, ""


def _mode(word: str, at: str) -> ToolChoice:
    mode = _MODES.get(word)
    if mode is None:
        refuse(at, f"is {word!r}: it must be none, auto, required, or an object that names a tool")
    return ToolChoice(mode=mode)


def _named(members: Members, *, legacy: bool) -> ToolChoice | None:
    if legacy:
        return ToolChoice(mode="tool", name=members.needed("name"))
    kind = members.text("type") or "function"
    if kind == "function":
        return ToolChoice(mode="tool", name=members.needed_inner("function").needed("name"))
    if kind == "custom":
        return ToolChoice(mode="tool", name=members.needed_inner("custom").needed("name"), custom=True)
    return _allowed(members.needed_inner("allowed_tools")) if kind == "allowed_tools" else None


def _allowed(members: Members) -> ToolChoice:
    mode = members.needed("mode")
    if mode not in ("auto", "required"):
        refuse(members.place("mode"), f"is {mode!r}: it must be auto or required")
    allowed: list[str] = []
    for index, item in enumerate(members.items("tools") or ()):
        tool = Members(item, child(members.place("tools"), index))
        kind = tool.text("type") or "function"
        inner = tool.inner(kind)
        allowed.append(inner.needed("name") if inner is not None else tool.text("name") or kind)
    return ToolChoice(mode=_MODES[mode], allowed=allowed)
