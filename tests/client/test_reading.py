"""What texts, files and standard input say."""

from __future__ import annotations

import io
import sys
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aigw.client.reading import (
    MAX_SECRET_BYTES,
    Misused,
    ask_secret,
    budget,
    count,
    moment,
    read_document,
    read_secret,
)
from aigw.errors import ConfigError

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def typed(monkeypatch: pytest.MonkeyPatch, raw: bytes, terminal: bool = False) -> None:
    """Standard input holds these bytes."""
    stdin = SimpleNamespace(buffer=io.BytesIO(raw), isatty=lambda: terminal)
    monkeypatch.setattr(sys, "stdin", stdin)


def test_counts() -> None:
    """A limit is a whole number above zero in plain digits."""
    assert count("12") == 12
    for text in ("0", "-1", "1.5", "", "x", "\u0661"):
        with pytest.raises(ValueError, match="whole number"):
            count(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [("50/month", ("50", "month")), ("$0.10/day", ("0.10", "day")), ("1e3/total", ("1000", "total"))],
)
def test_budgets(text: str, said: tuple[str, str]) -> None:
    """An amount stays exactly what was written."""
    assert budget(text) == {"amount": said[0], "period": said[1]}


@pytest.mark.parametrize("text", ["50", "50/year", "/month", "0/day", "-1/day", "NaN/day", "Infinity/day", "x/day"])
def test_no_budgets(text: str) -> None:
    """What is no amount per period is refused with an example."""
    with pytest.raises(ValueError, match="50/month"):
        budget(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("30d", "2026-01-31T00:00:00Z"),
        ("90m", "2026-01-01T01:30:00Z"),
        ("2027-01-31T12:00Z", "2027-01-31T12:00:00Z"),
        ("2027-01-31T12:00+02:00", "2027-01-31T10:00:00Z"),
    ],
)
def test_moments(text: str, said: str) -> None:
    """A span counts from now; a time is told in UTC."""
    assert moment(text, NOW) == said


@pytest.mark.parametrize("text", ["2027-01-31", "2027-01-31T12:00", "tomorrow", "30", "d", "-1d", "999999999d", ""])
def test_no_moments(text: str) -> None:
    """A time without a zone would mean another one elsewhere."""
    with pytest.raises(ValueError, match="2027-01-31T12:00Z"):
        moment(text, NOW)


def test_a_secret_in_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its line counts, without the end of the line; a file that everybody can read is remarked on."""
    file = tmp_path / "key"
    file.write_text("sk-1\r\n")
    file.chmod(0o600)
    assert read_secret(str(file), "the key").reveal() == "sk-1"
    assert capsys.readouterr().err == ""
    file.chmod(0o644)
    read_secret(str(file), "the key")
    assert "chmod 600" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"a\nb", "one line"),
        (b"a\x00b", "one line"),
        (b"\xff", "not UTF-8"),
        (b"x" * (MAX_SECRET_BYTES + 1), "over"),
    ],
)
def test_no_secrets(monkeypatch: pytest.MonkeyPatch, raw: bytes, said: str) -> None:
    """What cannot be a secret is refused, and not repeated."""
    typed(monkeypatch, raw)
    with pytest.raises(ConfigError, match=said):
        read_secret("-", "the key")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    """The message names it."""
    with pytest.raises(ConfigError, match="none: cannot be read: No such file"):
        read_secret(str(tmp_path / "none"), "the key")


def test_a_secret_is_typed_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal it is asked for without an echo; without one the way to give it is named."""
    typed(monkeypatch, b"", terminal=True)
    heard: list[str] = []

    def hidden(prompt: str) -> str:
        heard.append(prompt)
        return "sk-typed"

    monkeypatch.setattr("getpass.getpass", hidden)
    assert ask_secret("the provider's key").reveal() == "sk-typed"
    assert heard == ["The provider's key (not shown): "]
    typed(monkeypatch, b"")
    with pytest.raises(Misused, match="--value-file -"):
        ask_secret("the provider's key")


def test_nothing_typed(monkeypatch: pytest.MonkeyPatch) -> None:
    """An end of input is no secret."""
    typed(monkeypatch, b"", terminal=True)

    def ended(prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr("getpass.getpass", ended)
    with pytest.raises(ConfigError, match="nothing was typed"):
        ask_secret("the key")


@pytest.mark.parametrize(
    ("name", "text", "found"),
    [
        ("a.json", '{"name": "x"}', {"name": "x"}),
        ("a.toml", 'name = "x"', {"name": "x"}),
        ("a", ' {"name": "x"}', {"name": "x"}),
        ("a", '[access.providers]\nallow = ["a"]', {"access": {"providers": {"allow": ["a"]}}}),
    ],
)
def test_documents(tmp_path: Path, name: str, text: str, found: dict[str, Any]) -> None:
    """JSON or TOML, by the name of the file, else by how it begins."""
    (tmp_path / name).write_text(text)
    assert read_document(str(tmp_path / name)) == found


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [("a.json", "[]", "object"), ("a.json", "{", "not valid JSON"), ("a", "x", "not valid TOML")],
)
def test_no_documents(tmp_path: Path, name: str, text: str, said: str) -> None:
    """A document that is none is named, with the reason."""
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=said):
        read_document(str(tmp_path / name))
