"""A first start: the access key it makes and keeps, and the page that says how to call it."""

from __future__ import annotations

import os
import shlex
import stat
from pathlib import Path

import pytest

from aigw.errors import ConfigError
from aigw.first_start import KEY_LENGTH, Start, generated, kept_key, own_key, welcome
from aigw.secret import Secret
from aigw.settings import AccessKeySettings, Server, Settings

DATA, CONTROL = "http://127.0.0.1:8080", "http://127.0.0.1:8081"
KEY = AccessKeySettings(name="generated", key=Secret("aigw-0123456789abcdef"))


def settings(path: Path) -> Settings:
    """Without an access key."""
    return Settings(server=Server(data_dir=path))


def test_a_key_is_made_once(tmp_path: Path) -> None:
    """It is long, for the owner alone, and the next start has the same."""
    made = own_key(settings(tmp_path / "a" / "b"))
    assert made is not None
    token = made.key.reveal()
    assert token.startswith("aigw-")
    assert len(token) == len("aigw-") + KEY_LENGTH
    assert (made.name, made.providers, made.models) == ("generated", None, None)
    assert stat.S_IMODE((tmp_path / "a" / "b").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "a" / "b" / "access-key").stat().st_mode) == 0o600
    assert own_key(settings(tmp_path / "a" / "b")) == made
    assert own_key(settings(tmp_path / "other")) != made


def test_a_declared_key_is_enough(tmp_path: Path) -> None:
    """With one nothing is made and nothing is written."""
    declared = Settings(server=Server(data_dir=tmp_path / "data"), access_keys=(KEY,))
    assert own_key(declared) is None
    assert not (tmp_path / "data").exists()


def test_a_key_that_was_taken_out_of_service(tmp_path: Path) -> None:
    """Without its file it is not there any more; where there are others, none is made in its place."""
    made = own_key(settings(tmp_path), others=False)
    assert own_key(settings(tmp_path), others=True) == made == kept_key(settings(tmp_path))
    (tmp_path / "access-key").unlink()
    assert kept_key(settings(tmp_path)) is None
    assert own_key(settings(tmp_path), others=True) is None
    assert os.listdir(tmp_path) == []
    assert own_key(settings(tmp_path)) not in (None, made)
    assert kept_key(Settings(server=Server(data_dir=tmp_path), access_keys=(KEY,))) is None


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"short\n", "schlüssel-0123456789012345".encode(), b"two words 0123456789\n\xff"]
)
def test_a_file_that_holds_no_key(tmp_path: Path, content: bytes) -> None:
    """A file that was emptied or overwritten is not guessed at."""
    (tmp_path / "access-key").write_bytes(content)
    (tmp_path / "access-key").chmod(0o600)
    with pytest.raises(ConfigError, match="does not hold an access key: delete it"):
        own_key(settings(tmp_path))


def test_a_key_that_everybody_can_read(tmp_path: Path) -> None:
    """It is no secret any more, and the message says what to do."""
    own_key(settings(tmp_path))
    (tmp_path / "access-key").chmod(0o644)
    with pytest.raises(ConfigError, match="readable by every user: chmod 600"):
        own_key(settings(tmp_path))


@pytest.mark.parametrize("blocked", ["data", "data/access-key"])
def test_a_key_that_cannot_be_kept(tmp_path: Path, blocked: str) -> None:
    """The setting is named, and the way to do without a directory."""
    path = tmp_path / blocked
    if blocked == "data":
        path.write_text("a file")
    else:
        path.mkdir(parents=True)
        path.chmod(0o700)
    with pytest.raises(ConfigError, match=r"server\.data_dir: .*AIGW_ACCESS_KEY"):
        own_key(settings(tmp_path / "data"))


def test_a_made_key_is_long_enough() -> None:
    """As long as one that is declared has to be."""
    assert generated("x" * 20).key.reveal() == "x" * 20
    with pytest.raises(ValueError, match="too short"):
        generated("x" * 19)


def test_what_a_start_added() -> None:
    """The keys beside those declared."""
    assert Start().extra_keys == ()
    assert Start(KEY).extra_keys == (KEY,)


def test_the_page_of_a_first_start() -> None:
    """Address, key, model and SDKs, ready to paste."""
    told = welcome(Start(KEY, "http://127.0.0.1:1"), DATA, CONTROL)
    assert f"data plane     {DATA}\n" in told
    assert f"health         {CONTROL}/readyz\n" in told
    assert "access key     aigw-0123456789abcdef\n" in told
    assert "provider       sandbox" in told
    assert '"model":"sandbox-small"' in told
    assert f'OpenAI(base_url="{DATA}/v1", api_key="aigw-0123456789abcdef")' in told
    assert f'http_options={{"base_url": "{DATA}"}}' in told


def test_a_declared_key_is_not_told() -> None:
    """It is named by the variable that it usually comes from, so that what is pasted works."""
    told = welcome(Start(None, "http://127.0.0.1:1"), DATA, None)
    assert "health         off" in told
    assert 'authorization: Bearer $AIGW_ACCESS_KEY"' in told
    assert 'api_key=os.environ["AIGW_ACCESS_KEY"]' in told


@pytest.mark.parametrize(
    ("listen", "called"),
    [
        ("http://0.0.0.0:80", "http://127.0.0.1:80"),
        ("http://[::]:80", "http://127.0.0.1:80"),
        ("http://[::1]:80", "http://[::1]:80"),
        ("http://10.0.0.1:80", "http://10.0.0.1:80"),
    ],
)
def test_an_address_to_call(listen: str, called: str) -> None:
    """Every interface is called by the loopback's address."""
    assert f" {called}/v1/chat/completions " in welcome(Start(KEY), listen, CONTROL)


def test_a_unix_socket() -> None:
    """curl is told the path; of SDKs nothing is said that would not work."""
    told = welcome(Start(KEY), "unix:/run/aigw.sock", "unix:/run/control.sock")
    assert "curl -N --unix-socket /run/aigw.sock http://localhost/v1/chat/completions" in told
    assert "OpenAI(" not in told
    assert "health         unix:/run/control.sock" in told


def test_the_command_is_one_command() -> None:
    """Over two lines, quoted so that a shell takes it as it stands."""
    lines = welcome(Start(KEY), DATA, CONTROL).splitlines()
    first = next(number for number, line in enumerate(lines) if "curl" in line)
    words = shlex.split(os.linesep.join(lines[first : first + 2]))
    assert words[0] == "curl"
    assert words[words.index("-H") + 1] == "authorization: Bearer aigw-0123456789abcdef"
    assert words[words.index("-d") + 1].startswith('{"model":"gpt-4o-mini"')
