"""What providers refuse, told anew: one checker for each surface, which shares no code with what writes requests.

Each yields sentences, one for every rule that a request's body breaks. Sources: the providers' API references, and the
errors that they answer with.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import Any

Json = dict[str, Any]
_PICTURES = {"image/png", "image/jpeg", "image/gif", "image/webp"}


def broken(surface: str, body: bytes) -> list[str]:
    """The rules of a surface that a request breaks."""
    try:
        decoded = json.loads(body, parse_constant=_no_constant)
    except ValueError as error:
        return [f"not JSON: {error}"]
    return list(_CHECKERS[surface](decoded))


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _is_base64(data: Any) -> bool:
    try:
        return isinstance(data, str) and bool(base64.b64decode(data, validate=True))
    except (binascii.Error, ValueError):
        return False


def _names(names: list[Any]) -> Iterator[str]:
    if len(set(names)) < len(names):
        yield "tools have names of their own"
    for name in names:
        if not isinstance(name, str) or not name:
            yield f"a tool has a name: {name!r}"


def _said(arguments: Any) -> bool:
    return isinstance(arguments, str) and arguments.strip() not in ("", "null")


# -- Anthropic Messages -----------------------------------------------------------------------------------------------


def _messages(body: Json) -> Iterator[str]:
    if not isinstance(body.get("max_tokens"), int) or body["max_tokens"] < 0:
        yield "max_tokens is required"
    yield from _blocks(body.get("system") or [], "system")
    yield from _anthropic_tools(body)
    messages = body.get("messages") or []
    if not messages or messages[0]["role"] != "user":
        yield "the first message is the user's"
    if any(one == other for one, other in pairwise(each["role"] for each in messages if each["role"] != "system")):
        yield "roles alternate"
    used: list[str] = []
    pending: list[str] = []
    for message in messages:
        content = message["content"]
        content = [{"type": "text", "text": content}] if isinstance(content, str) else content
        yield from _blocks(content, message["role"])
        yield from _answers(content, pending)
        pending = [block["id"] for block in content if block["type"] == "tool_use"]
        used += pending
    if pending:
        yield "each tool_use has its tool_result"
    if len(set(used)) < len(used):
        yield "tool_use ids are unique"
    yield from _prefill(messages)


def _anthropic_tools(body: Json) -> Iterator[str]:
    names = [tool.get("name") for tool in body.get("tools") or []]
    yield from _names(names)
    choice = body.get("tool_choice")
    if choice is not None and not names:
        yield "tool_choice needs tools"
    if choice is not None and choice["type"] == "tool" and choice["name"] not in names:
        yield "tool_choice names a tool"


def _prefill(messages: list[Json]) -> Iterator[str]:
    last = messages[-1] if messages else {}
    if last.get("role") == "assistant" and isinstance(last["content"], list) and last["content"]:
        text = last["content"][-1].get("text", "")
        if text != text.rstrip():
            yield "the last text of the assistant has no white space behind it"


def _answers(content: list[Json], pending: list[str]) -> Iterator[str]:
    if not content:
        yield "content is not empty"
    kinds = [block["type"] == "tool_result" for block in content]
    if kinds != sorted(kinds, reverse=True):
        yield "results stand first"
    if sorted(block["tool_use_id"] for block in content if block["type"] == "tool_result") != sorted(pending):
        yield "each tool_use has its tool_result in the next message, and the other way round"


def _blocks(content: Any, where: str) -> Iterator[str]:
    blocks: list[Json] = [{"type": "text", "text": content}] if isinstance(content, str) else content
    for block in blocks:
        kind = block["type"]
        if kind == "text" and not (isinstance(block["text"], str) and block["text"].strip()):
            yield f"{where}: text is not blank"
        elif kind == "tool_use":
            yield from _use(block, where)
        elif kind == "tool_result":
            yield from _blocks(block.get("content") or [], where)
            if where != "user":
                yield "tool_result stands in the user's turn"
        elif kind in ("image", "document"):
            yield from _source(kind, block["source"])


def _use(block: Json, where: str) -> Iterator[str]:
    if where != "assistant" or not isinstance(block["input"], dict):
        yield "tool_use has an object and stands in the assistant's turn"
    if not re.fullmatch(r"[a-zA-Z0-9_-]+", block["id"]):
        yield f"the id {block['id']!r} is legal"


def _source(kind: str, source: Json) -> Iterator[str]:
    if source["type"] == "base64":
        if not _is_base64(source["data"]):
            yield "data are base64"
        if kind == "image" and source["media_type"] not in _PICTURES:
            yield f"pictures of the type {source['media_type']} are taken"


# -- OpenAI Chat Completions ------------------------------------------------------------------------------------------


def _chat(body: Json) -> Iterator[str]:
    yield from _openai_tools(body, [tool.get(tool["type"], {}).get("name") for tool in body.get("tools") or []])
    messages = body.get("messages")
    if not messages:
        yield "messages is not empty"
    pending: list[str] = []
    for message in messages or []:
        role = message["role"]
        if role == "tool":
            if message["tool_call_id"] not in pending:
                yield "messages of the role tool answer a call of the message before"
            else:
                pending.remove(message["tool_call_id"])
        elif pending:
            yield "each tool call has its message of the role tool right behind it"
            pending = []
        yield from _chat_content(message)
        if role == "assistant":
            calls = message.get("tool_calls")
            pending = [call["id"] for call in calls or []]
            yield from _chat_calls(calls, pending)
    if pending:
        yield "each tool call has its message of the role tool"


def _chat_calls(calls: list[Json] | None, ids: list[str]) -> Iterator[str]:
    if calls == []:
        yield "tool_calls is not empty"
    if len(set(ids)) < len(ids):
        yield "ids of calls are unique in a message"
    for call in calls or ():
        if not 1 <= len(call["id"]) <= 40:
            yield f"the id {call['id']!r} has at most 40 characters"
        # What a model was cut short in is taken back: https://platform.openai.com/docs/api-reference/chat/object
        if call["type"] == "function" and not _said(call["function"]["arguments"]):
            yield "arguments are a text, and not empty"


def _chat_content(message: Json) -> Iterator[str]:
    content = message.get("content")
    if content is None and (
        message["role"] != "assistant" or not (message.keys() & {"tool_calls", "refusal", "audio"})
    ):
        yield f"a message of the role {message['role']} has content"
    if content in ("", []) and message["role"] != "tool" and not message.get("tool_calls"):
        yield f"the content of the role {message['role']} is not empty"
    for part in content if isinstance(content, list) else ():
        if part["type"] == "text" and not part["text"]:
            yield "texts are not empty"
        if part["type"] == "image_url":
            yield from _address(part["image_url"]["url"])


def _address(url: Any) -> Iterator[str]:
    if not isinstance(url, str) or not url:
        yield "an address is a text"
    elif url.startswith("data:") and not _is_base64(url.partition(";base64,")[2]):
        yield "data are base64"


def _openai_tools(body: Json, names: list[Any]) -> Iterator[str]:
    tools = body.get("tools")
    if tools == []:
        yield "tools is not empty"
    yield from _names([name for name in names if name is not None])
    choice = body.get("tool_choice")
    if not tools and (choice not in (None, "auto", "none") or body.get("parallel_tool_calls") is not None):
        yield "settings of tools need tools"
    if isinstance(choice, dict):
        name = choice.get("name") or choice.get("function", {}).get("name")
        if name is not None and name not in names:
            yield "tool_choice names a tool"


# -- OpenAI Responses -------------------------------------------------------------------------------------------------


def _responses(body: Json) -> Iterator[str]:
    yield from _openai_tools(body, [tool.get("name") for tool in body.get("tools") or []])
    items = body.get("input")
    if not items:
        yield "input is not empty"
    calls: dict[str, bool] = {}
    for item in items if isinstance(items, list) else ():
        kind = item.get("type", "message")
        if kind in ("function_call", "custom_tool_call"):
            calls[item["call_id"]] = False
            yield from _responses_call(item, kind)
        elif kind in ("function_call_output", "custom_tool_call_output"):
            if calls.get(item["call_id"], True):
                yield "outputs answer a call, once"
            calls[item["call_id"]] = True
        elif kind == "message":
            yield from _responses_content(item)
    if not all(calls.values()):
        yield "each call has an output"


def _responses_call(item: Json, kind: str) -> Iterator[str]:
    if not 1 <= len(item["call_id"]) <= 64 or not item["name"]:
        yield "ids of calls have at most 64 characters"
    if kind == "function_call" and not _said(item["arguments"]):
        yield "arguments are a text, and not empty"


def _responses_content(item: Json) -> Iterator[str]:
    content = item["content"]
    if not content and content != "":
        yield "content is not empty"
    for part in content if isinstance(content, list) else ():
        kind = part["type"]
        if (item["role"] == "assistant") != (kind in ("output_text", "refusal")):
            yield f"{kind} stands in turns of another role than {item['role']}"
        if kind == "input_image" and part.get("image_url") is not None:
            yield from _address(part["image_url"])


# -- Gemini -----------------------------------------------------------------------------------------------------------

_DATA = {"text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode", "codeExecutionResult"}


def _gemini(body: Json) -> Iterator[str]:
    yield from _gemini_frame(body)
    pending: list[str] = []
    before = ""
    for content in body.get("contents") or ():
        role, parts = content.get("role"), content.get("parts")
        if role not in ("user", "model") or not parts:
            yield "a content has a role and parts"
        for part in parts or ():
            yield from _gemini_part(part)
        answers, asked = _named(parts, "functionResponse"), pending
        pending = _named(parts, "functionCall")
        if sorted(answers) != sorted(asked):
            yield "function responses are as many as the calls right before them, and of their names"
        if pending and (role != "model" or before != "user"):
            yield "a turn with function calls is the model's and comes behind a user's"
        before = role
    if pending:
        yield "each function call has its response"


def _gemini_frame(body: Json) -> Iterator[str]:
    declared = [each["name"] for tool in body.get("tools") or [] for each in tool.get("functionDeclarations") or []]
    yield from _names(declared)
    calling = (body.get("toolConfig") or {}).get("functionCallingConfig") or {}
    if not {*calling.get("allowedFunctionNames", ())} <= {*declared}:
        yield "allowedFunctionNames are declared"
    if not all(part.get("text") for part in (body.get("systemInstruction") or {}).get("parts", ())):
        yield "the system instruction is text"
    if not body.get("contents"):
        yield "contents is not empty"


def _named(parts: list[Json] | None, kind: str) -> list[str]:
    return [part[kind]["name"] for part in parts or () if kind in part]


def _gemini_part(part: Json) -> Iterator[str]:
    data = part.keys() & _DATA
    if len(data) != 1:
        yield f"a part has one kind of data: {sorted(part)}"
    if not part.get("text", "x"):
        yield "texts are not empty"
    if "inlineData" in part and not (_is_base64(part["inlineData"]["data"]) and part["inlineData"]["mimeType"]):
        yield "inline data are base64 of a type"
    if "functionCall" in part and not isinstance(part["functionCall"].get("args", {}), dict):
        yield "args are an object"
    if "functionResponse" in part and not isinstance(part["functionResponse"].get("response"), dict):
        yield "a response is an object"


_CHECKERS: Mapping[str, Callable[[Json], Iterator[str]]] = {
    "chat": _chat,
    "responses": _responses,
    "messages": _messages,
    "gemini": _gemini,
}
