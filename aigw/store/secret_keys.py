"""Where the keys that seal secrets come from: the settings, or a file that a single node makes for itself."""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Sequence
from pathlib import Path

from aigw.errors import ConfigError
from aigw.secret import Secret

KEY_FILE = "secret-key"
MIN_LENGTH = 32
_SHOWN = "AIGW_SECRET_KEY"


def keys_in(text: str, origin: str) -> tuple[Secret, ...]:
    """The keys of a text, written with commas or a line each, the sealing one first. Raises ConfigError."""
    parts = [part for part in re.split(r"[\s,]+", text) if part]
    if not parts or any(len(part) < MIN_LENGTH for part in parts):
        raise ConfigError(f"{origin}: each secret key needs {MIN_LENGTH} characters or more: openssl rand -hex 32")
    if len(set(parts)) < len(parts):
        raise ConfigError(f"{origin}: the same secret key stands there twice")
    return tuple(Secret(part) for part in parts)


def given(secret_key: Secret) -> tuple[Secret, ...]:
    """The keys of the setting. Raises ConfigError."""
    return keys_in(secret_key.reveal(), _SHOWN)


def missing() -> ConfigError:
    """What to say where several nodes share a store and no key was given."""
    return ConfigError(
        f"{_SHOWN}: is needed with PostgreSQL, the same on every node; make one with: openssl rand -hex 32."
        f" Give it in the variable, by {_SHOWN}_FILE, or as the systemd credential aigw-secret-key."
    )


def read_file(directory: Path) -> tuple[Secret, ...]:
    """The keys that were generated here. Raises ConfigError when there are none or others could read them."""
    path = directory / KEY_FILE
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigError(f"{path} seals every secret and is open to other users: chmod 600 {path}")
        return keys_in(path.read_text("ascii"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: the secret key cannot be read: {_told(error)}") from None


def generate(directory: Path) -> tuple[Secret, ...]:
    """The keys of this directory; one is made when there is none. Of two processes at once both get the same."""
    path = directory / KEY_FILE
    if not path.exists():
        fresh = _written(directory, (_new(),))
        try:
            os.link(fresh, path)
        except FileExistsError:
            pass
        except OSError as error:
            raise ConfigError(f"{path}: the secret key cannot be kept: {_told(error)}") from None
        finally:
            fresh.unlink()
    return read_file(directory)


def prepend(directory: Path) -> tuple[Secret, ...]:
    """The keys of this directory with a new one in front. The old ones stay: what they sealed must open."""
    keys = (_new(), *read_file(directory))
    _written(directory, keys).replace(directory / KEY_FILE)
    return keys


def _new() -> Secret:
    return Secret(secrets.token_hex(32))


def _written(directory: Path, keys: Sequence[Secret]) -> Path:
    path = directory / f".{KEY_FILE}.{os.getpid()}.{secrets.token_hex(4)}"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.writelines(f"{key.reveal()}\n" for key in keys)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise ConfigError(f"{path}: the secret key cannot be kept: {_told(error)}") from None
    return path


def _told(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
