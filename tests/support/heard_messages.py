"""A Messages stream folded by its events' grammar: blocks stand one after another, numbered without gaps.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

from __future__ import annotations

import json
from typing import Any

Json = dict[str, Any]

# Delta → the kind of block it may grow, its member, the block's member.
_GROWS = {
    "text_delta": ("text", "text", "text"),
    "thinking_delta": ("thinking", "thinking", "thinking"),
    "signature_delta": ("thinking", "signature", "signature"),
    "input_json_delta": ("*", "partial_json", "partial_json"),
    "citations_delta": ("text", "citation", "citations"),
}


class Blocks:
    """Takes events in order; `all` are the blocks, `begun` the message as it began."""

    def __init__(self) -> None:
        self.begun: Json | None = None
        self.done: list[Json] = []
        self.usage: Json = {}
        self.stop: str | None = None
        self.ended = False
        self.error: Any = None
        self._open: Json | None = None

    def feed(self, event: Json) -> None:
        """Raise AssertionError where an event cannot stand."""
        kind = event["type"]
        assert not self.ended, f"{kind} after message_stop"
        if kind == "error":
            self.error = event["error"]
        elif kind != "ping":
            assert (self.begun is None) == (kind == "message_start"), f"{kind} at a wrong place"
            getattr(self, f"_{kind}")(event)

    def _message_start(self, event: Json) -> None:
        self.begun = event["message"]
        self.usage = event["message"]["usage"]
        assert event["message"]["content"] == []

    def _content_block_start(self, event: Json) -> None:
        assert self._open is None, "blocks overlap"
        assert self.stop is None, "a block after the stop reason"
        assert event["index"] == len(self.done), "block indexes with gaps"
        self._open = {**event["content_block"], "partial_json": ""}

    def _content_block_delta(self, event: Json) -> None:
        assert self._open is not None, "a delta of no block"
        assert event["index"] == len(self.done), "a delta of another block"
        delta = event["delta"]
        wants, member, into = _GROWS[delta["type"]]
        assert wants in ("*", self._open["type"]), f"{delta['type']} in a block of {self._open['type']}"
        if into == "citations":
            self._open[into] = [*(self._open.get(into) or ()), delta[member]]
        else:
            self._open[into] = (self._open.get(into) or "") + delta[member]

    def _content_block_stop(self, event: Json) -> None:
        assert self._open is not None, "an end of no block"
        assert event["index"] == len(self.done), "an end of another block"
        if self._open["partial_json"]:
            self._open["input"] = _decoded(self._open["partial_json"])
        self.done.append(self._open)
        self._open = None

    @property
    def all(self) -> list[Json]:
        """The blocks, the one that was cut within included."""
        return self.done if self._open is None else [*self.done, self._open]

    def _message_delta(self, event: Json) -> None:
        assert self._open is None, "message_delta within a block"
        self.usage = {**self.usage, **{name: value for name, value in event["usage"].items() if value is not None}}
        self.stop = event["delta"]["stop_reason"] or self.stop

    def _message_stop(self, event: Json) -> None:
        assert self.stop, "message_stop without a stop reason"
        self.ended = True


def _decoded(text: str) -> Any:
    """The input of a tool; a model that was cut within it leaves no JSON."""
    try:
        return json.loads(text)
    except ValueError:
        return text
