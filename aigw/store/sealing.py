"""Secrets at rest: AES-256-GCM (NIST SP 800-38D) under a ring of keys, bound to the place where they are kept.

A sealed value is: version (1 byte), key id (8), nonce (12), ciphertext and tag (16 more than the text). What it is
bound to (table, row, column, account) is authenticated with it: copied to another row it does not open.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import attrs
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from aigw.errors import ConfigError
from aigw.secret import Secret
from aigw.store.errors import Unsealable

VERSION = 1
KEY_ID_BYTES = 8
NONCE_BYTES = 12
TAG_BYTES = 16
_HEAD = 1 + KEY_ID_BYTES + NONCE_BYTES
_ENCRYPTION = b"aigw sealing key 1"
_IDENTITY = b"aigw sealing key id 1"


@attrs.frozen
class Place:
    """Where a sealed value is kept."""

    table: str
    row: str
    column: str
    account: str

    def bound(self, head: bytes) -> bytes:
        """What is authenticated with the ciphertext; each part with its length, so that no two places are alike."""
        parts = (self.table, self.row, self.column, self.account)
        return head + b"".join(len(each.encode()).to_bytes(4) + each.encode() for each in parts)


class KeyRing:
    """Keys by id. The first seals, all open.

    `refresh` gives the keys as they are now; it is asked once when a value names a key that is not here, as after
    a rotation by another process.
    """

    def __init__(self, keys: Sequence[Secret], refresh: Callable[[], Sequence[Secret]] | None = None) -> None:
        self._refresh = refresh
        self._take(keys)

    def _take(self, keys: Sequence[Secret]) -> None:
        if not keys:
            raise ValueError("a key ring needs a key")
        self._ciphers = {key_id(key): AESGCM(_derived(key, _ENCRYPTION, 32)) for key in reversed(keys)}
        self.first = key_id(keys[0])

    @property
    def ids(self) -> frozenset[bytes]:
        """The ids of all keys, which tell nothing about them."""
        return frozenset(self._ciphers)

    def seal(self, text: bytes, place: Place) -> bytes:
        """A text sealed for one place."""
        head = bytes([VERSION]) + self.first
        nonce = os.urandom(NONCE_BYTES)
        return head + nonce + self._ciphers[self.first].encrypt(nonce, text, place.bound(head))

    def open(self, sealed: bytes, place: Place) -> bytes:
        """The text of a sealed value. Raises Unsealable."""
        where = f"{place.table} {place.row}"
        if len(sealed) < _HEAD + TAG_BYTES or sealed[0] != VERSION:
            raise Unsealable(f"the sealed value of {where} is damaged, or from a newer version")
        head, nonce = sealed[: 1 + KEY_ID_BYTES], sealed[1 + KEY_ID_BYTES : _HEAD]
        cipher = self._cipher(head[1:])
        if cipher is None:
            raise Unsealable(
                f"the value of {where} was sealed with another secret key ({head[1:].hex()}):"
                " give that one too, after the new one (AIGW_SECRET_KEY=new,old)"
            )
        try:
            return cipher.decrypt(nonce, sealed[_HEAD:], place.bound(head))
        except InvalidTag:
            raise Unsealable(f"the sealed value of {where} was changed, or belongs elsewhere") from None

    def _cipher(self, id: bytes) -> AESGCM | None:
        if id not in self._ciphers and self._refresh is not None:
            try:
                self._take(self._refresh())
            except ConfigError as error:
                raise Unsealable(f"the keys cannot be read again: {error}") from None
        return self._ciphers.get(id)


def key_id(key: Secret) -> bytes:
    """What names a key in the values it sealed."""
    return _derived(key, _IDENTITY, KEY_ID_BYTES)


def sealed_by(sealed: bytes) -> bytes:
    """The id of the key that a value is sealed with."""
    return sealed[1 : 1 + KEY_ID_BYTES]


def _derived(key: Secret, purpose: bytes, length: int) -> bytes:
    # HKDF (RFC 5869) makes a key of a text with enough chance in it; it does not make a weak text strong.
    return HKDF(SHA256(), length, salt=None, info=purpose).derive(key.reveal().encode("utf-8", "surrogatepass"))
