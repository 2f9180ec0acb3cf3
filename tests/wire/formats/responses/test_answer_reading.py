"""A provider's whole answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aigw.wire.dialect import Dialect
from aigw.wire.formats.responses import FORMAT
from aigw.wire.formats.responses.answer_reading import item_parts
from aigw.wire.neutral import (
    Answer,
    Candidate,
    Citation,
    Foreign,
    Logprob,
    Media,
    Part,
    Refusal,
    ServerToolCall,
    Source,
    Stop,
    Text,
    Thinking,
    ToolCall,
)
from aigw.wire.shapes import Usage

P = Dialect(maker="p")
URL = "https://example.org/"


def test_an_answer() -> None:
    """Parts, the stop and the usage; what only this format says stays, what was repeated of the request does not."""
    body = {
        "id": "resp_1", "object": "response", "created_at": 1_700_000_000.5, "status": "completed", "model": "m-1",
        "output": [{"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "hi"}]}],
        "usage": {"input_tokens": 3, "output_tokens": 1, "total_tokens": 4,
                  "input_tokens_details": {"cached_tokens": 2}, "output_tokens_details": {"reasoning_tokens": 0}},
        "temperature": 1.0, "tools": [], "service_tier": "default", "moderation": None,
    }  # fmt: skip
    assert FORMAT.read_answer(json.dumps(body).encode(), P) == Answer(
        candidates=[Candidate(parts=[Text(text="hi")], stop=Stop(reason="end", word="completed"))],
        id="resp_1",
        model="m-1",
        created=1_700_000_000,
        usage=Usage(3, 1, cache_read_tokens=2, reasoning_tokens=0),
        own={"service_tier": "default"},
        own_format="responses",
    )


ITEMS: list[tuple[dict[str, Any], list[Part]]] = [
    (
        {"type": "message", "phase": "commentary", "content": [
            {"type": "output_text", "text": "a", "annotations": [
                {"type": "url_citation", "url": URL, "title": "t", "start_index": 0, "end_index": 1}],
             "logprobs": [{"token": "a", "bytes": [97], "logprob": -1.0, "top_logprobs": []}]},
            {"type": "refusal", "refusal": "no"}]},
        [
            Text(text="a", citations=[Citation(kind="url", url=URL, title="t", start=0, end=1)],
                 logprobs=[Logprob(token="a", logprob=-1.0, bytes=[97])], own={"phase": "commentary"}),
            Refusal(text="no"),
        ],
    ),
    ({"type": "message", "content": "plain"}, [Text(text="plain")]),
    ({"type": "message", "content": None}, []),
    ({"type": "message", "content": [7, {"type": "hologram"}]},
     [Foreign(format="responses", value={"type": "hologram"})]),
    (
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "a"}, {"text": "b"}],
         "encrypted_content": "x"},
        [Thinking(text="a\n\nb", signature="x", maker="p", id="rs_1", summary=True)],
    ),
    ({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
     [Thinking(signature="x", maker="p", id="rs_1", redacted=True, summary=True)]),
    ({"type": "reasoning", "id": "rs_1", "summary": [], "content": [{"type": "reasoning_text", "text": "raw"}]},
     [Thinking(text="raw", maker="p", id="rs_1")]),
    ({"type": "reasoning", "id": "rs_1", "summary": []}, []),
    ({"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": "{}"},
     [ToolCall(id="c", name="f", arguments="{}")]),
    ({"type": "function_call", "id": "fc_1", "name": "f"}, [ToolCall(id="fc_1", name="f", arguments="")]),
    ({"type": "custom_tool_call", "call_id": "c", "name": "f", "input": "4 + 4"},
     [ToolCall(id="c", name="f", arguments="4 + 4", custom=True)]),
    ({"type": "web_search_call", "id": "ws", "status": "completed", "action": {"type": "search", "query": "q"}},
     [ServerToolCall(id="ws", name="web_search", arguments='{"query":"q"}', maker="p")]),
    ({"type": "image_generation_call", "id": "ig", "result": "AAAA", "output_format": "jpeg", "prompt": "q"},
     [Media(kind="image", source=Source(data="AAAA", media_type="image/jpeg"), id="ig", own={"prompt": "q"})]),
    ({"type": "image_generation_call", "result": None},
     [Foreign(format="responses", value={"type": "image_generation_call", "result": None})]),
    ({"type": "mcp_call", "id": "mcp"}, [Foreign(format="responses", value={"type": "mcp_call", "id": "mcp"})]),
]  # fmt: skip


@pytest.mark.parametrize(("item", "parts"), ITEMS, ids=[str(case[0])[:60] for case in ITEMS])
def test_items(item: dict[str, Any], parts: list[Part]) -> None:
    """Each item is the parts that it holds; reasoning that neither says nor seals anything is none."""
    assert item_parts(item, "p") == parts


@pytest.mark.parametrize("item", [None, 7, "x", []])
def test_what_is_no_item(item: Any) -> None:
    """What is no object is no item."""
    assert item_parts(item, "p") == []


@pytest.mark.parametrize(
    ("output", "reason"),
    [
        ([{"type": "function_call", "call_id": "c", "name": "f"}], "tools"),
        ([{"type": "web_search_call", "id": "w"}], "end"),
        ([{"type": "message", "content": [{"type": "refusal", "refusal": "no"}]}], "refusal"),
    ],
)
def test_stops(output: list[Any], reason: str) -> None:
    """Calls of the caller's tools and refusals tell why a complete answer ended."""
    (candidate,) = FORMAT.read_answer(json.dumps({"output": output}).encode(), P).candidates
    assert candidate.stop is not None
    assert candidate.stop.reason == reason


@pytest.mark.parametrize(
    "body",
    [
        "not JSON", "[]", "{}", '{"output": {}}', '{"error": {"message": "no"}}',
        '{"output": [], "status": ["completed"]}', pytest.param('{"a":' * 20_000, id="nested"),
        '{"output": [], "status": "queued"}', '{"output": [], "status": "failed", "error": {"message": "no"}}',
    ],
)  # fmt: skip
def test_what_is_no_answer(body: str) -> None:
    """What is no response, or one that is not there or failed, is no answer."""
    with pytest.raises(ValueError, match=r"."):
        FORMAT.read_answer(body.encode(), P)


@pytest.mark.parametrize("usage", [None, 7, {}, {"input_tokens": -1}, {"input_tokens": "many"}])
def test_odd_usage(usage: Any) -> None:
    """Usage that cannot be read is none, and no reason to lose the answer."""
    assert FORMAT.read_answer(json.dumps({"output": [], "usage": usage}).encode(), P).usage is None


def test_items_of_no_kind() -> None:
    """Items that say no kind, and members of a type that they should not have, are left out."""
    picture = {"type": "image_generation_call", "id": [], "result": "AAAA", "output_format": ["png"]}
    body = {"id": 7, "output": [{"id": "x"}, {"type": ["message"]}, picture], "usage": {"input_tokens": "many"}}
    answer = FORMAT.read_answer(json.dumps(body).encode(), P)
    assert answer.candidates[0].parts == [Media(kind="image", source=Source(data="AAAA", media_type="image/png"))]
    assert (answer.id, answer.usage) == (None, None)
