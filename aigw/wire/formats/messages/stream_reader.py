"""A provider's stream of events, read into deltas.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming. Servers differ: some repeat `message_start`,
give a call's whole input when it begins, leave out `content_block_stop`, end with OpenAI's `[DONE]` behind
`message_stop`, or name the event's kind in the `event` field alone.
"""

from __future__ import annotations

from typing import Any

import msgspec

from aigw.errors import InvalidBody
from aigw.wire import counts
from aigw.wire.deltas import Begin, Cite, Close, Delta, Fail, Finish, Grow, Open, Sign, Stopped, Tally
from aigw.wire.dialect import Dialect
from aigw.wire.format import Trouble
from aigw.wire.formats.messages.answers import STRUCTURED, own_members, unwrapped
from aigw.wire.formats.messages.blocks import NAME, BlockReader
from aigw.wire.formats.messages.citations import read_citation
from aigw.wire.formats.messages.events import BlockDelta, StreamEvent, decode_any, decode_event
from aigw.wire.formats.messages.sent_output import WRAPPED
from aigw.wire.formats.messages.tables import finer_details, read_stop
from aigw.wire.formats.messages.tally import read_counts
from aigw.wire.formats.messages.troubles import read_error
from aigw.wire.neutral import Foreign, ServerToolCall, Text, ToolCall
from aigw.wire.shapes import Counts
from aigw.wire.sse import Event

_DONE = b"[DONE]"
_KINDS = frozenset(
    {
        "message_start",
        "message_delta",
        "message_stop",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "error",
    }
)
_UNREADABLE = "The provider sent an event that cannot be read"


class MessagesStreamReader:
    """Reads one stream. Blocks keep their index as the number of their part."""

    def __init__(self, dialect: Dialect) -> None:
        self._blocks = BlockReader(dialect.maker)
        self._counts: Counts | None = None
        self._begun = False
        self._spoke = False
        self._ended = False
        self._called = False  # a tool of the caller's
        self._structured = False  # the tool that stands for structured output
        self._calls: dict[int, str] = {}  # open calls, with the input that came with their opening
        self._quiet: set[int] = set()  # open calls whose input has not begun to come
        self._wrapped: dict[int, list[str]] = {}  # inputs in which the answer's text is wrapped
        self._own: dict[str, Any] = {}  # what the message's end says that only this format has
        self._held: dict[int, dict[str, Any]] = {}  # blocks that only this format knows: told when they are whole

    def read(self, event: Event) -> list[Delta]:
        """What an event says."""
        data = event.data
        if not data or self._ended:
            return []
        try:
            said = decode_event(data)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            return [] if _says_nothing(data) else self._fail(f"{_UNREADABLE}: {error}.")
        kind = said.type or event.event
        if kind == "content_block_delta":
            delta, index = said.delta, said.index
            if delta is None or index is None:
                return []
            if delta.type == "text_delta":
                return [Grow(index, delta.text)] if delta.text else []
            return self._grown(index, delta, data)
        return self._framed(kind, said, data)

    def finish(self) -> list[Delta]:
        """Nothing: `message_stop` is the only end."""
        return []

    def _framed(self, kind: str | None, said: StreamEvent, data: bytes) -> list[Delta]:
        if kind == "content_block_start":
            self._spoke = True
            return self._started(said)
        if kind == "content_block_stop":
            return [] if said.index is None else self._stopped(said.index)
        if kind == "message_start":
            return self._message(said)
        if kind == "message_delta":
            return self._told(said)
        if kind == "message_stop":
            self._ended = True
            return [*self._all_stopped(), Finish(self._own or None)]
        if kind == "error" or said.error is not None:
            self._ended = True
            return [Fail(read_error(0, data))]
        return []

    def _fail(self, message: str) -> list[Delta]:
        self._ended = True
        return [Fail(Trouble(502, "upstream_error", message))]

    # -- the message ------------------------------------------------------------------------------------------------

    def _message(self, said: StreamEvent) -> list[Delta]:
        if self._spoke:
            return self._fail("A second message began in the provider's stream.")
        message = said.message if isinstance(said.message, dict) else {}
        deltas: list[Delta] = []
        if not self._begun:
            self._begun = True
            id, model = message.get("id"), message.get("model")
            deltas.append(
                Begin(
                    id if isinstance(id, str) else None,
                    model if isinstance(model, str) else None,
                    None,
                    own_members(message),
                    NAME,
                )
            )
        return deltas + self._tally(message.get("usage"))

    def _told(self, said: StreamEvent) -> list[Delta]:
        """Why the message stops, and what it used; both may come in several events."""
        deltas = self._tally(said.usage)
        delta = said.delta
        self._own.update(own_members({"context_management": said.context_management}) or {})
        if delta is not None and delta.container is not None:
            self._own["container"] = delta.container
        if delta is None or delta.stop_reason is None:
            return deltas
        stop = read_stop(
            delta.stop_reason,
            delta.stop_sequence,
            delta.stop_details,
            structured=self._structured and not self._called,
        )
        return [*self._all_stopped(), *deltas, Stopped(stop, 0, finer_details(delta.stop_details))]

    def _tally(self, usage: Any) -> list[Delta]:
        newer = read_counts(usage)
        if newer is None:
            return []
        if self._counts is not None:
            newer = counts.complete(newer, self._counts)
        self._counts = newer
        meant = counts.usage(newer) if counts.tells(newer) else None
        return [] if meant is None else [Tally(meant)]

    # -- blocks -----------------------------------------------------------------------------------------------------

    def _started(self, said: StreamEvent) -> list[Delta]:
        index = said.index
        if index is None:
            return []
        try:
            part = self._blocks.part(said.content_block)
        except InvalidBody as error:
            return self._fail(f"{_UNREADABLE}: {error.message}")
        if isinstance(part, Foreign):
            self._held[index] = dict(said.content_block)
            return []
        if isinstance(part, ToolCall | ServerToolCall):
            return self._call(index, part)
        return [Open(index, part)]

    def _call(self, index: int, part: ToolCall | ServerToolCall) -> list[Delta]:
        """A call begins. Its input mostly comes later; what came already waits until it is clear that it is all."""
        self._calls[index] = "" if part.arguments == "{}" else part.arguments
        self._quiet.add(index)
        part.arguments = ""
        if isinstance(part, ServerToolCall) or part.name not in STRUCTURED:
            self._called = self._called or isinstance(part, ToolCall)
            return [Open(index, part)]
        self._structured = True
        if part.name == WRAPPED:
            self._wrapped[index] = []
        return [Open(index, Text(text=""))]

    def _grown(self, index: int, delta: BlockDelta, data: bytes) -> list[Delta]:
        kind = delta.type
        if index in self._held:
            self._merge(self._held[index], data)
            return []
        if kind == "input_json_delta":
            return self._input(index, delta.partial_json or "")
        if kind == "thinking_delta":
            return [Grow(index, delta.thinking)] if delta.thinking else []
        if kind == "signature_delta":
            return [Sign(index, delta.signature)] if delta.signature else []
        if kind == "citations_delta" and isinstance(delta.citation, dict):
            return [Cite(index, read_citation(delta.citation))]
        return []

    def _input(self, index: int, text: str) -> list[Delta]:
        if not text:
            return []
        self._quiet.discard(index)
        if index in self._wrapped:
            self._wrapped[index].append(text)
            return []
        return [Grow(index, text)]

    def _stopped(self, index: int) -> list[Delta]:
        if index in self._held:
            block = self._held.pop(index)
            return [Open(index, Foreign(format=NAME, value=block)), Close(index)]
        return [*self._rest(index, nothing="{}"), Close(index)]

    def _rest(self, index: int, nothing: str) -> list[Delta]:
        """What of a call's input did not come in pieces; `nothing` is what none at all amounts to."""
        whole = self._calls.pop(index, None)
        if whole is None:
            return []
        pieces = self._wrapped.pop(index, None)
        if index in self._quiet:
            self._quiet.discard(index)
            text = whole or nothing
            text = text if pieces is None else unwrapped(WRAPPED, text)
            return [Grow(index, text)] if text else []
        return [] if pieces is None else [Grow(index, unwrapped(WRAPPED, "".join(pieces)))]

    def _all_stopped(self) -> list[Delta]:
        """The end of blocks that nobody ended: their input may have been cut."""
        deltas: list[Delta] = []
        for index in sorted({*self._calls, *self._held}):
            deltas += self._stopped(index) if index in self._held else [*self._rest(index, nothing=""), Close(index)]
        return deltas

    def _merge(self, block: dict[str, Any], data: bytes) -> None:
        """Add a delta of a kind that is not known here to its block, member by member."""
        delta = decode_any(data)["delta"]
        for name, value in delta.items():
            if name == "type":
                continue
            if name == "partial_json":
                name = "input"
                if not isinstance(block.get(name), str):
                    block[name] = ""
            before = block.get(name)
            block[name] = before + value if isinstance(before, str) and isinstance(value, str) else value


def _says_nothing(data: bytes) -> bool:
    """Whether an event that does not have the usual members is none of this format's."""
    if data.strip() == _DONE:
        return True
    try:
        said = decode_any(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    if not isinstance(said, dict) or "error" in said:
        return False
    kind = said.get("type")
    return not isinstance(kind, str) or kind not in _KINDS
