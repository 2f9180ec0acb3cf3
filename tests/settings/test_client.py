"""What the environment says to commands that ask the control API."""

from __future__ import annotations

import pytest

from aigw.errors import ConfigError
from aigw.settings import ClientEnvironment, load


def test_variables() -> None:
    """Each says its part; an empty one says nothing."""
    read = ClientEnvironment.read({"AIGW_CONTROL_URL": " unix:/x ", "AIGW_API_KEY": "k", "AIGW_API_KEY_FILE": ""})
    assert (read.url, read.api_key_file, read.account) == ("unix:/x", "", "")
    assert read.api_key is not None
    assert read.api_key.reveal() == "k"
    assert ClientEnvironment.read({}) == ClientEnvironment()


def test_two_keys() -> None:
    """Two variables with a key are one too many: which one counts is not guessed."""
    with pytest.raises(ConfigError, match="AIGW_API_KEY and AIGW_API_KEY_FILE"):
        ClientEnvironment.read({"AIGW_API_KEY": "k", "AIGW_API_KEY_FILE": "f"})


def test_a_gateway_starts_beside_them() -> None:
    """They are no settings of the gateway, and no mistake in its environment."""
    load(None, {"AIGW_API_KEY": "k", "AIGW_ACCOUNT": "blue", "AIGW_CONTROL_URL": "x"})
