"""A stream of events for a caller.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming. The stop and the usage stand in one event at
the end, so both wait for the upstream's `Finish`. A block opens when its first content comes: an empty text is none,
and thinking without a text is one block with its seal.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from aigw.wire.deltas import Begin, Cite, Close, Delta, Finish, Grow, Odds, Open, Sign, Stopped, Tally
from aigw.wire.format import Trouble
from aigw.wire.formats.messages.answers import new_id, note_candidate, note_own
from aigw.wire.formats.messages.blocks import NAME
from aigw.wire.formats.messages.tables import write_stop
from aigw.wire.formats.messages.tally import write_usage
from aigw.wire.formats.messages.told import BlockTeller, thought
from aigw.wire.formats.messages.words import Words
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Conversation, Part, Refusal, ServerToolCall, Stop, Text, Thinking, ToolCall
from aigw.wire.shapes import Usage
from aigw.wire.signatures import seal

_encode = msgspec.json.Encoder().encode
_replace = msgspec.structs.replace
_STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'
_END = b"}}\n\n"
# What a delta says, and in which member.
_TEXT = b'"text_delta","text":'
_THINKING = b'"thinking_delta","thinking":'
_INPUT = b'"input_json_delta","partial_json":'


def _event(name: bytes, members: dict[str, Any]) -> bytes:
    return b"event: " + name + b"\ndata: " + _encode(members) + b"\n\n"


class MessagesStreamWriter:
    """Writes one stream."""

    def __init__(self, asked: Conversation, ledger: Ledger) -> None:
        self._asked = asked
        self._ledger = ledger
        self._teller = BlockTeller(ledger)
        self._begin: Begin | None = None  # until it is told
        self._own_format = ""
        self._usage: Usage | None = None
        self._stop: Stop | None = None
        self._details: dict[str, Any] = {}  # what only this format has to say of the stop
        self._ended = False
        self._index = -1  # of the block that is open or was last
        self._prefix: bytes | None = None  # of a growing block's deltas; None while no such block is open
        self._head: Part | None = None  # of a part that has not said anything yet
        self._thinking: Thinking | None = None
        self._signature = ""
        self._custom = False  # the open block is a call of a tool that takes free text

    def write(self, deltas: Sequence[Delta]) -> bytes:
        """The events that say it."""
        out: list[bytes] = []
        for delta in deltas:
            if type(delta) is Grow and delta.candidate == 0 and self._prefix is not None and not self._custom:
                out.append(self._prefix + _encode(delta.text) + _END)
            else:
                self._step(delta, out)
        if self._begin is not None:
            self._start(out)
        return out[0] if len(out) == 1 else b"".join(out)

    def _step(self, delta: Delta, out: list[bytes]) -> None:
        if self._ended:
            return
        if isinstance(delta, Begin):
            self._begin = delta
            self._own_format = delta.own_format
            self._teller.home = delta.own_format == NAME
            note_own(delta.own, delta.own_format, "", self._ledger)
        elif isinstance(delta, Tally):
            self._usage = delta.usage
        else:
            if self._begin is not None:
                self._start(out)
            if isinstance(delta, Finish):
                note_own(delta.own, self._own_format, "", self._ledger)
                self._finish(delta.own, out)
            elif isinstance(delta, Stopped):
                self._stopped(delta)
            elif isinstance(delta, Open | Grow | Sign | Cite | Odds | Close):
                self._part(delta, out)

    # -- the message ------------------------------------------------------------------------------------------------

    def _start(self, out: list[bytes]) -> None:
        begin, self._begin = self._begin, None
        assert begin is not None
        message: dict[str, Any] = {
            "id": begin.id or new_id(),
            "type": "message",
            "role": "assistant",
            "model": begin.model or self._asked.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": write_usage(self._usage, self._ledger),
        }
        if self._teller.home:
            message.update(begin.own or {})
        out.append(_event(b"message_start", {"type": "message_start", "message": message}))

    def _stopped(self, delta: Stopped) -> None:
        if delta.candidate != 0:
            return
        self._stop = delta.stop
        if self._teller.home:
            self._details = delta.own or {}
        note_own(delta.own, self._own_format, "/candidates/0", self._ledger)

    def _finish(self, own: dict[str, Any] | None, out: list[bytes]) -> None:
        """The end, or an error where the provider stopped by one: a clean end would not be true."""
        self._ended = True
        stop = self._stop
        if stop is not None and stop.reason == "error":
            said = f"The provider stopped with an error ({stop.detail or stop.word or 'it does not say which'})."
            out.append(Words().stream_error(Trouble(502, "upstream_error", said)))
            return
        members = {**write_stop(stop, self._ledger, refused=self._teller.refused), **self._details}
        event = {
            "type": "message_delta",
            "delta": members,
            "usage": write_usage(self._usage, self._ledger),
        }
        for name, value in (own or {}).items() if self._teller.home else ():
            (members if name == "container" else event)[name] = value
        out.append(_event(b"message_delta", event))
        out.append(_STOP)

    # -- blocks -----------------------------------------------------------------------------------------------------

    def _part(self, delta: Open | Grow | Sign | Cite | Odds | Close, out: list[bytes]) -> None:
        if delta.candidate != 0:
            note_candidate(delta.candidate, self._ledger)
        elif isinstance(delta, Open):
            self._open(delta.head, out)
        elif isinstance(delta, Grow):
            self._grow(delta.text, out)
        elif isinstance(delta, Sign):
            self._signature += delta.signature
        elif isinstance(delta, Cite):
            self._cite(delta, out)
        elif isinstance(delta, Odds):
            self._teller.odds()
        else:
            self._close(out)

    def _open(self, head: Part, out: list[bytes]) -> None:
        self._head = None
        if isinstance(head, Text | Refusal):
            self._open_text(head, out)
        elif isinstance(head, Thinking):
            self._thinking, self._signature = head, head.signature or ""
            if head.text:
                self._grow(head.text, out)
        elif isinstance(head, ToolCall):
            self._custom = head.custom
            self._begin_call("tool_use", head, out)
            if head.custom:
                self._say('{"input":"', out)
            self._grow(head.arguments, out)
        elif isinstance(head, ServerToolCall) and self._teller.calls(head):
            self._begin_call("server_tool_use", head, out)
            self._grow(head.arguments, out)
        else:
            block_or_none = self._teller.rarer(head)
            if block_or_none is not None:
                self._whole(block_or_none, out)

    def _open_text(self, head: Text | Refusal, out: list[bytes]) -> None:
        self._head = head
        if isinstance(head, Refusal):
            self._teller.refused = True
        elif head.logprobs:
            self._teller.odds()
        self._grow(head.text, out)
        for citation in (head.citations or ()) if isinstance(head, Text) else ():
            self._cite(Cite(0, citation), out)

    def _whole(self, block: dict[str, Any], out: list[bytes]) -> None:
        """A block that comes at once. A text among them is told as every text."""
        if block["type"] == "text":
            self._head = Text(text="")
            self._grow(block["text"], out)
        else:
            self._begin_block(block, None, out)
        self._close(out)

    def _begin_call(self, kind: str, call: ToolCall | ServerToolCall, out: list[bytes]) -> None:
        block = {"type": kind, "id": call.id, "name": call.name, "input": {}}
        self._begin_block(self._teller.dressed(block, call), _INPUT, out)

    def _begin_text(self, head: Part, out: list[bytes]) -> None:
        self._begin_block(self._teller.dressed({"type": "text", "text": ""}, head), _TEXT, out)

    def _begin_block(self, block: dict[str, Any], says: bytes | None, out: list[bytes]) -> None:
        self._index += 1
        out.append(
            _event(
                b"content_block_start",
                {"type": "content_block_start", "index": self._index, "content_block": block},
            )
        )
        self._head = None
        self._prefix = self._delta(says) if says is not None else b""

    def _delta(self, says: bytes) -> bytes:
        """All of a delta's event before what it says."""
        return (
            b'event: content_block_delta\ndata: {"type":"content_block_delta","index":%d,"delta":{"type":' % self._index
        ) + says

    def _grow(self, text: str, out: list[bytes]) -> None:
        if not text:
            return
        if self._prefix is None:
            if self._thinking is not None:
                block = {"type": "thinking", "thinking": "", "signature": ""}
                self._begin_block(self._teller.dressed(block, self._thinking), _THINKING, out)
            elif self._head is not None:
                self._begin_text(self._head, out)
            else:
                return  # more of a part that cannot be told
        self._say(_escaped(text) if self._custom else text, out)

    def _say(self, text: str, out: list[bytes]) -> None:
        assert self._prefix is not None
        out.append(self._prefix + _encode(text) + _END)

    def _cite(self, delta: Cite, out: list[bytes]) -> None:
        told = self._teller.citation(delta.citation)
        if told is None:
            return
        if self._prefix is None:
            if self._head is None:
                return
            self._begin_text(self._head, out)
        out.append(self._delta(b'"citations_delta","citation":') + _encode(told) + _END)

    def _close(self, out: list[bytes]) -> None:
        if self._custom:
            self._say('"}', out)
            self._custom = False
        thinking, self._thinking = self._thinking, None
        if thinking is not None:
            self._seal(thinking, out)
        if self._prefix is not None:
            out.append(b'event: content_block_stop\ndata: {"type":"content_block_stop","index":%d}\n\n' % self._index)
        self._prefix = self._head = None

    def _seal(self, thinking: Thinking, out: list[bytes]) -> None:
        """The seal: as a signature behind the text, or, where there was none, as a block of its own."""
        signed = _replace(thinking, signature=self._signature or None, text="")
        if self._prefix is not None:
            out.append(self._delta(b'"signature_delta","signature":') + _encode(seal(signed)) + _END)
            return
        block = thought(signed)
        if block is not None:
            self._begin_block(self._teller.dressed(block, thinking), None, out)


def _escaped(text: str) -> str:
    """Text as it stands within a JSON string."""
    return _encode(text)[1:-1].decode("utf-8")
