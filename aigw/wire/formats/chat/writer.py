"""Writes a chat stream. Source: https://platform.openai.com/docs/api-reference/chat-streaming

One chunk per delta. Those that only carry more text are put together from bytes that are made once per part. The role
stands in the first chunk of each choice, annotations behind their text; usage has a chunk of its own, if the caller
asked for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from aigw.wire import signatures
from aigw.wire.deltas import Begin, Cite, Close, Delta, Finish, Grow, Odds, Open, Sign, Stopped, Tally
from aigw.wire.formats.chat import details, told
from aigw.wire.formats.chat.sources import logprob_objects
from aigw.wire.formats.chat.tally import usage_object
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Citation, Conversation, Part, Refusal, Text, Thinking, ToolCall
from aigw.wire.shapes import Usage

_encode = msgspec.json.Encoder().encode
_DONE = b"data: [DONE]\n\n"


class _Voice:
    """One choice: what is open in it, and what its end will need."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.prefix = b""  # of a chunk with more of the open part
        self.middle = b""  # between the text and the same text again, if it is told twice
        self.suffix = b""
        self.head: Part | None = None  # of the open part; None if it is not told
        self.where = ""
        self.grown = 0  # characters of the open part
        self.length = 0  # characters of the content before it
        self.after: str | None = None  # what thoughts would follow now
        self.calls = 0
        self.thoughts = 0
        self.images = 0
        self.signature = ""
        self.bound: Thinking | None = None
        self.begun = False
        self.refused = False
        self.sounded = False
        self.signed = False
        self.citations: list[Citation] = []
        self.annotated = 0


class Writer:
    """One stream to one caller."""

    def __init__(self, asked: Conversation, ledger: Ledger) -> None:
        self._asked = asked
        self._ledger = ledger
        self._legacy = told.is_legacy(asked)
        self._usage_asked = bool(asked.settings.include_usage)
        self._usage: Usage | None = None
        self._before = b""  # of every chunk
        self._own_format = ""
        self._voices: dict[int, _Voice] = {}

    def write(self, deltas: Sequence[Delta]) -> bytes:
        """The chunks that say it."""
        out: list[bytes] = []
        voices = self._voices
        for delta in deltas:
            if type(delta) is Grow:
                voice = voices[delta.candidate]
                if voice.head is not None:
                    text = delta.text
                    voice.grown += len(text)
                    said = _encode(text)
                    if voice.middle:
                        said += voice.middle + said
                    if voice.prefix:
                        out.append(voice.prefix + said + voice.suffix)
                    else:
                        self._muse(voice, text, out)
            else:
                self._put(delta, out)
        return b"".join(out)

    def _put(self, delta: Delta, out: list[bytes]) -> None:
        if isinstance(delta, Begin):
            self._begin(delta)
        elif isinstance(delta, Tally):
            self._usage = delta.usage
        elif isinstance(delta, Finish):
            self._finish(delta, out)
        elif isinstance(delta, Open | Close | Sign | Cite | Odds | Stopped):
            self._of_choice(delta, out)

    def _of_choice(self, delta: Open | Close | Sign | Cite | Odds | Stopped, out: list[bytes]) -> None:
        voice = self._voice(delta.candidate)
        if isinstance(delta, Open):
            self._open(voice, delta, out)
        elif isinstance(delta, Close):
            self._close(voice, out)
        elif isinstance(delta, Sign):
            voice.signature += delta.signature
        elif isinstance(delta, Cite):
            voice.citations.append(delta.citation)
        elif isinstance(delta, Odds):
            self._odds(voice, delta, out)
        else:
            self._stop(voice, delta, out)

    def _voice(self, index: int) -> _Voice:
        voice = self._voices.get(index)
        if voice is None:
            voice = self._voices[index] = _Voice(index)
        return voice

    # -- the frame -------------------------------------------------------------------------------------------------

    def _begin(self, delta: Begin) -> None:
        head: dict[str, Any] = {
            "id": told.named(delta.id),
            "object": "chat.completion.chunk",
            "created": told.dated(delta.created),
            "model": delta.model or self._asked.model,
        }
        self._own_format = delta.own_format
        if delta.own_format == "chat":
            head.update(delta.own or {})
        else:
            told.report_own(delta.own, delta.own_format, "answer:", self._ledger)
        self._before = b"data: " + _encode(head)[:-1] + b',"choices":['

    def _after(self) -> bytes:
        """The end of a chunk: with usage asked for, all but the last say null."""
        return b'],"usage":null}\n\n' if self._usage_asked else b"]}\n\n"

    def _chunk(
        self,
        voice: _Voice,
        delta: dict[str, Any],
        out: list[bytes],
        *,
        logprobs: dict[str, Any] | None = None,
        finish_reason: str | None = None,
    ) -> None:
        choice = {"index": voice.index, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}
        out.append(self._before + _encode(choice) + self._after())

    def _frame(self, voice: _Voice, opening: bytes, closing: bytes) -> None:
        """The bytes around the text of further chunks of the open part, which differ in nothing else."""
        voice.prefix = b'%b{"index":%d,"delta":%b' % (self._before, voice.index, opening)
        voice.suffix = closing + b',"logprobs":null,"finish_reason":null}' + self._after()

    def _first(self, voice: _Voice, out: list[bytes], *, text: bool) -> None:
        if not voice.begun:
            voice.begun = True
            self._chunk(voice, {"role": "assistant", "content": "" if text else None}, out)

    def _stop(self, voice: _Voice, delta: Stopped, out: list[bytes]) -> None:
        self._first(voice, out, text=True)
        if voice.bound is not None:
            self._sign(voice, out)
        told.report_own(delta.own, self._own_format, told.place(voice.index), self._ledger)
        word = told.finish_reason(delta.stop, voice.index, self._ledger, refused=voice.refused, legacy=self._legacy)
        self._chunk(voice, {}, out, finish_reason=word)

    def _finish(self, delta: Finish, out: list[bytes]) -> None:
        last: dict[str, Any] = {}
        if self._usage is not None:
            told.report_usage(self._usage, self._ledger)
            if self._usage_asked:
                last = {"usage": usage_object(self._usage), **told.tier_of(delta.own, self._own_format)}
                out.append(self._before + b"]," + _encode(last)[1:] + b"\n\n")
        rest = {name: value for name, value in (delta.own or {}).items() if name not in last}
        told.report_own(rest, self._own_format, "answer:", self._ledger)
        out.append(_DONE)

    # -- parts -----------------------------------------------------------------------------------------------------

    def _open(self, voice: _Voice, delta: Open, out: list[bytes]) -> None:
        head = delta.head
        voice.head = head
        voice.where = told.place(voice.index, "parts", delta.part)
        voice.grown = 0
        voice.prefix = voice.middle = voice.suffix = b""
        voice.signature = ""
        if head.own:
            told.report_part(head, self._own_format, voice.where, self._ledger)
        if isinstance(head, Text):
            self._open_text(voice, head, out)
        elif isinstance(head, Thinking):
            self._open_thinking(voice, head, out)
        elif isinstance(head, ToolCall):
            self._open_call(voice, head, out)
        elif isinstance(head, Refusal):
            self._first(voice, out, text=False)
            voice.refused = True
            self._frame(voice, b'{"refusal":', b"}")
            self._more(voice, head.text, out)
            if head.logprobs:
                self._odds(voice, Odds(0, head.logprobs), out)
        else:
            self._show(voice, head, out)

    def _more(self, voice: _Voice, text: str, out: list[bytes]) -> None:
        """Text that came with an opening."""
        if text:
            voice.grown += len(text)
            out.append(voice.prefix + _encode(text) + voice.suffix)

    def _open_text(self, voice: _Voice, head: Text, out: list[bytes]) -> None:
        self._first(voice, out, text=True)
        if voice.bound is not None:
            self._sign(voice, out)
        self._frame(voice, b'{"content":', b"}")
        self._more(voice, head.text, out)
        voice.citations = list(head.citations or ())
        if head.logprobs:
            self._odds(voice, Odds(0, head.logprobs), out)
        voice.after = voice.after or "content"

    def _open_thinking(self, voice: _Voice, head: Thinking, out: list[bytes]) -> None:
        if head.bound:
            return
        self._first(voice, out, text=False)
        if head.text:
            voice.grown += len(head.text)
            self._muse(voice, head.text, out)

    def _open_call(self, voice: _Voice, head: ToolCall, out: list[bytes]) -> None:
        self._first(voice, out, text=False)
        if self._legacy:
            voice.calls += 1
            if voice.calls > 1:
                self._ledger.drop(voice.where, "a caller that asks with functions takes one call")
                voice.head = None
                return
            self._chunk(voice, {"function_call": {"name": head.name, "arguments": head.arguments}}, out)
            self._frame(voice, b'{"function_call":{"arguments":', b"}}")
        else:
            self._begin_call(voice, head, out)
        voice.grown = len(head.arguments)
        voice.after = head.id

    def _begin_call(self, voice: _Voice, head: ToolCall, out: list[bytes]) -> None:
        kind, member = ("custom", "input") if head.custom else ("function", "arguments")
        named = {"name": head.name, member: head.arguments}
        call: dict[str, Any] = {"index": voice.calls, "id": head.id, "type": kind, kind: named}
        if voice.bound is not None:
            call["extra_content"] = told.signed(voice.bound)
            voice.bound = None
        self._chunk(voice, {"tool_calls": [call]}, out)
        opening = f'{{"tool_calls":[{{"index":{voice.calls},"{kind}":{{"{member}":'
        self._frame(voice, opening.encode(), b"}}]}")
        voice.calls += 1

    def _show(self, voice: _Voice, part: Part, out: list[bytes]) -> None:
        """A part that came whole."""
        voice.head = None
        if told.is_heard(part) and not voice.sounded:
            voice.sounded = True
            self._first(voice, out, text=False)
            self._chunk(voice, {"audio": told.sound_of(part)}, out)  # type: ignore[arg-type]  # it is Media
        elif told.is_seen(part):
            self._first(voice, out, text=False)
            self._chunk(voice, {"images": [told.image_of(part, voice.images)]}, out)  # type: ignore[arg-type]  # as above
            voice.images += 1
            self._ledger.approximate(voice.where, "chat answers have no images: it stands in OpenRouter's `images`")
        else:
            self._ledger.drop(voice.where, f"chat answers have no place for this: {told.kind_of(part)}")

    def _close(self, voice: _Voice, out: list[bytes]) -> None:
        head = voice.head
        voice.head = None
        if isinstance(head, Text):
            if voice.citations:
                self._annotate(voice, out)
            voice.length += voice.grown
        elif isinstance(head, ToolCall):
            if not voice.grown and not head.custom:
                out.append(voice.prefix + b'"{}"' + voice.suffix)
        elif isinstance(head, Thinking):
            self._close_thinking(voice, head, out)

    def _annotate(self, voice: _Voice, out: list[bytes]) -> None:
        """What the text rested on. SDKs that gather a stream want to know which entry of a list a chunk has."""
        citations, voice.citations = voice.citations, []
        said = told.annotations_of(citations, voice.length, voice.grown, voice.where, self._ledger)
        if said:
            numbered = [{"index": voice.annotated + at, **annotation} for at, annotation in enumerate(said)]
            voice.annotated += len(said)
            self._chunk(voice, {"annotations": numbered}, out)

    def _odds(self, voice: _Voice, delta: Odds, out: list[bytes]) -> None:
        member = "refusal" if isinstance(voice.head, Refusal) else "content"
        logprobs: dict[str, Any] = {"content": None, "refusal": None}
        logprobs[member] = logprob_objects(delta.logprobs)
        self._chunk(voice, {}, out, logprobs=logprobs)

    # -- thoughts --------------------------------------------------------------------------------------------------

    def _muse(self, voice: _Voice, text: str, out: list[bytes]) -> None:
        """The first text of a thought. What does not change stands here alone: SDKs join the strings of all chunks."""
        said: dict[str, Any] = {"type": "reasoning.text", "text": text, "format": details.FORMAT}
        said["index"] = voice.thoughts
        if voice.after is not None:
            said["after"] = voice.after
        self._chunk(voice, {"reasoning_content": text, "reasoning_details": [said]}, out)
        self._frame(voice, b'{"reasoning_content":', b',"index":%d}]}' % voice.thoughts)
        voice.middle = b',"reasoning_details":[{"type":"reasoning.text","text":'

    def _close_thinking(self, voice: _Voice, head: Thinking, out: list[bytes]) -> None:
        signature = voice.signature or head.signature
        if voice.signature:
            head = msgspec.structs.replace(head, signature=signature)
        if head.bound:
            voice.bound = head
            return
        if not (signature or head.redacted or head.id):
            voice.thoughts += bool(voice.grown)
            return
        said: dict[str, Any]
        if voice.grown:
            said = {"type": "reasoning.text", "signature": signatures.seal(head), "index": voice.thoughts}
        else:
            said = details.sealed(head, voice.thoughts, voice.after)
        self._chunk(voice, {"reasoning_details": [said]}, out)
        voice.thoughts += 1

    def _sign(self, voice: _Voice, out: list[bytes]) -> None:
        """A signature that belongs to the text, of which a message can have one."""
        bound, voice.bound = voice.bound, None
        if bound is None or voice.signed:
            self._ledger.drop(voice.where, "a message carries one signature")
            return
        voice.signed = True
        self._chunk(voice, {"extra_content": told.signed(bound)}, out)
