"""What holds of every format and every pair of them, whatever is said: round trips, slicing, interleaving, sameness."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from aigw.errors import InvalidBody
from aigw.wire.arrange import arrange
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Answer, Part, Text, Thinking, ToolCall
from aigw.wire.signatures import MARK

from ..support.conversations import answers, conversations, interleaved
from ..support.heard import STREAMS, Heard
from ..support.means import FORMATS
from ..support.roundtrip import (
    DIALECT,
    LOADED,
    NAMES,
    asked,
    bare,
    called,
    each_format,
    each_pair,
    few,
    fewer,
    gist,
    lane,
    read,
    same,
    streamed,
    told,
)

# -- round trips ------------------------------------------------------------------------------------------------------


@each_format
@few
@given(data=st.data())
def test_requests(name: str, data: st.DataObject) -> None:
    """What a format's writer writes of a request, its reader reads as the same, and neither reports a loss."""
    conversation = data.draw(conversations(FORMATS[name]))
    ledger = Ledger()
    arranged = arrange(conversation, LOADED[name], DIALECT, ledger)
    same(arranged, conversation)
    body = LOADED[name].write_request(arranged, DIALECT, ledger)
    again = LOADED[name].read_request(json.loads(body), conversation.model, ledger, stream=conversation.stream)
    again = arrange(again, LOADED[name], DIALECT, ledger)
    assert not ledger.entries
    # Whether usage is wanted is the gateway's to ask for, and the stream flag stands in the path of some formats.
    again.settings.include_usage = conversation.settings.include_usage
    same(again, conversation)


@each_format
@few
@given(data=st.data())
def test_answers(name: str, data: st.DataObject) -> None:
    """What a format's writer writes of an answer, its reader reads as the same."""
    answer = data.draw(answers(FORMATS[name]))
    ledger = Ledger()
    written = LOADED[name].write_answer(answer, asked(name).conversation, ledger)
    same(LOADED[name].read_answer(written, DIALECT), answer)
    assert not ledger.entries


@each_format
@few
@given(data=st.data())
def test_streams(name: str, data: st.DataObject) -> None:
    """What a format's writer writes of a stream, its reader reads as the same answer, and the grammar holds."""
    answer = data.draw(answers(FORMATS[name]))
    ledger = Ledger()
    stream = streamed(answer, name, ledger)
    same(read(stream, name), answer)
    assert not ledger.entries
    assert STREAMS[name](stream).ended


@each_format
@few
@given(data=st.data())
def test_thoughts_come_back(name: str, data: st.DataObject) -> None:
    """What a caller of any format sends back of an answer, whole or streamed, has every call and signature in it."""
    source = data.draw(st.sampled_from(NAMES))
    answer = data.draw(answers(FORMATS[source]))
    answer.candidates = answer.candidates[:1]
    written = LOADED[name].write_answer(answer, asked(name).conversation, Ledger())
    assert _kept(_sent_back(json.loads(written), name)) == _kept(answer.candidates[0].parts)


def _sent_back(said: Any, name: str) -> list[Part]:
    """The parts of the assistant's turns in a caller's next request, which has the answer as it was."""
    body: dict[str, Any] = {"max_tokens": 9}
    if name == "chat":
        body["messages"] = [said["choices"][0]["message"]]
    elif name == "responses":
        body["input"] = said["output"]
    elif name == "messages":
        body["messages"] = [{"role": "assistant", "content": said["content"]}]
    else:
        body["contents"] = [said["candidates"][0].get("content", {"role": "model", "parts": []})]
    conversation = LOADED[name].read_request(body, "m", Ledger(), stream=False)
    return [part for turn in conversation.turns for part in turn.parts]


def _kept(parts: list[Part]) -> list[Any]:
    """Signed thoughts and calls; an unsigned thought is a courtesy."""
    kept: list[Any] = []
    for part in parts:
        if isinstance(part, ToolCall):
            kept.append(called(part))
        elif isinstance(part, Thinking) and part.signature is not None:
            kept.append(bare(part))
    return kept


@each_format
@few
@given(data=st.data())
def test_seals_are_opened_by_requests_alone(name: str, data: st.DataObject) -> None:
    """A provider that is a gateway itself sends seals: to us they are its signatures, to be given back as they are."""
    answer = data.draw(answers(FORMATS[name]))
    again = LOADED[name].read_answer(LOADED[name].write_answer(answer, asked(name).conversation, Ledger()), DIALECT)
    for told_ in (again, read(streamed(answer, name), name)):
        signatures = [part.signature for part in thoughts(told_) if part.signature is not None and part.maker == "p"]
        signed = [part for part in thoughts(answer) if part.signature is not None]
        assert sum(MARK.decode() in signature for signature in signatures) == len(signed)


def thoughts(answer: Answer) -> list[Thinking]:
    """All of an answer's."""
    return [part for candidate in answer.candidates for part in candidate.parts if isinstance(part, Thinking)]


# -- answers of every pair -------------------------------------------------------------------------------------------


@each_pair
@fewer
@given(data=st.data())
def test_whole_as_stream_and_back(caller: str, target: str, data: st.DataObject) -> None:
    """An answer says the same whole, streamed, streamed where it came whole, and whole where it came as a stream."""
    answer = data.draw(answers(FORMATS[target]))
    body = LOADED[target].write_answer(answer, asked(target).conversation, Ledger())
    stream = streamed(answer, target)
    whole = gist(LOADED[caller].read_answer(lane(caller, target).whole(body), DIALECT))
    assert gist(LOADED[caller].read_answer(lane(caller, target).collected(stream), DIALECT)) == whole
    assert gist(read(lane(caller, target).streamed(body), caller)) == whole
    assert gist(read(told(stream, caller, target, []), caller)) == whole


# -- interleaving -----------------------------------------------------------------------------------------------------


def chat_stream(order: list[tuple[int, str]], parts: list[Part]) -> bytes:
    """The chunks of an OpenAI chat stream that bring pieces of parts in an order."""
    calls = [at for at, part in enumerate(parts) if isinstance(part, ToolCall)]
    begun: set[int] = set()
    deltas: list[dict[str, Any]] = [{"role": "assistant", "content": None}]
    for number, piece in order:
        part = parts[number]
        if not isinstance(part, ToolCall):
            deltas.append({"content": piece})
            continue
        call: dict[str, Any] = {"index": calls.index(number), "function": {"arguments": piece}}
        if number not in begun:
            begun.add(number)
            call |= {"id": part.id, "type": "function"}
            call["function"]["name"] = part.name
        deltas.append({"tool_calls": [call]})
    frame = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    chunks = [{**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    chunks.append({**frame, "choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls" if calls else "stop"}]})
    return b"".join(b"data: %b\n\n" % json.dumps(chunk).encode() for chunk in chunks) + b"data: [DONE]\n\n"


@each_format
@settings(max_examples=25)
@given(case=interleaved())
def test_any_interleaving(name: str, case: tuple[list[Part], list[tuple[int, str]]]) -> None:
    """Any interleaving of a text and up to five calls gives blocks one after another, with all that was said in them.

    The reader of what the caller hears raises for blocks that overlap or have gaps.
    """
    parts, order = case
    stream = chat_stream(order, parts)
    heard: Heard = STREAMS[name](told(stream, name, "chat", []))
    calls = [(part.id, part.name, json.loads(part.arguments)) for part in parts if isinstance(part, ToolCall)]
    assert [(call.id, call.name, call.arguments) for call in heard.calls.get(0, [])] == calls
    assert heard.texts.get(0, "") == "".join(part.text for part in parts if isinstance(part, Text))
    assert heard.ended
    assert _kept(read(told(stream, name, "chat", []), name).candidates[0].parts) == _kept(parts)


# -- sameness ---------------------------------------------------------------------------------------------------------

# Where each format has its turns.
_BEFORE = ("system", "systemInstruction", "instructions", "tools")  # what comes before them for a prompt cache
_TURNS = {"chat": "messages", "responses": "input", "messages": "messages", "gemini": "contents"}


def members(body: bytes) -> dict[str, bytes]:
    """The members of an object, as they are written."""
    return {name: bytes(value) for name, value in msgspec.json.decode(body, type=dict[str, msgspec.Raw]).items()}


@each_pair
@fewer
@given(data=st.data())
def test_a_growing_conversation(caller: str, target: str, data: st.DataObject) -> None:
    """When a conversation goes on, all bytes of what was said before stay the same: prompt caches hit."""
    conversation = data.draw(conversations(FORMATS[caller]))
    turns = conversation.turns
    for turn in turns:
        if turn.role in ("user", "assistant"):  # so that something is left of it, whatever the target does not take
            turn.parts.insert(0, Text(text="?"))
    # Where a caller waits for an answer: behind it stands a turn of the assistant, or nothing yet.
    ends = [at for at in range(1, len(turns)) if turns[at].role == "assistant"] + [len(turns)]
    before: dict[str, bytes] = {}
    for end in ends:
        part = msgspec.structs.replace(conversation, turns=turns[:end])
        try:
            body = LOADED[target].write_request(arrange(part, LOADED[target], DIALECT, Ledger()), DIALECT, Ledger())
        except InvalidBody:
            return
        now = {name: value for name, value in members(body).items() if name in (*_BEFORE, _TURNS[target])}
        said = now.pop(_TURNS[target])
        assert said.startswith(before.pop(_TURNS[target], b"[")[:-1])
        assert before in ({}, now)
        before = {**now, _TURNS[target]: said}


_SAME = """
import hashlib, sys
from aigw.wire import formats
from aigw.wire.dialect import Dialect
from aigw.wire.lane import Asking
loaded = formats.load()
digest = hashlib.sha256()
for line in sys.stdin.buffer:
    name, body = line.split(b" ", 1)
    for target in sorted(loaded):
        asking = Asking(loaded[name.decode()], body, "m", stream=True)
        bodies = {asking.ask(loaded[target], Dialect(maker="p"))[0] for _ in range(32)}
        assert len(bodies) == 1
        digest.update(bodies.pop())
print(digest.hexdigest())
"""

_SCHEMA = {"type": "object", "properties": {name: {"type": "string"} for name in "zya"}, "required": ["z", "y"]}
_TOOLS = [{"name": name, "description": name, "schema": _SCHEMA} for name in ("zeta", "alpha", "mid")]
_ARGUMENTS = {"z": "1", "y": "2", "a": "3"}
_IMAGE = "iVBORw0KGgo="
_URL = f"data:image/png;base64,{_IMAGE}"

# A conversation with tools, images and settings, as each caller says it.
RICH: dict[str, dict[str, Any]] = {
    "chat": {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Look"},
                                         {"type": "image_url", "image_url": {"url": _URL}}]},
            {"role": "assistant", "content": "Well", "tool_calls": [
                {"id": f"call_{n}", "type": "function", "function": {"name": n, "arguments": json.dumps(_ARGUMENTS)}}
                for n in ("zeta", "alpha")]},
            {"role": "tool", "tool_call_id": "call_zeta", "content": "one"},
            {"role": "tool", "tool_call_id": "call_alpha", "content": "two"},
            {"role": "user", "content": "And?"},
        ],
        "tools": [{"type": "function", "function": {"name": t["name"], "description": t["description"],
                                                    "parameters": t["schema"]}} for t in _TOOLS],
        "tool_choice": "auto", "stop": ["z", "a"], "max_tokens": 99, "temperature": 0.5, "user": "u",
        "metadata": {"z": "1", "a": "2"}, "logit_bias": {"5": 1, "3": 2}, "unknown": 1, "another": 2,
    },
    "responses": {
        "instructions": "Be brief.",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "Look"},
                                         {"type": "input_image", "image_url": _URL}]},
            *({"type": "function_call", "call_id": f"call_{n}", "name": n, "arguments": json.dumps(_ARGUMENTS)}
              for n in ("zeta", "alpha")),
            *({"type": "function_call_output", "call_id": f"call_{n}", "output": n} for n in ("zeta", "alpha")),
            {"role": "user", "content": "And?"},
        ],
        "tools": [{"type": "function", "name": t["name"], "description": t["description"], "parameters": t["schema"],
                   "strict": True} for t in _TOOLS],
        "max_output_tokens": 99, "metadata": {"z": "1", "a": "2"}, "unknown": 1, "another": 2,
    },
    "messages": {
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "Look"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": _IMAGE}}]},
            {"role": "assistant", "content": [{"type": "tool_use", "id": f"call_{n}", "name": n, "input": _ARGUMENTS}
                                              for n in ("zeta", "alpha")]},
            {"role": "user", "content": [*({"type": "tool_result", "tool_use_id": f"call_{n}", "content": n}
                                           for n in ("zeta", "alpha")), {"type": "text", "text": "And?"}]},
        ],
        "tools": [{"name": t["name"], "description": t["description"], "input_schema": t["schema"]} for t in _TOOLS],
        "max_tokens": 99, "stop_sequences": ["z", "a"], "unknown": 1, "another": 2,
    },
    "gemini": {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [
            {"role": "user", "parts": [{"text": "Look"}, {"inlineData": {"mimeType": "image/png", "data": _IMAGE}}]},
            {"role": "model", "parts": [{"functionCall": {"name": n, "args": _ARGUMENTS}} for n in ("zeta", "alpha")]},
            {"role": "user", "parts": [{"functionResponse": {"name": n, "response": {"z": n, "a": n}}}
                                       for n in ("zeta", "alpha")]},
        ],
        "tools": [{"functionDeclarations": [{"name": t["name"], "description": t["description"],
                                             "parametersJsonSchema": t["schema"]} for t in _TOOLS]}],
        "generationConfig": {"stopSequences": ["z", "a"], "maxOutputTokens": 99}, "unknown": 1, "another": 2,
    },
}  # fmt: skip


def test_same_bytes() -> None:
    """A thousand translations of one request, in processes that hash differently, are the same bytes."""
    lines = b"".join(f"{name} {json.dumps({'model': 'm', **body})}\n".encode() for name, body in RICH.items())
    runs = [
        subprocess.run(
            [sys.executable, "-c", _SAME],
            input=lines,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(path for path in sys.path if path)},
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert len(runs[0]) == 65
    assert runs[0] == runs[1]
