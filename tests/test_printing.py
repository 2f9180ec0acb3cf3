"""What commands print: columns and JSON, with nothing in them that a terminal would obey."""

from __future__ import annotations

import json

import pytest

from aigw.printing import note, print_json, print_table, printable


def test_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Columns are as wide as their widest cell, and no line ends in spaces."""
    print_table(("A", "LONG"), [("wider", "x"), ("y", "")])
    assert capsys.readouterr().out == "A      LONG\nwider  x\ny\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("größe 大", "größe 大"),
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\nb", "a\\nb"),
        ("\u202e", "\\u202e"),
    ],
)
def test_what_a_terminal_would_obey(text: str, shown: str) -> None:
    """Control characters of a name are shown, not sent."""
    assert printable(text) == shown


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    """Anything without a form of its own in JSON is written as text."""
    print_json({"a": [1, None]})
    assert json.loads(capsys.readouterr().out) == {"a": [1, None]}


def test_a_note(capsys: pytest.CaptureFixture[str]) -> None:
    """Remarks do not mix with what a program reads."""
    note("x")
    heard = capsys.readouterr()
    assert (heard.out, heard.err) == ("", "aigw: x\n")
