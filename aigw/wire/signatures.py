"""Seals: a maker's reasoning, wrapped so that it survives a trip through a caller that speaks another format.

A signature means something only to the provider that issued it. On its way to a caller of another format it is
wrapped together with the provider's id; when the caller sends the conversation back, the seal tells whose it is, and
the maker gets its own bytes. To callers it is one opaque base64 text, which every format has a place for, and which
SDKs that decode and re-encode base64 (google-genai) leave the same.
"""

from __future__ import annotations

import base64
import binascii

import msgspec

from aigw.wire.neutral import Thinking

# Six bytes, so that every seal begins with the same eight characters of base64.
_PREFIX = b"aigw/1"
MARK = base64.b64encode(_PREFIX)
"""What every seal begins with. A request body without these bytes holds no seal."""

CHAT_MEMBER = "google"
"""Chat Completions has no place of its own for the signature of a tool's call: it stands in `extra_content` under this
name, as Google's compatible API has it (https://ai.google.dev/gemini-api/docs/openai), whoever signed."""

_TEXT_MARK = MARK.decode("ascii")


class _Sealed(msgspec.Struct, array_like=True, frozen=True):
    maker: str
    signature: str
    redacted: bool = False
    bound: bool = False
    id: str | None = None
    summary: bool = False


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Sealed).decode


def seal(thinking: Thinking) -> str:
    """The signature of a Thinking, wrapped (standard base64, RFC 4648 section 4). Its text is not in it."""
    sealed = _Sealed(
        thinking.maker, thinking.signature or "", thinking.redacted, thinking.bound, thinking.id, thinking.summary
    )
    return base64.b64encode(_PREFIX + _encode(sealed)).decode("ascii")


def unseal(signature: str) -> Thinking | None:
    """What `seal` wrapped, without its text; None for anything else."""
    if not signature.startswith(_TEXT_MARK):
        return None
    standard = signature.replace("-", "+").replace("_", "/")
    try:
        raw = base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
        sealed = _decode(raw[len(_PREFIX) :])
    except (binascii.Error, msgspec.DecodeError, ValueError):
        return None
    return Thinking(
        signature=sealed.signature or None,
        maker=sealed.maker,
        redacted=sealed.redacted,
        bound=sealed.bound,
        id=sealed.id,
        summary=sealed.summary,
    )


def opened(signature: str | None, maker: str) -> Thinking:
    """A signature as a Thinking without text: unwrapped if it is a seal, else one of `maker`'s own."""
    if signature:
        found = unseal(signature)
        if found is not None:
            return found
    return Thinking(signature=signature or None, maker=maker)
