"""The items of a streamed response while they are open: each says its events, and what it was in the end.

An item's `output_item.done` waits until the next item begins or the answer stops: only then is it known whether it is
complete, whether another text belongs to it, and what a search has found.

Source: https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

from typing import Any

import msgspec

from aigw.wire.formats.responses import output_items as items
from aigw.wire.formats.responses.annotations import annotation, odds
from aigw.wire.formats.responses.searches import search_item
from aigw.wire.neutral import (
    Citation,
    Logprob,
    Media,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    Thinking,
    ToolCall,
)

Json = dict[str, Any]

_encode = msgspec.json.Encoder().encode


class Emitter:
    """Numbers events and gathers their bytes."""

    def __init__(self) -> None:
        self.number = 0
        self.out: list[bytes] = []

    def emit(self, kind: str, members: Json) -> None:
        """One event."""
        data = _encode({"type": kind, **members, "sequence_number": self.number})
        self.number += 1
        self.out.append(b"event: %b\ndata: %b\n\n" % (kind.encode("ascii"), data))


class OpenItem:
    """An item of the output. `before` and `behind` enclose a delta's text in its event; None where none is sent."""

    def __init__(self, emitter: Emitter, id: str, index: int) -> None:
        self.id = id
        self.before: bytes | None = None
        self.behind = b""
        self.texts: list[str] = []
        self._emitter = emitter
        self._place: Json = {"item_id": id, "output_index": index}

    def grow(self, text: str) -> None:
        """More of the text that is open."""
        self.texts.append(text)
        before = self.before
        if before is not None:
            emitter = self._emitter
            number = emitter.number
            emitter.number = number + 1
            emitter.out.append(b"%b%b%b%d}\n\n" % (before, _encode(text), self.behind, number))

    def close(self) -> None:
        """The part that is open is complete."""

    def finish(self, status: str) -> Json:
        """The item is over, with this status: what it was."""
        item = self._finished(status)
        self._emitter.emit("response.output_item.done", {"output_index": self._place["output_index"], "item": item})
        return item

    def _finished(self, status: str) -> Json:
        raise NotImplementedError

    def _added(self, item: Json) -> None:
        self._emitter.emit("response.output_item.added", {"output_index": self._place["output_index"], "item": item})

    def _emit(self, kind: str, members: Json) -> None:
        self._emitter.emit(kind, {**self._place, **members})

    def _grows(self, kind: str, members: Json, behind: bytes = b"") -> None:
        """Make ready for deltas: everything of their events but the text and the number is always the same."""
        head = _encode({"type": kind, **self._place, **members})[:-1]
        self.texts = []
        self.before = b"event: %b\ndata: %b," % (kind.encode("ascii"), head) + b'"delta":'
        self.behind = behind + b',"sequence_number":'


class OpenMessage(OpenItem):
    """A message: texts and refusals, one after the other."""

    def __init__(self, emitter: Emitter, id: str, index: int, phase: str | None) -> None:
        super().__init__(emitter, id, index)
        self.phase = phase
        self.content: list[Json] = []
        self._annotations: list[Json] = []
        self._logprobs: list[Json] = []
        self._refuses = False
        self._added(items.message(id, "in_progress", [], phase))

    def open(self, head: Text | Refusal) -> None:
        """Another text."""
        place: Json = {"content_index": len(self.content)}
        self._annotations, self._logprobs = [], []
        self._refuses = isinstance(head, Refusal)
        empty = items.refusal("") if self._refuses else items.output_text("", [], [])
        self._emit("response.content_part.added", {**place, "part": empty})
        if self._refuses:
            self._grows("response.refusal.delta", place)
        else:
            self._grows("response.output_text.delta", place, b',"logprobs":[]')
        if head.text:
            self.grow(head.text)

    def grow_with(self, text: str, logprobs: list[Logprob]) -> bool:
        """More of a text together with its log probabilities; whether there is a place for these."""
        if self._refuses:
            return False
        told = odds(logprobs)
        self._logprobs += told
        self.texts.append(text)
        members = {"content_index": len(self.content), "delta": text, "logprobs": told}
        self._emit("response.output_text.delta", members)
        return True

    def cite(self, citation: Citation, *, home: bool) -> bool:
        """A citation of the text that is open; whether there is an annotation for it. `home` as in `annotation`."""
        made = None if self._refuses else annotation(citation, sum(map(len, self.texts)), home=home)
        if made is None:
            return False
        place = {"content_index": len(self.content), "annotation_index": len(self._annotations)}
        self._annotations.append(made)
        self._emit("response.output_text.annotation.added", {**place, "annotation": made})
        return True

    def close(self) -> None:
        """The text is complete."""
        text = "".join(self.texts)
        place: Json = {"content_index": len(self.content)}
        if self._refuses:
            part = items.refusal(text)
            self._emit("response.refusal.done", {**place, "refusal": text})
        else:
            part = items.output_text(text, self._annotations, self._logprobs)
            self._emit("response.output_text.done", {**place, "text": text, "logprobs": self._logprobs})
        self._emit("response.content_part.done", {**place, "part": part})
        self.content.append(part)
        self.before = None

    def _finished(self, status: str) -> Json:
        return items.message(self.id, status, self.content, self.phase)


class OpenReasoning(OpenItem):
    """What the model thinks, as one part of a summary; none where there is nothing to read."""

    def __init__(self, emitter: Emitter, id: str, index: int, head: Thinking) -> None:
        super().__init__(emitter, id, index)
        self.signature = head.signature
        self._head = head
        self._text = ""
        self._added({"id": id, "type": "reasoning", "summary": []})
        if head.text:
            self.grow(head.text)

    def grow(self, text: str) -> None:
        """More of the thought."""
        if self.before is None and text:
            place: Json = {"summary_index": 0}
            empty = {"type": "summary_text", "text": ""}
            self._emit("response.reasoning_summary_part.added", {**place, "part": empty})
            self._grows("response.reasoning_summary_text.delta", place)
        super().grow(text)

    def close(self) -> None:
        """The thought is complete."""
        text = self._text = "".join(self.texts)
        if text:
            place: Json = {"summary_index": 0}
            self._emit("response.reasoning_summary_text.done", {**place, "text": text})
            part = {"type": "summary_text", "text": text}
            self._emit("response.reasoning_summary_part.done", {**place, "part": part})
        self.before = None

    def _finished(self, status: str) -> Json:
        return items.reasoning(self.id, self._head, self._text, self.signature)


class OpenCall(OpenItem):
    """A call of a tool of the caller's."""

    def __init__(self, emitter: Emitter, id: str, index: int, call: ToolCall) -> None:
        super().__init__(emitter, id, index)
        self._call = call
        self._stem = "response.custom_tool_call_input" if call.custom else "response.function_call_arguments"
        self._added(items.tool_call(id, "in_progress", call, ""))
        self._grows(f"{self._stem}.delta", {})
        if call.arguments:
            self.grow(call.arguments)

    def close(self) -> None:
        """The arguments are complete."""
        member = "input" if self._call.custom else "arguments"
        self._emit(f"{self._stem}.done", {member: "".join(self.texts)})
        self.before = None

    def _finished(self, status: str) -> Json:
        return items.tool_call(self.id, status, self._call, "".join(self.texts))


class OpenSearch(OpenItem):
    """A search of the web by the provider; what it found may come as the next part."""

    def __init__(self, emitter: Emitter, id: str, index: int, call: ServerToolCall) -> None:
        super().__init__(emitter, id, index)
        self.call = call
        self.result: ServerToolResult | None = None
        self.texts.append(call.arguments)
        self._added({**search_item(id, call, "", None), "status": "in_progress"})
        self._emit("response.web_search_call.in_progress", {})
        self._emit("response.web_search_call.searching", {})

    def _finished(self, status: str) -> Json:
        item = search_item(self.id, self.call, "".join(self.texts), self.result)
        self._emit("response.web_search_call.completed", {})
        return item


class WholeItem(OpenItem):
    """An item that comes whole: a picture, or one that only this format has."""

    def __init__(self, emitter: Emitter, id: str, index: int, begun: Json, item: Json) -> None:
        super().__init__(emitter, id, index)
        self._item = item
        self._added(begun)

    def _finished(self, status: str) -> Json:
        return self._item


class OpenImage(WholeItem):
    """A picture that the model made."""

    def __init__(self, emitter: Emitter, id: str, index: int, media: Media, *, home: bool) -> None:
        item = items.image(id, "completed", media, home=home)
        super().__init__(emitter, id, index, {**item, "status": "in_progress", "result": None}, item)
        self._emit("response.image_generation_call.in_progress", {})

    def close(self) -> None:
        """The picture is there."""
        self._emit("response.image_generation_call.completed", {})
