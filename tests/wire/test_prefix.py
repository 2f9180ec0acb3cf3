"""What belongs together, and what does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aigw.wire.prefix import DIGEST_BYTES, OPENING, prefix

from ..support.bodies import requests

TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
BILLING = "x-anthropic-billing-header: cc_version=2.1.100.7b4; cc_entrypoint=cli; cch={}; "


def chat(turns: int, system: str = "Be brief.", first: str = "Hello") -> dict[str, Any]:
    """A conversation of so many turns in Chat Completions."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": system}, {"role": "user", "content": first}]
    for turn in range(1, turns):
        messages += [{"role": "assistant", "content": f"Yes {turn}."}, {"role": "user", "content": f"And {turn}?"}]
    return {"model": "m", "messages": messages, "tools": TOOLS, "temperature": turns / 10}


def responses(turns: int, system: str = "Be brief.", first: str = "Hello") -> dict[str, Any]:
    """The same in Responses; the first turn is a string, as most write it."""
    items: list[dict[str, Any]] = [{"role": "user", "content": first}]
    for turn in range(1, turns):
        items += [
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": f"Yes {turn}."}]},
            {"role": "user", "content": [{"type": "input_text", "text": f"And {turn}?"}]},
        ]
    return {"model": "m", "input": first if turns == 1 else items, "instructions": system, "tools": TOOLS}


def messages(turns: int, system: str = "Be brief.", first: str = "Hello") -> dict[str, Any]:
    """The same in Messages, by an agent that marks its newest turn and bills each request."""
    said: list[dict[str, Any]] = [{"role": "user", "content": first}]
    for turn in range(1, turns):
        said += [{"role": "assistant", "content": f"Yes {turn}."}, {"role": "user", "content": f"And {turn}?"}]
    said[-1]["content"] = [{"type": "text", "text": said[-1]["content"], "cache_control": {"type": "ephemeral"}}]
    blocks = [{"type": "text", "text": BILLING.format(turns)}, {"type": "text", "text": system}]
    return {"max_tokens": 9, "messages": said, "model": "m", "system": blocks, "tools": TOOLS}


def gemini(turns: int, system: str = "Be brief.", first: str = "Hello") -> dict[str, Any]:
    """The same in Gemini's API; its first turn needs no role."""
    contents: list[dict[str, Any]] = [{"parts": [{"text": first}]}]
    for turn in range(1, turns):
        contents += [{"role": "model", "parts": [{"text": "Yes."}]}, {"role": "user", "parts": [{"text": f"{turn}?"}]}]
    return {"contents": contents, "systemInstruction": {"parts": [{"text": system}]}, "tools": TOOLS}


FORMATS = [chat, responses, messages, gemini]
Format = Callable[..., dict[str, Any]]


def of(body: dict[str, Any]) -> bytes:
    """The digest of what an SDK would send."""
    return prefix(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode())


@pytest.mark.parametrize("format", FORMATS)
def test_turns_of_a_conversation_belong_together(format: Format) -> None:
    """However far a conversation has come, in any format, its digest is that of its first turn."""
    assert len({of(format(turns)) for turns in range(1, 20)}) == 1


@pytest.mark.parametrize("format", FORMATS)
def test_other_conversations_do_not(format: Format) -> None:
    """Another system prompt, another first message or other tools are another prefix."""
    other_tools = format(1) | {"tools": []}
    asked = [format(1), format(1, system="Be long."), format(1, first="Bye"), other_tools]
    assert len({of(each) for each in asked}) == len(asked)


@pytest.mark.parametrize("format", FORMATS)
def test_a_long_conversation_stays_together(format: Format) -> None:
    """Beyond what is read, too: however much has arrived of a large body, and however long it has become."""
    bodies = [json.dumps(format(turns, first="x" * 5000)).encode() for turns in (8_000, 9_000, 10_000)]
    assert min(map(len, bodies)) > OPENING
    bodies += [bodies[0][:-100], bodies[0][: OPENING + 1]]
    assert len(set(map(prefix, bodies))) == 1


def test_growing_large_keeps_what_stands_in_front() -> None:
    """Where tools stand before the conversation, a body that grows beyond what is read keeps its digest."""
    short, long = ({"tools": TOOLS, "messages": chat(turns)["messages"]} for turns in (2, 10_000))
    assert of(short) == of(long) != of(short | {"tools": []})


def test_a_message_longer_than_what_is_read_counts_as_far_as_it_was_seen() -> None:
    """A picture of a megabyte in the first message: its beginning tells conversations apart, and is there each time."""

    def body(picture: str, turns: int) -> dict[str, Any]:
        asked = chat(turns)
        asked["messages"][1]["content"] = [
            {"type": "image_url", "image_url": {"url": "data:image/png;base64," + picture * 100_000}},
            {"type": "text", "text": "What is it?"},
        ]
        return asked

    assert of(body("iVBORw0KGgo", 1)) == of(body("iVBORw0KGgo", 5)) != of(body("R0lGODlhAQA", 1))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"prompt_cache_key": "k"}, {"prompt_cache_key": "k", "user": "u", "safety_identifier": "s"}),
        ({"prompt_cache_key": "k", "conversation": "conv_1"}, {"prompt_cache_key": "k", "conversation": "conv_2"}),
        ({"prompt_cache_key": "k"}, {"prompt_cache_key": "k", "previous_response_id": "resp_1"}),
        ({"conversation": "conv_1"}, {"conversation": {"id": "conv_1"}}),
        ({"conversation": "conv_1", "user": "u"}, {"conversation": "conv_1", "user": "v"}),
        (
            {"previous_response_id": "resp_1", "safety_identifier": "s"},
            {"previous_response_id": "resp_2", "safety_identifier": "s", "user": "u"},
        ),
        ({"previous_response_id": "resp_1", "user": "u"}, {"previous_response_id": "resp_2", "user": "u"}),
    ],
)
def test_what_the_caller_names_belongs_together(one: dict[str, Any], other: dict[str, Any]) -> None:
    """A name of the caller's goes before what is said: `prompt_cache_key`, `conversation`, then whose chain it is."""
    assert of(responses(1) | one) == of(responses(1, first="Quite another") | other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"prompt_cache_key": "k"}, {"prompt_cache_key": "l"}),
        ({"prompt_cache_key": "k"}, {"conversation": "k"}),
        ({"conversation": "conv_1"}, {"conversation": {"id": "conv_2"}}),
        ({"previous_response_id": "resp_1"}, {"previous_response_id": "resp_2"}),
        ({"previous_response_id": "resp_1", "user": "u"}, {"previous_response_id": "resp_1", "user": "v"}),
    ],
)
def test_other_names_do_not(one: dict[str, Any], other: dict[str, Any]) -> None:
    """What is named otherwise is told apart, though the same is said."""
    assert of(responses(1) | one) != of(responses(1) | other)


@pytest.mark.parametrize("empty", [None, "", []])
@pytest.mark.parametrize("name", ["prompt_cache_key", "conversation", "previous_response_id", "tools", "system"])
def test_what_is_empty_is_not_there(name: str, empty: Any) -> None:
    """SDKs send null for what is not set: that names nothing."""
    body = {"model": "m", "messages": [{"role": "user", "content": "Hello"}]}
    assert of(body | {name: empty}) == of(body)


def test_the_same_model_or_not() -> None:
    """The model and how it is asked are no part of the digest: candidates have models of their own."""
    assert of(chat(1) | {"model": "other", "stream": True, "user": "u"}) == of(chat(1))


@pytest.mark.parametrize(
    "marked",
    [
        b'{"type":"text","text":"A","cache_control":{"type":"ephemeral","ttl":"1h"}}',
        b'{"type":"text","cache_control":{"type":"ephemeral"},"text":"A"}',
        b'{"cache_control":{"type":"ephemeral"},"type":"text","text":"A"}',
        b'{"type":"text","text":"A", "cache_control" : null}',
    ],
)
def test_marks_of_the_cache_move(marked: bytes) -> None:
    """A mark where to cache moves on with the conversation, and is no part of the prompt, wherever it stands."""
    body = b'{"messages":[{"role":"user","content":[%s,{"type":"text","text":"B"}]}]}'
    assert prefix(body % marked) == prefix(body % b'{"type":"text","text":"A"}')


def test_a_text_about_marks_is_a_text() -> None:
    """What a user says of marks is part of what it says."""
    told = [chat(1, first=f'What is "cache_control":{{"type":"{name}"}}?') for name in ("ephemeral", "other")]
    assert of(told[0]) != of(told[1])


def test_a_completion_is_told_by_its_beginning() -> None:
    """A completion's prompt grows at its end."""
    begun = "Once upon a time " * 100
    assert of({"prompt": begun}) == of({"prompt": begun + "there was"}) != of({"prompt": "Twice " + begun})


@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"[1,2]",
        b"{}",
        b'{"input":[[1,2,3],[4]]}',
        b'{"input":[1,2,3]}',
        b'{"messages":{"role":"user"}}',
        b'{"messages":"text"}',
        b'{"messages":[{"role":"user","content":"' + b'\\ud800"}]}',
        b'{"messages":[' + b"[" * 100_000,
        b'{"messages":[' + b'{"a":' * 100_000,
        b'{"a":' * 100_000,
        b'{"a":1' + b"0" * 10_000 + b',"messages":[{"role":"user"',
        b'--form\r\ncontent-disposition: form-data; name="model"\r\n\r\nm\r\n--form--\r\n',
        b"\xff\xfe\x00",
        b'{"messages":[{"role":"user","content":"\xff',
        b'{"conversation":[1]}',
        b'{"conversation":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    ],
)
def test_whatever_it_is_there_is_a_digest(body: bytes) -> None:
    """Nothing that a caller can send raises."""
    assert len(prefix(body)) == DIGEST_BYTES


@given(st.one_of(st.binary(max_size=200), requests()), st.integers(0, 300))
def test_cut_anywhere_there_is_a_digest(body: bytes, cut: int) -> None:
    """Not random bytes, nor JSON of any shape, nor any beginning of it."""
    assert len(prefix(body[:cut])) == (DIGEST_BYTES if body[:cut] else 0)


def test_what_cannot_be_read_is_told_by_its_beginning() -> None:
    """A form, or what is no JSON, has the digest of its first 4 KiB."""
    form = b"--form\r\n" + b"a" * 4096
    assert prefix(form) == prefix(form + b"b") != prefix(b"-" + form)
