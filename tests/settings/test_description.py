"""How a configuration is shown."""

import json
from pathlib import Path

import pytest

from aigw.settings import Settings, describe, load

SECRETS = (
    "sk-0123456789-alpha-key",
    "app-0123456789-token",
    "s3al-0123456789-0123456789-0123456",
    "hunter2",
    "t0ken-of-a-proxy-in-front",
)


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    Path("aigw.toml").write_text(
        """
        [store]
        url = "postgresql://aigw:hunter2@db/aigw"
        [upstream]
        https_proxy = "http://u:hunter2@proxy:3128"
        [providers.alpha]
        keys = ["${ALPHA}"]
        headers = { x-proxy-token = "t0ken-of-a-proxy-in-front" }
        """
    )
    environ = {"ALPHA": SECRETS[0], "AIGW_ACCESS_KEY": SECRETS[1], "AIGW_SECRET_KEY": SECRETS[2]}
    return load(None, environ, {"limits.total_timeout": "90s"}, builtin=("alpha",))


def test_every_value_is_shown_with_its_origin(settings: Settings) -> None:
    """The operator sees what holds and which file, variable or flag says so."""
    shown = describe(settings)
    assert shown["source"] == "aigw.toml"
    assert shown["server"]["listen"] == {"value": "127.0.0.1:8080", "origin": "default"}
    assert shown["limits"]["total_timeout"] == {"value": "1m30s", "origin": "command line"}
    assert shown["limits"]["max_input_tokens"] == {"value": None, "origin": "default"}
    assert shown["upstream"]["http_proxy"] == {"value": "off", "origin": "default"}
    assert shown["providers"]["alpha"]["enabled"] == {"value": True, "origin": "default"}
    assert shown["access_keys"][0]["name"] == {"value": "env", "origin": "AIGW_ACCESS_KEY"}


def test_secrets_are_redacted(settings: Settings) -> None:
    """Keys show their ends, passwords nothing, and the whole is plain JSON."""
    shown = describe(settings)
    assert shown["providers"]["alpha"]["keys"] == {"value": ["sk-0123456***-key"], "origin": "aigw.toml"}
    assert shown["providers"]["alpha"]["headers"]["value"] == {"x-proxy-token": "t0ken-of-a***ront"}
    assert shown["store"]["url"]["value"] == "postgresql://***@db/aigw"
    assert shown["upstream"]["https_proxy"]["value"] == "http://***@proxy:3128"
    assert shown["secret_key"] == {"value": "s3al-01234***3456", "origin": "AIGW_SECRET_KEY"}
    text = json.dumps(shown)
    assert not [secret for secret in SECRETS if secret in text or secret in repr(settings)]
