"""The tokens of access keys (`aigw-…`) and API keys (`aigw-api-…`): made, told from typos, kept as keyed digests."""

from __future__ import annotations

import secrets
import string
import zlib
from hmac import compare_digest

from aigw.secret import HIDDEN, Secret
from aigw.snapshot import digest

ACCESS = "aigw-"
API = "aigw-api-"
# 34 characters of 62 hold 202 bits. Ten and four of a token are shown to tell it apart: over 120 bits stay hidden.
CHANCE = 34
# Six characters of 62 hold the 32 bits of CRC-32 (the scheme of GitHub's tokens).
CHECKSUM = 6
_ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
_LETTERS = frozenset(_ALPHABET)

__all__ = ["ACCESS", "API", "digest", "is_ours", "make", "matches", "refuse_placeholder"]


def make(prefix: str) -> Secret:
    """A new token under this prefix."""
    body = prefix + "".join(secrets.choice(_ALPHABET) for _ in range(CHANCE))
    return Secret(body + _checksum(body))


def is_ours(token: str, prefix: str) -> bool:
    """Whether a token is one that `make` may have made: no look-up is needed to tell a mistyped one.

    Tokens that an operator declares are any text, so for an access key this is a hint, not a verdict.
    """
    rest = token.removeprefix(prefix)
    if len(token) != len(prefix) + CHANCE + CHECKSUM or len(rest) != CHANCE + CHECKSUM or not _LETTERS.issuperset(rest):
        return False
    return compare_digest(_checksum(token[:-CHECKSUM]).encode(), token[-CHECKSUM:].encode())


def matches(token: str, pepper: bytes, kept: bytes) -> bool:
    """Whether this is the token of a kept digest, compared in constant time."""
    return compare_digest(digest(token.encode(), pepper), kept)


def refuse_placeholder(value: str) -> bool:
    """Whether a value looks like the redacted form of a secret instead of one: `first10***last4`, dots, bullets."""
    return HIDDEN in value or "…" in value or "•••" in value


def _checksum(body: str) -> str:
    number = zlib.crc32(body.encode("ascii"))
    told = ""
    for _ in range(CHECKSUM):
        number, digit = divmod(number, len(_ALPHABET))
        told = _ALPHABET[digit] + told
    return told
