"""Signed thinking: what the sandbox gives out, and how it knows its own again.

A signature holds what it signs, as real ones do (encrypted there, in the clear here), so that any sandbox can check it
without having kept it: base64 of a mark, a digest, where it belongs, and the thought.
"""

import base64
import binascii
import hashlib

from attrs import frozen

_MARK = b"sandbox:"
_DIGEST_BYTES = 16
_END = b"\0"


@frozen
class Signed:
    """What a signature holds: where it belongs (a surface, and what it names there) and the thought."""

    place: str
    thought: str


def sign(place: str, thought: str) -> str:
    """The signature of a piece of thinking: opaque base64, the same for the same thought at the same place."""
    said = place.encode() + _END + thought.encode()
    return base64.b64encode(_MARK + _digest(said) + said).decode()


def opened(signature: object) -> Signed | None:
    """What a signature holds; None for one that is not the sandbox's, or not as it was given out."""
    try:
        raw = base64.b64decode(signature, validate=True) if isinstance(signature, str) else b""
    except (binascii.Error, ValueError):
        return None
    said = raw[len(_MARK) + _DIGEST_BYTES :]
    if raw[: -len(said) or None] != _MARK + _digest(said):
        return None
    place, _, thought = said.partition(_END)
    return Signed(place.decode(), thought.decode())


def _digest(said: bytes) -> bytes:
    return hashlib.blake2b(said, digest_size=_DIGEST_BYTES).digest()
