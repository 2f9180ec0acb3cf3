"""Files for tokens that are told once."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from aigw.client.token_file import token_file
from aigw.errors import ConfigError


def test_written_for_its_owner_alone(tmp_path: Path) -> None:
    """The file holds the token and a newline, and nobody else can read it."""
    path = tmp_path / "token"
    with token_file(str(path)) as write:
        assert write is not None
        write("aigw-1")
    assert path.read_text() == "aigw-1\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_never_over_another(tmp_path: Path) -> None:
    """A file that is there is refused before a token is made."""
    path = tmp_path / "token"
    path.write_text("precious")
    with pytest.raises(ConfigError, match="cannot be written: File exists"), token_file(str(path)):
        raise AssertionError
    assert path.read_text() == "precious"


def test_gone_when_there_is_no_token(tmp_path: Path) -> None:
    """A command that failed leaves no empty file in the way of the next one."""
    path = tmp_path / "token"
    with pytest.raises(ZeroDivisionError), token_file(str(path)):
        raise ZeroDivisionError
    assert not path.exists()


def test_no_file() -> None:
    """Without a path there is nothing to write with."""
    with token_file(None) as write:
        assert write is None
