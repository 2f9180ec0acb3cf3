"""OpenAI Responses: one wire format.

Its errors and events (`words`), and its translation to and from the neutral form: requests (`request_reading`,
`request_writing`), whole answers (`answer_reading`, `answer_writing`), streams (`stream_reading`, `stream_writing`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from aigw.wire.formats.responses.answer_reading import read_answer
from aigw.wire.formats.responses.answer_writing import write_answer
from aigw.wire.formats.responses.request_reading import read_request
from aigw.wire.formats.responses.request_writing import write_request
from aigw.wire.formats.responses.stream_reading import ResponsesReader
from aigw.wire.formats.responses.stream_writing import ResponsesWriter
from aigw.wire.formats.responses.troubles import read_error
from aigw.wire.formats.responses.words import Words

if TYPE_CHECKING:
    from aigw.wire.dialect import Dialect
    from aigw.wire.format import StreamReader, StreamWriter, Trouble
    from aigw.wire.losses import Ledger
    from aigw.wire.neutral import Answer, Conversation

# `call_id` has 64 characters at most; the alphabet is the one that the API asks of ids of items.
_TOOL_IDS: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Responses(Words):
    """OpenAI Responses."""

    tool_ids = _TOOL_IDS
    objects_only = False
    system_in_place = True
    ids_once = False

    def read_request(self, body: dict[str, Any], model: str, ledger: Ledger, *, stream: bool) -> Conversation:
        """A caller's request."""
        return read_request(body, model, stream=stream)

    def write_request(self, conversation: Conversation, dialect: Dialect, ledger: Ledger) -> bytes:
        """The body for a provider."""
        return write_request(conversation, dialect, ledger)

    def read_answer(self, data: bytes, dialect: Dialect) -> Answer:
        """A provider's whole answer. Raises ValueError for what is none."""
        return read_answer(data, dialect)

    def write_answer(self, answer: Answer, asked: Conversation, ledger: Ledger) -> bytes:
        """The whole answer for the caller who asked that."""
        return write_answer(answer, asked, ledger)

    def read_error(self, status: int, data: bytes) -> Trouble:
        """A provider's error answer, or the data of its error event."""
        return read_error(status, data)

    def stream_reader(self, dialect: Dialect) -> StreamReader:
        """A reader for one stream."""
        return ResponsesReader(dialect)

    def stream_writer(self, asked: Conversation, ledger: Ledger, *, array: bool = False) -> StreamWriter:
        """A writer for one stream to the caller who asked that."""
        return ResponsesWriter(asked, ledger)


FORMAT = Responses()
