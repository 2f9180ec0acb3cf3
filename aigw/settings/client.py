"""What does the environment say to commands that ask the control API, and where does this configuration put it?"""

from __future__ import annotations

import os
from collections.abc import Mapping

import attrs

from aigw.errors import ConfigError
from aigw.secret import Secret

CONTROL_URL = "AIGW_CONTROL_URL"
API_KEY = "AIGW_API_KEY"
API_KEY_FILE = "AIGW_API_KEY_FILE"
ACCOUNT = "AIGW_ACCOUNT"
# They are no settings of the gateway, and no reason for it not to start.
VARIABLES = (CONTROL_URL, API_KEY, API_KEY_FILE, ACCOUNT)


@attrs.frozen
class ClientEnvironment:
    """The variables as they are set; one that is empty is not set."""

    url: str = ""
    api_key: Secret | None = None
    api_key_file: str = ""
    account: str = ""

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None) -> ClientEnvironment:
        """Those of an environment, or of this process. Raises ConfigError when two say the same thing."""
        environ = os.environ if environ is None else environ
        url, key, file, account = (environ.get(name, "").strip() for name in VARIABLES)
        if key and file:
            raise ConfigError(f"{API_KEY} and {API_KEY_FILE} are both set: only one of the two may be")
        return cls(url, Secret(key) if key else None, file, account)
