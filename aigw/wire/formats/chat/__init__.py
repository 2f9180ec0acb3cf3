"""OpenAI Chat Completions: its errors and events (`words`), and its translation to and from the neutral form."""

from __future__ import annotations

import re
from typing import Any, Final

from aigw.wire.dialect import Dialect
from aigw.wire.format import Trouble
from aigw.wire.formats.chat.errors import read_error
from aigw.wire.formats.chat.read_answer import read_answer
from aigw.wire.formats.chat.read_request import read_request
from aigw.wire.formats.chat.reader import Reader
from aigw.wire.formats.chat.words import Words
from aigw.wire.formats.chat.write_answer import write_answer
from aigw.wire.formats.chat.write_request import write_request
from aigw.wire.formats.chat.writer import Writer
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Answer, Conversation

_TOOL_IDS: Final = re.compile(r"[!-~]{1,40}")
"""OpenAI takes at most 40 characters ("maximum length 40"); servers agree on printable ASCII."""


class Chat(Words):
    """OpenAI Chat Completions."""

    tool_ids = _TOOL_IDS
    objects_only = False
    system_in_place = True
    ids_once = False

    def read_request(self, body: dict[str, Any], model: str, ledger: Ledger, *, stream: bool) -> Conversation:
        """A caller's request."""
        return read_request(body, model, ledger, stream=stream)

    def write_request(self, conversation: Conversation, dialect: Dialect, ledger: Ledger) -> bytes:
        """The body for a provider."""
        return write_request(conversation, dialect, ledger)

    def read_answer(self, data: bytes, dialect: Dialect) -> Answer:
        """A provider's whole answer."""
        return read_answer(data, dialect)

    def write_answer(self, answer: Answer, asked: Conversation, ledger: Ledger) -> bytes:
        """The whole answer for a caller."""
        return write_answer(answer, asked, ledger)

    def read_error(self, status: int, data: bytes) -> Trouble:
        """A provider's error."""
        return read_error(status, data)

    def stream_reader(self, dialect: Dialect) -> Reader:
        """A reader for one stream."""
        return Reader(dialect)

    def stream_writer(self, asked: Conversation, ledger: Ledger, *, array: bool = False) -> Writer:
        """A writer for one stream; chat knows no other than events."""
        return Writer(asked, ledger)


FORMAT = Chat()
