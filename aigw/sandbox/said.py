"""How much of one answer was really said: kept while it is written, for whoever has to judge what a caller got."""

import re

from attrs import define

from .reply import Event, Kind
from .script import Script

# An id stands near the beginning of an answer, but behind the content in Gemini's.
_OPENING_BYTES = 8192
_IDENT = re.compile(rb'"(?:id|responseId)":\s*"([^"]+)"')
_RESPONSE = re.compile(rb'"response":\s*\{\s*"id":\s*"([^"]+)"')


@define(eq=False)
class Said:
    """One answer, as far as it went out.

    `script` is what was to be said (None: nothing is scripted here), `opening` the first bytes. `content`: all text
    and all calls were said, unbroken. `ended`: so was the reason for ending, and `counted` with it the usage. `closed`:
    so was the event that only closes a stream, where this API has one. `failed`: the upstream
    reported a failure of its own.
    """

    script: Script | None = None
    counted: bool = True
    opening: bytes = b""
    content: bool = False
    ended: bool = False
    closed: bool = False
    failed: bool = False
    torn: bool = False

    @property
    def ident(self) -> str:
        """The id that the answer goes by; empty when none was said."""
        found = _RESPONSE.search(self.opening) or _IDENT.search(self.opening)
        return found[1].decode() if found else ""

    def begin(self, data: bytes) -> None:
        """The first bytes of the answer are on their way."""
        self.opening = self.opening or data[:_OPENING_BYTES]

    def told(self, event: Event) -> None:
        """One event went out unbroken."""
        if event.kind in (Kind.END, Kind.DONE):
            self.content = not self.torn
        self.ended |= event.kind is Kind.END
        self.closed |= event.kind is Kind.DONE

    def finish(self) -> None:
        """The whole answer went out, unbroken."""
        self.content, self.ended, self.closed = not self.torn, True, True
