"""Which header fields pass the gateway, each way. Decided once per name and remembered.

Caller to upstream everything passes but what belongs to one hop, to the caller's own connection, or looks like a
credential. Upstream to caller only a list passes: what clients act on, never cookies, never account names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"http2-settings",
    }
)

# The upstream gets its own framing and host; it is not told who called from where; the organisation and the
# project belong to a credential that the gateway replaces.
_NOT_FORWARDED = HOP_BY_HOP | {
    b"host",
    b"content-length",
    b"expect",
    b"forwarded",
    b"via",
    b"x-real-ip",
    b"true-client-ip",
    b"cf-connecting-ip",
    b"openai-organization",
    b"openai-project",
    b"x-goog-user-project",
    b"x-request-id",
    b"request-id",
}
_NOT_FORWARDED_PREFIXES = (b"x-forwarded-", b"x-aigw-", b"x-envoy-", b"sec-websocket-", b"proxy-")
_CREDENTIAL = re.compile(rb"authorization|cookie|api-?key|secret|passw|credential|(^|-)(auth|token|key)($|-)")
_NO_CREDENTIAL = frozenset({b"idempotency-key"})

_RETURNED = frozenset(
    {
        b"content-type",
        b"content-encoding",
        b"content-language",
        b"content-disposition",
        b"cache-control",
        b"date",
        b"etag",
        b"last-modified",
        b"vary",
        b"retry-after",
        b"retry-after-ms",
        b"x-should-retry",
        b"x-generation-id",
    }
)
_RETURNED_PREFIXES = (b"x-ratelimit-", b"ratelimit-", b"anthropic-ratelimit-", b"anthropic-fast-", b"openai-")
_NOT_RETURNED = frozenset({b"openai-organization", b"openai-project"})

# What the gateway sets itself; an upstream's own field of the same name is told under another one.
_RENAMED = {
    b"x-request-id": b"x-aigw-upstream-request-id: ",
    b"request-id": b"x-aigw-upstream-request-id: ",
}

# Names are few; a peer that invents new ones for every message must not fill the memory.
MAX_REMEMBERED = 4096
MAX_NAME = 64
NO_NAMES: frozenset[bytes] = frozenset()
_USUAL_CONNECTION = frozenset({b"", b"keep-alive", b"close", b"Keep-Alive", b"Close"})

# What `label` found out before; the hot path looks here first.
labels: dict[bytes, bytes] = {}


def label(name: bytes) -> bytes:
    """How an upstream's field is told to the caller, as `name: `; nothing for one that is not."""
    known = labels.get(name)
    if known is None:
        lower = name.lower()
        known = _RENAMED.get(lower) or (name + b": " if _is_returned(lower) else b"")
        if len(labels) < MAX_REMEMBERED and len(name) <= MAX_NAME:
            labels[name] = known
    return known


def decide_forwarded(lower: bytes) -> bytes:
    """The lower-case name itself if a caller's field of that name goes on to the upstream, else nothing."""
    if lower in _NO_CREDENTIAL:
        return lower
    if lower in _NOT_FORWARDED or lower.startswith(_NOT_FORWARDED_PREFIXES) or _CREDENTIAL.search(lower):
        return b""
    return lower


def _is_returned(lower: bytes) -> bool:
    if lower in _NOT_RETURNED:
        return False
    return lower in _RETURNED or lower.startswith(_RETURNED_PREFIXES)


def named_by_connection(value: bytes) -> frozenset[bytes]:
    """The further fields that a Connection field makes hop-by-hop (RFC 9110, section 7.6.1), lower case."""
    if value in _USUAL_CONNECTION:
        return NO_NAMES
    tokens = frozenset(token.strip().lower() for token in value.split(b","))
    return tokens - {b"keep-alive", b"close"}


def request_head(
    prefix: bytes,
    forwarded: Iterable[tuple[bytes, bytes, bytes]],
    dropped: frozenset[bytes],
    length: int | None,
    extra: bytes = b"",
) -> bytes:
    """The head of an upstream request: the provider's prefix, the caller's fields that pass, `extra`, the framing.

    `forwarded` are (lower-case name, name, value). `length` None announces a chunked body, a negative one no body
    at all.
    """
    lines = [prefix, extra]
    for lower, name, value in forwarded:
        if lower not in dropped:
            lines += (name, b": ", value, b"\r\n")
    if length is None:
        lines.append(b"transfer-encoding: chunked\r\n\r\n")
    elif length >= 0:
        lines.append(b"content-length: %d\r\n\r\n" % length)
    else:
        lines.append(b"\r\n")
    return b"".join(lines)
