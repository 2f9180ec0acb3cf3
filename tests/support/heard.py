"""What a caller hears: answers of the four formats, read by somebody who knows nothing of how they were written.

Readers of streams hold events against their format's grammar as its documentation has it, and raise AssertionError with
what is wrong: a caller that relies on it would break there.

Sources: platform.openai.com/docs/api-reference (chat streaming, responses streaming),
platform.claude.com/docs/en/build-with-claude/streaming, ai.google.dev/api/generate-content.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import attrs

from .heard_messages import Blocks
from .response_grammar import Grammar

Json = dict[str, Any]


@attrs.define
class Call:
    """A call of a tool: arguments decoded if they are JSON."""

    id: str | None
    name: str
    arguments: Any


@attrs.define
class Heard:
    """One answer; candidates by their index. `usage` counts everything in (`input`) and everything out (`output`)."""

    texts: dict[int, str] = attrs.Factory(dict)
    thoughts: dict[int, str] = attrs.Factory(dict)
    refusals: dict[int, str] = attrs.Factory(dict)
    calls: dict[int, list[Call]] = attrs.Factory(dict)
    stops: dict[int, str] = attrs.Factory(dict)
    usage: dict[str, int] | None = None
    id: str | None = None
    model: str | None = None
    ended: bool = False
    error: Any = None
    values: list[Any] = attrs.Factory(list)

    def add(self, kind: str, candidate: int, text: str | None) -> None:
        """More of a text."""
        if text:
            texts: dict[int, str] = getattr(self, kind)
            texts[candidate] = texts.get(candidate, "") + text

    def call(self, candidate: int, id: str | None, name: str, arguments: Any) -> None:
        """A whole call."""
        self.calls.setdefault(candidate, []).append(Call(id, name, decoded(arguments)))


def decoded(arguments: Any) -> Any:
    """The arguments of a call; text that is no JSON as it is."""
    if not isinstance(arguments, str):
        return arguments
    try:
        return json.loads(arguments) if arguments else {}
    except ValueError:
        return arguments


def events(data: bytes) -> Iterator[tuple[str | None, str]]:
    """Names and data of the events of a stream, every one with its blank line."""
    text = data.decode().replace("\r\n", "\n")
    assert not text or text.endswith("\n\n"), f"the stream ends within an event: {text[-80:]!r}"
    for block in text.split("\n\n")[:-1]:
        name, lines = None, []
        for line in block.split("\n"):
            if line.startswith("event: "):
                name = line[7:]
            elif line.startswith("data: "):
                lines.append(line[6:])
            else:
                assert line.startswith(":"), f"an odd line in a stream: {line[:80]!r}"
        if lines:
            yield name, "\n".join(lines)


# -- Chat Completions -------------------------------------------------------------------------------------------------


def openai_usage(said: Json) -> dict[str, int]:
    """Usage of Chat Completions and of Responses: what was cached and what was thought is inside the totals."""
    into = said.get("prompt_tokens_details") or said.get("input_tokens_details") or {}
    out = said.get("completion_tokens_details") or said.get("output_tokens_details") or {}
    used = {
        "input": said["prompt_tokens"] if "prompt_tokens" in said else said["input_tokens"],
        "output": said["completion_tokens"] if "completion_tokens" in said else said["output_tokens"],
        "cache_read": into.get("cached_tokens") or 0,
        "cache_write": into.get("cache_write_tokens") or 0,
        "reasoning": out.get("reasoning_tokens") or 0,
    }
    assert said["total_tokens"] == used["input"] + used["output"], f"the total is none: {said}"
    return used


def _chat_message(heard: Heard, at: int, message: Json) -> None:
    heard.add("texts", at, message.get("content"))
    heard.add("thoughts", at, message.get("reasoning_content"))
    heard.add("refusals", at, message.get("refusal"))


def chat_answer(data: bytes) -> Heard:
    """A ChatCompletion."""
    body = json.loads(data)
    assert body["object"] == "chat.completion"
    heard = Heard(id=body["id"], model=body["model"], ended=True, values=[body])
    for choice in body["choices"]:
        at, message = choice["index"], choice["message"]
        assert message["role"] == "assistant"
        _chat_message(heard, at, message)
        for call in message.get("tool_calls") or ():
            _chat_call(heard, at, call)
        if choice["finish_reason"]:
            heard.stops[at] = choice["finish_reason"]
    if body.get("usage"):
        heard.usage = openai_usage(body["usage"])
    return heard


def _chat_call(heard: Heard, at: int, call: Json) -> None:
    if call["type"] == "custom":
        heard.calls.setdefault(at, []).append(Call(call["id"], call["custom"]["name"], call["custom"]["input"]))
    else:
        heard.call(at, call["id"], call["function"]["name"], call["function"]["arguments"])


def chat_stream(data: bytes) -> Heard:
    """Chunks: the role first, calls by index with id and name at their beginning, nothing after a finish reason."""
    heard = Heard()
    calls: dict[tuple[int, int], Json] = {}
    for _, text in events(data):
        assert not heard.ended, "something after [DONE]"
        if text == "[DONE]":
            heard.ended = True
            continue
        chunk = json.loads(text)
        heard.values.append(chunk)
        if "error" in chunk:
            heard.error = chunk["error"]
            continue
        assert chunk["object"] == "chat.completion.chunk"
        assert heard.id in (None, chunk["id"]), "an id that changes"
        heard.id, heard.model = chunk["id"], chunk["model"]
        for choice in chunk["choices"]:
            _chat_choice(heard, calls, choice)
        if chunk.get("usage"):
            assert heard.usage is None, "usage twice"
            heard.usage = openai_usage(chunk["usage"])
    for (at, _), call in sorted(calls.items()):
        _chat_call(heard, at, call)
    return heard


def _chat_choice(heard: Heard, calls: dict[tuple[int, int], Json], choice: Json) -> None:
    at, delta = choice["index"], choice["delta"]
    assert at not in heard.stops, "a choice goes on after its finish reason"
    if at not in heard.texts:
        assert delta.get("role") == "assistant", "the first chunk of a choice names no role"
        heard.texts[at] = ""
    _chat_message(heard, at, delta)
    for piece in delta.get("tool_calls") or ():
        key = (at, piece["index"])
        if key not in calls:
            assert piece["index"] == sum(1 for candidate, _ in calls if candidate == at), "calls with gaps"
            calls[key] = {"id": piece["id"], "type": piece["type"], piece["type"]: dict(piece[piece["type"]])}
            assert calls[key][piece["type"]]["name"]
            continue
        call = calls[key]
        member = "input" if call["type"] == "custom" else "arguments"
        call[call["type"]][member] += piece[call["type"]].get(member) or ""
    if choice.get("finish_reason"):
        heard.stops[at] = choice["finish_reason"]


# -- Responses --------------------------------------------------------------------------------------------------------


def responses_answer(data: bytes) -> Heard:
    """A Response."""
    body = json.loads(data)
    assert body["object"] == "response"
    heard = Heard(id=body["id"], model=body["model"], values=[body])
    _response(heard, body)
    return heard


def _item(heard: Heard, item: Json) -> None:
    assert item.get("id"), "an item without id"
    if item["type"] == "message":
        for part in item["content"]:
            heard.add("refusals", 0, part.get("refusal"))
            heard.add("texts", 0, part.get("text"))
    elif item["type"] == "reasoning":
        for part in (*item["summary"], *(item.get("content") or ())):
            heard.add("thoughts", 0, part["text"])
    elif item["type"] == "function_call":
        heard.call(0, item["call_id"], item["name"], item["arguments"])
    elif item["type"] == "custom_tool_call":
        heard.calls.setdefault(0, []).append(Call(item["call_id"], item["name"], item["input"]))


def _response(heard: Heard, body: Json) -> None:
    for item in body["output"]:
        _item(heard, item)
    why = body.get("incomplete_details") or {}
    heard.stops[0] = f"{body['status']}/{why['reason']}" if why else body["status"]
    heard.error = body.get("error")
    heard.ended = body["status"] in ("completed", "incomplete", "failed")
    if body.get("usage"):
        heard.usage = openai_usage(body["usage"])


def responses_stream(data: bytes) -> Heard:
    """Events whose folded deltas are the final response."""
    heard, grammar = Heard(), Grammar()
    for name, text in events(data):
        event = json.loads(text)
        heard.values.append(event)
        assert name == event["type"], f"event {name} with {event['type']}"
        grammar.feed(event)
    heard.error = grammar.error
    if grammar.final is not None:
        heard.id, heard.model = grammar.final["id"], grammar.final["model"]
        _response(heard, grammar.final)
    else:
        for item in grammar.items:
            _item(heard, item)
    return heard


# -- Messages ---------------------------------------------------------------------------------------------------------


def messages_usage(said: Json) -> dict[str, int]:
    """What was cached comes on top of `input_tokens`."""
    read, write = said.get("cache_read_input_tokens") or 0, said.get("cache_creation_input_tokens") or 0
    return {
        "input": said["input_tokens"] + read + write,
        "output": said["output_tokens"],
        "cache_read": read,
        "cache_write": write,
        "reasoning": (said.get("output_tokens_details") or {}).get("thinking_tokens") or 0,
    }


def _messages_block(heard: Heard, block: Json) -> None:
    if block["type"] == "text":
        heard.add("texts", 0, block["text"])
    elif block["type"] == "thinking":
        assert isinstance(block["signature"], str)
        heard.add("thoughts", 0, block["thinking"])
    elif block["type"] == "tool_use":
        assert isinstance(block["input"], dict | str), f"input is no object: {block}"
        heard.call(0, block["id"], block["name"], block["input"])


def messages_answer(data: bytes) -> Heard:
    """A Message."""
    body = json.loads(data)
    assert (body["type"], body["role"]) == ("message", "assistant")
    heard = Heard(id=body["id"], model=body["model"], ended=True, values=[body], usage=messages_usage(body["usage"]))
    for block in body["content"]:
        _messages_block(heard, block)
    if body["stop_reason"]:
        heard.stops[0] = body["stop_reason"]
    return heard


def messages_stream(data: bytes) -> Heard:
    """message_start, blocks one after another, message_delta with the stop reason, message_stop."""
    heard, unfolded = Heard(), Blocks()
    for name, text in events(data):
        event = json.loads(text)
        heard.values.append(event)
        assert name == event["type"], f"event {name} with {event['type']}"
        unfolded.feed(event)
    for block in unfolded.all:
        _messages_block(heard, block)
    if unfolded.begun is not None:
        heard.id, heard.model = unfolded.begun["id"], unfolded.begun["model"]
        heard.usage = messages_usage(unfolded.usage)
    if unfolded.stop:
        heard.stops[0] = unfolded.stop
    heard.ended, heard.error = unfolded.ended, unfolded.error
    return heard


# -- Gemini -----------------------------------------------------------------------------------------------------------


def gemini_usage(said: Json) -> dict[str, int]:
    """What was cached is inside the prompt, what was thought outside the candidates."""
    into = said.get("promptTokenCount", 0) + said.get("toolUsePromptTokenCount", 0)
    out = said.get("candidatesTokenCount", 0) + said.get("thoughtsTokenCount", 0)
    assert said["totalTokenCount"] == into + out, f"the total is none: {said}"
    return {
        "input": into,
        "output": out,
        "cache_read": said.get("cachedContentTokenCount", 0),
        "cache_write": 0,
        "reasoning": said.get("thoughtsTokenCount", 0),
    }


def _gemini_chunk(heard: Heard, body: Json) -> None:
    heard.values.append(body)
    if "error" in body:
        heard.error = body["error"]
        return
    heard.id, heard.model = body["responseId"], body["modelVersion"]
    for candidate in body.get("candidates", ()):
        at = candidate.get("index", 0)
        assert at not in heard.stops, "a candidate goes on after its finish reason"
        for part in (candidate.get("content") or {}).get("parts", ()):
            _gemini_part(heard, at, part)
        if candidate.get("finishReason"):
            heard.stops[at] = candidate["finishReason"]
    blocked = body.get("promptFeedback", {}).get("blockReason")
    if blocked:
        heard.stops[0] = f"block:{blocked}"
    if "usageMetadata" in body:
        heard.usage = gemini_usage(body["usageMetadata"])


def _gemini_part(heard: Heard, at: int, part: Json) -> None:
    assert part, "an empty part"
    heard.add("thoughts" if part.get("thought") else "texts", at, part.get("text"))
    call = part.get("functionCall")
    if call:
        assert isinstance(call.get("args", {}), dict)
        heard.call(at, call.get("id"), call["name"], call.get("args", {}))


def gemini_answer(data: bytes) -> Heard:
    """A GenerateContentResponse."""
    heard = Heard(ended=True)
    _gemini_chunk(heard, json.loads(data))
    return heard


def gemini_stream(data: bytes) -> Heard:
    """Responses one after another; the last has the finish reason."""
    heard = Heard()
    for _, text in events(data):
        _gemini_chunk(heard, json.loads(text))
    heard.ended = bool(heard.stops)
    return heard


ANSWERS: Mapping[str, Callable[[bytes], Heard]] = {
    "chat": chat_answer,
    "responses": responses_answer,
    "messages": messages_answer,
    "gemini": gemini_answer,
}
STREAMS: Mapping[str, Callable[[bytes], Heard]] = {
    "chat": chat_stream,
    "responses": responses_stream,
    "messages": messages_stream,
    "gemini": gemini_stream,
}
