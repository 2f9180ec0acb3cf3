"""Which parts of a text are secrets? Every configured one in its usual spellings, and what looks like a key.

Upstreams echo credentials in their error texts, and callers paste keys into the wrong field. What is found
becomes `[redacted]`. Two passes, configured secrets first: a shape that begins before a secret could
otherwise end inside it.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Protocol, Self, overload
from urllib.parse import quote, quote_plus

MARK = "[redacted]"
# Shorter ones are placeholders for servers that want any key ("ollama", "none"): words that occur in honest
# texts.
SHORTEST = 8
# A secret is known by this many of its first characters: longer than the public part of the usual key
# formats ("sk-ant-api03-" has 13), so that an echo that was cut off is found too; longer than the ten that
# `redacted` shows.
HEAD = 16
# What keys, base64 and URLs are written with: what follows a head in these characters belongs to it.
_BODY = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=%")

# Each alternative begins with plain characters, which lets the regex engine skip ahead; a look-behind in
# front of them would stop that. `sk-` and its like must not follow a letter ("risk-assessment").
_OTHERS = "|".join(
    (
        r"sk-(?<![A-Za-z0-9]sk-)[A-Za-z0-9_-]{12,}",
        r"AIza[A-Za-z0-9_-]{16,}",
        r"gsk_[A-Za-z0-9_-]{12,}",
        r"xai-(?<![A-Za-z0-9]xai-)[A-Za-z0-9_-]{12,}",
        r"pplx-(?<![A-Za-z0-9]pplx-)[A-Za-z0-9_-]{12,}",
        r"hf_(?<![A-Za-z0-9]hf_)[A-Za-z0-9]{16,}",
        r"nvapi-(?<![A-Za-z0-9]nvapi-)[A-Za-z0-9_-]{16,}",
        r"aigw-(?<![A-Za-z0-9]aigw-)[A-Za-z0-9_-]{20,}",
        *(
            # "Bearer authentication" is prose: a token has a digit or is long.
            word + r"\s+(?:(?=[A-Za-z._~+/=-]*[0-9])[A-Za-z0-9._~+/=-]{8,}|[A-Za-z0-9._~+/=-]{20,})"
            for word in ("Bearer", "bearer", "BEARER")
        ),
        *(mark + r"(?:api[-_]?)?key=[^&\s\"'<>]+" for mark in (r"\?", "&")),
    )
)
# A JSON Web Token. Its first part is taken as a whole also where no other follows: to begin again at each `eyJ` of a
# long run would take the square of its length.
_SHAPES = _OTHERS + r"|eyJ[A-Za-z0-9_-]{8,}+(?:\.[A-Za-z0-9_-]{8,}+\.[A-Za-z0-9_-]*+)?"
# The part of a shape that says what it was and stays readable.
_LEAD = re.compile(r"(?:(?i:bearer)\s+|[?&](?:api[-_]?)?key=)?")
_TEXT_SHAPES = re.compile(_SHAPES, re.ASCII)
_BYTE_SHAPES = re.compile(_SHAPES.encode())
_OTHER_SHAPES = re.compile(_OTHERS, re.ASCII)


class Revealing(Protocol):
    """Whatever holds a secret and opens it on demand (`aigw.secret.Secret`)."""

    def reveal(self) -> str:
        """The secret's text."""


class Scrubber:
    """Takes secrets out of texts that others wrote.

    Give it every credential the process holds. Patterns are compiled at their first use: 1 ms for ten
    secrets, 70 ms for a thousand.
    """

    def __init__(self, secrets: Iterable[Revealing | str] = ()) -> None:
        plain = {secret if isinstance(secret, str) else secret.reveal() for secret in secrets}
        kept = [secret for secret in plain if len(secret) >= SHORTEST]
        self._forms = frozenset(form for secret in kept for form in _forms(secret))
        self._characters = frozenset("".join(kept))

    def ready(self) -> Self:
        """Itself, with its patterns compiled already: for use on a loop."""
        self.scrub("")
        self.scrub(b"")
        self.conceal("")
        return self

    def __repr__(self) -> str:
        return f"Scrubber({len(self._forms)} forms)"

    @overload
    def scrub(self, text: str) -> str: ...
    @overload
    def scrub(self, text: bytes) -> bytes: ...
    def scrub(self, text: str | bytes) -> str | bytes:
        """The text with every secret replaced by `[redacted]`; the same object when there is none."""
        if isinstance(text, str):
            if self._in_text.search(text) is None:
                return text
            if self._forms:
                text = self._secret_text.sub(MARK, text)
            return _TEXT_SHAPES.sub(_marked, text)
        if self._in_bytes.search(text) is None:
            return text
        if self._forms:
            text = self._secret_bytes.sub(MARK.encode(), text)
        return _BYTE_SHAPES.sub(_marked_bytes, text)

    def conceal(self, text: str) -> str:
        """The text without configured secrets; what only looks like a key stays. Quick: 0.2 µs for an id."""
        if not self._forms or self._secret_text.search(text) is None:
            return text
        return self._secret_text.sub(MARK, text)

    @cached_property
    def _secrets(self) -> str:
        return _pattern(self._forms, self._characters)

    # What is looked for first, in one pass: nearly every text has nothing.
    @cached_property
    def _in_text(self) -> re.Pattern[str]:
        return re.compile(f"{self._secrets}|{_SHAPES}", re.ASCII) if self._forms else _TEXT_SHAPES

    @cached_property
    def _in_bytes(self) -> re.Pattern[bytes]:
        return re.compile(_octets(f"{self._secrets}|{_SHAPES}")) if self._forms else _BYTE_SHAPES

    @cached_property
    def _secret_text(self) -> re.Pattern[str]:
        return re.compile(self._secrets)

    @cached_property
    def _secret_bytes(self) -> re.Pattern[bytes]:
        return re.compile(_octets(self._secrets))


def _marked(match: re.Match[str]) -> str:
    return _mark(match.group())


def _marked_bytes(match: re.Match[bytes]) -> bytes:
    return _mark(match.group().decode("latin-1")).encode("latin-1")


def _mark(shape: str) -> str:
    if shape.startswith("eyJ") and "." not in shape:
        # The first part of a token without the others is none, but another key may stand in it.
        return _OTHER_SHAPES.sub(_marked, shape)
    lead = _LEAD.match(shape)
    return (lead.group() if lead else "") + MARK


def _octets(text: str) -> bytes:
    # What comes from the environment may hold lone surrogates, which plain UTF-8 cannot carry.
    return text.encode("utf-8", "surrogatepass")


def _forms(secret: str) -> Iterator[str]:
    """The spellings in which a secret turns up: plain, in a JSON string, in a URL, in base64."""
    octets = _octets(secret)
    quoted = json.dumps(secret)[1:-1]
    yield from (secret, quoted, quoted.replace("/", "\\/"))
    for encoded in (quote(octets, safe=""), quote_plus(octets)):
        yield from (encoded, re.sub("%..", lambda escape: escape.group().lower(), encoded))
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        # Within a longer text ("user:secret") a secret begins at one of three offsets. Left out are the
        # characters that share bits with their neighbours: the first ones of offsets 1 and 2, and the last.
        for offset, shared in ((0, 0), (1, 2), (2, 3)):
            yield encode(bytes(offset) + octets).decode().rstrip("=")[shared:-1]


def _pattern(forms: frozenset[str], characters: frozenset[str]) -> str:
    """A pattern for the head of any form and what follows it in the characters that secrets are written with.

    A backslash counts only where it escapes a slash or a letter: in front of a quote it belongs to the text.
    """
    body = "".join(re.escape(char) for char in sorted(_BODY | characters))
    heads = _branches(sorted({form[:HEAD] for form in forms}))
    return rf"(?:{heads})(?:[{body}]+|\\(?:/|u[0-9a-fA-F]{{4}}))*"


def _branches(heads: list[str]) -> str:
    """Sorted heads as a trie in regex syntax, so that matching does not try one head after the other."""
    groups: dict[str, list[str]] = {}
    for head in heads:
        groups.setdefault(head[0], []).append(head)
    return "|".join(_branch(group) for group in groups.values())


def _branch(group: list[str]) -> str:
    """Sorted heads with a common first character: what all share, then what may follow."""
    first, last = group[0], group[-1]
    common = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first))
    rests = [head[common:] for head in group if len(head) > common]
    if not rests:
        return re.escape(first)
    # A head that is the beginning of another one makes the rest of that one optional.
    optional = "?" if len(rests) < len(group) else ""
    return f"{re.escape(first[:common])}(?:{_branches(rests)}){optional}"
