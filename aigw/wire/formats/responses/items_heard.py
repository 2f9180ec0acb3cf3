"""One item of a streamed output: which of its parts were opened, and how much of each was told already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aigw.wire.deltas import Cite, Close, Delta, Grow, Odds, Open, Sign
from aigw.wire.formats.responses.annotations import citation_of
from aigw.wire.formats.responses.answer_reading import call_of, content_part, item_parts, text_of, thinking_of
from aigw.wire.formats.responses.events import Event
from aigw.wire.formats.responses.input_reading import PARAGRAPHS
from aigw.wire.formats.responses.searches import SEARCH, arguments_of, read_search
from aigw.wire.neutral import Part, Refusal, ServerToolCall, Text, Thinking

_REASONING = {
    "response.reasoning_summary_text.delta": True,
    "response.reasoning_summary.delta": True,
    "response.reasoning_text.delta": False,
    "response.reasoning.delta": False,
}
_ENDS_OF_TEXTS = frozenset({"response.output_text.done", "response.refusal.done", "response.content_part.done"})
_ARGUMENTS = {
    "response.function_call_arguments.delta": False,
    "response.custom_tool_call_input.delta": True,
}


class Parts:
    """Numbers the parts of an answer, and remembers of which kinds there were."""

    def __init__(self) -> None:
        self._next = 0
        self.kinds: set[type[Part]] = set()

    def open(self, head: Part, out: list[Delta]) -> PartHeard:
        """Begin a part."""
        part = PartHeard(self._next)
        self._next += 1
        self.kinds.add(type(head))
        out.append(Open(part.number, head))
        return part

    def whole(self, part: Part, out: list[Delta]) -> None:
        """A part that comes whole."""
        self.open(part, out).close(out)


class PartHeard:
    """One part: how much was told of it."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.length = 0
        self.citations = 0
        self.logprobs = 0
        self.paragraph: Any = None
        self.closed = False

    def grow(self, text: str) -> Delta:
        """More of its text."""
        self.length += len(text)
        return Grow(self.number, text)

    def catch_up(self, text: str, out: list[Delta]) -> None:
        """All of its text: what of it was not told yet."""
        if len(text) > self.length and not self.closed:
            out.append(self.grow(text[self.length :]))

    def close(self, out: list[Delta]) -> None:
        """It is complete."""
        if not self.closed:
            self.closed = True
            out.append(Close(self.number))


class ItemHeard:
    """One item."""

    def __init__(self, parts: Parts, maker: str) -> None:
        self._all = parts
        self._maker = maker
        self._begun: dict[str, Any] = {}
        self._parts: dict[Any, PartHeard] = {}
        self._over = False

    def added(self, item: Any, out: list[Delta]) -> None:
        """`output_item.added`: what there is of it by now."""
        if not isinstance(item, dict):
            return
        self._begun = item
        kind = item.get("type")
        if kind in ("function_call", "custom_tool_call"):
            self._call(item, custom=kind == "custom_tool_call", out=out)
        elif kind == "web_search_call":
            id = text_of(item.get("id")) or ""
            self._part(0, ServerToolCall(id=id, name=SEARCH, arguments="", maker=self._maker), out)

    def growing(self, kind: str, said: Event, out: list[Delta]) -> Callable[[str], Delta] | None:
        """What tells more of the text that a delta belongs to; None where it cannot be told yet, or at all."""
        if kind == "response.output_text.delta":
            return self._content(said, Text(text=""), out).grow
        if kind == "response.refusal.delta":
            return self._content(said, Refusal(text=""), out).grow
        if kind in _ARGUMENTS:
            part = self._parts.get(0)
            if part is None and text_of(self._begun.get("name")):
                part = self._call(self._begun, custom=_ARGUMENTS[kind], out=out)
            return None if part is None else part.grow
        if kind in _REASONING:
            return self._thought(said, summary=_REASONING[kind], out=out).grow
        return None

    def told(self, kind: str, said: Event, out: list[Delta]) -> None:
        """An event that is no delta: the end of a text, or an annotation."""
        if kind == "response.output_text.annotation.added":
            citation = citation_of(said.annotation)
            if citation is not None:
                part = self._content(said, Text(text=""), out)
                part.citations += 1
                out.append(Cite(part.number, citation))
        elif kind in _ENDS_OF_TEXTS:
            found = content_part(_whole(kind, said))
            if isinstance(found, Text | Refusal):
                self._said(_place(said), found, out)
        elif kind == "response.function_call_arguments.done":
            self._arguments(said.arguments, out)
        elif kind == "response.custom_tool_call_input.done":
            self._arguments(said.input, out)

    def done(self, item: Any, out: list[Delta]) -> None:
        """`output_item.done`: all of it."""
        if self._over or not isinstance(item, dict):
            return
        self._over = True
        kind = item.get("type")
        if kind == "message":
            self._message(item, out)
        elif kind == "reasoning":
            self._reasoning(item, out)
        elif kind in ("function_call", "custom_tool_call"):
            custom = kind == "custom_tool_call"
            call = call_of(item, custom=custom)
            self._call(item, custom=custom, out=out).catch_up(call.arguments, out)
        elif kind == "web_search_call":
            self._search(item, out)
        else:
            for part in item_parts(item, self._maker):
                self._all.whole(part, out)
        self.close(out)

    def close(self, out: list[Delta]) -> None:
        """It is complete."""
        for part in self._parts.values():
            part.close(out)

    def count_odds(self, said: Event, count: int) -> None:
        """Log probabilities were told of a text."""
        part = self._parts.get(_place(said))
        if part is not None:
            part.logprobs += count

    def _part(self, place: Any, head: Part, out: list[Delta]) -> PartHeard:
        part = self._parts.get(place)
        if part is None:
            part = self._parts[place] = self._all.open(head, out)
        return part

    def _content(self, said: Event, head: Text | Refusal, out: list[Delta]) -> PartHeard:
        phase = text_of(self._begun.get("phase"))
        if phase is not None and not self._parts:
            head.own = {"phase": phase}
        return self._part(_place(said), head, out)

    def _call(self, item: dict[str, Any], *, custom: bool, out: list[Delta]) -> PartHeard:
        part = self._parts.get(0)
        if part is None:
            # Arguments that stand in the opening come again, in deltas or at the end.
            head = call_of(item, custom=custom)
            head.arguments = ""
            part = self._part(0, head, out)
        return part

    def _arguments(self, text: Any, out: list[Delta]) -> None:
        part = self._parts.get(0)
        if part is not None and isinstance(text, str):
            part.catch_up(text, out)

    def _thought(self, said: Event, *, summary: bool, out: list[Delta]) -> PartHeard:
        head = Thinking(maker=self._maker, id=text_of(self._begun.get("id") or said.item_id), summary=summary)
        part = self._part(0, head, out)
        paragraph = (summary, said.summary_index if summary else said.content_index)
        if part.length and paragraph != part.paragraph:
            out.append(part.grow(PARAGRAPHS))
        part.paragraph = paragraph
        return part

    def _message(self, item: dict[str, Any], out: list[Delta]) -> None:
        self._begun = {**self._begun, **item}
        content = item.get("content")
        if isinstance(content, str):
            content = [{"type": "output_text", "text": content}] if content else []
        for index, value in enumerate(content if isinstance(content, list) else ()):
            found = content_part(value)
            if isinstance(found, Text | Refusal):
                self._said(index, found, out)
            elif found is not None:
                self._all.whole(found, out)

    def _said(self, index: int, found: Text | Refusal, out: list[Delta]) -> None:
        """A whole text: what of it was not told yet."""
        head = Text(text="") if isinstance(found, Text) else Refusal(text="")
        part = self._content(Event(content_index=index), head, out)
        part.catch_up(found.text, out)
        if not isinstance(found, Text):
            return
        for citation in (found.citations or ())[part.citations :]:
            part.citations += 1
            out.append(Cite(part.number, citation))
        if found.logprobs and not part.logprobs:
            part.logprobs += len(found.logprobs)
            out.append(Odds(part.number, found.logprobs))

    def _reasoning(self, item: dict[str, Any], out: list[Delta]) -> None:
        thinking = thinking_of(item, self._maker)
        if thinking is None:
            return
        text, signature = thinking.text, thinking.signature
        thinking.text, thinking.signature = "", None
        part = self._part(0, thinking, out)
        if not part.length:
            part.catch_up(text, out)
        if signature is not None and not part.closed:
            out.append(Sign(part.number, signature))

    def _search(self, item: dict[str, Any], out: list[Delta]) -> None:
        call, *results = read_search(item, self._maker)
        if isinstance(call, ServerToolCall):
            id = call.id
            part = self._part(0, ServerToolCall(id=id, name=SEARCH, arguments="", maker=self._maker), out)
            part.catch_up(arguments_of(item.get("action")), out)
            part.close(out)
        for result in results:
            self._all.whole(result, out)


def _whole(kind: str, said: Event) -> Any:
    """The part that an event says is complete."""
    if kind == "response.content_part.done":
        return said.part
    if kind == "response.refusal.done":
        return {"type": "refusal", "refusal": said.refusal}
    return {"type": "output_text", "text": said.text, "logprobs": said.logprobs}


def _place(said: Event) -> int:
    return said.content_index if isinstance(said.content_index, int) else 0
