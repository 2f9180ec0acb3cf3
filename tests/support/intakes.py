"""Feeds an intake, and says what an upstream would get of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from aigw.front.intake import Taken


class Intake(Protocol):
    """Whatever takes in a request's body."""

    def feed(self, data: bytes, complete: bool) -> Taken | None: ...


def fed(intake: Intake, pieces: list[bytes]) -> Iterator[Taken]:
    """What comes of the pieces, in order."""
    for number, piece in enumerate(pieces, 1):
        found = [intake.feed(piece, number == len(pieces))]
        while getattr(intake, "behind", False):
            found.append(intake.feed(b"", False))
        yield from (taken for taken in found if taken is not None)


def taken(intake: Intake, *pieces: bytes) -> Taken:
    """The one body that comes of the pieces, once all are there."""
    (only,) = fed(intake, list(pieces))
    return only


def sent(found: Taken, model: str) -> bytes:
    """What an upstream gets; its length has to be the one announced."""
    body = b"".join(found.body.pieces(model))
    assert found.body.length(model) in (len(body), None)
    return body
