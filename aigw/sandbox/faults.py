"""What can be made to go wrong: `status=503,retry-after=1`, after `!` in the model's name or in a header.

The grammar is a comma list of names, some with `=value`. A value is a number, a text, or a *place* in the
stream: `3` is "after three events", `3c` "after three content events", `0c` "just before the first content".
The header wins: when it is there, what the model's name says is not read. An unknown name is refused, so that
a typing error cannot pass for a success.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from attrs import Attribute, evolve, field, fields, frozen

from .coding import coder
from .errors import Refused

HEADER = "x-sandbox-fault"
ENCODINGS = ("gzip", "deflate", "br", "zstd")
# Distinct fault lists kept parsed; a benchmark repeats one, a test suite some hundred.
_PARSED_LISTS = 1024
# `headers=big`: long policy and tracing headers at their worst, below the usual limit of 32 KB a head.
_BIG_HEADERS = (20, 1000)
_ALIASES = {"cut": "cut-events", "close": "nolen"}


@frozen
class Place:
    """A place in a stream: after `number` events, or after `number` content events."""

    number: int
    content: bool = False

    def reached(self, sent: int, content_sent: int, content_next: bool) -> bool:
        """Whether the stream stands at this place or past it; `0c` is where the first content comes next."""
        if not self.content:
            return sent >= self.number
        return content_sent >= self.number and (self.number > 0 or content_next)


AFTER_FIRST_CONTENT = Place(1, content=True)
BEFORE_FIRST_CONTENT = Place(0, content=True)


def _place(text: str) -> Place:
    return Place(_count(text.removesuffix("c")), content=text.endswith("c"))


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError(text)
    return number


def _status(text: str) -> int:
    number = int(text)
    if not 200 <= number <= 599:
        raise ValueError(text)
    return number


def _surplus(text: str) -> int:
    """How far a declared length is off, in bytes; a true one would be no fault."""
    number = int(text)
    if not number:
        raise ValueError(text)
    return number


def _milliseconds(text: str) -> float:
    return _count(text) / 1000


def _token(text: str) -> str:
    if not text.isprintable():
        raise ValueError(text)
    return text


def _headers(text: str) -> tuple[int, int]:
    """How many extra headers of how many bytes: `big` for many, a number for one of that length."""
    return _BIG_HEADERS if text == "big" else (1, _count(text))


def _flag() -> Any:
    return field(default=False, metadata={"read": None, "bare": True})


def _value(read: Callable[[str], object]) -> Any:
    return field(default=None, metadata={"read": read, "bare": None})


def _at(bare: Place) -> dict[str, object]:
    return {"read": _place, "bare": bare}


@frozen
class Faults:
    """One parsed list; a field's name with dashes is the fault's name, its unit is in the guide.

    Seconds are kept where milliseconds are written.
    """

    # Before the head
    status: int | None = _value(_status)
    retry_after: str | None = _value(_token)
    retry_after_ms: str | None = _value(_token)
    should_retry: str | None = _value(_token)
    first_byte_delay: float | None = _value(_milliseconds)
    stall_head: bool = _flag()
    close_before_head: bool = _flag()
    need_key: bool = _flag()
    informational: bool = _flag()
    html: bool = _flag()
    headers: tuple[int, int] | None = _value(_headers)
    type: str | None = _value(_token)
    length: int | None = _value(_surplus)
    streamed: bool = _flag()
    unstreamed: bool = _flag()
    # In the body
    first_event_delay: float | None = _value(_milliseconds)
    delay: float | None = _value(_milliseconds)
    chunk: int | None = _value(_count)
    stall: Place | None = field(default=None, metadata=_at(AFTER_FIRST_CONTENT))
    cut_events: Place | None = field(default=None, metadata=_at(AFTER_FIRST_CONTENT))
    cut_bytes: int | None = _value(_count)
    reset: Place | None = field(default=None, metadata=_at(AFTER_FIRST_CONTENT))
    malformed: Place | None = field(default=None, metadata=_at(BEFORE_FIRST_CONTENT))
    half: Place | None = field(default=None, metadata=_at(AFTER_FIRST_CONTENT))
    half_letter: bool = _flag()
    double_start: Place | None = field(default=None, metadata=_at(AFTER_FIRST_CONTENT))
    empty_data: Place | None = field(default=None, metadata=_at(AFTER_FIRST_CONTENT))
    bad_chunk: Place | None = field(default=None, metadata=_at(AFTER_FIRST_CONTENT))
    comments: bool = _flag()
    unknown_events: bool = _flag()
    crlf: bool = _flag()
    bom: bool = _flag()
    error_first: bool = _flag()
    error_mid: Place | None = field(default=None, metadata=_at(AFTER_FIRST_CONTENT))
    bare_error: Place | None = field(default=None, metadata=_at(AFTER_FIRST_CONTENT))
    error_done: bool = _flag()
    error_status: int = field(default=500, metadata={"read": _status, "bare": None})
    empty: bool = _flag()
    no_terminal: bool = _flag()
    no_finish: bool = _flag()
    no_done: bool = _flag()
    no_trailer: bool = _flag()
    coding_cut: Place | None = field(default=None, metadata=_at(AFTER_FIRST_CONTENT))
    nolen: bool = _flag()
    close_after: bool = _flag()
    encoding: str | None = field(default=None, metadata={})
    # In what is said
    size: int | None = _value(_count)
    events: int | None = _value(_count)
    words: int | None = _value(_count)
    foreign: bool = _flag()
    refusal: bool = _flag()
    thinking_back: bool = _flag()
    input_tokens: int | None = _value(_count)
    output_tokens: int | None = _value(_count)
    cached: int | None = _value(_count)
    cache_write: int | None = _value(_count)


CALM = Faults()
_FIELDS: dict[str, "Attribute[Any]"] = {
    attribute.name.replace("_", "-"): attribute for attribute in fields(Faults) if attribute.metadata
}
NAMES = tuple(sorted([*_FIELDS, *_ALIASES, *ENCODINGS]))


@lru_cache(maxsize=_PARSED_LISTS)
def parse(text: str) -> Faults:
    """Read a fault list; an empty one is CALM.

    Raises Refused: 400 on an unknown name or a value of the wrong kind, 501 on a coding without its library.
    """
    found: dict[str, Any] = {}
    for token in filter(None, (part.strip() for part in text.split(","))):
        name, value = _read(token)
        found[name] = value
    return evolve(CALM, **found) if found else CALM


def split(model: str) -> tuple[str, str]:
    """A model's name and the fault list after its `!`, which may be empty."""
    name, _, faults = model.partition("!")
    return name, faults


def _read(token: str) -> tuple[str, Any]:
    name, equals, text = token.partition("=")
    if name in ENCODINGS and not equals:
        coder(name)
        return "encoding", name
    attribute = _FIELDS.get(_ALIASES.get(name, name))
    if attribute is None:
        raise Refused(400, f"Unknown sandbox fault '{name}'. Known: {', '.join(NAMES)}.", "unknown_fault")
    if not equals and attribute.metadata["bare"] is not None:
        return attribute.name, attribute.metadata["bare"]
    try:
        return attribute.name, attribute.metadata["read"](text)
    except (TypeError, ValueError):
        raise Refused(400, f"Sandbox fault '{name}' cannot take the value '{text}'.", "unknown_fault") from None
