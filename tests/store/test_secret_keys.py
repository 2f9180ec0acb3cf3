"""Keys are given, or made once; what would leave secrets open or lost stops the start."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aigw.errors import ConfigError
from aigw.secret import Secret
from aigw.store import secret_keys
from aigw.store.opening import Location


def test_several_keys_are_given() -> None:
    """Keys stand one after another, with commas or a line each; the first seals."""
    first, second = "a" * 32, "b" * 40
    for between in (",", "\n", ", ", "\n\n"):
        assert secret_keys.given(Secret(f"{first}{between}{second}\n")) == (Secret(first), Secret(second))


@pytest.mark.parametrize("text", ["short", "a" * 32 + ",b", ",", "a" * 32 + "," + "a" * 32])
def test_keys_that_are_none(text: str) -> None:
    """A short key, or the same one twice, is a mistake; the message does not repeat it."""
    with pytest.raises(ConfigError) as caught:
        secret_keys.given(Secret(text))
    assert text not in str(caught.value).removeprefix("AIGW_SECRET_KEY")


def test_a_key_is_made_once(tmp_path: Path) -> None:
    """Of many starts at once all get the same key, in a file for its owner alone, with nothing left beside it."""
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(lambda _: secret_keys.generate(tmp_path), range(16)))
    assert len(made) == 1
    assert os.listdir(tmp_path) == [secret_keys.KEY_FILE]
    assert stat.S_IMODE((tmp_path / secret_keys.KEY_FILE).stat().st_mode) == 0o600


def test_a_new_key_goes_in_front(tmp_path: Path) -> None:
    """The keys that were there stay."""
    old = secret_keys.generate(tmp_path)
    keys = secret_keys.prepend(tmp_path)
    assert keys[1:] == old
    assert secret_keys.read_file(tmp_path) == keys
    assert stat.S_IMODE((tmp_path / secret_keys.KEY_FILE).stat().st_mode) == 0o600


def test_an_open_file_is_refused(tmp_path: Path) -> None:
    """A key that others can read is refused with what to do."""
    secret_keys.generate(tmp_path)
    (tmp_path / secret_keys.KEY_FILE).chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        secret_keys.generate(tmp_path)


def test_many_nodes_need_a_key(tmp_path: Path) -> None:
    """With PostgreSQL no key is made up: the other nodes would not have it."""
    with pytest.raises(ConfigError, match="AIGW_SECRET_KEY"):
        Location("postgresql://localhost/aigw", tmp_path).ring()
    assert not os.listdir(tmp_path)


def test_a_lost_key_is_not_replaced(tmp_path: Path) -> None:
    """Where a store is but its key is gone, no new one is made over it."""
    location = Location("sqlite", tmp_path / "data")
    location.ring()
    location.path.write_bytes(b"something")
    (location.directory / secret_keys.KEY_FILE).unlink()
    with pytest.raises(ConfigError, match="is gone"):
        location.ring()
    assert not (location.directory / secret_keys.KEY_FILE).exists()
