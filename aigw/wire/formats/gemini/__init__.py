"""Google Gemini generateContent: errors and events (`words`), and the translation to and from the neutral form."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from aigw.wire.dialect import Dialect
from aigw.wire.format import Trouble
from aigw.wire.formats.gemini import answer_reader, answer_writer, request_reader, request_writer, troubles
from aigw.wire.formats.gemini.stream_reader import StreamReader
from aigw.wire.formats.gemini.stream_writer import StreamWriter
from aigw.wire.formats.gemini.words import Words
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Answer, Conversation


class _Count(msgspec.Struct):
    total: int = msgspec.field(name="totalTokens")


_count_of = msgspec.json.Decoder(_Count).decode


class Gemini(Words):
    """Google Gemini generateContent."""

    tool_ids = re.compile(r"[!-~][ -~]{0,126}[!-~]|[!-~]")
    objects_only = True
    system_in_place = False
    ids_once = False

    def read_request(self, body: dict[str, Any], model: str, ledger: Ledger, *, stream: bool) -> Conversation:
        """A caller's request, of generateContent or countTokens."""
        return request_reader.read_request(body, model, ledger, stream=stream)

    def write_request(self, conversation: Conversation, dialect: Dialect, ledger: Ledger) -> bytes:
        """The body for a provider."""
        return request_writer.write_request(conversation, dialect, ledger)

    def read_answer(self, data: bytes, dialect: Dialect) -> Answer:
        """A provider's whole answer."""
        return answer_reader.read_answer(data, dialect)

    def write_answer(self, answer: Answer, asked: Conversation, ledger: Ledger) -> bytes:
        """The whole answer for a caller."""
        return answer_writer.write_answer(answer, asked, ledger)

    def read_error(self, status: int, data: bytes) -> Trouble:
        """A provider's error."""
        return troubles.read_error(status, data)

    def stream_reader(self, dialect: Dialect) -> StreamReader:
        """A reader for one stream."""
        return StreamReader(dialect)

    def stream_writer(self, asked: Conversation, ledger: Ledger, *, array: bool = False) -> StreamWriter:
        """A writer for one stream; with `array` the events are elements of one JSON array."""
        return StreamWriter(asked, ledger, array)

    # -- counting tokens -----------------------------------------------------------------------------------------

    def count_request(self, conversation: Conversation, dialect: Dialect, ledger: Ledger) -> bytes:
        """The body of countTokens."""
        return request_writer.count_request(conversation, dialect, ledger)

    def read_count(self, data: bytes) -> int:
        """The tokens of a prompt that a provider counted. Raises ValueError for what is no such answer."""
        return _count_of(data).total

    def write_count(self, tokens: int) -> bytes:
        """The answer to a caller's countTokens."""
        return b'{"totalTokens":%d}' % tokens


FORMAT = Gemini()
