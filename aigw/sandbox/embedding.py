"""Numbers for a text: the same text the same vector, of length one."""

import hashlib
import math


def vector(text: str, dimensions: int) -> list[float]:
    """A unit vector of `dimensions` numbers that follows from the text alone."""
    # The digest is stretched by hashing, so any length is possible and no two texts share a beginning.
    stream = hashlib.shake_128(text.encode()).digest(2 * max(1, dimensions))
    raw = [int.from_bytes(stream[at : at + 2], "big") - 32767.5 for at in range(0, len(stream), 2)]
    norm = math.sqrt(sum(number * number for number in raw))
    return [number / norm for number in raw]
