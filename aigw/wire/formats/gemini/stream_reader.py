"""Reads a provider's stream: each event is a GenerateContentResponse with what is new of each candidate.

The stream has no end of its own: it is complete when every candidate has said why it finished, or when the prompt was
blocked. Some models repeat the reason in every chunk, so it is told at the end of the bytes.

Compiled code's source: no attrs, no structs of its own.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import msgspec

from aigw.wire import counts
from aigw.wire.deltas import Begin, Cite, Close, Delta, Fail, Finish, Grow, Odds, Open, Sign, Stopped, Tally
from aigw.wire.dialect import Dialect
from aigw.wire.format import Trouble
from aigw.wire.formats.gemini import blocked, grounding, odds, tally, troubles
from aigw.wire.formats.gemini.names import stop_of
from aigw.wire.formats.gemini.offsets import Offsets
from aigw.wire.formats.gemini.part_reader import FORMAT, PartReader, lenient
from aigw.wire.formats.gemini.partial_args import PartialCall
from aigw.wire.formats.gemini.shapes import NOTHING, OWN, Call, Candidate, Chunk, Piece
from aigw.wire.neutral import Citation, Part, ServerToolCall, Text, Thinking, ToolCall
from aigw.wire.shapes import Counts
from aigw.wire.sse import Event

_NOTHING, _TEXT, _THOUGHT = 0, 1, 2
_replace = msgspec.structs.replace
_decode = msgspec.json.Decoder(Chunk).decode
_decode_any = msgspec.json.Decoder().decode
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def fresh_id(_at: str = "") -> str:
    """The id of a call that has none."""
    return f"call_{uuid4().hex[:24]}"


class StreamReader:
    """One stream."""

    def __init__(self, dialect: Dialect) -> None:
        self._maker = dialect.maker or FORMAT
        self._lines: dict[int, _Line] = {}
        self._begun = False
        self._failed = False
        self._usage = NOTHING
        self._counts: Counts | None = None
        self._feedback: Any = None

    def read(self, event: Event) -> list[Delta]:
        """What an event says."""
        data = event.data
        if not data or self._failed:
            return []
        try:
            chunk = _decode(data)
        except _UNREADABLE:
            return self._fail(troubles.read_error(502, data))
        if chunk.error is not None:
            return self._fail(troubles.read_error(200, data))
        out: list[Delta] = []
        if chunk.usage_metadata is not NOTHING:
            self._usage = chunk.usage_metadata
        if not self._begun:
            self._begin(chunk, out)
        if chunk.prompt_feedback is not None:
            self._feedback = chunk.prompt_feedback
        if chunk.candidates:
            self._candidates(chunk.candidates, data, out)
        return out

    def _candidates(self, candidates: list[Candidate], data: bytes, out: list[Delta]) -> None:
        for number, candidate in enumerate(candidates):
            line = self._lines.get(candidate.index)
            if line is None:
                line = self._lines[candidate.index] = _Line(candidate.index, self._maker)
            try:
                line.read(candidate, number, data, out)
            except _UNREADABLE:
                # Parts of an unusual kind are read once more, whole, and so is what had been passed over.
                out += self._fail(troubles.read_error(502, data))
                return

    def finish(self) -> list[Delta]:
        """The end, if the answer is complete."""
        if self._failed:
            return []
        out: list[Delta] = []
        stop = blocked.stop_of(self._feedback)
        if self._lines:
            for line in self._lines.values():
                if not line.word:
                    return []
                line.end(out)
        elif stop is not None:
            out.append(Stopped(stop))
        else:
            return []
        self._tally(out)
        out.append(Finish({"promptFeedback": self._feedback} if self._feedback is not None else None))
        return out

    def _begin(self, chunk: Chunk, out: list[Delta]) -> None:
        self._begun = True
        created = blocked.seconds_of(chunk.create_time)
        out.append(Begin(chunk.response_id, chunk.model_version, created, None, FORMAT))
        self._tally(out)

    def _tally(self, out: list[Delta]) -> None:
        """What was used by now: the first chunk knows the prompt, the last one everything."""
        if self._usage is NOTHING:
            return
        self._counts = tally.counted(self._usage, self._counts)
        used = counts.usage(self._counts) if self._counts is not None else None
        if used is not None:
            out.append(Tally(used))

    def _fail(self, trouble: Trouble) -> list[Delta]:
        self._failed = True
        return [Fail(trouble)]


class _Line:
    """One candidate."""

    def __init__(self, index: int, maker: str) -> None:
        self._index = index
        self._maker = maker
        self._part = -1
        self._open = _NOTHING
        self._called = False
        self._partial: PartialCall | None = None
        self._reader: PartReader | None = None
        self._own: dict[str, Any] = {}
        self._offsets = Offsets()  # of the open text
        self._before = 0  # bytes of the texts before it
        self.word = ""
        self._detail: str | None = None

    def read(self, candidate: Candidate, number: int, data: bytes, out: list[Delta]) -> None:
        """What is new; `number` is the candidate's place in the event."""
        content = candidate.content
        pieces = content.parts if content is not None else None
        rests = candidate.grounding_metadata or candidate.citation_metadata or candidate.logprobs_result
        if pieces and not rests:
            for at, piece in enumerate(pieces):
                self._piece(piece, at, number, data, out)
        elif rests:
            self._rested(candidate, pieces or [], number, data, out)
        if candidate.finish_reason:
            self.word = candidate.finish_reason
        self._detail = candidate.finish_message or self._detail
        for name, member in OWN:
            value = getattr(candidate, name)
            if value is not None:
                self._own[member] = value

    def end(self, out: list[Delta]) -> None:
        """Nothing more comes."""
        if self._partial is not None:
            self._partial_done(out)
        self._close(out)
        stop = stop_of(self.word, self._detail, called=self._called)
        out.append(Stopped(stop, self._index, self._own or None))

    # -- parts ----------------------------------------------------------------------------------------------------

    def _piece(self, piece: Piece, at: int, number: int, data: bytes, out: list[Delta]) -> None:
        text = piece.text
        if text is not None:
            if piece.thought_signature is not None:
                self._signed(piece, text, out)
            elif text:
                self._grow(_THOUGHT if piece.thought else _TEXT, text, out)
        elif piece.function_call is not None:
            self._call(piece.function_call, piece.thought_signature, out)
        else:
            self._other(at, number, data, out)

    def _grow(self, kind: int, text: str, out: list[Delta]) -> None:
        if self._open != kind:
            head: Part = Text(text="") if kind == _TEXT else Thinking(maker=self._maker)
            self._begin(head, kind, out)
        out.append(Grow(self._part, text, self._index))
        if kind == _TEXT:
            self._offsets.add(text)

    def _begin(self, head: Part, kind: int, out: list[Delta]) -> None:
        self._close(out)
        self._part += 1
        self._open = kind
        out.append(Open(self._part, head, self._index))

    def _close(self, out: list[Delta]) -> None:
        if self._open == _NOTHING:
            return
        if self._open == _TEXT:
            self._before += self._offsets.bytes
            self._offsets = Offsets()
        self._open = _NOTHING
        out.append(Close(self._part, self._index))

    def _whole(self, head: Part, out: list[Delta], grown: str = "") -> None:
        self._begin(head, _THOUGHT, out)
        if grown:
            out.append(Grow(self._part, grown, self._index))
        self._close(out)

    def _signature(self, signature: str, out: list[Delta], *, bound: bool) -> None:
        self._begin(Thinking(maker=self._maker, bound=bound), _THOUGHT, out)
        out.append(Sign(self._part, signature, self._index))
        self._close(out)

    def _signed(self, piece: Piece, text: str, out: list[Delta]) -> None:
        """A thought's own signature ends it; on a text it stands before what it belongs to, on nothing for itself."""
        signature = piece.thought_signature or ""
        if piece.thought:
            if text or self._open != _THOUGHT:
                self._grow(_THOUGHT, text, out)
            out.append(Sign(self._part, signature, self._index))
            self._close(out)
            return
        self._signature(signature, out, bound=bool(text))
        if text:
            self._grow(_TEXT, text, out)

    def _call(self, call: Call, signature: str | None, out: list[Delta]) -> None:
        if self._partial is not None and call.name:
            self._partial_done(out)
        args = bytes(call.args)
        args = b"" if args == b"null" else args
        if self._partial is None:
            if not call.name:
                return
            if call.will_continue or call.partial_args:
                self._partial = PartialCall(call.name, call.id, signature, args)
        if self._partial is None:
            self._called_with(call.name or "", call.id, signature, args.decode() or "{}", out)
            return
        self._partial.add(call.partial_args or [])
        if not call.will_continue:
            self._partial_done(out)

    def _partial_done(self, out: list[Delta]) -> None:
        call, self._partial = self._partial, None
        if call is not None:
            self._called_with(call.name, call.ident, call.signature, call.arguments(), out)

    def _called_with(self, name: str, ident: str | None, signature: str | None, args: str, out: list[Delta]) -> None:
        if signature is not None:
            self._signature(signature, out, bound=True)
        self._called = True
        self._whole(ToolCall(id=ident or fresh_id(), name=name, arguments=""), out, args)

    def _other(self, at: int, number: int, data: bytes, out: list[Delta]) -> None:
        """Media, executed code and whatever is new come whole; the event is read once more, as it stands."""
        raw = _decode_any(data)["candidates"][number]["content"]["parts"][at]
        if not raw or raw == {"thought": True}:
            return
        if self._reader is None:
            self._reader = PartReader(self._maker, fresh_id)
        for part in lenient(self._reader, raw):
            if isinstance(part, Thinking):
                self._signature(part.signature or "", out, bound=part.bound)
            elif isinstance(part, ServerToolCall):
                self._whole(_replace(part, arguments="", at=""), out, part.arguments)
            else:
                part.at = ""
                self._whole(part, out)

    # -- what the text rests on -----------------------------------------------------------------------------------

    def _rested(self, candidate: Candidate, pieces: list[Piece], number: int, data: bytes, out: list[Delta]) -> None:
        """Citations and odds belong to the text: they are told as soon as all of it has come, while it is open."""
        last = max((at for at, piece in enumerate(pieces) if piece.text and not piece.thought), default=-1)
        for at, piece in enumerate(pieces[: last + 1]):
            self._piece(piece, at, number, data, out)
        logprobs = odds.odds_of(candidate.logprobs_result)
        found = grounding.citations_of(candidate.grounding_metadata, candidate.citation_metadata)
        if (logprobs or found) and self._open != _TEXT:
            self._begin(Text(text=""), _TEXT, out)
        if logprobs:
            out.append(Odds(self._part, logprobs, self._index))
        for citation, span in found:
            out.append(Cite(self._part, self._placed(citation, span), self._index))
        rest = grounding.rest_of(candidate.grounding_metadata)
        if rest:
            self._own["groundingMetadata"] = rest
        for at in range(last + 1, len(pieces)):
            self._piece(pieces[at], at, number, data, out)

    def _placed(self, citation: Citation, span: grounding.Span | None) -> Citation:
        """With its place in characters of the open text, if it lies there."""
        if span is not None:
            first, last = span[1] - self._before, span[2] - self._before
            if 0 <= first < last <= self._offsets.bytes:
                citation.start, citation.end = self._offsets.to_chars(first), self._offsets.to_chars(last)
        return citation
