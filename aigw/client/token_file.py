"""Where does a token go that is told once? Into a new file, which is made before the token is."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator

from aigw.errors import ConfigError


@contextlib.contextmanager
def token_file(path: str | None) -> Iterator[Callable[[str], None] | None]:
    """What writes a token into this new file of mode 0600; None without a path.

    The file is taken away again when the work fails before. Raises ConfigError when it cannot be made, OSError when
    the token cannot be written.
    """
    if path is None:
        yield None
        return
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from None
    written = False

    def write(token: str) -> None:
        nonlocal written
        os.write(descriptor, f"{token}\n".encode("ascii"))
        written = True

    try:
        yield write
    finally:
        os.close(descriptor)
        if not written:
            os.unlink(path)
