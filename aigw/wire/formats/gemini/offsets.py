"""Characters and bytes of a text that comes in pieces: Gemini counts the bytes of its UTF-8, the neutral form does not.

Compiled code's source: no attrs, no structs.
"""

from __future__ import annotations


class Offsets:
    """How long a text is, and where its characters lie in its bytes; pieces of ASCII are not kept."""

    def __init__(self) -> None:
        self.chars = 0
        self.bytes = 0
        # Where a piece that is not ASCII begins, in characters and in bytes, and the piece.
        self._pieces: list[tuple[int, int, str]] = []

    def add(self, text: str) -> None:
        """More of the text."""
        chars = len(text)
        if text.isascii():
            self.bytes += chars
        else:
            self._pieces.append((self.chars, self.bytes, text))
            self.bytes += len(text.encode("utf-8", "surrogatepass"))
        self.chars += chars

    def to_bytes(self, char: int) -> int:
        """The byte at which a character begins; the end for one behind it."""
        if char >= self.chars:
            return self.bytes
        shift = 0
        for start, begin, piece in self._pieces:
            if start > char:
                break
            inside = piece[: char - start].encode("utf-8", "surrogatepass")
            shift = begin + len(inside) - min(char, start + len(piece))
        return char + shift

    def to_chars(self, byte: int) -> int:
        """The character that a byte belongs to; the end for one behind it."""
        if byte >= self.bytes:
            return self.chars
        shift = 0
        for start, begin, piece in self._pieces:
            if begin > byte:
                break
            whole = piece.encode("utf-8", "surrogatepass")
            inside = whole[: byte - begin]
            shift = begin + len(inside) - start - len(inside.decode("utf-8", "ignore"))
        return byte - shift
