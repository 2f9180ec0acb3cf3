"""Tools, the choice among them, and structured output, in the dialect of the provider that they go to."""

from __future__ import annotations

from typing import Any

import msgspec

from aigw.wire.draft import Draft
from aigw.wire.formats.chat.write_content import Contents, merge
from aigw.wire.losses import child
from aigw.wire.neutral import AnyTool, CustomTool, ForeignTool, OutputFormat, Tool, ToolChoice, WebSearch
from aigw.wire.structured import STRUCTURED_DESCRIPTION, STRUCTURED_TOOL

_encode = msgspec.json.Encoder().encode

_FILTERED = "the choice of some tools became the list of these"


def write_tools(draft: Draft, contents: Contents) -> None:
    """`tools`, `web_search_options`, `tool_choice`, `parallel_tool_calls`."""
    choice: ToolChoice | None = draft.take("tool_choice")
    wanted = _filter(draft, choice)
    objects: list[Any] = []
    for tool in draft.conversation.tools:
        if wanted is not None and _name(tool) not in wanted:
            draft.ledger.rewrite(tool.at, _FILTERED)
        elif isinstance(tool, WebSearch):
            _search(draft, tool)
        else:
            objects.append(_tool(tool, contents, home=draft.conversation.own_format == "chat"))
    parallel = draft.take("parallel_tools")
    if objects:
        draft.put("tools", objects, draft.conversation.tools[0].at)
    for member, value, setting in (
        ("tool_choice", None if choice is None else _choice(choice, draft), "tool_choice"),
        ("parallel_tool_calls", parallel, "parallel_tools"),
    ):
        if value is None:
            continue
        if "tools" in draft.body:
            draft.put(member, value, draft.place(setting))
        else:
            draft.ledger.drop(draft.place(setting), "there are no tools to choose from")


def _name(tool: AnyTool) -> str:
    if isinstance(tool, Tool | CustomTool):
        return tool.name
    return "web_search" if isinstance(tool, WebSearch) else str(tool.value.get("name") or tool.value.get("type"))


def _takes_allowed(draft: Draft) -> bool:
    """`allowed_tools` is OpenAI's latest choice; who knows the role of the developer follows OpenAI closely."""
    return draft.dialect.developer and "allowed_tools" not in draft.dialect.refused


def _filter(draft: Draft, choice: ToolChoice | None) -> set[str] | None:
    """The only tools to send, where the provider has no choice among some of them: that comes to the same."""
    if choice is None or choice.allowed is None or _takes_allowed(draft):
        return None
    draft.ledger.rewrite(draft.place("tool_choice"), _FILTERED)
    return set(choice.allowed)


def _tool(tool: AnyTool, contents: Contents, *, home: bool) -> Any:
    if isinstance(tool, ForeignTool):
        return tool.value
    if isinstance(tool, Tool):
        return _function(tool, contents, home=home)
    assert isinstance(tool, CustomTool)
    said: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        said["description"] = tool.description
    if tool.format is not None:
        said["format"] = nested_format(tool.format)
    custom: dict[str, Any] = {"type": "custom", "custom": said}
    merge(custom, tool.own)
    return custom


def nested_format(format: dict[str, Any]) -> dict[str, Any]:
    """The format of a custom tool: what it says of a grammar stands in an object of its own here."""
    if format.get("type") != "grammar" or "grammar" in format:
        return format
    return {"type": "grammar", "grammar": {name: value for name, value in format.items() if name != "type"}}


def _function(tool: Tool, contents: Contents, *, home: bool) -> dict[str, Any]:
    said: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        said["description"] = tool.description
    if tool.parameters is not None:
        said["parameters"] = tool.parameters
    if tool.strict is not None:
        if contents.dialect.strict_tools:
            said["strict"] = tool.strict
        elif tool.strict:
            place = child(tool.at, "function") if home and tool.at.startswith("/tools") else tool.at
            contents.ledger.drop(child(place, "strict"), "the provider does not know strict tools")
    function: dict[str, Any] = {"type": "function", "function": said}
    contents.mark(function, tool.cache, tool.at)
    merge(function, tool.own)
    return function


def _search(draft: Draft, tool: WebSearch) -> None:
    options: dict[str, Any] = {}
    if tool.depth is not None:
        options["search_context_size"] = tool.depth
    if tool.location is not None:
        options["user_location"] = {"type": "approximate", "approximate": tool.location}
    merge(options, tool.own)
    unsaid = {
        "which domains are allowed": tool.allowed_domains,
        "which domains are blocked": tool.blocked_domains,
        "how often to search": tool.max_uses,
    }
    lost = [what for what, value in unsaid.items() if value is not None]
    if lost:
        draft.ledger.approximate(tool.at, f"a web search is not told {', '.join(lost)} here")
    draft.put("web_search_options", options, tool.at)


def _choice(choice: ToolChoice, draft: Draft) -> Any:
    if choice.mode == "tool":
        kind = "custom" if choice.custom else "function"
        return {"type": kind, kind: {"name": choice.name}}
    if choice.allowed is None or not _takes_allowed(draft):
        return choice.mode
    tools = [_reference(tool) for tool in draft.conversation.tools if _name(tool) in choice.allowed]
    return {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": tools}}


def _reference(tool: AnyTool) -> dict[str, Any]:
    kind = "custom" if isinstance(tool, CustomTool) else "function"
    return {"type": kind, kind: {"name": _name(tool)}}


# -- structured output ------------------------------------------------------------------------------------------------


def write_output(draft: Draft) -> str | None:
    """`response_format`, or the nearest thing. What it returns has to be said in the instructions."""
    output: OutputFormat | None = draft.take("output")
    dialect = draft.dialect
    if output is None:
        return None
    place = draft.place("output")
    if output.kind == "text":
        if dialect.json_object or dialect.json_schema:
            draft.put("response_format", {"type": "text"}, place)
        return None
    if output.kind == "schema" and dialect.json_schema:
        draft.put("response_format", {"type": "json_schema", "json_schema": _schema(output, draft)}, place)
        return None
    if dialect.json_object:
        return _any_object(draft, output, place)
    if dialect.json_schema:
        any_object = OutputFormat(kind="schema", schema=output.schema or {"type": "object"})
        draft.put("response_format", {"type": "json_schema", "json_schema": _schema(any_object, draft)}, place)
        draft.ledger.rewrite(place, "the provider has no JSON mode: a schema asks for an object")
    else:
        _force(draft, output, place)
    return None


def _any_object(draft: Draft, output: OutputFormat, place: str) -> str | None:
    """JSON mode, which knows no schema; what it returns as `write_output`."""
    draft.put("response_format", {"type": "json_object"}, place)
    if output.kind == "schema":
        draft.ledger.approximate(place, "the provider has no schemas for answers: the instructions ask for it")
    if output.schema is not None:
        return f"Answer with a JSON object that satisfies this JSON Schema: {_encode(output.schema).decode()}"
    if _mentions_json(draft):
        return None
    draft.ledger.rewrite(place, "the instructions ask for JSON, too: without the word JSON mode is refused")
    return "Answer with a JSON object."


def _mentions_json(draft: Draft) -> bool:
    """OpenAI refuses JSON mode unless a message has the word, which formats of others do not ask for."""
    return draft.conversation.own_format in ("chat", "responses") or b"json" in _encode(draft.body["messages"]).lower()


def _schema(output: OutputFormat, draft: Draft) -> dict[str, Any]:
    said: dict[str, Any] = {"name": output.name or "answer"}
    if output.description is not None:
        said["description"] = output.description
    if output.schema is not None:
        said["schema"] = output.schema
    if output.strict is not None:
        if draft.dialect.strict_tools:
            said["strict"] = output.strict
        elif output.strict:
            draft.ledger.drop(draft.place("output"), "the provider does not know strict schemas")
    return said


def _force(draft: Draft, output: OutputFormat, place: str) -> None:
    """A tool that has to be called with the answer; beside the caller's own tools that would hide them."""
    if "tools" in draft.body:
        draft.ledger.drop(place, "the provider has no structured output, and a forced tool would hide the others")
        return
    function: dict[str, Any] = {
        "name": STRUCTURED_TOOL,
        "description": output.description or STRUCTURED_DESCRIPTION,
        "parameters": output.schema or {"type": "object"},
    }
    draft.put("tools", [{"type": "function", "function": function}], place)
    draft.put("tool_choice", {"type": "function", "function": {"name": STRUCTURED_TOOL}}, place)
    draft.ledger.approximate(place, "the provider has no structured output: a forced tool takes the answer")
