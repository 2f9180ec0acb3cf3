"""Whose secrets are taken out of whose texts? The operator's out of everybody's, those of an account out of its own.

An account chooses what it keeps as a secret: a word that stands in every error, or in every line of the log, would
otherwise be missing from what all others are told.
"""

from __future__ import annotations

from collections.abc import Collection

from aigw.observe.scrub import Scrubber
from aigw.secret import Secret

# To whom the operator's secrets belong.
EVERYBODY = ""
# The patterns of more secrets are made beforehand: those of few take a millisecond, when the first error comes.
MANY = 20

# Account (or EVERYBODY), secret.
Owned = tuple[str, Secret]


class Scrubbers:
    """The scrubber of each account. `every` knows all secrets: for texts that are about nobody in particular.

    `before` are those that were in force: what is the same is not made anew. Takes long with many secrets: to be
    made beside the loop.
    """

    def __init__(self, secrets: Collection[Owned], before: Scrubbers | None = None) -> None:
        self.every = Scrubber({secret for _, secret in secrets}).ready()
        own: dict[str, set[Secret]] = {}
        for account, secret in secrets:
            own.setdefault(account, set()).add(secret)
        self._shared = frozenset(own.pop(EVERYBODY, ()))
        self._own = own
        self._made = {EVERYBODY: Scrubber(self._shared).ready()}
        if before is not None and before._shared == self._shared:
            self._made |= {id: made for id, made in before._made.items() if before._own.get(id) == own.get(id)}
        for account in own:
            if len(own[account]) > MANY:
                self.of(account).ready()

    def of(self, account: str) -> Scrubber:
        """The scrubber for what this account is told."""
        made = self._made.get(account)
        if made is None:
            own = self._own.get(account)
            made = self._made[account] = Scrubber(self._shared | own) if own else self._made[EVERYBODY]
        return made
