"""The contract of a wire format: what the gateway must be able to say in it, recognise in a stream, and translate.

A format is one module or folder in `formats/` that contributes one constant `FORMAT`. Translation always goes through
the neutral form (`neutral.py`, `deltas.py`); no format knows another.
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING, Any, Protocol

import attrs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aigw.wire.deltas import Delta
    from aigw.wire.dialect import Dialect
    from aigw.wire.ending import Ending, Last, Start
    from aigw.wire.losses import Ledger
    from aigw.wire.neutral import Answer, Conversation
    from aigw.wire.sse import Event


class Verdict(enum.Enum):
    """What an event of a stream means for failover: only content (or a proper end) makes a stream worth sending."""

    PREAMBLE = "preamble"
    CONTENT = "content"
    ERROR = "error"


@attrs.frozen
class Trouble:
    """An error to tell a caller: HTTP status, a code, a sentence, the field at fault, the request's id.

    `type` is the word of an upstream's error object for its kind (`insufficient_quota`, `overloaded_error`), None for
    errors of the gateway's own and where there is none; formats keep it where it is a word of theirs.
    """

    status: int
    code: str
    message: str
    param: str | None = None
    request_id: str = ""
    type: str | None = None


class StreamReader(Protocol):
    """Reads one provider's stream. Never raises for what a provider may send: what it cannot read is a `Fail`."""

    def read(self, event: Event) -> list[Delta]:
        """What an event says; comments and empty events say nothing."""

    def finish(self) -> list[Delta]:
        """At the end of the bytes: `Finish`, where this format has no event for it and the answer is complete.

        Nothing where the stream ended without its end: the caller must not be told of one.
        """


class StreamWriter(Protocol):
    """Writes one caller's stream; takes deltas as `sequence.py` gives them: one open part at a time per candidate."""

    def write(self, deltas: Sequence[Delta]) -> bytes:
        """The events that say it, whole ones only; may be empty while something is held back."""


class Format(Protocol):
    """What every format module's constant offers."""

    @property
    def name(self) -> str:
        """The module's name: `chat`, `responses`, `messages`, `gemini`."""

    @property
    def cuts_after_error(self) -> bool:
        """Whether the caller's SDK notices an error within a stream only if the connection is then cut.

        See the measurements of official SDKs in docs/architecture.md, "Streams tell the truth".
        """

    @property
    def begins_with(self) -> Start | None:
        """The event that a stream begins with and that must not come again, where there is one."""

    @property
    def reads_loosely(self) -> bool:
        """Whether the caller's SDK reads bytes that are no UTF-8 as if nothing were wrong."""

    @property
    def keep_alive(self) -> bytes:
        """What may stand between two events and says nothing: to SDKs it is as if it were not there."""

    @property
    def tool_ids(self) -> re.Pattern[str]:
        """What ids of tool calls look like that this format takes."""

    @property
    def objects_only(self) -> bool:
        """Whether arguments of tool calls have to be JSON objects; else any text passes."""

    @property
    def system_in_place(self) -> bool:
        """Whether system messages are turns among the others, so that a conversation may consist of them alone."""

    @property
    def ids_once(self) -> bool:
        """Whether the id of a tool call may stand only once in a conversation."""

    def error(self, trouble: Trouble) -> bytes:
        """The JSON body of an error answer."""

    def stream_error(self, trouble: Trouble, after: bytes = b"") -> bytes:
        """The event that tells of an error after a stream has begun; `after` is what went out last."""

    def judge(self, event: str | None, data: bytes) -> Verdict:
        """What an event is, by its name, if it has one, and its data. Never raises."""

    def ending(self, last: Sequence[Last]) -> Ending:
        """How a stream ended, by its last events with data, the newest first."""

    def is_error(self, last: Last) -> bool:
        """Whether this event reports an error."""

    # -- translation ---------------------------------------------------------------------------------------------

    def read_request(self, body: dict[str, Any], model: str, ledger: Ledger, *, stream: bool) -> Conversation:
        """A caller's request. `model` and `stream` are what the gateway has read of body or path already.

        Raises InvalidBody, with the JSON pointer of the place, for what no provider could take. Members that nobody
        knows stand in `own`; the ledger gets what even the same format could not get back.
        """

    def write_request(self, conversation: Conversation, dialect: Dialect, ledger: Ledger) -> bytes:
        """The body for a provider; always the same bytes for the same conversation. Must not change it.

        What cannot be said goes into the ledger. Raises InvalidBody where nothing valid could be written.
        """

    def read_answer(self, data: bytes, dialect: Dialect) -> Answer:
        """A provider's whole answer. Raises ValueError for what is none."""

    def write_answer(self, answer: Answer, asked: Conversation, ledger: Ledger) -> bytes:
        """The whole answer for the caller who asked that; losses have `answer:` before their pointer."""

    def read_error(self, status: int, data: bytes) -> Trouble:
        """A provider's error answer, or the data of its error event; never raises.

        `code` is the provider's own code or type where it tells one, else `upstream_error`.
        """

    def stream_reader(self, dialect: Dialect) -> StreamReader:
        """A reader for one stream."""

    def stream_writer(self, asked: Conversation, ledger: Ledger, *, array: bool = False) -> StreamWriter:
        """A writer for one stream to the caller who asked that; `array` asks for Gemini's stream without events."""
