"""A request body in the making: what a writer puts in, and of the caller's settings what it has not taken."""

from __future__ import annotations

from typing import Any

from aigw.wire.dialect import Dialect
from aigw.wire.losses import Ledger
from aigw.wire.neutral import SETTINGS, Conversation
from aigw.wire.strip import means_nothing


class Draft:
    """One request being written. A writer takes every setting it has a place for; `close` reports the others."""

    __slots__ = ("_taken", "body", "conversation", "dialect", "ledger")

    def __init__(self, conversation: Conversation, dialect: Dialect, ledger: Ledger) -> None:
        self.conversation = conversation
        self.dialect = dialect
        self.ledger = ledger
        self.body: dict[str, Any] = {}
        self._taken: set[str] = set()

    def take(self, setting: str) -> Any:
        """The value of a setting (a name in `neutral.Settings`), None if it is not said; it counts as dealt with."""
        self._taken.add(setting)
        return getattr(self.conversation.settings, setting)

    def place(self, setting: str) -> str:
        """The pointer of a setting in the caller's request."""
        return self.conversation.places.get(setting, "")

    def put(self, member: str, value: Any, at: str, into: dict[str, Any] | None = None) -> None:
        """Write a member, unless the model is known not to accept it: then it is dropped and reported.

        At its default it says what its absence says, and is left out without a word.
        """
        if member in self.dialect.refused:
            if not means_nothing(member, value):
                self.ledger.drop(at, f"the model {self.dialect.model or 'asked for'} does not accept {member}")
            return
        (self.body if into is None else into)[member] = value

    def carry(self, setting: str, member: str = "", into: dict[str, Any] | None = None) -> None:
        """Take a setting and write it as it is, under the same name or another."""
        value = self.take(setting)
        if value is not None:
            self.put(member or setting, value, self.place(setting), into)

    def close(self, format_title: str) -> None:
        """Report every setting that is said and that nobody took."""
        settings = self.conversation.settings
        for name in SETTINGS:
            if name not in self._taken and getattr(settings, name) is not None:
                self.ledger.drop(self.place(name), f"{format_title} has nothing like {name.replace('_', ' ')}")
