"""What makes a first start easy? An access key and a sandbox where none is configured, and a page of how to call it."""

from __future__ import annotations

import os
import secrets
import stat
import string
from pathlib import Path

import attrs

from aigw import __version__
from aigw.errors import ConfigError
from aigw.secret import Secret
from aigw.settings import AccessKeySettings, Settings
from aigw.settings.nouns import MIN_ACCESS_KEY

KEY_FILE = "access-key"
KEY_NAME = "generated"
# 40 characters of 62 hold 238 bits.
KEY_LENGTH = 40
_ALPHABET = string.ascii_letters + string.digits


@attrs.frozen
class Start:
    """What a start added to the settings: an access key of its own, the sandbox's address."""

    made_key: AccessKeySettings | None = None
    sandbox_url: str | None = None

    @property
    def extra_keys(self) -> tuple[AccessKeySettings, ...]:
        """The made key, if any."""
        return (self.made_key,) if self.made_key else ()


def own_key(settings: Settings) -> AccessKeySettings | None:
    """An access key for a gateway that none was declared for; kept in data_dir, so that a restart keeps it.

    The directory is made for its owner alone. Raises ConfigError when the key cannot be kept or read.
    """
    if settings.access_keys:
        return None
    directory = settings.server.data_dir
    path = directory / KEY_FILE
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        token = _kept_key(path) if path.exists() else _make_key(path)
    except OSError as exc:
        raise ConfigError(
            f"server.data_dir: the generated access key cannot be kept in {path}: {exc.strerror or exc}."
            " Choose another directory, or declare a key (AIGW_ACCESS_KEY)."
        ) from None
    except UnicodeDecodeError:
        token = ""
    try:
        return generated(token)
    except (ConfigError, ValueError):
        raise ConfigError(f"{path} does not hold an access key: delete it, and a new one is made.") from None


def generated(token: str) -> AccessKeySettings:
    """A token that the gateway made, as if it had been declared; it may call everything. Raises ValueError."""
    if len(token) < MIN_ACCESS_KEY:
        raise ValueError("too short for an access key")
    return AccessKeySettings(name=KEY_NAME, key=Secret(token))


def _kept_key(path: Path) -> str:
    if path.stat().st_mode & stat.S_IROTH:
        raise ConfigError(f"{path} holds an access key and is readable by every user: chmod 600 {path}")
    return path.read_text("ascii").strip()


def _make_key(path: Path) -> str:
    token = "aigw-" + "".join(secrets.choice(_ALPHABET) for _ in range(KEY_LENGTH))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(token + "\n")
    return token


def welcome(start: Start, data: str, control: str | None) -> str:
    """How to call this gateway, ready to paste. `data` and `control` are where it listens."""
    key = start.made_key.key.reveal() if start.made_key else "$AIGW_ACCESS_KEY"
    model = "sandbox-small" if start.sandbox_url else "gpt-4o-mini"
    base = data if data.startswith("http") else "http://localhost"
    base = base.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//127.0.0.1:")
    through = "" if data.startswith("http") else f" --unix-socket {data.removeprefix('unix:')}"
    lines = [
        "",
        f"  aigw {__version__} is ready.",
        f"  data plane     {data}",
        f"  health         {_health(control)}",
        f"  access key     {key}",
    ]
    if start.sandbox_url:
        lines.append("  provider       sandbox (no provider key was found; set OPENAI_API_KEY or another and restart)")
    body = f'{{"model":"{model}","stream":true,"messages":[{{"role":"user","content":"Say hello"}}]}}'
    lines += [
        "",
        "  Stream a chat:",
        f'    curl -N{through} {base}/v1/chat/completions -H "authorization: Bearer {key}" \\',
        f"      -H 'content-type: application/json' -d '{body}'",
    ]
    if not through:
        lines += _sdk_lines(base, f'"{key}"' if start.made_key else 'os.environ["AIGW_ACCESS_KEY"]')
    return "\n".join([*lines, ""])


def _health(control: str | None) -> str:
    if control is None:
        return "off"
    return f"{control}/readyz" if control.startswith("http") else control


def _sdk_lines(base: str, key: str) -> list[str]:
    return [
        "",
        "  Python, OpenAI SDK:",
        f'    OpenAI(base_url="{base}/v1", api_key={key})',
        "  Python, Anthropic SDK:",
        f'    Anthropic(base_url="{base}", api_key={key})',
        "  Python, Google SDK:",
        f'    genai.Client(api_key={key}, http_options={{"base_url": "{base}"}})',
    ]
