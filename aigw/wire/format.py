"""The contract of a wire format: what the gateway itself must be able to say in it, and recognise in a stream.

A format is one module in `formats/` that contributes one constant `FORMAT`.
"""

from __future__ import annotations

import enum
from typing import Protocol

import attrs


class Verdict(enum.Enum):
    """What an event of a stream means for failover: only content (or a proper end) makes a stream worth sending."""

    PREAMBLE = "preamble"
    CONTENT = "content"
    ERROR = "error"


@attrs.frozen
class Trouble:
    """An error to tell a caller: HTTP status, our own code, a sentence, the field at fault, the request's id."""

    status: int
    code: str
    message: str
    param: str | None = None
    request_id: str = ""


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

    def error(self, trouble: Trouble) -> bytes:
        """The JSON body of an error answer."""

    def stream_error(self, trouble: Trouble) -> bytes:
        """The event that tells of an error after a stream has begun."""

    def judge(self, event: str | None, data: bytes) -> Verdict:
        """What an event is, by its name, if it has one, and its data. Never raises."""
