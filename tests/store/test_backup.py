"""A backup is a whole store, taken while it is in use."""

from __future__ import annotations

import os
import shutil
import stat
from pathlib import Path

import pytest

from aigw.store.backup import backup
from aigw.store.contract import StoreError
from aigw.store.opening import Location

from .conftest import SECRET_KEY, Open
from .things import one_of_each


async def test_a_backup_is_a_store(tmp_path: Path, open_at: Open) -> None:
    """The copy holds what was committed, is for its owner alone, one file, and a gateway starts on it."""
    location = Location("sqlite", tmp_path / "data", SECRET_KEY)
    store = await open_at(location)
    account = (await store.accounts.named("default")).id
    await one_of_each(store, account)
    copy = tmp_path / "copy.sqlite"
    assert backup(location.path, copy) == copy.stat().st_size
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert sorted(os.listdir(tmp_path)) == ["copy.sqlite", "data"]
    (tmp_path / "restored").mkdir()
    shutil.copy(copy, tmp_path / "restored" / "store.sqlite")
    again = await open_at(Location("sqlite", tmp_path / "restored", SECRET_KEY))
    assert await again.whole() == await store.whole()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A file that is there stays, and a copy that fails leaves none."""
    there = tmp_path / "there"
    there.write_text("mine")
    with pytest.raises(StoreError, match="cannot be made"):
        backup(tmp_path / "none", there)
    assert there.read_text() == "mine"
    with pytest.raises(StoreError, match="failed"):
        backup(tmp_path / "none", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
