"""Requests that together use every documented member of a format: one body per member, walked out of its schema.

A body is the smallest valid one with one thing more, in a frame that makes a conversation of it (a call before a
result, a tool that is chosen). Beside it stands the same body without that thing: what a translation makes of the two
must differ, or say why not. A new release of an SDK brings its new fields by itself.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from . import specs
from .schema_walk import DATA, PDF, PIXEL, Json, Path, Walker

_WORDS: Json = {"type": "string"}
_NUMBER: Json = {"type": "number"}
_COUNT: Json = {"type": "integer"}
_FLAG: Json = {"type": "boolean"}


def _object(**members: Json) -> Json:
    return {"type": "object", "properties": members}


# What callers send beyond the SDK's types. Of chat: what compatible providers document (OpenRouter, DeepSeek, vLLM,
# Groq). Of messages: betas in wide use.
_EXTRA: Mapping[str, Mapping[str, Json]] = {
    "chat": {
        "top_k": _COUNT,
        "min_p": _NUMBER,
        "repetition_penalty": _NUMBER,
        "reasoning": _object(
            effort={"enum": ["low", "high"]},
            max_tokens=_COUNT,
            exclude=_FLAG,
            enabled=_FLAG,
            summary={"enum": ["auto"]},
        ),
        "thinking": {**_object(type={"enum": ["enabled", "disabled"]}), "required": ["type"]},
        "provider": _object(order={"type": "array", "items": _WORDS}, allow_fallbacks=_FLAG),
        "include_reasoning": _FLAG,
        "reasoning_format": {"enum": ["parsed", "raw", "hidden"]},
        "guided_json": {},
    },
    "messages": {
        "mcp_servers": {"type": "array", "items": _object(name=_WORDS, url=_WORDS, authorization_token=_WORDS)},
        "context_management": {},
        "output_format": _object(type={"const": "json_schema"}, schema={"type": "object"}),
    },
}
_EXTRA_OF: Mapping[str, Mapping[str, Mapping[str, Json]]] = {
    "chat": {
        "ChatCompletionAssistantMessageParam": {"reasoning_content": _WORDS, "reasoning": _WORDS},
        "ChatCompletionContentPartTextParam": {
            "cache_control": _object(type={"const": "ephemeral"}, ttl={"enum": ["1h"]})
        },
    }
}

# Smallest instances of what a schema leaves open: members that are optional by type and needed by sense.
_LEAST: Mapping[str, Mapping[str, Any]] = {
    "chat": {
        "FileFile": {"filename": "sentinel.pdf", "file_data": PDF},
        "ChatCompletionAllowedToolsParam": {
            "mode": "auto",
            "tools": [{"type": "function", "function": {"name": "lookup"}}],
        },
    },
    "responses": {
        "ResponseInputImageParam": {"type": "input_image", "detail": "auto", "image_url": PIXEL},
        "ResponseInputImageContentParam": {"type": "input_image", "image_url": PIXEL},
        "ResponseInputFileParam": {"type": "input_file", "filename": "sentinel.pdf", "file_data": PDF},
        "ResponseInputFileContentParam": {"type": "input_file", "filename": "sentinel.pdf", "file_data": PDF},
        "ToolChoiceAllowedParam": {
            "type": "allowed_tools",
            "mode": "auto",
            "tools": [{"type": "function", "name": "lookup"}],
        },
    },
    "messages": {},
    "gemini": {
        "Content": {"role": "user", "parts": [{"text": "sentinel of a part"}]},
        "Part": {"text": "sentinel of a part"},
        "Blob": {"data": DATA, "mimeType": "image/png"},
        "FileData": {"fileUri": "https://example.com/sentinel.pdf", "mimeType": "application/pdf"},
        "FunctionCall": {"name": "lookup"},
        "FunctionResponse": {"name": "lookup", "response": {"result": "sentinel-result"}},
        "FunctionDeclaration": {"name": "sentinel-tool"},
        "FunctionResponseBlob": {"data": DATA, "mimeType": "image/png"},
        "FunctionResponseFileData": {"fileUri": "https://example.com/sentinel.png", "mimeType": "image/png"},
        "ExecutableCode": {"language": "PYTHON", "code": "sentinel_code()"},
        "CodeExecutionResult": {"outcome": "OUTCOME_OK", "output": "sentinel output"},
        "Schema": {"type": "STRING"},
        "SafetySetting": {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"},
    },
}
# What the gateway reads by itself before it translates.
_ROUTING = frozenset({"model", "models", "stream"})

# The smallest request of each format: its mandatory members.
HELLO: Mapping[str, Json] = {
    "chat": {"model": "m", "messages": [{"role": "user", "content": "hello there"}]},
    "responses": {"model": "m", "input": [{"role": "user", "content": "hello there"}]},
    "messages": {"model": "m", "max_tokens": 4096, "messages": [{"role": "user", "content": "hello there"}]},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "hello there"}]}]},
}


@attrs.frozen
class Variation:
    """One documented thing: the body that says it, the one that does not, its pointer in the first, and its value."""

    label: str
    body: Json
    without: Json
    pointer: str
    value: Any


def pointer(path: Path) -> str:
    """A JSON pointer (RFC 6901)."""
    return "".join("/" + str(step).replace("~", "~0").replace("/", "~1") for step in path)


def schema_of(format: str) -> Json:
    """The schema that is walked: the SDK's, and what callers send beyond it."""
    schema = copy.deepcopy(specs.request_schema(format))
    schema["properties"].update(_EXTRA.get(format, {}))
    for name, members in _EXTRA_OF.get(format, {}).items():
        schema["$defs"][name]["properties"].update(members)
    return schema


@functools.cache
def variations(format: str) -> tuple[Variation, ...]:
    """A variation for every member, every kind and every word that is documented."""
    made: dict[str, Variation] = {}
    frame = _FRAMES[format]
    for path, value, without in Walker(schema_of(format), _LEAST[format], _ROUTING).variations():
        body, moved = frame(copy.deepcopy(value), path)
        other, _ = frame(copy.deepcopy(without), path)
        label = f"{pointer(path)}={_shown(value, path)}"
        variation = Variation(label, body, other, pointer(moved), _at(body, moved))
        if body != other:
            made.setdefault(repr(body), variation)
    return tuple(made.values())


def _shown(value: Any, path: Path) -> str:
    value = _at(value, path)
    return value if isinstance(value, str) and len(value) < 40 else repr(value)[:80]


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


# -- frames: conversations around one thing --------------------------------------------------------------------------


def _tool_names(body: Json) -> list[str]:
    """The names of tools that a choice names."""
    found: list[str] = []

    def look(node: Any) -> None:
        if isinstance(node, dict):
            found.extend(value for key, value in node.items() if key == "name" and isinstance(value, str))
            found.extend(name for name in node.get("allowedFunctionNames") or () if isinstance(name, str))
            for value in node.values():
                look(value)
        elif isinstance(node, list):
            for value in node:
                look(value)

    for member in ("tool_choice", "toolConfig"):
        look(body.get(member))
    return found or ["lookup"]


def _chat(body: Json, path: Path) -> tuple[Json, Path]:
    hello = {"role": "user", "content": "hello there"}
    turns, moved = [hello], path
    if path[0] == "messages" and body.get("messages"):
        turn = body["messages"][0]
        before, after = _chat_round(turn)
        turns = [hello, *before, turn, *after]
        moved = ("messages", 1 + len(before), *path[2:])
        if turns[-1]["role"] == "assistant":
            turns.append({"role": "user", "content": "go on then"})
    body["messages"] = turns
    if path[0] == "stream_options":
        body["stream"] = True
    if "function_call" in body:
        name = body["function_call"]["name"] if isinstance(body["function_call"], dict) else "lookup"
        body.setdefault("functions", [{"name": name}])
    elif path[0] != "functions":
        chosen = body.get("tool_choice")
        kind = "custom" if isinstance(chosen, dict) and "custom" in chosen else "function"
        body.setdefault("tools", [{"type": kind, kind: {"name": name}} for name in _tool_names(body)])
    return body, moved


def _chat_round(turn: Json) -> tuple[list[Json], list[Json]]:
    """What must stand before and after a turn."""
    if turn["role"] == "tool":
        call = {"id": turn["tool_call_id"], "type": "function", "function": {"name": "lookup", "arguments": "{}"}}
        return [{"role": "assistant", "tool_calls": [call]}], []
    if turn["role"] == "function":
        return [{"role": "assistant", "function_call": {"name": turn["name"], "arguments": "{}"}}], []
    if turn["role"] == "assistant":
        if not {"content", "tool_calls", "function_call", "audio", "refusal"} & set(turn):
            turn["content"] = "an answer before"
        if turn.get("function_call"):
            return [], [{"role": "function", "name": turn["function_call"]["name"], "content": "done it"}]
        calls = turn.get("tool_calls") or ()
        return [], [{"role": "tool", "tool_call_id": call["id"], "content": "done it"} for call in calls]
    return [], []


_RESPONSES_CALLS = {
    "function_call_output": {"type": "function_call", "name": "lookup", "arguments": "{}"},
    "custom_tool_call_output": {"type": "custom_tool_call", "name": "lookup", "input": "do it"},
}


def _responses(body: Json, path: Path) -> tuple[Json, Path]:
    hello: Json = {"role": "user", "content": "hello there"}
    moved = path
    if path[0] == "input" and isinstance(body.get("input"), list):
        item = body["input"][0]
        before, after = [hello], [{"role": "user", "content": "go on then"}]
        call = _RESPONSES_CALLS.get(item.get("type", ""))
        if call is not None:
            before.append({**call, "call_id": item.setdefault("call_id", "sentinel-call")})
        elif f"{item.get('type')}_output" in _RESPONSES_CALLS:
            after.insert(0, {"type": f"{item['type']}_output", "call_id": item["call_id"], "output": "done it"})
        elif item.get("type") == "reasoning":
            after.insert(0, {"role": "assistant", "content": "an answer before"})
        body["input"] = [*before, item, *after]
        moved = ("input", len(before), *path[2:])
    elif not isinstance(body.get("input"), str):
        body["input"] = [hello]
    if path[0] == "stream_options":
        body["stream"] = True
    if body.get("tool_choice") != "auto":  # which can be said without tools, too
        body.setdefault("tools", _responses_tools(body))
    return body, moved


def _responses_tools(body: Json) -> list[Json]:
    """The tools that a choice names."""
    choice = body.get("tool_choice")
    kind = choice["type"] if isinstance(choice, dict) else "function"
    if kind in ("function", "allowed_tools"):
        of_kind: Json = {"type": "function", "parameters": {"type": "object"}, "strict": False}
        return [{**of_kind, "name": name} for name in _tool_names(body)]
    if kind in ("custom", "shell", "apply_patch") or kind.startswith("web_search"):
        return [{"type": kind, "name": name} if kind == "custom" else {"type": kind} for name in _tool_names(body)]
    return [{"type": kind, **_HOSTED.get(kind, {})}]


# What hosted tools need.
_HOSTED: Mapping[str, Json] = {
    "mcp": {"server_label": "sentinel-server_label", "server_url": "https://example.com/mcp"},
    "file_search": {"vector_store_ids": ["vs_sentinel"]},
    "code_interpreter": {"container": "auto"},
    "computer_use_preview": {"display_height": 768, "display_width": 1024, "environment": "browser"},
}


_OF_ASSISTANT = ("tool_use", "thinking", "redacted_thinking", "server_tool_use", "fallback")


def _messages(body: Json, path: Path) -> tuple[Json, Path]:
    hello = {"role": "user", "content": "hello there"}
    turns, moved = [hello], path
    if path[0] == "messages" and body.get("messages"):
        turn = body["messages"][0]
        before: list[Json] = []
        after: list[Json] = []
        if isinstance(turn["content"], list) and turn["content"]:
            before, after = _messages_round(turn, turn["content"][0])
        turns = [hello, *before, turn, *after]
        moved = ("messages", 1 + len(before), *path[2:])
        if turns[-1]["role"] == "assistant":
            turns.append({"role": "user", "content": "go on then"})
    body["messages"] = turns
    if path[0] != "mcp_servers":
        names = _tool_names(body)
        body.setdefault("tools", [{"name": name, "input_schema": {"type": "object"}} for name in names])
    return body, moved


def _messages_round(turn: Json, block: Json) -> tuple[list[Json], list[Json]]:
    kind = block["type"]
    if kind == "tool_result":
        turn["role"] = "user"
        call = {"type": "tool_use", "id": block["tool_use_id"], "name": "lookup", "input": {}}
        return [{"role": "assistant", "content": [call]}], []
    if kind in _OF_ASSISTANT or kind.endswith("_tool_result"):
        turn["role"] = "assistant"
    if kind == "tool_use":
        result = {"type": "tool_result", "tool_use_id": block["id"], "content": "done it"}
        return [], [{"role": "user", "content": [result]}]
    if kind in ("thinking", "redacted_thinking"):
        turn["content"].append({"type": "text", "text": "an answer before"})
    if kind.endswith("_tool_result"):
        name = {"tool_search": "tool_search_tool_regex"}.get(found := kind.removesuffix("_tool_result"), found)
        call = {"type": "server_tool_use", "id": block["tool_use_id"], "name": name, "input": {}}
        return [{"role": "assistant", "content": [call]}], []
    return [], []


_OF_MODEL = frozenset(("functionCall", "executableCode", "codeExecutionResult", "thought", "toolCall", "toolResponse"))


def _gemini(body: Json, path: Path) -> tuple[Json, Path]:
    hello = {"role": "user", "parts": [{"text": "hello there"}]}
    turns, moved = [hello], path
    for member in ("contents", "systemInstruction"):
        if path[0] != member:
            body.pop(member, None)
    if path[0] == "contents" and body.get("contents"):
        turn = body["contents"][0]
        before, after = _gemini_round(turn)
        turns = [hello, *before, turn, *after]
        moved = ("contents", 1 + len(before), *path[2:])
        if turns[-1].get("role") == "model":
            turns.append({"role": "user", "parts": [{"text": "go on then"}]})
    body["contents"] = turns
    names = _tool_names(body)
    body.setdefault("tools", [{"functionDeclarations": [{"name": name, "description": "d"} for name in names]}])
    return body, moved


def _gemini_round(turn: Json) -> tuple[list[Json], list[Json]]:
    before: list[Json] = []
    after: list[Json] = []
    for part in turn.get("parts") or ():
        if _OF_MODEL & set(part):
            turn["role"] = "model"
        if "functionResponse" in part:
            turn["role"] = "user"
            answered = {key: part["functionResponse"][key] for key in ("id", "name") if key in part["functionResponse"]}
            before = [{"role": "model", "parts": [{"functionCall": answered}]}]
        if "functionCall" in part:
            called = {key: part["functionCall"][key] for key in ("id", "name") if key in part["functionCall"]}
            result = {"functionResponse": {**called, "response": {"result": "done it"}}}
            after = [{"role": "user", "parts": [result]}]
    return before, after


_FRAMES: Mapping[str, Callable[[Json, Path], tuple[Json, Path]]] = {
    "chat": _chat,
    "responses": _responses,
    "messages": _messages,
    "gemini": _gemini,
}
