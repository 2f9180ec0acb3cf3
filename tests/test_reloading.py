"""What differs between two configurations, and what of it may change while the gateway runs."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from aigw import reloading
from aigw.errors import ConfigError
from aigw.reloading import HIDDEN_CHANGE, Difference, differences, key_differences, read_again, told
from aigw.secret import Secret
from aigw.settings import AccessKeySettings, Limits, Log, ProviderSettings, Server, Settings

FIRST, SECOND = Secret("aigw-first-key-0123456789"), Secret("aigw-first-key-012345-6789")
THIRD = Secret("aigw-third-key-9876543210")
SHORT, OTHER = Secret("short-key-1"), Secret("short-key-2")


def keyed(key: Secret) -> Settings:
    """Settings with one access key."""
    return Settings(access_keys=(AccessKeySettings(name="app", key=key),))


CASES = [
    (Settings(), Settings(), []),
    (Settings(), Settings(limits=Limits(total_timeout=30)), [Difference("limits.total_timeout", "2m", "30s")]),
    (
        Settings(),
        Settings(server=Server(drain_timeout=1)),
        [Difference("server.drain_timeout", "30s", "1s")],
    ),
    (keyed(FIRST), keyed(SECOND), [Difference("access_keys.app.key", "aigw-first***6789", HIDDEN_CHANGE)]),
]


@pytest.mark.parametrize(("before", "after", "expected"), CASES)
def test_what_differs(before: Settings, after: Settings, expected: list[Difference]) -> None:
    """Key by key, as an operator would write them; of secrets no more than that they differ."""
    assert differences(before, after) == expected


def test_the_key_that_the_gateway_made() -> None:
    """It is told when it comes, goes or is another one; never as it is."""
    one, two = (AccessKeySettings(name="generated", key=key) for key in (FIRST, THIRD))
    assert key_differences(one, one) == key_differences(None, None) == []
    name = "access_keys.generated.key"
    assert key_differences(one, None) == [Difference(name, "aigw-first***6789", None)]
    assert key_differences(one, two) == [Difference(name, "aigw-first***6789", THIRD.redacted)]
    assert key_differences(None, one) == [Difference(name, None, "aigw-first***6789")]


def test_what_comes_and_goes() -> None:
    """Every key of a provider that is new or gone."""
    one = Settings(providers=(ProviderSettings("own", base_url="https://own.example/v1", keys=(SHORT,)),))
    found = {each.key: each for each in differences(Settings(), one)}
    assert found["providers.own.base_url"] == Difference("providers.own.base_url", None, "https://own.example/v1")
    gone = {each.key: each for each in differences(one, Settings())}
    assert {each.after for each in gone.values()} == {None}
    assert SHORT.reveal() not in repr([found, gone])


@pytest.mark.parametrize(
    "after",
    [
        Settings(server=Server(workers=3)),
        Settings(log=Log(level="debug")),
        attrs.evolve(Settings(), secret_key=Secret("x" * 40)),
    ],
)
def test_what_needs_a_restart(after: Settings) -> None:
    """What is built into what runs cannot change; the message names it and nothing changes."""
    with pytest.raises(ConfigError, match="needs a restart"):
        differences(Settings(), after)


def test_it_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same file, with what the command line set before; a gateway without a file looks for one."""
    monkeypatch.chdir(tmp_path)
    assert read_again(Settings(), {}).source == "built-in defaults"
    file = tmp_path / "aigw.toml"
    file.write_text("[limits]\nmax_body_bytes = 77\n")
    again = read_again(Settings(source=str(file)), {"limits.max_head_bytes": "9000"})
    assert (again.limits.max_body_bytes, again.limits.max_head_bytes) == (77, 9000)
    assert read_again(Settings(), {}).limits.max_body_bytes == 77


def test_what_is_told() -> None:
    """JSON values."""
    assert told([]) == {"changed": False, "difference": []}
    assert told([Difference("a", 1, None)]) == {
        "changed": True,
        "difference": [{"key": "a", "before": 1, "after": None}],
    }
    assert reloading.told([Difference("a", 1, 2)])["changed"] is True
