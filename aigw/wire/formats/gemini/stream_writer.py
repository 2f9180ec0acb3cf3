"""Writes a stream for a caller: each event is a GenerateContentResponse with what is new.

Function calls are told whole, as Gemini's own are; why a candidate ended and what was used stand in the last event,
which is written when the upstream has ended its stream, not before. The text of a chunk is all that is encoded; what
stands around it is made once for each kind of chunk.

With `array`, the events are elements of one JSON array: what callers get that do not ask for `alt=sse`.

Compiled code's source: no attrs, no structs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import msgspec

from aigw.wire.deltas import Begin, Cite, Close, Delta, Finish, Grow, Odds, Open, Sign, Stopped, Tally
from aigw.wire.dialect import PLAIN
from aigw.wire.formats.gemini import blocked, odds, tally
from aigw.wire.formats.gemini.answer_writer import Sources, add_members, finish, note_own
from aigw.wire.formats.gemini.offsets import Offsets
from aigw.wire.formats.gemini.part_reader import FORMAT
from aigw.wire.formats.gemini.part_writer import ANSWER, PartWriter, held
from aigw.wire.losses import Ledger, child
from aigw.wire.neutral import (
    Citation,
    Conversation,
    Logprob,
    Part,
    Refusal,
    ServerToolCall,
    Stop,
    Text,
    Thinking,
    ToolCall,
)
from aigw.wire.shapes import Usage
from aigw.wire.signatures import seal

_WHOLE, _TEXT, _THOUGHT = 0, 1, 2
_replace = msgspec.structs.replace
_encode = msgspec.json.Encoder().encode


class StreamWriter:
    """One stream to one caller."""

    def __init__(self, asked: Conversation, ledger: Ledger, array: bool = False) -> None:
        self._asked = asked
        self._ledger = ledger
        self._array = array
        self._lines: dict[int, _Line] = {}
        self._line: _Line | None = None
        self._usage: Usage | None = None
        self._format = ""
        self._own: dict[str, Any] = {}
        self._named: dict[str, Any] = {}
        self._tail = b""
        self._first = True

    def write(self, deltas: Sequence[Delta]) -> bytes:
        """The events that say it."""
        told: list[bytes] = []
        for delta in deltas:
            if type(delta) is Grow:
                line = self._line
                if line is None or line.index != delta.candidate:
                    line = self._line_of(delta.candidate)
                line.grow(delta.text, told)
            elif isinstance(delta, Open | Close | Sign | Cite | Odds | Stopped):
                self._line_of(delta.candidate).take(delta, told)
            else:
                self._frame(delta, told)
        return self._framed(told) if self._array else b"".join(told)

    def _framed(self, told: list[bytes]) -> bytes:
        """The elements of the array; nothing stands before the first."""
        if told and self._first:
            self._first = False
            told[0] = b"[" + told[0].removeprefix(b",\r\n")
        return b"".join(told)

    def _frame(self, delta: Delta, told: list[bytes]) -> None:
        if isinstance(delta, Tally):
            self._usage = delta.usage
        elif isinstance(delta, Begin):
            self._begin(delta)
        elif isinstance(delta, Finish):
            self._finish(delta, told)

    def _line_of(self, index: int) -> _Line:
        line = self._lines.get(index)
        if line is None:
            if not self._tail:
                self._begin(Begin())
            line = self._lines[index] = _Line(index, self._ledger, self._format, self._array, self._tail)
        self._line = line
        return line

    def _begin(self, delta: Begin) -> None:
        self._format = delta.own_format
        self._further(delta.own)
        self._named = {"modelVersion": delta.model or self._asked.model}
        if delta.created is not None:
            self._named["createTime"] = blocked.time_of(delta.created)
        self._named["responseId"] = delta.id or uuid4().hex
        self._tail = b"}]," + _encode(self._named)[1:] + (b"" if self._array else b"\r\n\r\n")

    def _further(self, own: dict[str, Any] | None) -> None:
        """Members of the whole answer that only its own format has."""
        note_own(own, self._format, ANSWER, self._ledger)
        if own and self._format == FORMAT:
            self._own.update(own)

    def _finish(self, delta: Finish, told: list[bytes]) -> None:
        """The last event: why each candidate ended, what they rest on, what was used."""
        if not self._tail:
            self._begin(Begin())
        self._further(delta.own)
        body: dict[str, Any] = {}
        prompt = blocked.stop_of(self._own.get("promptFeedback"))
        candidates = [line.last() for line in self._lines.values() if prompt is None or line.stop != prompt]
        if candidates:
            body["candidates"] = candidates
        if self._usage is not None:
            body["usageMetadata"] = tally.metadata(self._usage, self._ledger)
        event = _encode({**body, **self._named, **self._own})
        told.append(b",\r\n%b]" % event if self._array else b"data: %b\r\n\r\n" % event)


class _Line:
    """One candidate."""

    def __init__(self, index: int, ledger: Ledger, own_format: str, array: bool, tail: bytes) -> None:
        self.index = index
        self.stop: Stop | None = None
        self._ledger = ledger
        self._format = own_format
        self._at = child(ANSWER, "candidates", index)
        begin = (b",\r\n" if array else b"data: ") + b'{"candidates":[{"content":{"parts":['
        self._lead = begin
        self._end = b'],"role":"model"},"index":%d' % index + tail
        self._text_lead = begin + b'{"text":'
        self._text_end = b"}" + self._end
        self._thought_end = b',"thought":true}' + self._end
        self._bare_lead = begin + b'{"text":""}],"role":"model"},"index":%d,' % index
        self._tail = tail
        self._own: dict[str, Any] | None = None
        self._writer = PartWriter(PLAIN, ledger, seal, home=own_format == FORMAT)
        self._sources = Sources(self._at, ledger)
        self._cites: list[tuple[Citation, Offsets, int]] = []
        self._kind = _WHOLE
        self._head: Part | None = None
        self._grown: list[str] = []  # arguments of a call, or the signature of a thought
        self._thought = False  # the open thought has a text
        self._signature: str | None = None  # for the part that follows
        self._offsets = Offsets()  # of the open text
        self._before = 0  # bytes of the texts before it: to the caller they are one text
        self._texts = 0
        self._parts = -1

    def grow(self, text: str, told: list[bytes]) -> None:
        """More of the open part."""
        kind = self._kind
        if kind == _TEXT:
            self._offsets.add(text)
            if self._signature is not None:
                self._put({"text": text}, told)
            else:
                told.append(self._text_lead + _encode(text) + self._text_end)
        elif kind == _THOUGHT:
            self._thought = True
            told.append(self._text_lead + _encode(text) + self._thought_end)
        else:
            self._grown.append(text)

    def take(self, delta: Delta, told: list[bytes]) -> None:
        """Anything but more of a text."""
        if isinstance(delta, Open):
            self._open(delta.head, told)
        elif isinstance(delta, Close):
            self._close(told)
        elif isinstance(delta, Sign):
            self._grown.append(delta.signature)
        elif isinstance(delta, Cite):
            self._cites.append((delta.citation, self._offsets, self._before))
        elif isinstance(delta, Odds):
            self._odds(delta.logprobs, told)
        elif isinstance(delta, Stopped):
            self.stop = delta.stop
            self._own = delta.own if self._format == FORMAT else None
            note_own(delta.own, self._format, self._at, self._ledger)

    def _open(self, head: Part, told: list[bytes]) -> None:
        self._head = head
        self._parts += 1
        self._grown = []
        if isinstance(head, Text | Refusal | Thinking):
            self._writer.note(head, child(self._at, "parts", self._parts))
        if isinstance(head, Text | Refusal):
            self._kind = _TEXT
            self._texts += 1
            if isinstance(head, Refusal):
                self._ledger.approximate(child(self._at, "parts", self._parts), "a refusal became text")
            if head.text:
                self.grow(head.text, told)
        elif isinstance(head, Thinking):
            if self._signature is not None:
                self._put({"text": ""}, told)
            self._kind = _THOUGHT
            self._thought = False
            if head.text:
                self.grow(head.text, told)
        else:
            self._kind = _WHOLE

    def _close(self, told: list[bytes]) -> None:
        head, kind = self._head, self._kind
        self._head, self._kind = None, _WHOLE
        if kind == _TEXT:
            self._before += self._offsets.bytes
            self._offsets = Offsets()
        elif isinstance(head, Thinking):
            self._thought_over(head, told)
        elif head is not None:
            self._whole(head, told)

    def _thought_over(self, head: Thinking, told: list[bytes]) -> None:
        """A thought's signature stands on an empty part behind its text, or on the part that it belongs to."""
        signature = (head.signature or "") + "".join(self._grown)
        head = _replace(head, signature=signature or None)
        if not held(head):
            return
        self._signature = seal(head)
        if not head.bound:
            self._put({"text": "", "thought": True} if self._thought else {"text": ""}, told)

    def _whole(self, head: Part, told: list[bytes]) -> None:
        if isinstance(head, ToolCall | ServerToolCall) and self._grown:
            head = _replace(head, arguments=head.arguments + "".join(self._grown))
        place = child(self._at, "parts", self._parts)
        if self._sources.take(head, place):
            return
        one = self._writer.part(head, place)
        if one is not None:
            self._put(one, told)

    def _put(self, part: dict[str, Any], told: list[bytes]) -> None:
        """One part, with the signature that waits for it."""
        if self._signature is not None:
            part["thoughtSignature"] = self._signature
            self._signature = None
        told.append(self._lead + _encode(part) + self._end)

    def _odds(self, logprobs: list[Logprob], told: list[bytes]) -> None:
        told.append(self._bare_lead + _encode({"logprobsResult": odds.result(logprobs)})[1:-1] + self._tail)

    def last(self) -> dict[str, Any]:
        """What the last event says of this candidate."""
        part: dict[str, Any] = {"text": ""}
        if self._signature is not None:
            part["thoughtSignature"] = self._signature
        end: dict[str, Any] = {"content": {"parts": [part], "role": "model"}}
        if self.stop is not None:
            finish(end, self.stop, self._at, self._ledger)
        end["index"] = self.index
        for citation, offsets, before in self._cites:
            self._sources.add(citation, 0, offsets, shift=before, several=self._texts > 1)
        add_members(end, "groundingMetadata", self._sources.metadata())
        for name, value in (self._own or {}).items():
            add_members(end, name, value)
        return end
