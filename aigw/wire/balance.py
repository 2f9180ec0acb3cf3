"""Where a JSON value ends that arrives in pieces."""

from __future__ import annotations

import re

_ESCAPES = re.compile(r"\\.", re.DOTALL)


class Balance:
    """Looks at the pieces of one JSON object or array, each once; remembers three things, however long it is.

    Backslashes stand only in strings (RFC 8259), so that a piece without its escape sequences is text in and out of
    strings by turns, cut at quotation marks. Every step goes over a whole piece at once.
    """

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._escaped = False  # the last piece ended with a backslash
        self._began = False

    @property
    def complete(self) -> bool:
        """Whether every bracket is closed. False of numbers and bare words, which could always go on."""
        return self._began and self._depth <= 0 and not self._in_string

    def feed(self, text: str) -> None:
        """Another piece."""
        if self._escaped and text:
            text = text[1:]
            self._escaped = False
        if "\\" in text:
            text = _ESCAPES.sub("", text)
            self._escaped = text.endswith("\\")
        if '"' in text:
            pieces = text.split('"')
            bare = "".join(pieces[1::2] if self._in_string else pieces[::2])
            if len(pieces) % 2 == 0:
                self._in_string = not self._in_string
        elif self._in_string:
            return
        else:
            bare = text
        opening = bare.count("{") + bare.count("[")
        if opening:
            self._began = True
        self._depth += opening - bare.count("}") - bare.count("]")
