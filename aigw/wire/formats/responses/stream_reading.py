"""A provider's stream, as deltas.

What an event says is told once, when it is said first: by a delta, else by the `done` of its text, of its part or of
its item, else by the response at the end. Servers leave out any of these.

Source: https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from aigw.wire.deltas import Begin, Delta, Fail, Finish, Grow, Odds, Stopped, Tally
from aigw.wire.dialect import Dialect
from aigw.wire.format import Trouble
from aigw.wire.formats.responses.annotations import logprobs_of
from aigw.wire.formats.responses.answer_reading import created_of, own_of, text_of, usage_of
from aigw.wire.formats.responses.events import Event as Said
from aigw.wire.formats.responses.events import decode
from aigw.wire.formats.responses.items_heard import ItemHeard, Parts
from aigw.wire.formats.responses.stops import read_stop
from aigw.wire.formats.responses.troubles import streamed_trouble
from aigw.wire.neutral import Refusal, ToolCall
from aigw.wire.sse import Event


class ResponsesReader:
    """Reads one stream. Never raises: what it cannot read is a `Fail`."""

    def __init__(self, dialect: Dialect) -> None:
        self._maker = dialect.maker
        self._begun = False
        self._over = False
        self._parts = Parts()
        self._items: dict[Any, ItemHeard] = {}
        # The text that grew last: nearly every event is more of it.
        self._last = Said()
        self._hot: Callable[[str], Delta] | None = None

    def read(self, event: Event) -> list[Delta]:
        """What an event says; nothing where it says nothing new."""
        if self._over or not event.data or event.data == b"[DONE]":
            return []
        try:
            said = decode(event.data)
        except (ValueError, RecursionError):
            return self._failed(Trouble(502, "upstream_error", "The provider sent an event that is not JSON."))
        kind = said.type
        hot = self._hot
        if hot is not None and _goes_on(said, self._last):
            if not said.logprobs:
                return [hot(said.delta)]
            return self._with_odds([hot(said.delta)], said)
        return self._read(said, kind, event.data)

    def finish(self) -> list[Delta]:
        """Nothing: this format has an event for its end."""
        return []

    def _read(self, said: Said, kind: Any, data: bytes) -> list[Delta]:
        self._hot = None
        if not isinstance(kind, str):
            return self._failed(streamed_trouble({"error": said.error})) if said.error is not None else []
        if kind == "error" or kind == "response.failed":
            return self._failed(streamed_trouble(_object(data)))
        if kind == "response.created" and self._items:
            return self._failed(Trouble(502, "upstream_error", "A second response began in the provider's stream."))
        out: list[Delta] = []
        self._begin(said.response, out)
        if kind in ("response.completed", "response.incomplete"):
            self._end(said.response if isinstance(said.response, dict) else {}, kind, out)
        elif kind == "response.output_item.added":
            self._item(said).added(said.item, out)
        elif kind == "response.output_item.done":
            self._item(said).done(said.item, out)
        elif said.output_index is not None or said.item_id is not None:
            self._within(said, kind, out)
        return out

    def _within(self, said: Said, kind: str, out: list[Delta]) -> None:
        """An event of an item's inside."""
        item = self._item(said)
        if not kind.endswith(".delta"):
            item.told(kind, said, out)
            return
        if type(said.delta) is not str:
            return
        grow = item.growing(kind, said, out)
        if grow is None:
            return
        self._last, self._hot = said, grow
        out.append(grow(said.delta))
        if said.logprobs:
            self._with_odds(out, said)

    def _with_odds(self, out: list[Delta], said: Said) -> list[Delta]:
        last = out[-1]
        logprobs = logprobs_of(said.logprobs)
        if logprobs and type(last) is Grow:
            self._item(said).count_odds(said, len(logprobs))
            out.append(Odds(last.part, logprobs))
        return out

    def _item(self, said: Said) -> ItemHeard:
        """The item that an event belongs to: by its index, or by its id where there is no index."""
        index = said.output_index
        key = index if type(index) is int else text_of(said.item_id) or _id_of(said.item)
        found = self._items.get(key)
        if found is None:
            found = self._items[key] = ItemHeard(self._parts, self._maker)
        return found

    def _begin(self, response: Any, out: list[Delta]) -> None:
        if self._begun:
            return
        self._begun = True
        told = response if isinstance(response, dict) else {}
        out.append(
            Begin(text_of(told.get("id")), text_of(told.get("model")), created_of(told), None, own_format="responses")
        )

    def _end(self, response: dict[str, Any], kind: str, out: list[Delta]) -> None:
        if response.get("status") in ("failed", "cancelled"):
            out += self._failed(streamed_trouble({"response": response}))
            return
        self._over = True
        output = response.get("output")
        for index, item in enumerate(output if isinstance(output, list) else ()):
            heard = self._items.get(index) or self._items.get(_id_of(item))
            if heard is None:
                heard = self._items[index] = ItemHeard(self._parts, self._maker)
            heard.done(item, out)
        for heard in self._items.values():
            heard.close(out)
        response = {"status": kind.partition(".")[2], **response}
        calls, refuses = ToolCall in self._parts.kinds, Refusal in self._parts.kinds
        out.append(Stopped(read_stop(response, calls=calls, refuses=refuses)))
        usage = usage_of(response)
        if usage is not None:
            out.append(Tally(usage))
        out.append(Finish(own_of(response)))

    def _failed(self, trouble: Trouble) -> list[Delta]:
        self._over = True
        return [Fail(trouble)]


def _goes_on(said: Said, last: Said) -> bool:
    """Whether an event is more of the text that the last one was of."""
    return (
        said.type == last.type
        and said.output_index == last.output_index
        and said.item_id == last.item_id
        and said.content_index == last.content_index
        and said.summary_index == last.summary_index
        and type(said.delta) is str
    )


def _object(data: bytes) -> dict[str, Any]:
    told = msgspec.json.decode(data)
    return told if isinstance(told, dict) else {}


def _id_of(item: Any) -> str | None:
    return text_of(item.get("id")) if isinstance(item, dict) else None
