"""The walk from the first start to a team is gone as it stands, and shows what the page says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..support.command import PATIENCE, Command

PAGE = "docs/guides/team.md"
# A piece of code, or what the reader is asked to do by hand.
_STEP = re.compile(r"^```(sh|text|toml)\n(.*?)^```|^(Stop the sandbox) on port (\d+)", re.MULTILINE | re.DOTALL)
# What differs from one walk to the next, and how wide columns are for it.
_OWN = (
    (re.compile(r"\b(a[a-z]+)_[0-9a-z]{26}"), r"\1_ID"),
    (re.compile(r"20\d\d-\d\d-\d\dT[\d:]+Z"), "TIME"),
    (re.compile(r"aigw-\w{5}\*\*\*\w{4}"), "KEY"),
    (re.compile(r"[ \t\r]+"), " "),
)


class Walk:
    """A reader's terminals: a gateway, two sandboxes, and a shell for the rest."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said = ""
        self._environ = {"PATH": f"{folder}:{os.environ['PATH']}"}
        self._addresses: dict[str, str] = {}
        self._sandboxes: dict[str, subprocess.Popen[str]] = {}
        shim = folder / "aigw"
        shim.write_text(f'#!/bin/sh\nPYTHONPATH={Path.cwd()} exec {sys.executable} -m aigw "$@"\n')
        shim.chmod(0o755)

    def serve(self, gateway: Command) -> None:
        """The gateway is there."""
        self._addresses["127.0.0.1:8080"] = f"127.0.0.1:{gateway.port}"
        self._environ["AIGW_CONTROL_URL"] = f"http://127.0.0.1:{gateway.control_port}"

    def play(self, address: str) -> None:
        """A sandbox is there, at another address than the page says."""
        command = [str(self.folder / "aigw"), "sandbox", "--listen", "127.0.0.1:0", "--json"]
        process = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, text=True)
        self._sandboxes[address] = process
        assert process.stdout is not None
        found = re.search(r"127\.0\.0\.1:\d+", process.stdout.readline())
        assert found
        self._addresses[address] = found[0]

    def stop(self, address: str) -> None:
        """The reader presses Ctrl-C there."""
        process = self._sandboxes.pop(address)
        process.terminate()
        process.communicate(timeout=PATIENCE)

    def type(self, code: str) -> None:
        """The reader types this."""
        for written, real in self._addresses.items():
            code = code.replace(written, real)
        done = subprocess.run(
            ["sh", "-e"],
            input=code,
            env=self._environ,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, f"{code}\n{done.stderr}"
        self.said = done.stdout
        for name, value in re.findall(r"^export (\w+)=(\S+)$", code, re.MULTILINE):
            self._environ[name] = value

    def close(self) -> None:
        """Leave nothing behind."""
        for address in list(self._sandboxes):
            self.stop(address)


@pytest.fixture
def walk(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Walk]:
    """A reader in an empty directory."""
    monkeypatch.chdir(root)
    made = Walk(tmp_path)
    yield made
    made.close()


def shown(text: str) -> list[str]:
    """Lines without what is each walk's own."""
    for pattern, word in _OWN:
        text = pattern.sub(word, text)
    return [line.strip() for line in text.strip().splitlines()]


def follow(walk: Walk, step: re.Match[str]) -> None:
    """Do what one step of the page says, or look whether it says what was answered."""
    kind, code, _, port = step.groups()
    if port:
        walk.stop(f"127.0.0.1:{port}")
    elif kind == "text":
        assert shown(walk.said) == shown(code)
    elif kind == "toml":
        (walk.folder / "aigw.toml").write_text(code)
    elif code.startswith("aigw sandbox"):
        walk.play(code.split()[-1])
    elif code != "aigw serve\n":
        walk.type(code)


@pytest.mark.slow
def test_the_walk(walk: Walk, root: Path) -> None:
    """Every command works in the order of the page, and answers what stands below it."""
    steps = list(_STEP.finditer((root / PAGE).read_text(encoding="utf-8")))
    assert len(steps) > 20
    with Command(walk.folder) as gateway:
        walk.serve(gateway.started())
        for step in steps:
            follow(walk, step)
        assert gateway.stop() == 0
