"""What a surface takes and gives: one call with its faults, one reply, plain or in events."""

import hashlib
import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from typing import Any, Protocol, TypeAlias

from attrs import field, frozen

from .errors import Problem
from .faults import Faults
from .script import Script

Json: TypeAlias = dict[str, Any]

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# Stored responses kept for GET /responses/{id}; oldest go first, so that a benchmark cannot fill the memory.
_STORED_RESPONSES = 1000
# Calls remembered with the thinking they came from, for the next turn of a loop of tools.
_KEPT_CALLS = 1000


class Kind(Enum):
    """Where in a stream an event stands: faults are placed by it."""

    OPEN = "open"
    CONTENT = "content"
    END = "end"
    # Says nothing any more but that it was all.
    DONE = "done"


@frozen
class Event:
    """The bytes of one event as they stand in the body, its blank line included."""

    data: bytes
    kind: Kind = Kind.CONTENT


class Dialogue(Protocol):
    """A conversation in events, as objects: what is said first, and what is said to each text heard."""

    def greet(self) -> list[Json]:
        """What is said before anything was heard."""

    def hear(self, text: str) -> list[Json]:
        """What is said to one message."""


def _no_stream(problem: Problem, sent: int) -> bytes:
    return b""


@frozen
class Reply:
    """One answer: `events` when it is streamed, `dialogue` when it is a WebSocket, else `body`.

    `broken(problem, sent)` gives the bytes with which this stream reports a failure after `sent` events, `note` an
    event that no reader of this stream knows. `script` is what is said, where something is; `counted` whether its
    usage is said too.
    """

    body: bytes = b""
    events: Iterable[Event] | None = None
    content_type: str = "application/json"
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    broken: Callable[[Problem, int], bytes] = _no_stream
    dialogue: Dialogue | None = None
    note: bytes = b""
    script: Script | None = None
    counted: bool = True


@frozen
class Call:
    """One request as a surface sees it: the body read, the model without its faults.

    `body` is the JSON object (or the text fields of a form), `files` the uploads of a form by field name,
    `target` what the path names besides the model: an id, or a verb.
    """

    model: str
    body: Json
    faults: Faults
    house: "House"
    target: str = ""
    query: Mapping[str, str] = field(factory=dict)
    headers: Mapping[str, str] = field(factory=dict)
    files: Mapping[str, list[tuple[str, bytes]]] = field(factory=dict)

    @property
    def streamed(self) -> bool:
        """Whether a stream is given: the caller asked for one (forms carry the flag as text), or a fault wants it."""
        if self.faults.streamed or self.faults.unstreamed:
            return self.faults.streamed
        return self.body.get("stream") in (True, "true", "True", "1")


class House:
    """What one sandbox remembers between requests: a row of ids, responses it was to store, what calls came from.

    Ids follow from the seed, so two runs on the same port name things alike and two sandboxes never do.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._numbers = itertools.count()
        self.stored: OrderedDict[str, Json] = OrderedDict()
        self.inputs: dict[str, list[Json]] = {}
        self._thoughts: OrderedDict[str, str] = OrderedDict()

    def mint(self, prefix: str, length: int) -> str:
        """A new id: the prefix and `length` letters and digits (at most 42)."""
        value = int.from_bytes(self._digest(), "big")
        letters = []
        for _ in range(length):
            value, rest = divmod(value, 62)
            letters.append(_ALPHABET[rest])
        return prefix + "".join(letters)

    def mint_hex(self, prefix: str, length: int) -> str:
        """A new id: the prefix and `length` hexadecimal digits (at most 64)."""
        return prefix + self._digest().hex()[:length]

    def store(self, response: Json, items: list[Json]) -> None:
        """Keep a response and the items it answers, for the endpoints that read them back."""
        self.stored[response["id"]] = response
        self.inputs[response["id"]] = items
        while len(self.stored) > _STORED_RESPONSES:
            oldest, _ = self.stored.popitem(last=False)
            self.inputs.pop(oldest, None)

    def forget(self, ident: str) -> bool:
        """Drop a stored response; False when there was none."""
        self.inputs.pop(ident, None)
        return self.stored.pop(ident, None) is not None

    def think(self, call_id: str, thought: str) -> None:
        """Remember what a call was made after: the thought, or what names it."""
        self._thoughts[call_id] = thought
        if len(self._thoughts) > _KEPT_CALLS:
            self._thoughts.popitem(last=False)

    def thought(self, call_id: object) -> str | None:
        """What a call was made after; None for one without thinking, or not of this sandbox."""
        return self._thoughts.get(call_id) if isinstance(call_id, str) else None

    def _digest(self) -> bytes:
        row = f"{self._seed}:{next(self._numbers)}".encode()
        return hashlib.blake2b(row, digest_size=32).digest()


def sse(data: bytes, event: str | None = None) -> bytes:
    """One server-sent event: an `event:` line if named, a `data:` line, a blank line (WHATWG HTML, 9.2)."""
    head = b"" if event is None else b"event: " + event.encode() + b"\n"
    return head + b"data: " + data + b"\n\n"


EVENT_STREAM = "text/event-stream; charset=utf-8"
