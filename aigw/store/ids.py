"""Ids: a prefix that says what it is, and 26 characters that sort by the time they were made (ULID).

https://github.com/ulid/spec: 48 bits of milliseconds, 80 bits of chance, Crockford's base 32. Within a process each
id is greater than the one before it, also within a millisecond and when the clock goes back.
"""

from __future__ import annotations

import secrets
import threading
import time

ACCOUNT = "acct_"
ACCESS_KEY = "aigk_"
API_KEY = "aiak_"
PROVIDER_KEY = "aigpk_"
PROVIDER = "aigp_"
CONFIGURATION = "aigac_"
ALIAS = "aigal_"
MODEL = "aigm_"
AUDIT = "aiga_"

LENGTH = 26
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_CHANCE_BITS = 80
# The first step after a new millisecond starts at chance; half of the room is left for the steps after it.
_START_BITS = 79


class Minter:
    """Makes ids that grow. Safe in threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._last = 0

    def mint(self, prefix: str) -> str:
        """A new id."""
        with self._lock:
            fresh = (time.time_ns() // 1_000_000) << _CHANCE_BITS | secrets.randbits(_START_BITS)
            # A step of chance, not of one: the next id cannot be guessed from the last.
            self._last = fresh if fresh >> _CHANCE_BITS > self._last >> _CHANCE_BITS else self._last + _step()
            return prefix + _written(self._last)


def _step() -> int:
    return 1 + secrets.randbits(48)


def _written(number: int) -> str:
    return "".join(_ALPHABET[number >> shift & 31] for shift in range(5 * (LENGTH - 1), -1, -5))


_minter = Minter()


def mint(prefix: str) -> str:
    """A new id of this process."""
    return _minter.mint(prefix)
