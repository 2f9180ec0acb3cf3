"""Tools and the choice among them, both ways.

Sources: https://platform.openai.com/docs/api-reference/responses/create#responses-create-tools and
https://platform.openai.com/docs/api-reference/responses/create#responses-create-tool_choice
"""

from __future__ import annotations

from typing import Any, Final

from aigw.wire.draft import Draft
from aigw.wire.formats.responses.members import Members, refuse
from aigw.wire.formats.responses.searches import SEARCH
from aigw.wire.losses import Ledger, child
from aigw.wire.neutral import AnyTool, CustomTool, ForeignTool, Tool, ToolChoice, WebSearch

Json = dict[str, Any]

_SEARCHES: Final = frozenset(
    {"web_search", "web_search_2025_08_26", "web_search_preview", "web_search_preview_2025_03_11"}
)
_MODES: Final = ("auto", "none", "required")
_DEPTHS: Final = ("low", "medium", "high")
_NO_PARAMETERS: Final[Json] = {"type": "object", "properties": {}}


def read_tools(values: list[Any], at: str) -> list[AnyTool]:
    """`tools`. Raises InvalidBody."""
    return [_read_tool(Members(value, child(at, index))) for index, value in enumerate(values)]


def _read_tool(members: Members) -> AnyTool:
    kind = members.needed("type")
    if kind == "function":
        return Tool(
            name=members.needed("name"),
            description=members.text("description"),
            parameters=members.table("parameters"),
            strict=members.flag("strict"),
            at=members.at,
            own=members.own(),
        )
    if kind == "custom":
        return CustomTool(
            name=members.needed("name"),
            description=members.text("description"),
            format=members.table("format"),
            at=members.at,
            own=members.own(),
        )
    if kind in _SEARCHES:
        if kind != SEARCH:
            members.leave("type")  # an older release of it
        return _read_search(members)
    return ForeignTool(format="responses", value=members.value, at=members.at)


def _read_search(members: Members) -> WebSearch:
    filters = members.inner("filters")
    place = members.inner("user_location")
    location = None
    if place is not None:
        place.text("type")
        names = ("city", "region", "country", "timezone")
        location = {name: text for name in names if (text := place.text(name)) is not None}
    allowed = None
    if filters is not None:
        allowed = filters.texts("allowed_domains")
        if filters.own():
            members.leave("filters")
    return WebSearch(
        allowed_domains=allowed,
        location=location,
        depth=members.text("search_context_size"),
        at=members.at,
        own=members.own(),
    )


def read_choice(value: Any, at: str) -> ToolChoice | None:
    """`tool_choice`; None for one that only this format has. Raises InvalidBody."""
    if isinstance(value, str):
        if value not in _MODES:
            refuse(at, f"must be one of {', '.join(_MODES)} or an object, not {value!r}")
        return ToolChoice(mode=value)  # type: ignore[arg-type]
    members = Members(value, at)
    kind = members.needed("type")
    if kind in ("function", "custom"):
        return ToolChoice(mode="tool", name=_chosen_name(members), custom=kind == "custom")
    if kind in _SEARCHES:
        return ToolChoice(mode="tool", name=SEARCH)
    if kind != "allowed_tools":
        return None
    mode = members.needed("mode")
    if mode not in ("auto", "required"):
        refuse(members.place("mode"), f"must be auto or required, not {mode!r}")
    names = [_allowed_name(Members(tool, members.place("tools", at))) for at, tool in enumerate(_allowed(members))]
    known = [name for name in names if name is not None]
    # One hosted tool among them that has no name here: the choice stays with the format.
    return ToolChoice(mode=mode, allowed=known) if len(known) == len(names) else None  # type: ignore[arg-type]


def _allowed(members: Members) -> list[Any]:
    tools = members.items("tools")
    if tools is None:
        refuse(members.place("tools"), "is required")
    return tools


def _allowed_name(members: Members) -> str | None:
    kind = members.needed("type")
    if kind in _SEARCHES:
        return SEARCH
    return _chosen_name(members) if kind in ("function", "custom") else None


def _chosen_name(members: Members) -> str:
    """The name; also where Chat Completions has it, one object deeper."""
    kind = members.needed("type")
    nested = members.inner(kind)
    return members.needed("name") if nested is None else nested.needed("name")


def write_tools(draft: Draft) -> list[Json]:
    """The tools of a conversation, as the provider takes them."""
    return [_write_tool(tool, draft) for tool in draft.conversation.tools]


def _write_tool(tool: AnyTool, draft: Draft) -> Json:
    if isinstance(tool, ForeignTool):
        return dict(tool.value)
    home = draft.conversation.own_format == "responses"
    if isinstance(tool, WebSearch):
        return _write_search(tool, draft.ledger)
    if isinstance(tool, CustomTool):
        return _write_custom(tool)
    written = write_function(tool, home=home)
    if tool.strict and not draft.dialect.strict_tools:
        draft.ledger.approximate(tool.at, "the provider does not know strict tools")
        written["strict"] = False
    if tool.cache is not None:
        place = tool.cache.at or child(tool.at, "cache_control")
        draft.ledger.drop(place, "prompts are cached by the provider's own rules")
    return written


def write_function(tool: Tool, *, home: bool) -> Json:
    """A function. `home`: it was said in this format, so what is not said has this format's default.

    Here `strict` is true by default; everywhere else it is not.
    """
    written: Json = {"type": "function", "name": tool.name}
    if tool.description is not None:
        written["description"] = tool.description
    if tool.parameters is not None or not home:
        written["parameters"] = _NO_PARAMETERS if tool.parameters is None else tool.parameters
    if tool.strict is not None or not home:
        written["strict"] = bool(tool.strict)
    return {**written, **(tool.own or {})}


def _write_custom(tool: CustomTool) -> Json:
    written: Json = {"type": "custom", "name": tool.name}
    if tool.description is not None:
        written["description"] = tool.description
    if tool.format is not None:
        grammar = tool.format.get("grammar")
        # Chat Completions has what says the grammar one object deeper.
        written["format"] = {"type": "grammar", **grammar} if isinstance(grammar, dict) else tool.format
    return {**written, **(tool.own or {})}


def _write_search(tool: WebSearch, ledger: Ledger) -> Json:
    written: Json = {"type": "web_search"}
    if tool.allowed_domains:
        written["filters"] = {"allowed_domains": tool.allowed_domains}
    if tool.location is not None:
        written["user_location"] = {"type": "approximate", **tool.location}
    if tool.depth in _DEPTHS:
        written["search_context_size"] = tool.depth
    elif tool.depth is not None:
        ledger.drop(child(tool.at, "search_context_size"), f"a search is {', '.join(_DEPTHS)}, not {tool.depth}")
    if tool.blocked_domains is not None:
        ledger.approximate(tool.at, "OpenAI's web search cannot keep away from domains")
    if tool.max_uses is not None:
        ledger.drop(child(tool.at, "max_uses"), "OpenAI's web search has no limit of its own")
    return {**written, **(tool.own or {})}


def echo_tools(tools: list[AnyTool]) -> list[Json]:
    """The tools of a request, as a response repeats them."""
    written = []
    for tool in tools:
        if isinstance(tool, Tool):
            echo = write_function(tool, home=True)
            written.append({**echo, "parameters": tool.parameters, "strict": tool.strict})
        elif isinstance(tool, ForeignTool):
            written.append(tool.value)
        elif isinstance(tool, CustomTool):
            written.append(_write_custom(tool))
        else:
            written.append(_write_search(tool, Ledger()))
    return written


def write_choice(choice: ToolChoice, tools: list[AnyTool]) -> Any:
    """A choice, as the provider takes it."""
    if choice.allowed is not None and choice.mode in ("auto", "required"):
        named = [_named(name, tools) for name in choice.allowed]
        return {"type": "allowed_tools", "mode": choice.mode, "tools": named}
    if choice.mode == "tool":
        return _named(choice.name or "", tools, custom=choice.custom)
    return choice.mode


def _named(name: str, tools: list[AnyTool], *, custom: bool = False) -> Json:
    for tool in tools:
        if isinstance(tool, Tool) and tool.name == name:
            return {"type": "function", "name": name}
        if isinstance(tool, CustomTool) and tool.name == name:
            return {"type": "custom", "name": name}
        if isinstance(tool, WebSearch) and name == SEARCH:
            return {"type": (tool.own or {}).get("type", SEARCH)}
    return {"type": "custom" if custom else "function", "name": name}
