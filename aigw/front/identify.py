"""Who is calling? One extractor for every path of the data plane.

Bearer first; only if there is no Authorization field x-api-key, x-goog-api-key, api-key. A second credential is
never looked at and never forwarded.
"""

from __future__ import annotations

from collections.abc import Mapping

from aigw.errors import Unauthorized
from aigw.records import AccessKey
from aigw.snapshot import Snapshot

# Longer than any token anybody issues; the rest of a longer one need not be hashed.
MAX_TOKEN = 512

_OTHERS = ("x-api-key", "x-goog-api-key", "api-key")
_HOW = "Send your access key as `Authorization: Bearer <key>`, or in x-api-key, x-goog-api-key or api-key."


def identify(headers: Mapping[str, str], snapshot: Snapshot) -> AccessKey:
    """The access key of a request. Raises Unauthorized; the message never repeats what was sent."""
    token = _token(headers)
    if not token:
        raise Unauthorized(f"No access key was sent. {_HOW}", code="missing_access_key")
    known = None
    if len(token) <= MAX_TOKEN and token.isascii():
        known = snapshot.access_key(token.encode("ascii"))
    if known is None:
        raise Unauthorized(f"The access key is not valid: it is mistyped, deleted or of another gateway. {_HOW}")
    return known


def _token(headers: Mapping[str, str]) -> str:
    sent = headers.get("Authorization")
    if sent is not None:
        scheme, _, token = sent.partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""
    for name in _OTHERS:
        sent = headers.get(name)
        if sent is not None:
            return sent.strip()
    return ""
