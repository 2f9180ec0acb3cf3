"""References: variables, files, systemd credentials."""

import os
from pathlib import Path

import pytest

from aigw.settings.references import References, refers

ENVIRON = {"NAME": "value", "EMPTY": "", "NESTED": "${NAME}", "FILE_LIKE": "file:/etc/passwd"}


def resolve(raw: object, environ: dict[str, str] | None = None, *, secret: bool = False) -> object:
    return References(ENVIRON if environ is None else environ).resolve(raw, secret=secret)


@pytest.mark.parametrize(
    ("raw", "resolved"),
    [
        ("plain", "plain"),
        ("${NAME}", "value"),
        ("a-${NAME}-${NAME}", "a-value-value"),
        ("$${NAME}", "${NAME}"),
        ("$${${NAME}}", "${value}"),
        ("$NAME and $$ and }", "$NAME and $$ and }"),
        ("${NESTED}", "${NAME}"),
        ("${FILE_LIKE}", "file:/etc/passwd"),
        (["${NAME}", 1], ["value", 1]),
        ({"x": "${NAME}"}, {"x": "value"}),
        (7, 7),
    ],
)
def test_variables_are_put_in_once(raw: object, resolved: object) -> None:
    """${NAME} is replaced anywhere in a string, at any depth, and what it holds is not read again."""
    assert resolve(raw) == resolved


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("${MISSING}", "the variable MISSING is not set"),
        ("x${EMPTY}y", "the variable EMPTY is empty"),
        ("${NAME", r"write \$\{NAME\}, or \$\$\{"),
        ("${}", "starts no reference"),
        ("${NAME:-default}", "starts no reference"),
        ("file:relative/path", "absolute path"),
        ("file:", "absolute path"),
        ("file:/no/such/file", "No such file"),
        ("file:/", "Is a directory"),
        ("file:/dev/null", "not a regular file"),
        ("credential:../x", "plain name"),
        ("credential:", "plain name"),
        ("credential:key", "CREDENTIALS_DIRECTORY is not set"),
    ],
)
def test_a_reference_to_nothing_is_refused(raw: str, message: str) -> None:
    """A reference that leads nowhere stops the start and names what is missing."""
    with pytest.raises(ValueError, match=message):
        resolve(raw)


def test_a_file_gives_its_stripped_content(tmp_path: Path) -> None:
    """A file's text is taken without the white space around it and without looking for references in it."""
    path = tmp_path / "key"
    path.write_text("\ufeff  ${NAME} two\n\n")
    path.chmod(0o600)
    assert resolve(f"file:{path}", secret=True) == "${NAME} two"
    assert resolve("file:${DIR}/key", {"DIR": str(tmp_path)}, secret=True) == "${NAME} two"


def test_a_secret_may_not_be_readable_by_everybody(tmp_path: Path) -> None:
    """A world-readable file is refused for a secret, with the way out, and fine for anything else."""
    path = tmp_path / "key"
    path.write_text("s3cret")
    path.chmod(0o644)
    with pytest.raises(ValueError, match=r"every user can read \(mode 0644\): chmod o-r") as caught:
        resolve([f"file:{path}"], secret=True)
    assert "s3cret" not in str(caught.value)
    assert resolve(f"file:{path}") == "s3cret"
    path.chmod(0o640)
    assert resolve(f"file:{path}", secret=True) == "s3cret"


@pytest.mark.parametrize(
    ("content", "message"),
    [(b" \n", "it is empty"), (b"\xff\xfe", "not UTF-8"), (b"x" * (1 << 20) + b"y", "over 1048576 bytes")],
)
def test_a_file_that_cannot_be_a_value_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    """Empty, binary and huge files are slips, not values."""
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message):
        resolve(f"file:{path}")


def test_a_named_pipe_does_not_hold_up_the_start(tmp_path: Path) -> None:
    """Something nobody writes to is refused at once."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="not a regular file"):
        resolve(f"file:{tmp_path / 'pipe'}")


def test_a_systemd_credential_comes_from_its_directory(tmp_path: Path) -> None:
    """credential:NAME is the file of that name which systemd made for the unit."""
    (tmp_path / "openai.key").write_text("s3cret\n")
    (tmp_path / "openai.key").chmod(0o400)
    assert resolve("credential:openai.key", {"CREDENTIALS_DIRECTORY": str(tmp_path)}, secret=True) == "s3cret"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("${A}", True),
        ("x${A}", True),
        ("file:/a", True),
        ("credential:a", True),
        ("$${A}", False),
        ("a", False),
        (1, False),
    ],
)
def test_strings_with_references_are_known(raw: object, expected: bool) -> None:
    """A string is a reference when it leads somewhere; an escaped one does not."""
    assert refers(raw) is expected
