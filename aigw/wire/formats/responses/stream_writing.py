"""A streamed answer, as the events that a caller of Responses gets.

Every item is added, grows and is done, events are numbered without a gap, and the response at the end holds what the
deltas said.

Source: https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aigw.wire.deltas import Begin, Cite, Close, Delta, Finish, Grow, Odds, Open, Sign, Stopped, Tally
from aigw.wire.formats.responses import output_items as items
from aigw.wire.formats.responses.annotations import says_less
from aigw.wire.formats.responses.answer_writing import (
    ITS_WORDS,
    NO_ANNOTATION,
    NO_ITEM,
    NO_MEMBER,
    NO_ODDS,
    ONE_CANDIDATE,
    SHORT_ANNOTATION,
    has_item,
    note_result,
    reasoning_id,
    search_id,
    words_of,
)
from aigw.wire.formats.responses.echo import Echo, note_usage, refuses
from aigw.wire.formats.responses.stops import note_stop, status_of
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
from aigw.wire.losses import Ledger, child
from aigw.wire.neutral import (
    Citation,
    Conversation,
    Foreign,
    Logprob,
    Media,
    Part,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Stop,
    Text,
    Thinking,
    ToolCall,
)
from aigw.wire.shapes import Usage

Json = dict[str, Any]


class ResponsesWriter:
    """Writes one stream."""

    def __init__(self, asked: Conversation, ledger: Ledger) -> None:
        self._asked = asked
        self._ledger = ledger
        self._emitter = Emitter()
        self._echo: Echo | None = None
        self._ids: items.ItemIds | None = None
        self._home = False
        self._own: Json = {}
        self._output: list[Json] = []
        # The item that is not done yet, and the one whose part is open: they differ while a part has no item.
        self._item: OpenItem | None = None
        self._open: OpenItem | None = None
        self._part = 0
        self._stop: Stop | None = None
        self._usage: Usage | None = None

    def write(self, deltas: Sequence[Delta]) -> bytes:
        """The events that say it."""
        last = len(deltas) - 1
        for at, delta in enumerate(deltas):
            if type(delta) is not Grow:
                self._write(delta)
            elif delta.candidate == 0 and self._open is not None:
                following = deltas[at + 1] if at < last else None
                if type(following) is Odds and following.candidate == 0:
                    continue  # they are told together
                self._open.grow(delta.text)
            if type(delta) is Odds and delta.candidate == 0:
                before = deltas[at - 1] if at else None
                self._odds(before.text if type(before) is Grow and before.candidate == 0 else "", delta.logprobs)
        out = self._emitter.out
        if not out:
            return b""
        said = out[0] if len(out) == 1 else b"".join(out)
        out.clear()
        return said

    def _write(self, delta: Delta) -> None:
        if isinstance(delta, Begin):
            self._begin(delta)
        elif isinstance(delta, Tally):
            self._usage = delta.usage
        elif isinstance(delta, Finish):
            self._finish(delta)
        elif isinstance(delta, Open | Close | Stopped | Sign | Cite):
            if delta.candidate == 0:
                self._tell(delta)
            else:
                self._ledger.drop(child("answer:", "candidates", delta.candidate), ONE_CANDIDATE)

    def _tell(self, delta: Open | Close | Stopped | Sign | Cite) -> None:
        item = self._open
        if isinstance(delta, Open):
            self._opened(delta)
        elif isinstance(delta, Stopped):
            self._stopped(delta)
        elif isinstance(delta, Close):
            if item is not None:
                item.close()
                self._open = None
        elif isinstance(delta, Sign):
            if isinstance(item, OpenReasoning):
                item.signature = (item.signature or "") + delta.signature
        else:
            self._cited(delta.citation)

    def _cited(self, citation: Citation) -> None:
        item = self._open
        if not (isinstance(item, OpenMessage) and item.cite(citation, home=self._home)):
            self._ledger.drop(self._pointer("citations"), NO_ANNOTATION)
        elif says_less(citation, home=self._home):
            self._ledger.approximate(self._pointer("citations"), SHORT_ANNOTATION)

    def _odds(self, text: str, logprobs: list[Logprob]) -> None:
        item = self._open
        if isinstance(item, OpenMessage) and item.grow_with(text, logprobs):
            return
        self._ledger.drop(self._pointer("logprobs"), NO_ODDS)
        if item is not None and text:
            item.grow(text)

    def _pointer(self, *names: str) -> str:
        return child("answer:", "candidates", 0, "parts", self._part, *names)

    def _begin(self, delta: Begin) -> Echo:
        echo = self._echo = Echo(self._asked, delta.id, delta.model, delta.created)
        self._ids = items.ItemIds(echo.id)
        self._home = delta.own_format == "responses"
        self._keep(delta.own)
        self._emitter.emit("response.created", {"response": echo.response("in_progress", [])})
        self._emitter.emit("response.in_progress", {"response": echo.response("in_progress", [])})
        return echo

    def _keep(self, own: Json | None) -> None:
        """What only the provider's format says of the answer: its own format repeats it at the end."""
        rest = dict(own or {})
        if self._echo is not None and "service_tier" in rest:
            self._echo.tier = rest.pop("service_tier")
        if self._home:
            self._own.update(rest)
        else:
            self._ledger.drop_members("answer:", rest, NO_MEMBER)

    def _opened(self, delta: Open) -> None:
        head = delta.head
        held = self._item
        self._part = delta.part
        self._open = None
        text = words_of(head)
        if isinstance(head, ServerToolResult):
            found = isinstance(held, OpenSearch) and held.call.id == head.call_id
            if found and isinstance(held, OpenSearch):
                held.result = head
            note_result(head, found, self._pointer(), self._ledger)
            return
        if text is not None:
            if text is not head:
                self._ledger.approximate(self._pointer(), ITS_WORDS)
            self._said(text)
        elif has_item(head, home=self._home):
            self._done("completed")
            self._item = self._open = self._made(head)
        else:
            self._ledger.drop(self._pointer(), NO_ITEM)
            return
        if head.own and not self._home:
            self._ledger.drop_members(self._pointer(), head.own, NO_MEMBER)

    def _said(self, head: Text | Refusal) -> None:
        """A text begins, in the message that waits if it may stand there."""
        held = self._item
        phase = items.phase_of(head.own) if self._home else None
        if not (isinstance(held, OpenMessage) and phase in (None, held.phase)):
            self._done("completed")
            held = self._item = OpenMessage(self._emitter, self._id("msg"), len(self._output), phase)
        held.open(head)
        self._open = held

    def _made(self, head: Part) -> OpenItem:
        """The item for a part that has one."""
        emitter, index = self._emitter, len(self._output)
        if isinstance(head, ToolCall):
            return OpenCall(emitter, self._id("ctc" if head.custom else "fc"), index, head)
        if isinstance(head, Thinking):
            return OpenReasoning(emitter, reasoning_id(head, self._id("rs")), index, head)
        if isinstance(head, ServerToolCall):
            return OpenSearch(emitter, search_id(head, self._id("ws")), index, head)
        if isinstance(head, Media):
            return OpenImage(emitter, self._id("ig"), index, head, home=self._home)
        assert isinstance(head, Foreign)
        value: Json = head.value
        begun = {**value, "status": "in_progress"} if "status" in value else value
        return WholeItem(emitter, self._id("item"), index, begun, value)

    def _id(self, prefix: str) -> str:
        if self._ids is None:
            self._begin(Begin())
        assert self._ids is not None
        return self._ids.make(prefix, len(self._output))

    def _done(self, status: str) -> None:
        """The item that waits is over."""
        item = self._item
        if item is not None:
            self._item = None
            self._output.append(item.finish(status))

    def _stopped(self, delta: Stopped) -> None:
        self._stop = delta.stop
        if delta.own and not self._home:
            pointer = child("answer:", "candidates", 0)
            self._ledger.drop_members(pointer, delta.own, NO_MEMBER)
        refused = isinstance(self._item, OpenMessage) and refuses([{"content": self._item.content}])
        refused = refused or refuses(self._output)
        note_stop(delta.stop, self._ledger, refuses=refused)
        status, _ = status_of(delta.stop, refuses=refused)
        self._done("completed" if status == "completed" else "incomplete")

    def _finish(self, delta: Finish) -> None:
        echo = self._echo or self._begin(Begin())
        self._done("incomplete")  # the answer did not say that it stopped
        self._keep(delta.own)
        note_usage(self._usage, self._ledger)
        response = echo.over(self._stop, self._output, self._usage)
        if self._own:
            response = {**self._own, **response}
        self._emitter.emit(f"response.{response['status']}", {"response": response})
