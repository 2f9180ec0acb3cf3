"""What can go wrong with the store, as one tree.

StoreError (AigwError)
├── NotFound            no such thing in this account: another account's things are no different from none
├── Conflict            it clashes with what is there: `reason` is duplicate, referenced, stale or in_use
├── Invalid             what was given cannot be kept; `field` names it
├── StoreUnavailable    the database does not answer in time: nothing is known to have happened
├── StoreTooNew         the store was migrated by a newer version of this program
├── StoreNotEmpty       an import was asked for into a store that holds something
├── BadExport           what is to be imported is cut, changed or from another version
└── Unsealable          a sealed value cannot be opened: wrong key, wrong place, or changed
"""

from __future__ import annotations

from collections.abc import Sequence

from aigw.errors import AigwError

DUPLICATE = "duplicate"
REFERENCED = "referenced"
STALE = "stale"
IN_USE = "in_use"


class StoreError(AigwError):
    """Root of what the store raises on purpose."""


class NotFound(StoreError):
    """There is no such thing in this account."""

    def __init__(self, what: str, id: str) -> None:
        super().__init__(f"there is no {what} {id!r}")
        self.what = what
        self.id = id


class Conflict(StoreError):
    """What was asked for clashes with what is there. `ids` are the things it clashes with, ten at most."""

    def __init__(self, reason: str, message: str, ids: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.reason = reason
        self.ids = tuple(ids)


class Invalid(StoreError, ValueError):
    """A value that cannot be kept. `field` is its path, as in `router.rules[0].steps`."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class StoreUnavailable(StoreError):
    """The database did not answer within the time allowed."""


class StoreTooNew(StoreError):
    """A newer version of this program has migrated the store."""


class StoreNotEmpty(StoreError):
    """The store already holds something."""


class BadExport(StoreError):
    """An export that cannot be imported: cut, changed, or made by another version."""


class Unsealable(StoreError):
    """A sealed value that this key ring cannot open. The message never holds the value."""
