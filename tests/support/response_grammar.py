"""The grammar of a Responses stream: every item is added, grows and is done, and the end holds what was said.

`checked` reads a whole stream and gives the final response; `Grammar` takes event by event. Both raise AssertionError
with what is wrong. Written from the API's reference alone, it knows nothing of how streams are written here.

Source: https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]

TERMINAL = frozenset({"response.completed", "response.incomplete", "response.failed"})
# Deltas → the member of the open part that they add to, and the event that ends it.
_TEXTS = {
    "response.output_text": "text",
    "response.refusal": "refusal",
    "response.reasoning_text": "text",
    "response.reasoning_summary_text": "text",
}
_ARGUMENTS = {
    "response.function_call_arguments": "arguments",
    "response.custom_tool_call_input": "input",
    "response.mcp_call_arguments": "arguments",
}
# What only the end of an item tells.
_LATE = frozenset({"status", "encrypted_content", "action", "result", "output_format"})


def events(stream: bytes) -> list[Json]:
    """The events of a stream; the name of each is its type."""
    found = []
    for block in stream.decode().split("\n\n"):
        if not block.strip() or block.startswith(":"):
            continue
        name, data = block.split("\n")
        told = json.loads(data.removeprefix("data: "))
        assert name == f"event: {told['type']}", f"{name} names {told['type']}"
        found.append(told)
    return found


def checked(stream: bytes) -> Json:
    """The final response of a whole stream."""
    grammar = Grammar()
    for event in events(stream):
        grammar.feed(event)
    assert grammar.final is not None, "the stream has no end"
    return grammar.final


class Grammar:
    """One stream; `final` is the response at its end, `error` what an error event says in place of it."""

    def __init__(self) -> None:
        self.final: Json | None = None
        self.error: Json | None = None
        self._count = 0
        self._ids: set[str] = set()
        self._item: Json | None = None
        self._part: Json | None = None
        self._ended: set[str] = set()
        self._whole = False
        self._output: list[Json] = []

    def feed(self, event: Json) -> None:
        """One event."""
        kind = event["type"]
        assert self.final is None, f"{kind} comes after the end"
        assert self.error is None, f"{kind} comes after an error"
        if kind == "error":
            self.error = event
            return
        assert event["sequence_number"] == self._count, f"{kind} has the number {event['sequence_number']}"
        self._count += 1
        assert (kind == "response.created") == (self._count == 1), f"{kind} is event {self._count}"
        if kind in TERMINAL:
            self._end(event)
        elif kind in ("response.created", "response.in_progress", "response.queued"):
            assert event["response"]["output"] == [], "output before there is any"
            assert event["response"]["usage"] is None
        elif kind == "response.output_item.added":
            self._added(event)
        elif kind == "response.output_item.done":
            self._done(event)
        else:
            self._within(kind, event)

    @property
    def items(self) -> list[Json]:
        """What was said so far, the item that is open included."""
        return self._output if self._item is None else [*self._output, self._item]

    def _added(self, event: Json) -> None:
        assert self._item is None, "an item is added before the last is done"
        assert event["output_index"] == len(self._output)
        item = event["item"]
        assert item["id"] not in self._ids, f"the id {item['id']} comes twice"
        self._ids.add(item["id"])
        assert item.get("status") in (None, "in_progress"), item
        self._item = json.loads(json.dumps(item))
        # Items of the provider's own tools may come at once.
        self._whole = item["type"] not in ("function_call", "custom_tool_call")
        self._ended = set()

    def _done(self, event: Json) -> None:
        assert self._item is not None, "an item is done that was not added"
        assert self._part is None, "an item is done before its part"
        assert event["output_index"] == len(self._output)
        item = event["item"]
        early = {name: value for name, value in self._item.items() if name not in _LATE}
        assert early == {name: item[name] for name in early}, "an item is not what its deltas said"
        assert set(item) - set(early) <= _LATE, "an item has more than was said of it"
        for stem, member in _ARGUMENTS.items():
            if f"{item['type']}_{member}" == stem.removeprefix("response."):
                assert stem in self._ended or self._whole, f"{stem}.done is missing"
        self._output.append(item)
        self._item = None

    def _within(self, kind: str, event: Json) -> None:
        item = self._item
        assert item is not None, f"{kind} belongs to no item"
        assert event["item_id"] == item["id"], f"{kind} names {event['item_id']}, the item is {item['id']}"
        assert event["output_index"] == len(self._output)
        stem, _, step = kind.rpartition(".")
        if stem in ("response.content_part", "response.reasoning_summary_part"):
            self._framed(item, event, step)
        elif stem in _TEXTS:
            self._text(item, event, stem, step)
        elif stem in _ARGUMENTS:
            self._arguments(item, event, stem, step)
        elif kind == "response.output_text.annotation.added":
            part = self._at(item, event)
            assert event["annotation_index"] == len(part["annotations"])
            part["annotations"].append(event["annotation"])

    def _framed(self, item: Json, event: Json, step: str) -> None:
        where = "content" if "content_index" in event else "summary"
        if step == "added":
            assert self._part is None, "a part is added before the last is done"
            parts = item.setdefault(where, [])
            assert event[f"{where}_index"] == len(parts)
            self._part = json.loads(json.dumps(event["part"]))
            parts.append(self._part)
            self._ended = set()
            return
        part = self._at(item, event)
        assert part == event["part"], f"a part is {event['part']}, the deltas said {part}"
        assert self._ended, "a part is done before its text"
        self._part = None

    def _text(self, item: Json, event: Json, stem: str, step: str) -> None:
        part, member = self._at(item, event), _TEXTS[stem]
        assert stem not in self._ended, f"{stem}.{step} after its end"
        if step == "delta":
            part[member] += event["delta"]
            if "logprobs" in part:
                part["logprobs"] += event["logprobs"]
            return
        assert event[member] == part[member], f"{stem}.done says {event[member]!r}, the deltas {part[member]!r}"
        assert event.get("logprobs", []) == part.get("logprobs", [])
        self._ended.add(stem)

    def _arguments(self, item: Json, event: Json, stem: str, step: str) -> None:
        member = _ARGUMENTS[stem]
        assert stem not in self._ended, f"{stem}.{step} after its end"
        if step == "delta":
            item[member] += event["delta"]
            return
        assert event[member] == item[member], f"{stem}.done says {event[member]!r}, the deltas {item[member]!r}"
        self._ended.add(stem)

    def _at(self, item: Json, event: Json) -> Json:
        where = "content" if "content_index" in event else "summary"
        part: Json = item[where][event[f"{where}_index"]]
        assert part is self._part, f"{event['type']} belongs to a part that is not open"
        return part

    def _end(self, event: Json) -> None:
        response = event["response"]
        assert self._item is None, "the end comes within an item"
        assert event["type"] == f"response.{response['status']}"
        assert response["output"] == self._output, "the output is not what the items said"
        self.final = response
