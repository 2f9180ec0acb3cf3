"""What OpenAI's chat and responses requests have in common: required fields, tool lists, content parts."""

from collections.abc import Mapping
from typing import Any

from .errors import Refused
from .reply import Json
from .script import Limits, Mode, Tool, Toolbox

_IMAGE_PARTS = ("image_url", "input_image")
_FILE_PARTS = ("file", "input_file", "input_audio")


def need(body: Json, *names: str) -> None:
    """Raises Refused (400), in OpenAI's words, for the first name the body lacks."""
    for name in names:
        if body.get(name) is None:
            message = f"Missing required parameter: '{name}'."
            raise Refused(400, message, "missing_required_parameter", name)


def need_list(body: Json, name: str) -> list[Any]:
    """The body's non-empty list of that name. Raises Refused (400) when it is missing, no list, or empty."""
    need(body, name)
    value = body[name]
    if not isinstance(value, list):
        message = f"Invalid type for '{name}': expected an array of objects, but got something else instead."
        raise Refused(400, message, "invalid_type", name)
    if not value:
        message = f"Invalid '{name}': empty array. Expected an array with minimum length 1."
        raise Refused(400, message, "empty_array", name)
    return value


def text_of(content: Any) -> str:
    """The text of a message's content: a string, or the text parts of a list, one per line."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(part["text"] for part in parts if isinstance(part, Mapping) and isinstance(part.get("text"), str))


def attachments(content: Any) -> tuple[int, int]:
    """How many images and how many files (documents, audio) a message's content holds."""
    kinds = [part.get("type") for part in content if isinstance(part, Mapping)] if isinstance(content, list) else []
    return sum(kind in _IMAGE_PARTS for kind in kinds), sum(kind in _FILE_PARTS for kind in kinds)


def toolbox(body: Json) -> Toolbox:
    """The request's function tools and its `tool_choice`; both spellings, nested under `function` or flat."""
    offered = []
    for entry in body.get("tools") or ():
        function = entry.get("function", entry) if isinstance(entry, Mapping) else {}
        if entry.get("type") == "function" and isinstance(function.get("name"), str):
            offered.append(Tool(function["name"], function.get("parameters") or {}))
    mode, only = _choice(body.get("tool_choice"))
    return Toolbox(tuple(offered), mode, only, body.get("parallel_tool_calls") is not False)


def limits(body: Json, *names: str) -> Limits:
    """The first output limit among those names, and the stop sequences."""
    tokens = next((body[name] for name in names if isinstance(body.get(name), int)), None)
    stop = body.get("stop")
    stops = [stop] if isinstance(stop, str) else stop or []
    return Limits(tokens, tuple(stops))


def _choice(choice: Any) -> tuple[Mode, frozenset[str]]:
    if isinstance(choice, str):
        modes: dict[str, Mode] = {"none": "none", "required": "any"}
        return modes.get(choice, "auto"), frozenset()
    if not isinstance(choice, Mapping):
        return "auto", frozenset()
    if choice.get("type") == "allowed_tools":
        allowed = choice.get("allowed_tools", choice)
        names = (_name(tool) for tool in allowed.get("tools", ()))
        return "any" if allowed.get("mode") == "required" else "auto", frozenset(filter(None, names))
    name = _name(choice)
    return "any", frozenset([name] if name else [])


def _name(tool: Mapping[str, Any]) -> str:
    function = tool.get("function", tool)
    name = function.get("name")
    return name if isinstance(name, str) else ""
