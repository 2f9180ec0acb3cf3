"""How does what a store holds travel to another process? In pieces, each small enough for one turn of a loop.

MessagePack by msgspec, secrets in the open: only for a channel that nobody else can read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, cast, overload

import attrs
import msgspec

from aigw.secret import Secret
from aigw.store.records import AccessKeyRecord, Whole

# Access keys in a piece: less than a millisecond to read.
KEYS_A_PIECE = 100
_KEYS, _REST = b"k", b"r"


def _plain(value: Any) -> Any:
    if isinstance(value, Secret):
        return value.reveal()
    raise NotImplementedError(f"{type(value).__name__} is in no whole")


def _rich(kind: type, value: Any) -> Any:
    if kind is Secret:
        return Secret(value)
    raise NotImplementedError(f"{kind.__name__} is in no whole")


_encoder = msgspec.msgpack.Encoder(enc_hook=_plain)
_keys = msgspec.msgpack.Decoder(tuple[AccessKeyRecord, ...], dec_hook=_rich)
_rest = msgspec.msgpack.Decoder(Whole, dec_hook=_rich)


def pieces(whole: Whole) -> Iterator[bytes]:
    """All of it; the last piece is the one without access keys."""
    keys = iter(whole.access_keys)
    while some := tuple(islice(keys, KEYS_A_PIECE)):
        yield _KEYS + _encoder.encode(some)
    yield _REST + _encoder.encode(attrs.evolve(whole, access_keys=()))


class Gathering:
    """Pieces as they arrive."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def feed(self, piece: bytes) -> list[bytes] | None:
        """One more piece, in their order; all of them once it was the last. Raises ValueError for what is no piece."""
        kind = piece[:1]
        if kind not in (_KEYS, _REST):
            raise ValueError("not a piece of a whole")
        self._pieces.append(piece)
        if kind == _KEYS:
            return None
        gathered, self._pieces = self._pieces, []
        return gathered


class AccessKeys(Sequence[AccessKeyRecord]):
    """The access keys of pieces, read as they are gone through.

    A hundred thousand at once would be as many objects to keep, and their end a tenth of a second in which nothing
    else happens.
    """

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[AccessKeyRecord]:
        for piece in self._pieces:
            yield from _keys.decode(memoryview(piece)[1:])

    def __len__(self) -> int:
        return sum(len(_keys.decode(memoryview(piece)[1:])) for piece in self._pieces)

    @overload
    def __getitem__(self, index: int) -> AccessKeyRecord: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[AccessKeyRecord]: ...
    def __getitem__(self, index: int | slice) -> AccessKeyRecord | Sequence[AccessKeyRecord]:
        return tuple(self)[index]


def read(gathered: list[bytes]) -> Whole:
    """What pieces hold. Raises ValueError for what is no whole."""
    *keys, rest = gathered
    whole = _rest.decode(memoryview(rest)[1:])
    # Whoever goes through them does not mind that they are no tuple.
    return attrs.evolve(whole, access_keys=cast(tuple[AccessKeyRecord, ...], AccessKeys(keys)))
