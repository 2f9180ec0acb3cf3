"""Who is calling? One extractor for every path of the data plane.

Bearer first; only if there is no Authorization field x-api-key, x-goog-api-key, api-key. A second credential is
never looked at and never forwarded.
"""

from __future__ import annotations

from time import time

from aigw.errors import Unauthorized
from aigw.records import AccessKey
from aigw.snapshot import Snapshot
from aigw.wire.head import API_KEY, AUTHORIZATION, X_API_KEY, X_GOOG_API_KEY, Head

# Longer than any token anybody issues; a longer one need not be hashed.
MAX_TOKEN = 512

_OTHERS = (X_API_KEY, X_GOOG_API_KEY, API_KEY)
_HOW = "Send your access key as `Authorization: Bearer <key>`, or in x-api-key, x-goog-api-key or api-key."


def identify(head: Head, snapshot: Snapshot) -> AccessKey:
    """The access key of a request. Raises Unauthorized; the message never repeats what was sent."""
    token = _token(head.noted)
    if not token:
        raise Unauthorized(f"No access key was sent. {_HOW}", code="missing_access_key")
    known = snapshot.access_key(token) if len(token) <= MAX_TOKEN else None
    if known is None:
        raise Unauthorized(f"The access key is not valid: it is mistyped, deleted or of another gateway. {_HOW}")
    if known.expires_at:
        check_expiry(known)
    return known


def check_expiry(key: AccessKey) -> None:
    """Raises Unauthorized when the key's time is over."""
    if key.expires_at and time() >= key.expires_at:
        raise Unauthorized("The access key is expired: ask the operator for another one, or to let it live longer.")


def _token(noted: dict[bytes, bytes]) -> bytes:
    sent = noted.get(AUTHORIZATION)
    if sent is not None:
        return sent[7:].strip() if sent[:7].lower() == b"bearer " else b""
    for name in _OTHERS:
        sent = noted.get(name)
        if sent is not None:
            return sent.strip()
    return b""
