"""Counting the tokens of a request: by the provider's own endpoint in its format, or by an honest estimate."""

from __future__ import annotations

from typing import Protocol, cast

from aigw.errors import LossyTranslation
from aigw.wire import estimate
from aigw.wire.dialect import Dialect
from aigw.wire.format import Format, Trouble
from aigw.wire.lane import Asking
from aigw.wire.losses import Ledger, Loss
from aigw.wire.neutral import Conversation

ESTIMATED = Loss("", "approximated", "the provider cannot count tokens: the gateway estimated them from the text")


class CountingFormat(Format, Protocol):
    """A format that has an endpoint for counting."""

    def count_request(self, conversation: Conversation, dialect: Dialect, ledger: Ledger) -> bytes:
        """The body that asks how many tokens a conversation has."""

    def read_count(self, data: bytes) -> int:
        """The number in an answer. Raises ValueError if there is none."""

    def write_count(self, tokens: int) -> bytes:
        """An answer with that number."""


class CountAsking(Asking):
    """A caller's request to count."""

    __slots__ = ()

    def written(self, target: Format, dialect: Dialect, ledger: Ledger) -> bytes:
        """The same question in the provider's format. Raises InvalidBody."""
        conversation = self.arranged(target, dialect, ledger)
        return cast("CountingFormat", target).count_request(conversation, dialect, ledger)

    def back(self, target: Format, dialect: Dialect, ledger: Ledger) -> CountLane:
        """The way back of the number."""
        return CountLane(self.format, target, ledger)


class CountLane:
    """The way back of a number; it is never streamed."""

    __slots__ = ("array", "caller", "failed", "finished", "ledger", "streams", "target")

    def __init__(self, caller: Format, target: Format, ledger: Ledger) -> None:
        self.caller = caller
        self.target = target
        self.ledger = ledger
        self.array = self.streams = self.finished = False
        self.failed: Trouble | None = None

    def whole(self, data: bytes) -> bytes:
        """The provider's answer in the caller's format. Raises ValueError if it is none."""
        return cast("CountingFormat", self.caller).write_count(cast("CountingFormat", self.target).read_count(data))

    def streamed(self, data: bytes) -> bytes:
        """As `whole`."""
        return self.whole(data)

    def collected(self, data: bytes) -> bytes:
        """Raises ValueError: a number is no stream."""
        raise ValueError("a stream of events where a number was asked for")

    def feed(self, data: bytes) -> bytes:
        """Raises ValueError: a number is no stream."""
        return self.collected(data)

    def finish(self) -> bytes:
        """Nothing."""
        return b""


def estimated(format: Format, body: bytes, model: str, *, strict: bool) -> tuple[bytes, list[Loss]]:
    """The gateway's own answer to a caller's request to count. Raises InvalidBody, and LossyTranslation if strict."""
    if strict:
        raise LossyTranslation(f"{ESTIMATED.reason[0].upper()}{ESTIMATED.reason[1:]}.", param=ESTIMATED.pointer)
    asking = Asking(format, body, model, stream=False)
    return cast("CountingFormat", format).write_count(estimate.tokens(asking.conversation)), [ESTIMATED]
