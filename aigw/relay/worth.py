"""Is an answer worth sending on? What its status, its type and its first bytes say for failover."""

from __future__ import annotations

import re

from aigw.errors import BadAnswer, Helps
from aigw.wire.complaint import complaint

_MOVES_KEY = frozenset({401, 402, 403, 404, 408, 409, 425, 429})
_MOVES_MODEL = frozenset({400, 413, 422})

# An error dressed as success begins so, whatever its writer puts between the marks; no answer of any API does.
# (Anthropic's names its type first.)
_ERROR_OBJECT = re.compile(rb'\s*\{\s*(?:"type"\s*:\s*"error"\s*,\s*)?"error"\s*:\s*\{')
# Of JSON this many bytes are looked at before any go on: enough for that beginning, far less than an answer has.
TELLING = 48


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


def said(what: str, error: bytes) -> str:
    """What happened, and what the upstream said about it."""
    words = complaint(error)
    return f"{what}: {words}" if words else what
