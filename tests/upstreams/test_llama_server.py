"""llama.cpp's server through the gateway: it says to a caller of any format what it says when asked directly.

The model's weights are noise and its sampling is seeded, so the same prompt gives the same tokens: any difference in
what arrives at the model, and any in what comes back, shows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import pytest

from ..support import heard
from ..support.gate import Gate, OpenGate
from ..support.heard import Heard
from .conftest import KEY, Llama

Json = dict[str, Any]
SURFACES: Mapping[str, str] = {"chat": "chat-completions", "responses": "responses", "messages": "messages"}
PATHS: Mapping[str, str] = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}
CALLERS = ("chat", "responses", "messages", "gemini")
PAIRS = [(caller, surface) for surface in SURFACES for caller in CALLERS if caller != surface]
# What a stop means; calls are an end of their own only where the format says so.
MEANS: Mapping[str, str] = {
    "stop": "end",
    "end_turn": "end",
    "completed": "end",
    "STOP": "end",
    "length": "limit",
    "max_tokens": "limit",
    "incomplete/max_output_tokens": "limit",
    "MAX_TOKENS": "limit",
    "tool_calls": "tools",
    "tool_use": "tools",
    "stop_sequence": "end",
}
SCHEMA: Json = {"type": "object", "properties": {"city": {"type": "string", "enum": ["Oslo", "Rome"]}}}
SCHEMA["required"] = ["city"]
TOOL: Json = {"name": "get_weather", "description": "The weather of a city."}


@attrs.frozen
class Case:
    """One conversation: texts of the user and the assistant in turns, and what may be said to it."""

    turns: tuple[str, ...]
    limit: int
    system: str = ""
    tool: bool = False
    forced: bool = False
    stop: str = ""
    # The result of a call that the assistant made between the last text of the user and now.
    result: str = ""


TALK: Mapping[str, Case] = {
    "text": Case(("Hello.",), 40),
    "system": Case(("Hello.",), 20, system="Be brief."),
    "turns": Case(("Hello.", "Hi, how are you?", "Fine."), 30),
    "stopped": Case(("Hello.",), 60, stop="e"),
}
CALLS: Mapping[str, Case] = {
    "tool": Case(("hello",), 300, tool=True, forced=True),
    "several": Case(("Is it warm in Oslo?",), 300, tool=True, forced=True),
    "cut": Case(("hello",), 60, tool=True, forced=True),
    "free": Case(("weather?",), 60, tool=True),
    "loop": Case(("Is it warm in Oslo?",), 60, tool=True, result="It is 7 degrees."),
}


# -- the same conversation in every format ----------------------------------------------------------------------------


def _chat(case: Case) -> Json:
    turns: list[Json] = [{"role": "system", "content": case.system}] if case.system else []
    turns += [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(case.turns)]
    if case.result:
        call = {"id": "call_1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Oslo"}'}}
        turns.append({"role": "assistant", "content": None, "tool_calls": [call]})
        turns.append({"role": "tool", "tool_call_id": "call_1", "content": case.result})
    body: Json = {"messages": turns, "max_tokens": case.limit, "temperature": 1.0}
    if case.tool:
        body["tools"] = [{"type": "function", "function": {**TOOL, "parameters": SCHEMA}}]
        body["tool_choice"] = "required" if case.forced else "auto"
    return body | ({"stop": [case.stop]} if case.stop else {})


def _responses(case: Case) -> Json:
    items: list[Json] = []
    for at, text in enumerate(case.turns):
        # The server wants the whole item of an assistant, not the short form.
        said: Json = {"role": "user", "content": text}
        if at % 2:
            content = [{"type": "output_text", "text": text, "annotations": []}]
            said = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": content}
        items.append(said)
    if case.result:
        call = {"call_id": "call_1", "name": "get_weather", "arguments": '{"city":"Oslo"}'}
        items.append({"type": "function_call", **call})
        items.append({"type": "function_call_output", "call_id": "call_1", "output": case.result})
    body: Json = {"input": items, "max_output_tokens": case.limit, "temperature": 1.0}
    if case.system:
        body["instructions"] = case.system
    if case.tool:
        body["tools"] = [{"type": "function", **TOOL, "parameters": SCHEMA, "strict": False}]
        body["tool_choice"] = "required" if case.forced else "auto"
    return body


def _messages(case: Case) -> Json:
    turns: list[Json] = [{"role": ("user", "assistant")[at % 2], "content": text} for at, text in enumerate(case.turns)]
    if case.result:
        call = {"type": "tool_use", "id": "call_1", "name": "get_weather", "input": {"city": "Oslo"}}
        turns.append({"role": "assistant", "content": [call]})
        result = {"type": "tool_result", "tool_use_id": "call_1", "content": case.result}
        turns.append({"role": "user", "content": [result]})
    body: Json = {"messages": turns, "max_tokens": case.limit, "temperature": 1.0}
    if case.system:
        body["system"] = case.system
    if case.tool:
        body["tools"] = [{**TOOL, "input_schema": SCHEMA}]
        body["tool_choice"] = {"type": "any" if case.forced else "auto"}
    return body | ({"stop_sequences": [case.stop]} if case.stop else {})


def _gemini(case: Case) -> Json:
    turns: list[Json] = [
        {"role": ("user", "model")[at % 2], "parts": [{"text": text}]} for at, text in enumerate(case.turns)
    ]
    if case.result:
        call = {"id": "call_1", "name": "get_weather"}
        turns.append({"role": "model", "parts": [{"functionCall": {**call, "args": {"city": "Oslo"}}}]})
        response = {"functionResponse": {**call, "response": {"output": case.result}}}
        turns.append({"role": "user", "parts": [response]})
    settings: Json = {"maxOutputTokens": case.limit, "temperature": 1.0}
    if case.stop:
        settings["stopSequences"] = [case.stop]
    body: Json = {"contents": turns, "generationConfig": settings}
    if case.system:
        body["systemInstruction"] = {"parts": [{"text": case.system}]}
    if case.tool:
        body["tools"] = [{"functionDeclarations": [{**TOOL, "parametersJsonSchema": SCHEMA}]}]
        body["toolConfig"] = {"functionCallingConfig": {"mode": "ANY" if case.forced else "AUTO"}}
    return body


SAY: Mapping[str, Callable[[Case], Json]] = {
    "chat": _chat,
    "responses": _responses,
    "messages": _messages,
    "gemini": _gemini,
}


def asked(format: str, case: Case, model: str, *, stream: bool) -> tuple[str, Json]:
    """Path and body of a case."""
    body = SAY[format](case)
    if format == "gemini":
        verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
        return f"/v1beta/models/{model}:{verb}", body
    if format == "chat" and stream:
        body["stream_options"] = {"include_usage": True}
    return PATHS[format], {"model": model, **body, "stream": stream}


# -- what was said ----------------------------------------------------------------------------------------------------


def said(heard: Heard) -> tuple[Any, ...]:
    """Text, calls, meaning of the stop, tokens in and out."""
    calls = [(call.name, _unwrapped(call.arguments)) for call in heard.calls.get(0, ())]
    meaning = MEANS[heard.stops[0]]
    assert heard.usage is not None
    assert heard.ended
    used = heard.usage["input"], heard.usage["output"]
    return heard.texts.get(0, ""), calls, "tools" if calls and meaning == "end" else meaning, used


def _unwrapped(arguments: Any) -> Any:
    """Arguments that a limit cut: where a format wants an object, they stand in one as Anthropic documents it."""
    return arguments["INVALID_JSON"] if isinstance(arguments, dict) and "INVALID_JSON" in arguments else arguments


def directly(llama: Llama, surface: str, case: Case, *, stream: bool) -> tuple[Any, ...]:
    """What the server says in its own words."""
    path, body = asked(surface, case, "tiny", stream=stream)
    data = llama.ask(path, json.dumps(body).encode())
    if stream and surface in FOLDED:
        events = [json.loads(text) for _, text in heard.events(data)]
        return said(heard.ANSWERS[surface](json.dumps(FOLDED[surface](events)).encode()))
    return said((heard.STREAMS if stream else heard.ANSWERS)[surface](data))


def _response(events: list[Json]) -> Json:
    """What a stream of Responses ends with."""
    whole: Json = events[-1]["response"]
    return whole


def _message(events: list[Json]) -> Json:
    """The message that a stream of Messages tells, whichever of its blocks are open."""
    whole: Json = {}
    blocks: dict[int, Json] = {}
    for event in events:
        kind, delta = event["type"], event.get("delta", {})
        if kind == "message_start":
            whole = event["message"]
        elif kind == "content_block_start":
            blocks[event["index"]] = event["content_block"] | {"partial": ""}
        elif kind == "content_block_delta":
            block = blocks[event["index"]]
            block["text" if "text" in delta else "partial"] += delta.get("text", delta.get("partial_json", ""))
        elif kind == "message_delta":
            whole |= {**delta, "usage": whole["usage"] | event["usage"]}
    assert events[-1]["type"] == "message_stop"
    for block in blocks.values():
        if block["type"] == "tool_use":
            arguments = heard.decoded(block["partial"])
            block["input"] = arguments if isinstance(arguments, dict) else {"INVALID_JSON": arguments}
    return {**whole, "content": list(blocks.values())}


# Its own streams break these formats' grammar, which callers of the gateway get whole: the events of its Responses
# have no numbers, the blocks of its Messages overlap.
FOLDED: Mapping[str, Callable[[list[Json]], Json]] = {"responses": _response, "messages": _message}


async def compare(gate: Gate, llama: Llama, caller: str, surface: str, case: Case) -> tuple[Any, ...]:
    """Ask directly and through the gateway, streamed and whole; what both say whole."""
    for stream in (True, False):
        expected = directly(llama, surface, case, stream=stream)
        path, body = asked(caller, case, f"{surface}-llama:tiny", stream=stream)
        answer = await gate.ask(body, path)
        assert answer.status == 200, answer.body
        assert said((heard.STREAMS if stream else heard.ANSWERS)[caller](answer.body)) == expected
    return expected


async def through(gateway: OpenGate, llama: Llama) -> Gate:
    """A gateway that knows the server three times, with one surface each."""
    providers = {
        f"{format}-llama": {"surfaces": [surface], "base_url": llama.base_url, "keys": [KEY]}
        for format, surface in SURFACES.items()
    }
    return await gateway(providers=providers)


@pytest.mark.parametrize("name", list(TALK))
@pytest.mark.parametrize(("caller", "surface"), PAIRS)
async def test_talk(gateway: OpenGate, llama: Llama, caller: str, surface: str, name: str) -> None:
    """Text, its end and its tokens are those of the server asked directly, whole and streamed."""
    case = TALK[name]
    if case.stop and "responses" in (caller, surface):
        pytest.skip("Responses has no stop sequences")
    text, calls, meaning, _ = await compare(await through(gateway, llama), llama, caller, surface, case)
    assert text
    assert not calls
    assert meaning in ("end", "limit")


@pytest.mark.parametrize("name", list(CALLS))
@pytest.mark.parametrize(("caller", "surface"), PAIRS)
async def test_calls(gateway: OpenGate, tool_llama: Llama, caller: str, surface: str, name: str) -> None:
    """Calls and their arguments are those of the server asked directly; and so is what it says to a result."""
    case = CALLS[name]
    _, calls, _, _ = await compare(await through(gateway, tool_llama), tool_llama, caller, surface, case)
    assert calls or not case.forced


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("case", [*TALK.values(), *CALLS.values()], ids=[*TALK, *CALLS])
@pytest.mark.parametrize("surface", list(SURFACES))
def test_the_server_repeats_itself(tool_llama: Llama, surface: str, case: Case, stream: bool) -> None:
    """The same prompt gives the same answer: without that, nothing here would mean anything."""
    first, again = (directly(tool_llama, surface, case, stream=stream) for _ in range(2))
    assert first == again
