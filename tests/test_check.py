"""Would the gateway start with this configuration? Every value with its origin, or every problem."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aigw.check import check, problems, rows
from aigw.errors import ConfigError
from aigw.settings import documented_keys

from .support.command import KEY, aigw

SECRET = "sk-0123456789abcdefghijklmnop"
FILE = f"""
[limits]
total_timeout = "30s"
[providers.openai]
keys = ["{SECRET}"]
[providers.up]
base_url = "http://127.0.0.1:1/v1?api-version=1"
surfaces = ["chat-completions"]
[providers.up.headers]
x-team = "swordfish-header"
[[access_keys]]
name = "app"
key = "{KEY}"
"""


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without a file, and an environment without a provider's key."""
    monkeypatch.chdir(tmp_path)
    for name in ("OPENAI_API_KEY", "AIGW_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration."""
    path = tmp_path / "some.toml"
    path.write_text(FILE)
    return path


def test_every_value_with_its_origin(file: Path) -> None:
    """Defaults, the file, the environment and the command line are told apart."""
    checked = check(file, {"log.level": "debug"})
    shown = {key: (value, origin) for key, value, origin in rows(checked["settings"])}
    assert shown["server.listen"] == ("127.0.0.1:8080", "default")
    assert shown["limits.total_timeout"] == ("30s", str(file))
    assert shown["log.level"] == ("debug", "command line")
    assert shown["limits.max_input_tokens"] == ("-", "default")
    assert shown["access_keys[0].name"] == ("app", str(file))
    assert checked["notes"] == []
    sections = {name for name in documented_keys() if not name.startswith(("providers.", "access_keys."))}
    assert sections <= shown.keys()


def test_secrets_are_redacted(file: Path) -> None:
    """Neither the table nor the JSON holds one."""
    checked = check(file, {})
    for text in (json.dumps(checked), repr(rows(checked["settings"]))):
        assert SECRET not in text
        assert "swordfish" not in text
        assert KEY not in text
        assert "sk-0123456***mnop" in text


def test_of_providers_what_was_written(file: Path) -> None:
    """The table leaves out what nobody said of a provider; the JSON has all."""
    checked = check(file, {})
    keys = {key for key, _, _ in rows(checked["settings"]) if key.startswith("providers.up.")}
    assert keys == {"providers.up.base_url", "providers.up.surfaces", "providers.up.headers"}
    assert checked["settings"]["providers"]["up"]["connect_timeout"] == {"value": None, "origin": "default"}


def test_what_a_start_would_add() -> None:
    """Without a provider and an access key there are notes, and nothing is made."""
    notes = check(None, {})["notes"]
    assert ["sandbox" in note for note in notes] == [True, False]
    assert "aigw-data" in notes[1]
    assert not Path("aigw-data").exists()


def test_problems_one_by_one() -> None:
    """Several problems are a list; a single one is one of one."""
    with pytest.raises(ConfigError) as several:
        check(None, {"limits.total_timeout": "3", "nothing.at_all": "1"})
    assert len(problems(several.value)) == 2
    assert all(line == line.strip() for line in problems(several.value))
    with pytest.raises(ConfigError) as one:
        check(None, {"limits.total_timeout": "3"})
    assert problems(one.value) == [one.value.message]


def test_what_only_the_registry_sees(tmp_path: Path) -> None:
    """A configuration that reads well and cannot be put together fails, as the start would."""
    path = tmp_path / "some.toml"
    path.write_text(
        '[providers.up]\nbase_url = "http://127.0.0.1:1"\nsurfaces = ["chat-completions"]\n'
        '[providers.up.surface_urls]\ngemini = "http://127.0.0.1:2"\n'
    )
    with pytest.raises(ConfigError, match=r"surface_urls\.gemini"):
        check(path, {})


def test_the_command(file: Path, tmp_path: Path) -> None:
    """Exit code 0 with a table or JSON on stdout; 1 with all problems, on stderr or as JSON."""
    good = aigw("check", "--config", str(file), cwd=tmp_path)
    assert (good.returncode, good.stderr) == (0, "")
    assert good.stdout.splitlines()[0] == f"configuration: {file}"
    assert "limits.total_timeout" in good.stdout
    told = json.loads(aigw("check", "--config", str(file), "--json", cwd=tmp_path).stdout)
    assert told["valid"] is True
    assert told["settings"]["limits"]["total_timeout"] == {"value": "30s", "origin": str(file)}
    wrong = ("check", "--set", "limits.total_timeout=3", "--set", "nothing.at_all=1")
    bad = aigw(*wrong, cwd=tmp_path)
    assert (bad.returncode, bad.stdout) == (1, "")
    assert bad.stderr.startswith("aigw: 2 problems with the configuration:\n")
    bad = aigw(*wrong, "--json", cwd=tmp_path)
    assert (bad.returncode, bad.stderr) == (1, "")
    told = json.loads(bad.stdout)
    assert (told["valid"], len(told["problems"])) == (False, 2)
    noted = aigw("check", cwd=tmp_path)
    assert noted.stdout.count("\nnote: ") == 2
