"""Every parser keeps its promises whatever comes: seeds with something wrong, and bytes that were never right.

`scripts/fuzz` does the same for as long as it is told to, led by coverage where atheris is installed.
"""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .fuzzing import __main__ as command
from .fuzzing.mutate import broken, cut
from .fuzzing.targets import TARGETS, Target

RUNS = 150
each_target = pytest.mark.parametrize("name", TARGETS)


@each_target
def test_seeds(name: str) -> None:
    """What is right is read, in any slicing."""
    for number, seed in enumerate(TARGETS[name].seeds):
        TARGETS[name].look(seed, Random(number))


@each_target
def test_broken_seeds(name: str) -> None:
    """Cut, doubled, altered, with other values in it: refused or read, never anything else."""
    for number in range(RUNS):
        chance = Random(f"{name}{number}")
        data = TARGETS[name].broken(chance)
        TARGETS[name].look(data, chance)


@each_target
@settings(max_examples=30)
@given(data=st.binary(max_size=200), chance=st.randoms(use_true_random=False))
def test_noise(name: str, data: bytes, chance: Random) -> None:
    """Bytes that were never right: the same."""
    TARGETS[name].look(data, chance)


# What was found once, so that it is looked at in every slicing for ever: (target, bytes).
FOUND = [
    (
        "responses-request",
        b'{"input":[{"role":"user","content":[{"type":"input_image","image_url":"https://a]b/c.png"}]}]}',
    ),
    (
        "responses-answer",
        b'{"id":"r","status":"completed","output":[{"type":"x","content":["a"]},{"type":"y","content":[{}]}]}',
    ),
    ("gemini-stream", b'data: {"candidates":[{"content":{"parts":[{"\xc3ext":"I","inlineData":{}}]}}]}\n\n'),
    ("answer", b"HTTP/1.1 429 No\n\nany\r\nretry-after: 5\r\n\r\n"),
    ("answer", b"HTTP/1.1 200 OK\n\n\r\nuntil the end"),
    ("answer", b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\n\r\n"),
    ("json", b'{"model": "", "models": [], "metadata": {"models": []}}'),
    ("json", b'{"model":"up:m","messag\xb8s":[{"role":"user","content":"hi"}]}'),
]


@pytest.mark.parametrize(("name", "data"), FOUND)
def test_what_was_found_once(name: str, data: bytes) -> None:
    """Bytes on which a parser has stumbled before."""
    for number in range(50):
        TARGETS[name].look(data, Random(number))


@given(data=st.binary(max_size=300), chance=st.randoms(use_true_random=False))
def test_slices_are_the_whole(data: bytes, chance: Random) -> None:
    """The tool itself: a slicing loses nothing, and breaking gives bytes."""
    pieces = cut(data, chance)
    assert b"".join(pieces) == data
    assert all(pieces)
    assert isinstance(broken(data, chance, [data]), bytes)


def test_the_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """It says how often it looked, 0 where every promise held and 1 with the bytes where one did not."""

    def ask(*arguments: str) -> int:
        monkeypatch.setattr("sys.argv", ["fuzz", *arguments])
        return command.main()

    assert ask("--list") == 0
    assert capsys.readouterr().out.split() == list(TARGETS)
    assert ask("0.1", "--plain", "--only", "form,name") == 0
    assert "2 targets, 0 failed" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        ask("--only", "nothing")

    def fail(data: bytes, chance: Random) -> None:
        raise AssertionError("a broken promise")

    monkeypatch.setitem(TARGETS, "form", Target(fail, [b"seed"]))
    assert ask("1", "--plain", "--only", "form", "--seed", "1") == 1
    told = capsys.readouterr()
    assert "1 targets, 1 failed: form" in told.out
    assert "run 1 of --seed 1" in told.err
