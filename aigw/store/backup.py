"""A copy of a SQLite store while it is in use (SQLite, "Online Backup API")."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from aigw.store.database import file_uri
from aigw.store.errors import StoreError


def backup(source: Path, target: Path) -> int:
    """Copy a store's file into a new file of mode 0600, and check the copy: its size in bytes.

    The copy holds sealed secrets; it is of no use without the secret key, which is not in it. Raises StoreError.
    """
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except OSError as error:
        raise StoreError(f"{target}: the backup cannot be made: {error.strerror}") from None
    try:
        with (
            contextlib.closing(sqlite3.connect(file_uri(source), uri=True)) as used,
            contextlib.closing(sqlite3.connect(target)) as copy,
        ):
            used.backup(copy)
            # One file, without a log beside it that could be forgotten.
            copy.execute("PRAGMA journal_mode = DELETE")
            if (found := copy.execute("PRAGMA integrity_check").fetchone()[0]) != "ok":
                raise StoreError(f"{target}: the copy is damaged: {found}")
    except (sqlite3.Error, StoreError) as error:
        target.unlink(missing_ok=True)
        raise StoreError(f"the backup failed: {error}") from None
    return target.stat().st_size
