"""Histories that no provider takes, from every caller to every surface: made valid, or one precise refusal."""

from __future__ import annotations

import base64
import copy
import json
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aigw.errors import InvalidBody
from aigw.wire import formats
from aigw.wire.dialect import PLAIN
from aigw.wire.lane import Asking

from ..support.provider_rules import broken

FORMATS = {name: each for name, each in formats.load().items() if hasattr(each, "write_request")}
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(8)).decode()

# -- a history in no format: moves, each of which is one message or more --------------------------------------------

Move = tuple[str, Any]
TEXTS = st.sampled_from(["hello", "hello", "", " ", "\n", "ok \n"])
IDS = st.sampled_from(["call_1", "call_2", "call_1", "a b", "ü" * 50, ""])
ARGUMENTS = st.sampled_from([
    "{}", '{"a":1}', '{"a": {"b":[1.50,"ü"]}}', '{"a":123456789012345678901234567890}', "",
    "null", "5", "[]", "Infinity",
    '{"a":NaN}', '"{}"', '{"a":', "true",
])  # fmt: skip
DATA = st.sampled_from([PNG, PNG, "", "?", PNG[:-1], PNG.replace("+", "-").replace("/", "_"), "AAAA", "A"])
CALLS = st.lists(st.tuples(IDS, ARGUMENTS), min_size=1, max_size=3)
LOOPED = st.lists(st.tuples(IDS, ARGUMENTS), min_size=1, max_size=2, unique_by=lambda call: call[0])
MOVES = st.one_of(
    st.tuples(st.sampled_from(["user", "assistant", "system"]), TEXTS),
    st.tuples(st.just("calls"), CALLS),
    st.tuples(st.just("results"), st.lists(IDS, min_size=1, max_size=3)),
    st.tuples(st.just("loop"), LOOPED),
    st.tuples(st.just("empty"), st.sampled_from(["user", "assistant"])),
    st.tuples(st.just("image"), DATA),
)
HISTORIES = st.lists(MOVES, max_size=7)


def flat(moves: list[Move]) -> list[Move]:
    """Loops as the calls and results that they are."""
    return [
        move
        for kind, value in moves
        for move in ([("calls", value), ("results", [id for id, _ in value])] if kind == "loop" else [(kind, value)])
    ]


def value_of(arguments: str) -> Any:
    try:
        return json.loads(arguments, parse_constant=lambda name: name)
    except ValueError:
        return arguments


SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}}


def chat(moves: list[Move]) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []
    for kind, value in moves:
        if kind == "calls":
            calls = [{"id": id, "type": "function", "function": {"name": "f", "arguments": text}} for id, text in value]
            messages.append({"role": "assistant", "content": None, "tool_calls": calls})
        elif kind == "results":
            messages += [{"role": "tool", "tool_call_id": id, "content": "r"} for id in value]
        elif kind == "image":
            url = {"url": f"data:image/png;base64,{value}"}
            messages.append({"role": "user", "content": [{"type": "image_url", "image_url": url}]})
        elif kind == "empty":
            messages.append({"role": value, "content": []})
        else:
            messages.append({"role": kind, "content": value})
    tool = {"type": "function", "function": {"name": "f", "description": "d", "parameters": SCHEMA}}
    return {"model": "m", "messages": messages, "tools": [tool], "temperature": 0.5, "max_tokens": 10}


def responses(moves: list[Move]) -> dict[str, Any]:
    items: list[dict[str, Any]] = []
    for kind, value in moves:
        if kind == "calls":
            items += [{"type": "function_call", "call_id": id, "name": "f", "arguments": text} for id, text in value]
        elif kind == "results":
            items += [{"type": "function_call_output", "call_id": id, "output": "r"} for id in value]
        elif kind == "image":
            part = {"type": "input_image", "image_url": f"data:image/png;base64,{value}"}
            items.append({"role": "user", "content": [part]})
        elif kind == "empty":
            items.append({"role": value, "content": []})
        elif kind == "assistant":
            said = {"type": "output_text", "text": value, "annotations": []}
            items.append({"type": "message", "role": "assistant", "content": [said]})
        else:
            items.append({"role": kind, "content": value})
    tool = {"type": "function", "name": "f", "parameters": SCHEMA, "strict": False}
    return {"model": "m", "input": items, "tools": [tool], "max_output_tokens": 10, "tool_choice": "auto"}


def messages(moves: list[Move]) -> dict[str, Any]:
    blocks: list[dict[str, Any]]
    written: list[dict[str, Any]] = []
    system: list[dict[str, Any]] = []
    for kind, value in moves:
        if kind == "calls":
            blocks = [{"type": "tool_use", "id": id, "name": "f", "input": value_of(text)} for id, text in value]
            written.append({"role": "assistant", "content": blocks})
        elif kind == "results":
            blocks = [{"type": "tool_result", "tool_use_id": id, "content": "r"} for id in value]
            written.append({"role": "user", "content": blocks})
        elif kind == "image":
            source = {"type": "base64", "media_type": "image/png", "data": value}
            written.append({"role": "user", "content": [{"type": "image", "source": source}]})
        elif kind == "empty":
            written.append({"role": value, "content": []})
        elif kind == "system":
            system.append({"type": "text", "text": value})
        else:
            written.append({"role": kind, "content": value})
    tool = {"name": "f", "input_schema": SCHEMA}
    return {"model": "m", "max_tokens": 10, "system": system, "messages": written, "tools": [tool]}


def gemini(moves: list[Move]) -> dict[str, Any]:
    contents: list[dict[str, Any]] = []
    system: list[dict[str, Any]] = []
    for kind, value in moves:
        if kind == "calls":
            parts = [{"functionCall": {"id": id, "name": "f", "args": value_of(text)}} for id, text in value]
            contents.append({"role": "model", "parts": parts})
        elif kind == "results":
            answers = [{"functionResponse": {"id": id, "name": "f", "response": {"output": "r"}}} for id in value]
            contents.append({"role": "user", "parts": answers})
        elif kind == "image":
            contents.append({"role": "user", "parts": [{"inlineData": {"mimeType": "image/png", "data": value}}]})
        elif kind == "empty":
            contents.append({"role": "user" if value == "user" else "model", "parts": []})
        elif kind == "system":
            system.append({"text": value})
        else:
            contents.append({"role": "user" if kind == "user" else "model", "parts": [{"text": value}]})
    tool = {"functionDeclarations": [{"name": "f", "parameters": {"type": "OBJECT"}}]}
    body = {"contents": contents, "tools": [tool], "generationConfig": {"temperature": 0.5, "maxOutputTokens": 10}}
    return body | ({"systemInstruction": {"parts": system}} if system else {})


RENDERERS = {"chat": chat, "responses": responses, "messages": messages, "gemini": gemini}
CALLERS = [name for name in RENDERERS if name in FORMATS]


# -- what must hold -------------------------------------------------------------------------------------------------


def asked(caller: str, body: Any) -> dict[str, bytes | InvalidBody]:
    """A request at every surface: its body there, or the refusal."""
    try:
        asking = Asking(FORMATS[caller], json.dumps(body).encode(), "m", stream=False)
    except InvalidBody as refusal:
        return dict.fromkeys(FORMATS, refusal)
    before = copy.deepcopy(asking.conversation)
    outcomes: dict[str, bytes | InvalidBody] = {}
    for name, target in FORMATS.items():
        try:
            outcomes[name] = asking.ask(target, PLAIN)[0]
        except InvalidBody as refusal:
            outcomes[name] = refusal
        assert asking.conversation == before, f"writing for {name} changed the conversation"
    return outcomes


def check(caller: str, body: Any) -> None:
    """What a provider of the caller's own format would refuse is for it to refuse; nothing is changed for it."""
    for name, outcome in asked(caller, body).items():
        if isinstance(outcome, bytes):
            if name != caller:
                assert broken(name, outcome) == [], f"{name}: {outcome.decode()}"
        else:
            assert outcome.param, f"{name}: {outcome.message}"
            assert outcome.message.strip().endswith((".", "!", "?")), outcome.message


@pytest.mark.parametrize("caller", CALLERS)
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=40, deadline=None)
@given(moves=HISTORIES)
def test_any_history(caller: str, moves: list[Move]) -> None:
    """Whatever the order of turns, calls and results: every surface gets what it takes, or the caller a place."""
    check(caller, RENDERERS[caller](flat(moves)))


GOOD: list[Move] = [
    ("system", "be brief"),
    ("user", "hello"),
    ("image", PNG),
    ("calls", [("call_1", '{"a":1}'), ("call_2", "{}")]),
    ("results", ["call_1", "call_2"]),
    ("assistant", "done"),
    ("user", "thanks"),
]
# What else a request of each format may hold: members for the body, and moves before the last one.
_JSON_SCHEMA = {"name": "s", "schema": SCHEMA, "strict": True}
_WHERE = {"type": "approximate", "country": "SE", "city": "Umeå"}
RICH: dict[str, dict[str, Any]] = {
    "chat": {
        "response_format": {"type": "json_schema", "json_schema": _JSON_SCHEMA},
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "stop": ["a"], "logit_bias": {"1": 2}, "n": 2, "seed": 1, "metadata": {"a": "b"}, "user": "u", "logprobs": True,
        "top_logprobs": 2, "reasoning_effort": "low", "parallel_tool_calls": False, "stream_options": {},
        "modalities": ["text"], "service_tier": "auto", "web_search_options": {"user_location": _WHERE},
    },
    "responses": {
        "instructions": "i", "text": {"format": {"type": "json_schema", **_JSON_SCHEMA}, "verbosity": "low"},
        "tool_choice": {"type": "function", "name": "f"}, "reasoning": {"effort": "low", "summary": "auto"},
        "include": ["reasoning.encrypted_content"], "metadata": {"a": "b"}, "store": False, "truncation": "auto",
        "top_logprobs": 2, "parallel_tool_calls": True, "max_tool_calls": 3, "prompt_cache_key": "k", "user": "u",
    },
    "messages": {
        "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True}, "stop_sequences": ["a"],
        "metadata": {"user_id": "u"}, "thinking": {"type": "enabled", "budget_tokens": 1024}, "top_k": 3, "top_p": 0.5,
        "service_tier": "auto", "output_config": {"effort": "low", "format": {"type": "json_schema", "schema": SCHEMA}},
    },
    "gemini": {
        "generationConfig": {
            "temperature": 0.5, "topP": 0.5, "topK": 3, "stopSequences": ["a"], "candidateCount": 2, "seed": 1,
            "responseMimeType": "application/json", "responseSchema": {"type": "OBJECT", "properties": {}},
            "thinkingConfig": {"thinkingBudget": 128, "includeThoughts": True}, "responseLogprobs": True, "logprobs": 2,
            "frequencyPenalty": 0.1, "presencePenalty": 0.1, "responseModalities": ["TEXT"],
        },
        "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["f"]}},
        "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
    },
}  # fmt: skip
_PDF = base64.b64encode(b"%PDF-1.7 x").decode()
_MARK = {"type": "ephemeral", "ttl": "1h"}
MORE: dict[str, list[dict[str, Any]]] = {
    "chat": [
        {"role": "assistant", "content": [{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "no"}],
         "reasoning_content": "hm", "reasoning_details": [{"type": "reasoning.text", "text": "hm", "signature": "s"}],
         "annotations": [{"type": "url_citation", "url_citation": {"url": "u", "start_index": 0, "end_index": 1}}]},
        {"role": "user", "name": "bob", "content": [
            {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{_PDF}"}},
            {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}},
            {"type": "text", "text": "a", "cache_control": _MARK}]},
    ],
    "responses": [
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "hm"}],
         "encrypted_content": "s"},
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search", "query": "q"}},
        {"type": "message", "role": "assistant", "content": [
            {"type": "output_text", "text": "a", "annotations": [
                {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1}]},
            {"type": "refusal", "refusal": "no"}]},
        {"type": "custom_tool_call", "call_id": "c", "name": "g", "input": "i"},
        {"type": "custom_tool_call_output", "call_id": "c", "output": "o"},
        {"role": "user", "content": [
            {"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{_PDF}"},
            {"type": "input_text", "text": "a"}]},
    ],
    "messages": [
        {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "redacted_thinking", "data": "r"},
            {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}},
            {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [
                {"type": "web_search_result", "url": "u", "title": "t", "encrypted_content": "e"}]},
            {"type": "text", "text": "a", "citations": [
                {"type": "web_search_result_location", "url": "u", "cited_text": "c", "encrypted_index": "e"}]},
            {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}}]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "c", "is_error": True, "content": [
                {"type": "text", "text": "r"},
                {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}]},
            {"type": "document", "title": "t", "context": "c", "citations": {"enabled": True},
             "source": {"type": "base64", "media_type": "application/pdf", "data": _PDF}},
            {"type": "text", "text": "a", "cache_control": _MARK}]},
    ],
    "gemini": [
        {"role": "model", "parts": [
            {"text": "hm", "thought": True}, {"text": "a", "thoughtSignature": "c2ln"},
            {"executableCode": {"language": "PYTHON", "code": "1"}},
            {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
            {"functionCall": {"name": "f", "args": {"a": 1}}, "thoughtSignature": "c2ln"}]},
        {"role": "user", "parts": [
            {"functionResponse": {"name": "f", "response": {"a": [1]}, "parts": [
                {"inlineData": {"mimeType": "image/png", "data": PNG}}]}},
            {"fileData": {"mimeType": "application/pdf", "fileUri": "https://example.com/a.pdf"}},
            {"text": "a", "videoMetadata": {"fps": 1}}]},
    ],
}  # fmt: skip


def rich(caller: str) -> dict[str, Any]:
    """A good request with something of everything."""
    body = copy.deepcopy(RENDERERS[caller](GOOD) | RICH[caller])
    turns = body[{"responses": "input", "gemini": "contents"}.get(caller, "messages")]
    turns[-1:-1] = copy.deepcopy(MORE[caller])
    return body


JUNK: list[Any] = [
    None,
    True,
    0,
    -1,
    1e300,
    10**30,
    "",
    "x",
    "\u0000",
    [],
    [None],
    ["x"],
    [[]],
    {},
    {"x": 1},
    {"type": "x"},
]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every member and element of a body, with what holds it."""
    if isinstance(value, dict):
        return [place for key, inner in value.items() for place in [(value, key), *places(inner)]]
    if isinstance(value, list):
        return [place for key, inner in enumerate(value) for place in [(value, key), *places(inner)]]
    return []


@pytest.mark.parametrize("caller", CALLERS)
def test_good_history(caller: str) -> None:
    """The requests that the next tests break are taken by every surface."""
    for body in (RENDERERS[caller](GOOD), rich(caller)):
        assert {type(outcome) for outcome in asked(caller, body).values()} == {bytes}
        check(caller, body)


@pytest.mark.parametrize("caller", CALLERS)
def test_wrong_types_anywhere(caller: str) -> None:
    """Any other type or value at any place of a good request: never more than a refusal that names a place."""
    random = Random(7)
    good = rich(caller)
    for index in range(len(places(good))):
        for junk in random.sample(JUNK, 3):
            body = copy.deepcopy(good)
            holder, key = places(body)[index]
            if (key, holder is body) != ("model", True):
                holder[key] = copy.deepcopy(junk)
                check(caller, body)


@pytest.mark.parametrize("caller", CALLERS)
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=40, deadline=None)
@given(random=st.randoms(use_true_random=False))
def test_several_wrong_things(caller: str, random: Random) -> None:
    """Several members missing, doubled or of a wrong type: the same."""
    body = rich(caller)
    for _ in range(random.randint(1, 4)):
        holder, key = random.choice(places(body))
        deed = random.randrange(3)
        if deed == 0 and isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
        elif deed == 1:
            del holder[key]
        else:
            holder[key] = copy.deepcopy(random.choice(JUNK))
    check(caller, body)
