"""How a place in a caller's request is named in a refusal: `messages[2].content[0]`, as providers do."""

from __future__ import annotations

from typing import Final

from aigw.errors import InvalidBody

_SHOWN: Final = 64
"""Characters: more than an id of any provider has (Responses allows as many)."""


def dotted(at: str) -> str:
    """A JSON pointer (RFC 6901) as a path: numbers in brackets, names with dots between."""
    path = ""
    for step in at.removeprefix("/").split("/"):
        name = step.replace("~1", "/").replace("~0", "~")
        path += f"[{name}]" if name.isdecimal() and path else f".{name}" if path else name
    return path


def refusal(at: str, complaint: str) -> InvalidBody:
    """The refusal of a request for the thing at a pointer, or at the first of several; `complaint` is said of it."""
    path = dotted(at.partition(" ")[0])
    return InvalidBody(f"{path or 'The request'} {complaint}.", param=path or None)


def quoted(text: str) -> str:
    """A caller's own word within a refusal, not all of it if it is long."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")
