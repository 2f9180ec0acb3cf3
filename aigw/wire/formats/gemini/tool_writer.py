"""Writes tools and the choice among them.

Sources: https://ai.google.dev/api/caching#Tool, https://ai.google.dev/gemini-api/docs/function-calling
"""

from __future__ import annotations

from typing import Any

from aigw.wire.draft import Draft
from aigw.wire.formats.gemini.part_reader import FORMAT
from aigw.wire.formats.gemini.part_writer import UNMARKED
from aigw.wire.losses import child
from aigw.wire.neutral import AnyTool, CustomTool, ForeignTool, Tool, ToolChoice, WebSearch
from aigw.wire.openapi_schema import to_openapi
from aigw.wire.schema_back import NAMES

_SCHEMA_AT = {"messages": ("input_schema",), "responses": ("parameters",)}
_INPUT = "The input, as free text."
_FREE_TEXT = {
    "type": "object",
    "properties": {"input": {"type": "string", "description": _INPUT}},
    "required": ["input"],
}
_FREE_TEXT_IN_SUBSET = {
    "type": "OBJECT",
    "properties": {"input": {"type": "STRING", "description": _INPUT}},
    "required": ["input"],
}


def write_tools(draft: Draft) -> None:
    """`tools`: all functions in one element, as the API's own examples have them, then the others; and `toolConfig`."""
    functions: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    for tool in draft.conversation.tools:
        if isinstance(tool, Tool):
            functions.append(_function(tool, draft))
        elif isinstance(tool, CustomTool):
            functions.append(_custom(tool, draft))
        elif isinstance(tool, WebSearch):
            others.append(_search(tool, draft))
        elif isinstance(tool, ForeignTool) and isinstance(tool.value, dict):
            others.append(tool.value)
    tools = [{"functionDeclarations": functions}, *others] if functions else others
    if tools:
        draft.body["tools"] = tools
    _config(draft, any_function=bool(functions))


def schema_place(tool: Tool, own_format: str) -> str:
    """Where the caller's schema of a tool stands."""
    if own_format == "chat":
        return child(tool.at, "parameters") if "/functions/" in tool.at else child(tool.at, "function", "parameters")
    if own_format == FORMAT:
        return child(tool.at, "parameters")
    return child(tool.at, *_SCHEMA_AT.get(own_format, ("parameters",)))


def _function(tool: Tool, draft: Draft) -> dict[str, Any]:
    conversation, ledger = draft.conversation, draft.ledger
    told: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        told["description"] = tool.description
    if tool.strict:
        ledger.drop(tool.at, "Gemini does not promise arguments that keep to the schema (strict)")
    if tool.cache is not None:
        ledger.drop(tool.cache.at or child(tool.at, "cache_control"), UNMARKED)
    if tool.parameters is not None:
        if draft.dialect.schema == "full":
            told["parametersJsonSchema"] = tool.parameters
        else:
            _parameters(tool, told, schema_place(tool, conversation.own_format), draft)
    if tool.own and conversation.own_format == FORMAT:
        told.update(tool.own)
    return told


def _parameters(tool: Tool, told: dict[str, Any], place: str, draft: Draft) -> None:
    """A function's schema in the subset; an object without properties is refused there and means no arguments."""
    names = NAMES if draft.conversation.own_format == FORMAT else {}
    schema = to_openapi(tool.parameters or {}, place, draft.ledger, names)
    if schema == {"type": "OBJECT"}:
        draft.ledger.rewrite(place, "a function without arguments has no schema")
    else:
        told["parameters"] = schema


def _custom(tool: CustomTool, draft: Draft) -> dict[str, Any]:
    draft.ledger.approximate(tool.at, "a tool that takes free text became a function with one text")
    if tool.format is not None and tool.format.get("type") != "text":
        draft.ledger.drop(child(tool.at, "format"), "Gemini's functions have no grammar")
    told: dict[str, Any] = {"name": tool.name}
    if tool.description is not None:
        told["description"] = tool.description
    if draft.dialect.schema == "full":
        told["parametersJsonSchema"] = _FREE_TEXT
    else:
        told["parameters"] = _FREE_TEXT_IN_SUBSET
    return told


def _search(tool: WebSearch, draft: Draft) -> dict[str, Any]:
    home = draft.conversation.own_format == FORMAT
    said: dict[str, Any] = {}
    if home and tool.blocked_domains:
        said["excludeDomains"] = tool.blocked_domains
    unsaid = {
        "which domains are allowed": tool.allowed_domains,
        "which domains are blocked": None if home else tool.blocked_domains,
        "where the user is": tool.location,
        "how often to search": tool.max_uses,
        "how deeply to search": tool.depth,
    }
    lost = [what for what, value in unsaid.items() if value is not None]
    if lost:
        draft.ledger.approximate(tool.at, f"Gemini's search is not told {', '.join(lost)}")
    return {"googleSearch": {**said, **(tool.own or {})} if home else said}


def _config(draft: Draft, *, any_function: bool) -> None:
    """`toolConfig`, with what only Gemini has of it."""
    choice: ToolChoice | None = draft.take("tool_choice")
    own = draft.conversation.own.get("toolConfig")
    config: dict[str, Any] = dict(own) if isinstance(own, dict) else {}
    if choice is not None and not any_function:
        draft.ledger.drop(draft.place("tool_choice"), "there are no functions to choose from")
    elif choice is not None:
        config["functionCallingConfig"] = {**_calling(choice), **(config.get("functionCallingConfig") or {})}
    if config:
        draft.body["toolConfig"] = config


def _calling(choice: ToolChoice) -> dict[str, Any]:
    """Names restrict only the modes that constrain the model, so a free choice among some is VALIDATED."""
    if choice.mode == "none":
        return {"mode": "NONE"}
    if choice.mode == "tool":
        return {"mode": "ANY", "allowedFunctionNames": [choice.name]}
    if choice.mode == "required":
        return {"mode": "ANY", "allowedFunctionNames": choice.allowed} if choice.allowed else {"mode": "ANY"}
    return {"mode": "VALIDATED", "allowedFunctionNames": choice.allowed} if choice.allowed else {"mode": "AUTO"}


__all__ = ["AnyTool", "schema_place", "write_tools"]
