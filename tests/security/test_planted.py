"""What the command line tells of a configuration with a secret in every corner; and of one that is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aigw.declared import load_settings
from aigw.errors import ConfigError

from ..support.command import aigw

# Each with what must never be shown of it; a redacted one shows ten characters and four.
SECRETS = {
    name: f"planted-{name}-0123456789abcdefghij-tail"
    for name in ("provider", "managed", "header", "access", "proxy", "signing")
}
ENVIRON = {"AIGW_SECRET_KEY": SECRETS["signing"]}
FILE = """
[upstream]
https_proxy = "http://user:{proxy}@proxy.example:3128"
[providers.openai]
keys = ["{provider}"]
managed_keys = ["{managed}"]
[providers.up]
base_url = "http://127.0.0.1:1/v1?api-version=1"
surfaces = ["chat-completions"]
keys = ["{provider}2"]
models = ["m"]
[providers.up.headers]
x-team = "{header}"
[[access_keys]]
name = "app"
key = "{access}"
"""
COMMANDS = (
    ("check",),
    ("check", "--json"),
    ("explain", "up:m", "gpt-4o"),
    ("explain", "up:m", "gpt-4o", "--json"),
)


def assert_clean(text: str) -> None:
    """Of no secret more is shown than its redacted form has."""
    assert [secret for secret in SECRETS.values() if secret[8:-5] in text] == []


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration with secrets wherever there can be one."""
    path = tmp_path / "aigw.toml"
    path.write_text(FILE.format(**SECRETS))
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_commands_tell_no_secret(file: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
    """Tables, JSON, explanations and lists."""
    ended = aigw(*command, "--config", str(file), cwd=tmp_path, **ENVIRON)
    assert ended.stdout, ended.stderr
    assert_clean(ended.stdout + ended.stderr)


WRONG = {
    "credentials in a base URL": ("http://127.0.0.1:1/v1?api-version=1", "http://user:{provider}@127.0.0.1:1/v1"),
    "a credential in a query": ("http://127.0.0.1:1/v1?api-version=1", "http://127.0.0.1:1/v1?api_key={provider}"),
    "a key as an id": ("providers.up]", "providers.{provider}]"),
    "a proxy that is none": ("http://user:{proxy}@proxy.example:3128", "socks5://user:{proxy}@proxy.example"),
    "a proxy with a path": ("proxy.example:3128", "proxy.example:3128/x"),
    "a key that is no text": ('keys = ["{provider}"]', 'keys = ["{provider}", 5]'),
    "a key with a line end": ('keys = ["{provider}"]', 'keys = ["{provider}\\n{provider}"]'),
    "a header with a line end": ('x-team = "{header}"', 'x-team = "{header}\\r\\nx: {header}"'),
    "half a file": ('name = "app"', 'name = "{access}'),
    "an unknown key": ('x-team = "{header}"', 'x-team = "{header}"\n[[access_key]]\nkeyz = "{access}"'),
}


@pytest.mark.parametrize("case", WRONG)
def test_problems_tell_no_secret(file: Path, case: str) -> None:
    """What is wrong with a configuration is told without the secrets that stand in the wrong place."""
    before, after = WRONG[case]
    assert before in FILE
    file.write_text(FILE.replace(before, after).format(**SECRETS))
    with pytest.raises(ConfigError) as caught:
        load_settings(file, ENVIRON)
    assert caught.value.message
    assert_clean(caught.value.message)
    assert_clean(repr(caught.value))


def test_a_good_one_shows_none_by_accident(file: Path) -> None:
    """Neither does what a debugger or a traceback would print of it."""
    settings = load_settings(file, ENVIRON)
    assert_clean(repr(settings))
    assert_clean(str(settings))
    with pytest.raises(TypeError):
        json.dumps(settings.secret_key)
