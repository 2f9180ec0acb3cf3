"""Is an answer worth sending on? What its status, its type and its first bytes say for failover."""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING

import attrs

from aigw.adapter import CONVERSE, COUNT, EMBED
from aigw.errors import AttemptFailed, BadAnswer, Helps
from aigw.wire.complaint import complaint
from aigw.wire.format import Format, Trouble
from aigw.wire.inflate import InflateError, inflater

if TYPE_CHECKING:
    from aigw.relay.request import Request

_MOVES_KEY = frozenset({401, 402, 403, 404, 408, 409, 425, 429})
_MOVES_MODEL = frozenset({400, 413, 422})

# An error dressed as success begins so, whatever its writer puts between the marks; no answer of any API does.
# (Anthropic's names its type first.)
_ERROR_OBJECT = re.compile(rb'\s*\{\s*(?:"type"\s*:\s*"error"\s*,\s*)?"error"\s*:\s*\{')
# Of JSON this many bytes are looked at before any go on: enough for that beginning, far less than an answer has.
TELLING = 48

# Of a coded answer this many bytes are undone to see how it begins.
_CODED = 4096
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LINES = (b"data:", b"event:", b"id:", b"retry:", b":")

# What formats read of an error that names no status (RFC 9110, section 15.6.3: a bad gateway); and the words by which
# OpenAI's API and servers like it name kinds of errors, with the status that each comes with.
_NONE_TOLD = 502
_STATUSES = {
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
    "invalid_api_key": 401,
    "authentication_error": 401,
    "permission_error": 403,
    "permission_denied": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "insufficient_quota": 429,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "server_error": 500,
    "internal_error": 500,
    "server_overloaded": 503,
    "overloaded_error": 529,
    "timeout_error": 504,
}

# The tasks whose answers are JSON, or a stream where one was asked for.
_TASKS = frozenset({CONVERSE, COUNT, EMBED})


# Compact objects whose first member may make them errors.
_TELLING_STARTS = (b'{"error"', b'{"type"')


class Wanted(enum.Enum):
    """What a caller asked for: one JSON answer, a stream of events, or what the gateway has no opinion of."""

    ANYTHING = 0
    WHOLE = 1
    STREAM = 2


class Shape(enum.Enum):
    """What a body is by its first bytes."""

    NOTHING = 0
    JSON = 1
    EVENTS = 2
    PAGE = 3
    OTHER = 4


def wanted(request: Request) -> Wanted:
    """What kind of answer this request is to have. An open body may still say that it wants a stream."""
    if request.operation.task not in _TASKS or not request.body.complete:
        return Wanted.ANYTHING
    return Wanted.STREAM if request.stream and not request.array else Wanted.WHOLE


def shape(data: bytes) -> Shape:
    """What a body is that begins so."""
    start = data.removeprefix(BYTE_ORDER_MARK).lstrip()
    if not start:
        return Shape.NOTHING
    if start[0] in b"{[":
        return Shape.JSON
    if start.startswith(_LINES):
        return Shape.EVENTS
    return Shape.PAGE if start[0] in b"<" else Shape.OTHER


def beginning(data: bytes, coding: str | None) -> bytes | None:
    """How a body begins without its content coding; None where that is not known, or not what the bytes are."""
    if not coding or coding.lower() == "identity":
        return data
    undo = inflater(coding)
    if undo is None:
        return None
    try:
        return undo.feed(data[:_CODED])
    except InflateError:
        return None


def is_usual(kind: str, data: bytes) -> bool:
    """Whether a whole answer begins as nearly all do, so that it need not be looked at more closely."""
    return data.startswith(b'{"') and not data.startswith(_TELLING_STARTS) and "json" in kind


def mistaken(wants: Wanted, kind: str, data: bytes) -> BadAnswer | None:
    """What is wrong with an answer of a good status, by its first bytes; its content type is not relied on."""
    found = shape(data)
    if found is Shape.JSON and _ERROR_OBJECT.match(data):
        return BadAnswer("error_in_answer", said("the upstream answered with an error dressed as success", data))
    if found is Shape.NOTHING:
        return BadAnswer("empty_answer", "the upstream answered with nothing")
    if found is Shape.PAGE or (found is Shape.OTHER and "text/html" in kind):
        return BadAnswer("html", "the upstream answered with a web page")
    if wants is Wanted.STREAM:
        if found is Shape.EVENTS:
            return None
        return BadAnswer("not_a_stream", "the upstream answered with no stream, though one was asked for")
    if found is Shape.EVENTS:
        return BadAnswer("unasked_stream", "the upstream answered with a stream that nobody asked for")
    return None if found is Shape.JSON else BadAnswer("not_json", "the upstream answered with something else than JSON")


def helps(status: int) -> Helps:
    """Where to go after an upstream's status: SPEC.md, "Failover"."""
    if status in _MOVES_MODEL:
        return Helps.NEXT_MODEL
    if status in _MOVES_KEY or status >= 500 or 300 <= status < 400:
        return Helps.NEXT_KEY
    return Helps.NOTHING


def disguised(kind: str, data: bytes) -> BadAnswer | None:
    """The error that an answer with a good status is after all, by its content type and its first bytes."""
    if "text/html" in kind:
        return BadAnswer("html", "the upstream answered with a web page")
    if "json" in kind and not data:
        return BadAnswer("empty_answer", "the upstream answered with nothing")
    if "json" in kind and _ERROR_OBJECT.match(data):
        return BadAnswer("error_in_answer", said("the upstream answered with an error dressed as success", data))
    return None


def reported(error: AttemptFailed, format: Format, data: bytes) -> None:
    """Note what an upstream reported under a status of success: the caller is told that, and failover goes by it."""
    if error.trouble is None and data and error.reason in ("error_in_answer", "error_in_stream"):
        error.trouble = format.read_error(0, data)
    if isinstance(error.trouble, Trouble):
        error.trouble = attrs.evolve(error.trouble, status=status_told(error.trouble))
        error.helps = helps(error.trouble.status)


def status_told(trouble: Trouble) -> int:
    """The status that an error under a status of success would have had, by its words where it names none."""
    if 400 <= trouble.status <= 599 and trouble.status != _NONE_TOLD:
        return trouble.status
    return _STATUSES.get(trouble.code) or _STATUSES.get(trouble.type or "") or _NONE_TOLD


def said(what: str, error: bytes) -> str:
    """What happened, and what the upstream said about it."""
    words = complaint(error)
    return f"{what}: {words}" if words else what
