"""A provider's whole chat answer: the stream of one chunk that it amounts to."""

from __future__ import annotations

from aigw.wire import fold
from aigw.wire.deltas import Fail
from aigw.wire.dialect import Dialect
from aigw.wire.formats.chat.reader import Reader
from aigw.wire.neutral import Answer
from aigw.wire.sequence import Sequencer
from aigw.wire.sse import Event

_DONE = Event("event", b"[DONE]")


def read_answer(data: bytes, dialect: Dialect) -> Answer:
    """The answer. Raises ValueError for what is none."""
    reader = Reader(dialect, whole=True)
    deltas = reader.read(Event("event", data))
    if any(isinstance(delta, Fail) for delta in deltas):
        problem = next(delta.trouble.message for delta in deltas if isinstance(delta, Fail))
        raise ValueError(f"not a chat completion: {problem}")
    if not reader.begun:
        raise ValueError("not a chat completion: it has no choices")
    deltas += reader.read(_DONE)
    return fold.folded(Sequencer().put(deltas))
