"""What a configuration declares, as far as it takes no catalog to say."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from aigw import declared
from aigw.declared import load_settings, needs_sandbox, secrets_of, settings_of
from aigw.errors import ConfigError
from aigw.observe.scrub import Scrubber
from aigw.registry import load_builtin
from aigw.secret import Secret
from aigw.settings import AccessKeySettings, Log, Settings

CUSTOM = {"AIGW_PROVIDERS_UP_BASE_URL": "http://127.0.0.1:1", "AIGW_PROVIDERS_UP_SURFACES": "chat-completions"}


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No file of the developer's own."""
    monkeypatch.chdir(tmp_path)


def test_usual_variables_of_every_provider() -> None:
    """Each built-in provider's own variables give its key."""
    for id, provider in load_builtin().items():
        for variable in provider.key_variables:
            settings = load_settings(None, {variable: "sk-0123456789abcdef"})
            found = settings.provider(id)
            assert found is not None
            assert [key.reveal() for key in found.keys] == ["sk-0123456789abcdef"]


def test_presets_are_known() -> None:
    """A custom provider named like a preset needs nothing else; a built-in id takes no preset."""
    settings = load_settings(None, {"AIGW_PROVIDERS_OLLAMA_ENABLED": "true"})
    assert [each.preset for each in settings.providers] == ["ollama"]
    with pytest.raises(ConfigError, match="built in"):
        load_settings(None, {}, {"providers.openai.preset": "vllm"})


def test_the_command_line_wins() -> None:
    """Overrides stand above the environment."""
    assert load_settings(None, {"AIGW_LOG_LEVEL": "error"}, {"log.level": "debug"}).log.level == "debug"


@pytest.mark.parametrize(
    ("environ", "needed"),
    [
        ({}, True),
        ({"OPENAI_API_KEY": "sk-0123456789abcdef"}, False),
        ({"AIGW_PROVIDERS_OPENAI_MANAGED_KEYS": "sk-0123456789abcdef"}, False),
        (CUSTOM, False),
        ({**CUSTOM, "AIGW_PROVIDERS_UP_ENABLED": "false"}, True),
        ({"AIGW_PROVIDERS_OPENAI_NAME": "Mine"}, True),
    ],
)
def test_when_a_sandbox_is_needed(environ: dict[str, str], needed: bool) -> None:
    """As soon as one provider can be called there is none: an answer must never be made up by accident."""
    assert needs_sandbox(load_settings(None, environ)) is needed


def test_every_secret_is_known() -> None:
    """Keys of every kind, headers, and what a proxy is told: what no log may show."""
    environ = {
        **CUSTOM,
        "AIGW_ACCESS_KEY": "access-0123456789abcdef",
        "AIGW_SECRET_KEY": "sealing-0123456789abcdef0123456789abcdef",
        "HTTPS_PROXY": "http://user:proxy-0123456789@127.0.0.1:3128",
        "AIGW_PROVIDERS_UP_KEYS": "key-one-0123456789,key-two-0123456789",
        "AIGW_PROVIDERS_UP_MANAGED_KEYS": "managed-0123456789",
    }
    Path("aigw.toml").write_text('[providers.up.headers]\nx-team = "header-0123456789"\n')
    made = AccessKeySettings(name="generated", key=Secret("generated-0123456789"))
    assert {secret.reveal() for secret in secrets_of(load_settings(None, environ), [made])} == {
        "access-0123456789abcdef",
        "generated-0123456789",
        "key-one-0123456789",
        "key-two-0123456789",
        "managed-0123456789",
        "header-0123456789",
        "user:proxy-0123456789",
        "sealing-0123456789abcdef0123456789abcdef",
    }


@pytest.fixture
def _own_structlog() -> Iterator[None]:
    yield
    structlog.reset_defaults()


@pytest.mark.usefixtures("_own_structlog")
async def test_the_log_is_as_configured(capfd: pytest.CaptureFixture[str]) -> None:
    """Format and level are the operator's, and no known secret is in a line."""
    settings = Settings(log=Log(format="console", level="warning"))
    scrubber = Scrubber([Secret("swordfish-0123456789")])
    log = declared.open_log(settings, scrubber, asyncio.get_running_loop())
    structlog.get_logger().info("unheard")
    structlog.get_logger().warning("heard", value="it is swordfish-0123456789")
    log.close()
    told = capfd.readouterr().out
    assert "unheard" not in told
    assert "heard" in told
    assert "swordfish" not in told
    assert not told.startswith("{")
    assert os.linesep in told


def test_the_text_counts_not_the_file(tmp_path: Path) -> None:
    """A worker's settings are those of the text that the parent read, under the file's name; overrides win."""
    (tmp_path / "aigw.toml").write_text("broken")
    settings = settings_of("aigw.toml", "[limits]\nmax_body_bytes = 77\n", {"log.level": "error"})
    assert (settings.limits.max_body_bytes, settings.log.level, settings.source) == (77, "error", "aigw.toml")
    assert settings_of("built-in defaults", "", {}).source == "built-in defaults"


def test_without_files_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has none, the file on the disk serves."""
    monkeypatch.setattr(sys, "platform", "darwin")
    file = tmp_path / "aigw.toml"
    file.write_text("[limits]\nmax_body_bytes = 78\n")
    assert settings_of(str(file), "something", {}).limits.max_body_bytes == 78


def test_a_text_that_is_wrong() -> None:
    """The message names the file, not where its text was kept."""
    with pytest.raises(ConfigError, match=r"^aigw\.toml: not valid TOML") as error:
        settings_of("aigw.toml", "x = [", {})
    assert "/proc" not in error.value.message
