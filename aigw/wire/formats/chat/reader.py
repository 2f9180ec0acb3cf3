"""Reads a chat stream of any server, chunk by chunk. Source: https://platform.openai.com/docs/api-reference/chat-streaming

What ends a stream: `[DONE]`; where a server sends none, the end of the bytes, if every choice had its finish reason.
Stops and usage are told at the end, because servers go on after both: with usage in a chunk of its own, with a second
finish reason, with more usage in every chunk.
"""

from __future__ import annotations

from typing import Any

import msgspec

from aigw.wire import counts
from aigw.wire.deltas import Begin, Delta, Fail, Finish, Grow, Tally
from aigw.wire.dialect import Dialect
from aigw.wire.format import Trouble
from aigw.wire.formats.chat.errors import read_error, trouble_of
from aigw.wire.formats.chat.line import Line
from aigw.wire.formats.chat.shapes import Choice, Chunk, Message
from aigw.wire.formats.chat.sources import searched
from aigw.wire.formats.chat.tally import counts_of
from aigw.wire.neutral import Citation
from aigw.wire.shapes import Counts
from aigw.wire.sse import Event

_decode = msgspec.json.Decoder(Chunk).decode


class Reader:
    """One stream; or, if `whole`, one answer: a chunk with `message` in place of `delta` (Perplexity sends both)."""

    def __init__(self, dialect: Dialect, *, whole: bool = False) -> None:
        self._whole = whole
        self._dialect = dialect
        self._lines: dict[int, Line] = {}
        self._begun = False
        self._over = False
        self._counts: Counts | None = None
        self._pages: list[Citation] = []

    @property
    def begun(self) -> bool:
        """Whether any choice has begun."""
        return bool(self._lines)

    def read(self, event: Event) -> list[Delta]:
        """What an event says."""
        data = event.data
        if self._over or not data:
            return []
        try:
            chunk = _decode(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._unread(data)
        if chunk.error is not None or chunk.object == "error" or event.event == "error":
            self._count(chunk.usage)
            return self._fail(read_error(0, data))
        return self._say(chunk) if chunk.choices else self._beside(chunk, data)

    def finish(self) -> list[Delta]:
        """The end of the bytes, which is the end of the answer if every choice had said why it stopped."""
        if self._over or not self._lines:
            return []
        for line in self._lines.values():
            if line.word is None:
                return []
        return self._end()

    def _say(self, chunk: Chunk) -> list[Delta]:
        """A chunk with choices."""
        out: list[Delta] = []
        if not self._begun:
            self._begin(chunk, out)
        trouble: Trouble | None = None
        if chunk.usage is not None or chunk.x_groq is not None or chunk.search_results or chunk.citations:
            trouble = self._note(chunk)
        for choice in chunk.choices or ():
            trouble = trouble or self._choose(choice, out)
        return out if trouble is None else out + self._fail(trouble)

    def _choose(self, choice: Choice, out: list[Delta]) -> Trouble | None:
        """What one choice of a chunk says."""
        index = choice.index if isinstance(choice.index, int) else 0
        line = self._lines.get(index)
        if line is None:
            line = self._lines[index] = Line(index, self._dialect)
        said = (choice.message or choice.delta) if self._whole else (choice.delta or choice.message)
        if said is None:
            said = Message(content=choice.text)
        content = said.content
        if line.kind == "text" and content and isinstance(content, str) and _is_text_alone(said, choice):
            line.grown += len(content)
            out.append(Grow(line.part, content, index))
        else:
            line.take(said, choice.logprobs, out)
        if choice.finish_reason and isinstance(choice.finish_reason, str):
            line.word = choice.finish_reason
        if choice.usage is not None:
            self._count(choice.usage)
        return None if choice.error is None else trouble_of(0, {"error": choice.error})

    def _begin(self, chunk: Chunk, out: list[Delta]) -> None:
        self._begun = True
        own: dict[str, Any] = {}
        if chunk.service_tier:
            own["service_tier"] = chunk.service_tier
        if chunk.system_fingerprint:
            own["system_fingerprint"] = chunk.system_fingerprint
        out.append(
            Begin(
                chunk.id if chunk.id and isinstance(chunk.id, str) else None,
                chunk.model if chunk.model and isinstance(chunk.model, str) else None,
                int(chunk.created) if chunk.created and isinstance(chunk.created, int | float) else None,
                own or None,
                "chat",
            )
        )

    def _beside(self, chunk: Chunk, data: bytes) -> list[Delta]:
        """A chunk without choices: usage, Azure's filter results, or an error that does not look like one."""
        out: list[Delta] = []
        if chunk.usage is None and chunk.x_groq is None:
            if chunk.choices is None and (b'"detail"' in data or b'"message"' in data):
                return self._fail(read_error(0, data))
            return out
        if not self._begun:
            self._begin(chunk, out)
        trouble = self._note(chunk)
        return out if trouble is None else out + self._fail(trouble)

    def _note(self, chunk: Chunk) -> Trouble | None:
        """What stands beside the choices."""
        if chunk.usage is not None:
            self._count(chunk.usage)
        if chunk.search_results or chunk.citations:
            self._pages = searched(chunk.search_results, chunk.citations)
        groq = chunk.x_groq
        if isinstance(groq, dict):
            if groq.get("error"):
                return trouble_of(0, {"error": groq["error"]})
            self._count(groq.get("usage"))
        return None

    def _count(self, value: Any) -> None:
        """Usage: cumulative where it comes more than once."""
        found = counts_of(value)
        if found is not None:
            self._counts = found if self._counts is None else counts.complete(found, self._counts)

    def _tally(self) -> list[Delta]:
        usage = None if self._counts is None else counts.usage(self._counts)
        return [] if usage is None else [Tally(usage)]

    def _unread(self, data: bytes) -> list[Delta]:
        """`[DONE]`, or what no chunk looks like."""
        text = data.strip()
        if text == b"[DONE]":
            return self._end()
        if not text:
            return []
        shown = text[:200].decode("utf-8", "replace")
        return self._fail(Trouble(502, "upstream_error", f"The provider sent an event that is no chunk: {shown}"))

    def _fail(self, trouble: Trouble) -> list[Delta]:
        self._over = True
        out = self._tally() if self._begun else []
        out.append(Fail(trouble))
        return out

    def _end(self) -> list[Delta]:
        self._over = True
        out: list[Delta] = []
        if not self._begun:
            self._begin(Chunk(), out)
        for line in self._lines.values():
            line.cite(self._pages, out)
            line.finish(out)
        out += self._tally()
        out.append(Finish())
        return out


def _is_text_alone(said: Message, choice: Choice) -> bool:
    """Whether a delta has nothing but content, as most have."""
    return (
        choice.logprobs is None
        and said.tool_calls is None
        and not said.reasoning_content
        and not said.reasoning
        and not said.reasoning_details
        and not said.refusal
        and said.function_call is None
        and said.annotations is None
        and said.extra_content is None
        and said.audio is None
        and said.images is None
    )
