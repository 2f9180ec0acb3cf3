"""A Responses stream folded by its events' grammar.

Every item is added, grows, and is done; numbers have no gaps; the final response's output is what the deltas say.
Source: platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

# Event → where its text goes: the list of parts of an item and the member of a part.
_PART_DELTAS = {
    "response.output_text.delta": ("content", "text"),
    "response.refusal.delta": ("content", "refusal"),
    "response.reasoning_text.delta": ("content", "text"),
    "response.reasoning_summary_text.delta": ("summary", "text"),
}
_PART_DONES = {
    "response.output_text.done": ("content", "text"),
    "response.refusal.done": ("content", "refusal"),
    "response.reasoning_text.done": ("content", "text"),
    "response.reasoning_summary_text.done": ("summary", "text"),
}
_ARGUMENTS = {"response.function_call_arguments": "arguments", "response.custom_tool_call_input": "input"}
_ENDS = ("response.completed", "response.incomplete", "response.failed")


class Unfolded:
    """Takes events in order; `items` are what was said so far, `final` the response at the end, `error` what an error
    event says."""

    def __init__(self) -> None:
        self.final: Json | None = None
        self.error: Any = None
        self._number = 0
        self.items: list[Json] = []
        self._done: list[Json] = []
        self._open_parts: dict[tuple[int, str], set[int]] = {}

    def feed(self, event: Json) -> None:
        """Raise AssertionError where an event cannot stand."""
        kind = event["type"]
        assert self.final is None, f"{kind} after the end"
        if kind == "error":
            self.error = event
            return
        assert event["sequence_number"] == self._number, f"{kind} has number {event['sequence_number']}"
        self._number += 1
        assert (kind == "response.created") == (self._number == 1), "response.created comes first, once"
        if kind in _ENDS:
            self._end(event)
        elif kind == "response.output_item.added":
            assert event["output_index"] == len(self.items), "an item's index with a gap"
            assert len(self._done) == len(self.items), "items overlap"
            self.items.append(event["item"])
        elif kind == "response.output_item.done":
            self._item_done(event)
        elif "item_id" in event:
            self._within(kind, event)

    def _within(self, kind: str, event: Json) -> None:
        assert event["output_index"] == len(self.items) - 1 == len(self._done), f"{kind} outside its item"
        item = self.items[-1]
        assert item["id"] == event["item_id"], f"{kind} names another item"
        if kind in _PART_DELTAS:
            self._grow(item, event, *_PART_DELTAS[kind])
        elif kind in _PART_DONES:
            where, member = _PART_DONES[kind]
            told = event[member]
            part = item[where][event["content_index" if where == "content" else "summary_index"]]
            assert part[member] == told, f"{kind} says {told[:60]!r}, the deltas {part[member][:60]!r}"
        elif kind.endswith("part.added"):
            where = "summary" if "summary" in kind else "content"
            assert event[f"{where}_index"] == len(item[where]), "a part's index with a gap"
            item[where].append(dict(event["part"]))
        elif kind.endswith("part.done"):
            where = "summary" if "summary" in kind else "content"
            _same(kind, item[where][event[f"{where}_index"]], event["part"])
        elif kind == "response.output_text.annotation.added":
            item["content"][event["content_index"]]["annotations"].append(event["annotation"])
        else:
            self._argued(kind, item, event)

    def _grow(self, item: Json, event: Json, where: str, member: str) -> None:
        index = event["content_index" if where == "content" else "summary_index"]
        item.setdefault(where, [])
        if event["type"] == "response.reasoning_text.delta" and index == len(item[where]):
            item[where].append({"type": "reasoning_text", "text": ""})
        part = item[where][index]
        part[member] += event["delta"]
        if event.get("logprobs"):
            part["logprobs"] = [*(part.get("logprobs") or ()), *event["logprobs"]]

    def _argued(self, kind: str, item: Json, event: Json) -> None:
        stem, _, step = kind.rpartition(".")
        member = _ARGUMENTS.get(stem)
        if member is None:
            return
        if step == "delta":
            item[member] += event["delta"]
        else:
            assert item[member] == event[member], f"{kind} says {event[member]!r}, the deltas {item[member]!r}"

    def _item_done(self, event: Json) -> None:
        assert event["output_index"] == len(self.items) - 1 == len(self._done), "an item is done out of its turn"
        item = event["item"]
        _same("response.output_item.done", self.items[-1], item)
        assert item.get("status", "completed") in ("completed", "incomplete", "failed"), item.get("status")
        self._done.append(item)

    def _end(self, event: Json) -> None:
        self.final = event["response"]
        assert self.final is not None
        assert event["type"] == f"response.{self.final['status']}"
        assert len(self._done) == len(self.items), "the end comes within an item"
        assert self.final["output"] == self._done, "the final output is not what the items said"


def _same(kind: str, folded: Json, told: Json) -> None:
    """What is told at the end is what the deltas gave; statuses move on, and some members come only at the end."""
    for member in ("id", "type", "call_id", "name", "arguments", "input", "text", "refusal"):
        if member in told or member in folded:
            left, right = folded.get(member), told.get(member)
            assert (left or None) == (right or None), f"{kind}: {member} is {right!r:.80}, the deltas said {left!r:.80}"
    for member in ("content", "summary"):
        parts = list(zip(folded.get(member) or (), told.get(member) or (), strict=True))
        for left, right in parts:
            _same(kind, left, right)
