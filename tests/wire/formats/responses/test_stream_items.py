"""Items of a streamed response while they are open."""

from __future__ import annotations

import json
from typing import Any

import pytest

from aigw.wire.formats.responses.stream_items import (
    Emitter,
    OpenCall,
    OpenImage,
    OpenItem,
    OpenMessage,
    OpenReasoning,
    OpenSearch,
    WholeItem,
)
from aigw.wire.neutral import (
    Citation,
    Logprob,
    Media,
    Refusal,
    SearchHit,
    ServerToolCall,
    ServerToolResult,
    Source,
    Text,
    Thinking,
    ToolCall,
)

from ....support.response_grammar import Grammar, events
from ....support.specs import event_checker

Json = dict[str, Any]


def kinds(emitter: Emitter) -> list[str]:
    """The kinds of the events so far, shortened; each is one by the SDK's types and stands where it may."""
    told = events(b"".join(emitter.out))
    grammar = Grammar()
    grammar.feed({"type": "response.created", "sequence_number": 0, "response": {"output": [], "usage": None}})
    for event in told:
        assert event_checker("responses").faults(event) == []
        grammar.feed({**event, "sequence_number": event["sequence_number"] + 1})
    return [event["type"].removeprefix("response.") for event in told]


def test_numbers_and_names() -> None:
    """Events are numbered from zero, and each has its name on a line before."""
    emitter = Emitter()
    emitter.emit("response.created", {"response": {}})
    emitter.emit("response.in_progress", {"response": {}})
    assert emitter.out == [
        b'event: response.created\ndata: {"type":"response.created","response":{},"sequence_number":0}\n\n',
        b'event: response.in_progress\ndata: {"type":"response.in_progress","response":{},"sequence_number":1}\n\n',
    ]


def test_a_delta() -> None:
    """A delta is one event, of which only the text and the number change."""
    emitter = Emitter()
    message = OpenMessage(emitter, "msg_1", 0, None)
    message.open(Text(text=""))
    emitter.out.clear()
    message.grow('a "quoted"\n text')
    (event,) = emitter.out
    assert json.loads(event.partition(b"data: ")[2]) == {
        "type": "response.output_text.delta", "item_id": "msg_1", "output_index": 0, "content_index": 0,
        "delta": 'a "quoted"\n text', "logprobs": [], "sequence_number": 2,
    }  # fmt: skip


def test_a_message() -> None:
    """Texts and refusals follow one another in one message."""
    emitter = Emitter()
    message = OpenMessage(emitter, "msg_1", 0, "commentary")
    message.open(Text(text="a"))
    assert message.grow_with("b", [Logprob(token="b", logprob=-1.0)])
    assert message.cite(Citation(kind="url", url="u"), home=False)
    assert not message.cite(Citation(kind="document"), home=False)
    message.close()
    message.open(Refusal(text=""))
    message.grow("no")
    assert not message.grow_with("", [Logprob(token="b", logprob=-1.0)])
    assert not message.cite(Citation(kind="url", url="u"), home=False)
    message.close()
    item = message.finish("completed")
    assert kinds(emitter) == [
        "output_item.added",
        "content_part.added", "output_text.delta", "output_text.delta", "output_text.annotation.added",
        "output_text.done", "content_part.done",
        "content_part.added", "refusal.delta", "refusal.done", "content_part.done",
        "output_item.done",
    ]  # fmt: skip
    assert item["phase"] == "commentary"
    assert item["content"][0]["text"] == "ab"
    assert item["content"][0]["annotations"][0]["end_index"] == 2
    assert item["content"][1] == {"type": "refusal", "refusal": "no"}


SUMMARY = ["reasoning_summary_part.added", "reasoning_summary_text.delta", "reasoning_summary_text.done",
           "reasoning_summary_part.done"]  # fmt: skip
CALL = ToolCall(id="c", name="f", arguments="")
CUSTOM = ToolCall(id="c", name="f", arguments="", custom=True)
SEARCH = ServerToolCall(id="s", name="web_search", arguments="")
IMAGE = Media(kind="image", source=Source(data="AAAA", media_type="image/png"))


@pytest.mark.parametrize(
    ("make", "text", "between"),
    [
        (lambda e: OpenReasoning(e, "i", 0, Thinking(maker="p")), "hm", SUMMARY),
        (lambda e: OpenReasoning(e, "i", 0, Thinking(maker="p")), "", []),
        (lambda e: OpenReasoning(e, "i", 0, Thinking(text="hm", maker="p")), "", [*SUMMARY[:2], *SUMMARY[1:]]),
        (lambda e: OpenCall(e, "i", 0, CALL), "{}",
         ["function_call_arguments.delta", "function_call_arguments.done"]),
        (lambda e: OpenCall(e, "i", 0, CUSTOM), "x",
         ["custom_tool_call_input.delta", "custom_tool_call_input.done"]),
        (lambda e: OpenSearch(e, "i", 0, SEARCH), '{"query":"q"}',
         ["web_search_call.in_progress", "web_search_call.searching", "web_search_call.completed"]),
        (lambda e: OpenImage(e, "i", 0, IMAGE, home=False), None,
         ["image_generation_call.in_progress", "image_generation_call.completed"]),
    ],
    ids=["a thought", "no thought", "a thought at once", "a call", "a custom call", "a search", "a picture"],
)  # fmt: skip
def test_items(make: Any, text: str | None, between: list[str]) -> None:
    """Each kind of item is added, grows by its own events, and is done."""
    emitter = Emitter()
    item: OpenItem = make(emitter)
    if text is not None:
        item.grow(text)
    item.close()
    item.finish("completed")
    assert kinds(emitter) == ["output_item.added", *between, "output_item.done"]


def test_arguments_at_once() -> None:
    """Arguments that come with the call are a delta, too."""
    emitter = Emitter()
    call = OpenCall(emitter, "i", 0, ToolCall(id="c", name="f", arguments='{"a":'))
    call.grow("1}")
    call.close()
    assert call.finish("incomplete")["arguments"] == '{"a":1}'
    assert kinds(emitter).count("function_call_arguments.delta") == 2


def test_what_a_search_found() -> None:
    """Pages that are told after the search stand in its item."""
    search = OpenSearch(Emitter(), "i", 0, SEARCH)
    search.result = ServerToolResult(call_id="s", name="web_search", hits=[SearchHit(url="u")])
    assert search.finish("completed")["action"]["sources"] == [{"type": "url", "url": "u"}]


def test_whole_items() -> None:
    """An item that comes whole is what it is."""
    item = {"id": "i", "type": "mcp_call"}
    assert WholeItem(Emitter(), "i", 0, item, item).finish("completed") is item
