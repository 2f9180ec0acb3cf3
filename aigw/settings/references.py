"""What a string refers to: `${NAME}`, `file:/path`, `credential:NAME`; what is found is taken as it is."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping

import attrs

from aigw.settings.kinds import Unfit

FILE = "file:"
CREDENTIAL = "credential:"
CREDENTIALS_DIRECTORY = "CREDENTIALS_DIRECTORY"

# `$${` is a literal `${`; a `${` that is never closed is a slip, not text.
_REFERENCE = r"\$\$\{|\$\{([^}]*)(\})?"
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"
_CREDENTIAL_NAME = r"(?!\.)[!-.0-~]{1,255}"

# Secrets and lists of them; a larger file is the wrong file.
MAX_FILE_BYTES = 1 << 20


@attrs.frozen(eq=False, repr=False)
class References:
    """Resolves references against one environment. Raises Unfit, which names the variable or file."""

    environ: Mapping[str, str]

    def resolve(self, raw: object, *, secret: bool) -> object:
        """A raw value with its references replaced; a secret's files may not be world-readable."""
        if isinstance(raw, list):
            return [self.resolve(item, secret=secret) for item in raw]
        if isinstance(raw, dict):
            return {key: self.resolve(item, secret=secret) for key, item in raw.items()}
        return self._text(raw, secret) if isinstance(raw, str) else raw

    def _text(self, text: str, secret: bool) -> str:
        if text.startswith(FILE):
            return read_text(self._expanded(text.removeprefix(FILE)), secret=secret)
        if text.startswith(CREDENTIAL):
            return read_text(self._credential(self._expanded(text.removeprefix(CREDENTIAL))), secret=secret)
        return self._expanded(text)

    def _expanded(self, text: str) -> str:
        return re.sub(_REFERENCE, self._variable, text) if "${" in text else text

    def _variable(self, match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        name = match[1]
        if not match[2] or not re.fullmatch(_NAME, name):
            raise Unfit('has a "${" that starts no reference: write ${NAME}, or $${ for the characters themselves')
        value = self.environ.get(name, "")
        if not value:
            state = "empty" if name in self.environ else "not set"
            raise Unfit(f"refers to ${{{name}}}, but the variable {name} is {state}")
        return value

    def _credential(self, name: str) -> str:
        if not re.fullmatch(_CREDENTIAL_NAME, name):
            raise Unfit(f'needs the plain name of a systemd credential after "{CREDENTIAL}"')
        directory = self.environ.get(CREDENTIALS_DIRECTORY, "")
        if not directory:
            raise Unfit(
                f"refers to the systemd credential {name}, but {CREDENTIALS_DIRECTORY} is not set: "
                f"the unit needs LoadCredential={name}:… or SetCredential="
            )
        return os.path.join(directory, name)


def refers(raw: object) -> bool:
    """Whether a raw string holds a reference (then its target may be the text of a number or a boolean)."""
    if not isinstance(raw, str):
        return False
    return raw.startswith((FILE, CREDENTIAL)) or any(match[0] != "$${" for match in re.finditer(_REFERENCE, raw))


def read_text(path: str, *, secret: bool) -> str:
    """The text of a file without the white space around it. Raises Unfit, also when it is empty.

    A file that holds a secret may not be readable by everybody: whoever can read it can spend the key.
    """
    if not os.path.isabs(path) or "\0" in path:
        raise Unfit(f'needs an absolute path after "{FILE}"')
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            _check_status(path, os.fstat(file.fileno()), secret)
            content = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise Unfit(f"cannot read {path!r}: {error.strerror}") from None
    if len(content) > MAX_FILE_BYTES:
        raise Unfit(f"cannot use {path!r}: it is over {MAX_FILE_BYTES} bytes")
    try:
        text = content.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise Unfit(f"cannot use {path!r}: it is not UTF-8 text") from None
    if not text:
        raise Unfit(f"cannot use {path!r}: it is empty")
    return text


def _check_status(path: str, status: os.stat_result, secret: bool) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise Unfit(f"cannot use {path!r}: it is not a regular file")
    if secret and status.st_mode & stat.S_IROTH:
        mode = f"{stat.S_IMODE(status.st_mode):04o}"
        raise Unfit(
            f"may not come from {path!r}, which every user can read (mode {mode}): "
            f"chmod o-r {path} (Kubernetes: defaultMode: 0440; Docker: mode: 0440)"
        )


def _without_waiting(path: str, flags: int) -> int:
    # Without O_NONBLOCK a named pipe would hold the start up until somebody wrote to it.
    return os.open(path, flags | os.O_NONBLOCK)
