"""A secret as a value that never shows itself: `reveal()` is the one way to its text."""

from __future__ import annotations

from typing import NoReturn, final

HIDDEN = "***"
# Below this length the redacted form would give away more than it hides: ten and four of twenty are shown at
# most.
MIN_SHOWN = 20
SHOWN_HEAD = 10
SHOWN_TAIL = 4


@final
class Secret:
    """A non-empty text that `repr`, `str`, format strings, pickle and JSON cannot get at.

    Only what puts a credential on the wire (or seals it at rest) calls `reveal()`. Raises ValueError for an
    empty text: an empty secret would authenticate anybody.
    """

    __slots__ = ("_value",)

    _value: str

    def __init__(self, value: str) -> None:
        if not isinstance(value, str):
            raise TypeError("a secret is made of a string")
        if not value:
            raise ValueError("a secret may not be empty")
        object.__setattr__(self, "_value", value)

    def reveal(self) -> str:
        """The text itself."""
        return self._value

    @property
    def redacted(self) -> str:
        """What an operator may see to tell secrets apart: `first10***last4`, or `***` for a short one."""
        if len(self._value) < MIN_SHOWN:
            return HIDDEN
        return f"{self._value[:SHOWN_HEAD]}{HIDDEN}{self._value[-SHOWN_TAIL:]}"

    def __repr__(self) -> str:
        return HIDDEN

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(HIDDEN, spec)

    def __eq__(self, other: object) -> bool:
        """Equal texts, compared in constant time; a secret never equals a plain string."""
        if not isinstance(other, Secret):
            return NotImplemented
        # Brings OpenSSL with it, which a command that compares no secrets need not load.
        from hmac import compare_digest

        return compare_digest(_octets(self._value), _octets(other._value))

    def __hash__(self) -> int:
        return hash(self._value)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("a secret cannot be changed")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("a secret cannot be changed")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret cannot be pickled")


def _octets(text: str) -> bytes:
    # Environment variables that are not UTF-8 arrive with lone surrogates, which plain UTF-8 cannot carry.
    return text.encode("utf-8", "surrogatepass")
