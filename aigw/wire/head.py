"""Reads the fields of a request's head in one pass: what the gateway acts on, and what goes on to the upstream.

Asking a case-insensitive mapping for a dozen names costs more than looking at every field once, so names are
classified once and remembered.
"""

from __future__ import annotations

from collections.abc import Iterable

from aigw.wire.headers import MAX_NAME, MAX_REMEMBERED, decide_forwarded

AUTHORIZATION = b"authorization"
X_API_KEY = b"x-api-key"
X_GOOG_API_KEY = b"x-goog-api-key"
API_KEY = b"api-key"
CONNECTION = b"connection"
CONTENT_ENCODING = b"content-encoding"
CONTENT_LENGTH = b"content-length"
CONTENT_TYPE = b"content-type"
EXPECT = b"expect"
X_REQUEST_ID = b"x-request-id"
X_AIGW_STRICT = b"x-aigw-strict"
X_AIGW_TIMEOUT = b"x-aigw-timeout"
X_AIGW_HEDGE = b"x-aigw-hedge"
X_AIGW_STRATEGY = b"x-aigw-strategy"
X_STAINLESS_RETRY_COUNT = b"x-stainless-retry-count"
TRANSFER_ENCODING = b"transfer-encoding"
UPGRADE = b"upgrade"

_NOTED = frozenset(
    {
        AUTHORIZATION,
        X_API_KEY,
        X_GOOG_API_KEY,
        API_KEY,
        CONNECTION,
        CONTENT_ENCODING,
        CONTENT_LENGTH,
        CONTENT_TYPE,
        EXPECT,
        X_REQUEST_ID,
        X_AIGW_STRICT,
        X_AIGW_TIMEOUT,
        X_AIGW_HEDGE,
        X_AIGW_STRATEGY,
        X_STAINLESS_RETRY_COUNT,
        TRANSFER_ENCODING,
        UPGRADE,
    }
)
# Of these a second field goes on with the first one's list (RFC 9110, section 5.3).
_LISTS = frozenset({CONNECTION, TRANSFER_ENCODING})

Field = tuple[bytes, bytes]

# By name as it was sent: (the lower-case name if the field goes on to the upstream, else nothing; the
# lower-case name if the gateway itself acts on it, else nothing).
_known: dict[bytes, tuple[bytes, bytes]] = {}


class Head:
    """The fields of one request: `noted` has the first value of each name the gateway acts on, `forwarded` what
    the upstream gets as (lower-case name, name as sent, value)."""

    __slots__ = ("forwarded", "noted")

    def __init__(self, fields: Iterable[Field]) -> None:
        noted: dict[bytes, bytes] = {}
        forwarded: list[tuple[bytes, bytes, bytes]] = []
        for name, value in fields:
            known = _known.get(name)
            if known is None:
                known = _classify(name)
            lower, own = known
            if lower:
                forwarded.append((lower, name, value))
            if own:
                if own not in noted:
                    noted[own] = value
                elif own in _LISTS:
                    noted[own] += b", " + value
        self.noted = noted
        self.forwarded = forwarded

    def text(self, name: bytes) -> str:
        """The value of a noted field, empty when it was not sent."""
        return self.noted.get(name, b"").decode("latin-1")


def _classify(name: bytes) -> tuple[bytes, bytes]:
    lower = name.lower()
    known = decide_forwarded(lower), lower if lower in _NOTED else b""
    if len(_known) < MAX_REMEMBERED and len(name) <= MAX_NAME:
        _known[name] = known
    return known
