"""Anthropic Messages: one wire format; its errors and events (`words`), its translation to and from the neutral form.

A caller's request is read by `asked*` and `blocks`, a request to a provider written by `sent*`; whole answers are
`answers`, streams `stream_reader` and `stream_writer`; `told` writes an answer's parts for both.

Beside what every format does, this one counts the tokens of a request: `count_request` writes the body for
`/v1/messages/count_tokens`, `read_count` reads the number in its answer, `write_count` writes that answer.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from aigw.wire.dialect import Dialect
from aigw.wire.format import StreamReader, StreamWriter, Trouble
from aigw.wire.formats.messages import answers, asked, sent, troubles
from aigw.wire.formats.messages.stream_reader import MessagesStreamReader
from aigw.wire.formats.messages.stream_writer import MessagesStreamWriter
from aigw.wire.formats.messages.words import Words
from aigw.wire.losses import Ledger
from aigw.wire.neutral import Answer, Conversation

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Messages(Words):
    """Anthropic Messages."""

    tool_ids: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
    objects_only = True
    system_in_place = False
    ids_once = True

    def read_request(self, body: dict[str, Any], model: str, ledger: Ledger, *, stream: bool) -> Conversation:
        """A caller's request. Raises InvalidBody."""
        return asked.read_request(body, model, ledger, stream=stream)

    def write_request(self, conversation: Conversation, dialect: Dialect, ledger: Ledger) -> bytes:
        """The body for a provider. Raises InvalidBody."""
        return sent.write_request(conversation, dialect, ledger)

    def read_answer(self, data: bytes, dialect: Dialect) -> Answer:
        """A provider's message. Raises ValueError."""
        return answers.read_answer(data, dialect)

    def write_answer(self, answer: Answer, asked: Conversation, ledger: Ledger) -> bytes:
        """A message for a caller."""
        return answers.write_answer(answer, asked, ledger)

    def read_error(self, status: int, data: bytes) -> Trouble:
        """A provider's error."""
        return troubles.read_error(status, data)

    def stream_reader(self, dialect: Dialect) -> StreamReader:
        """A reader for one stream."""
        return MessagesStreamReader(dialect)

    def stream_writer(self, asked: Conversation, ledger: Ledger, *, array: bool = False) -> StreamWriter:
        """A writer for one stream."""
        return MessagesStreamWriter(asked, ledger)

    def count_request(self, conversation: Conversation, dialect: Dialect, ledger: Ledger) -> bytes:
        """The body that asks a provider how many tokens a conversation has. Raises InvalidBody."""
        return sent.count_request(conversation, dialect, ledger)

    def read_count(self, data: bytes) -> int:
        """The number of tokens in a provider's answer. Raises ValueError if there is none."""
        try:
            tokens = _decode(data)["input_tokens"]
        except (msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, RecursionError) as error:
            raise ValueError(f"the answer has no count of tokens: {error}") from None
        if not isinstance(tokens, int) or isinstance(tokens, bool) or tokens < 0:
            raise ValueError("the count of tokens is no number")
        return tokens

    def write_count(self, tokens: int) -> bytes:
        """The answer to a caller who asked for the number of tokens."""
        return _encode({"input_tokens": tokens})


FORMAT = Messages()
