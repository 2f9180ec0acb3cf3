"""What makes a first start easy? Keys and a sandbox where none is configured, and a page of how to call it."""

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
from aigw.settings.nouns import ACCESS_KEY_FILE, MIN_ACCESS_KEY

OPERATOR_FILE = "operator-key"
KEY_NAME = "generated"
# 40 characters of 62 hold 238 bits.
KEY_LENGTH = 40
_ALPHABET = string.ascii_letters + string.digits


@attrs.frozen
class Start:
    """What a start added to the settings: an access key of its own, the sandbox's address.

    `operator_key` is the operator's API key where it has just been made.
    """

    made_key: AccessKeySettings | None = None
    sandbox_url: str | None = None
    operator_key: Secret | None = attrs.field(default=None)

    @property
    def extra_keys(self) -> tuple[AccessKeySettings, ...]:
        """The made key, if any."""
        return (self.made_key,) if self.made_key else ()


def kept_key(settings: Settings) -> AccessKeySettings | None:
    """The access key that is kept in data_dir, for a gateway that none was declared for.

    Without its file there is none: an operator deletes that to take the key out of service. Raises ConfigError when
    it cannot be read.
    """
    return None if settings.access_keys else _own_key(settings.server.data_dir / ACCESS_KEY_FILE, make=False)


def own_key(settings: Settings, others: bool = False) -> AccessKeySettings | None:
    """The same, made if there is none and nobody could call otherwise: a restart keeps it. `others`: the store has
    access keys, so none is made.

    The directory is made for its owner alone. Raises ConfigError when the key cannot be kept or read.
    """
    return None if settings.access_keys else _own_key(settings.server.data_dir / ACCESS_KEY_FILE, make=not others)


def _own_key(path: Path, make: bool) -> AccessKeySettings | None:
    try:
        if not path.exists():
            if not make:
                return None
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _make_key(path)
        token = _kept_key(path)
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


def operator_key(settings: Settings) -> Secret | None:
    """The token of the operator's API key as it is kept in data_dir; None where there is none.

    Raises ConfigError when others can read it, or it cannot be read.
    """
    path = settings.server.data_dir / OPERATOR_FILE
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise ConfigError(f"{path} holds the operator's API key and is open to other users: chmod 600 {path}")
        return Secret(path.read_text("ascii").strip())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as exc:
        raise ConfigError(
            f"{path} does not hold the operator's API key ({exc}): delete it, and a new one is made."
        ) from None


def make_operator_key(settings: Settings, token: Secret | None = None) -> Secret:
    """Keep this token, else a new one, as that of the operator's API key. Raises ConfigError.

    It is written before any store knows it: what is printed once and then lost would lock the operator out.
    """
    from aigw.store import tokens

    made = tokens.make(tokens.API) if token is None else token
    directory = settings.server.data_dir
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(directory / OPERATOR_FILE, made.reveal())
    except OSError as exc:
        raise ConfigError(
            f"server.data_dir: the operator's API key cannot be kept in {directory / OPERATOR_FILE}:"
            f" {exc.strerror or exc}."
        ) from None
    return made


def forget_operator_key(settings: Settings) -> None:
    """It is not the operator's after all."""
    (settings.server.data_dir / OPERATOR_FILE).unlink(missing_ok=True)


def early_operator_key(settings: Settings) -> Secret | None:
    """At a first start: the token that the operator's API key will have once there is a store; None at a later one.

    Made where data_dir is made anyway: a gateway that is told its access keys needs no directory.
    """
    directory = settings.server.data_dir
    unused = settings.server.control is None or settings.store.url != "sqlite" or settings.access_keys
    if unused or (directory / OPERATOR_FILE).exists() or (directory / "store.sqlite").exists():
        return None
    return make_operator_key(settings)


def generated(token: str) -> AccessKeySettings:
    """A token that the gateway made, as if it had been declared; it may call everything. Raises ValueError."""
    if len(token) < MIN_ACCESS_KEY:
        raise ValueError("too short for an access key")
    return AccessKeySettings(name=KEY_NAME, key=Secret(token))


def _kept_key(path: Path) -> str:
    if path.stat().st_mode & stat.S_IROTH:
        raise ConfigError(f"{path} holds an access key and is readable by every user: chmod 600 {path}")
    return path.read_text("ascii").strip()


def _make_key(path: Path) -> None:
    _write(path, "aigw-" + "".join(secrets.choice(_ALPHABET) for _ in range(KEY_LENGTH)))


def _write(path: Path, token: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(token + "\n")


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
    if start.operator_key:
        lines.append(f"  operator key   {start.operator_key.reveal()} (for the control API; shown this once)")
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
