"""The secrets of a store: its key ring, and the pepper of its digests, which is kept sealed in it."""

from __future__ import annotations

import secrets

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from aigw.errors import ConfigError
from aigw.secret import Secret
from aigw.store import checks, schema
from aigw.store.errors import Invalid, Unsealable
from aigw.store.sealing import KeyRing, Place
from aigw.store.tokens import refuse_placeholder

PEPPER = "pepper"
# BLAKE2b takes keys of up to 64 bytes; 32 are beyond guessing.
PEPPER_BYTES = 32
LONGEST_VALUE = 65536
SEALED = "sealed"
_HOUSE = "house_secrets"


class Vault:
    """Seals and opens. The pepper is there once `unlock` has read it."""

    def __init__(self, ring: KeyRing) -> None:
        self.ring = ring
        self._pepper: bytes | None = None

    @property
    def pepper(self) -> bytes:
        """The key of the digests."""
        assert self._pepper is not None, "the store was not unlocked"
        return self._pepper

    async def unlock(self, connection: AsyncConnection) -> bool:
        """Read the pepper: whether there is one. Raises ConfigError when the secret key is not the store's."""
        query = sa.select(schema.house_secrets.c.sealed).where(schema.house_secrets.c.id == PEPPER)
        sealed = (await connection.execute(query)).scalar_one_or_none()
        if sealed is None:
            return False
        try:
            self._pepper = self.ring.open(sealed, pepper_place())
        except Unsealable as error:
            raise ConfigError(f"AIGW_SECRET_KEY: is not the key of this store: {error}") from None
        return True

    async def make_pepper(self, connection: AsyncConnection) -> None:
        """Make the pepper of a new store, in the transaction that found none."""
        sealed = self.ring.seal(secrets.token_bytes(PEPPER_BYTES), pepper_place())
        await connection.execute(sa.insert(schema.house_secrets).values(id=PEPPER, sealed=sealed))
        await self.unlock(connection)

    def seal_value(self, account: str, id: str, value: Secret) -> dict[str, object]:
        """The columns of a provider key's value. Raises Invalid for what cannot be one."""
        text = value.reveal()
        checks.text("value", text, LONGEST_VALUE, empty=False)
        if refuse_placeholder(text):
            raise Invalid("value", "is the redacted form of a key, not the key")
        place = Place(schema.provider_keys.name, id, SEALED, account)
        return {SEALED: self.ring.seal(text.encode(), place), "redacted": value.redacted}

    def open_value(self, account: str, id: str, sealed: bytes) -> Secret:
        """The value of a provider key. Raises Unsealable."""
        place = Place(schema.provider_keys.name, id, SEALED, account)
        return Secret(self.ring.open(sealed, place).decode())


def pepper_place() -> Place:
    """Where the pepper is kept."""
    return Place(_HOUSE, PEPPER, SEALED, "")
