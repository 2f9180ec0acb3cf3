"""A gateway that runs, and the command line in this process, which asks it."""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest

from aigw import cli

from ..support.command import Command, eventually

_NUMBERS = itertools.count(1)


@attrs.frozen
class Heard:
    """What a command ended with and printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Standard output, read as JSON."""
        return json.loads(self.out)

    @property
    def rows(self) -> list[list[str]]:
        """The words of the lines of standard output."""
        return [line.split() for line in self.out.splitlines()]


Ask = Callable[..., Heard]


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Command]:
    """A gateway with two workers and a store, as a first start makes it."""
    folder = tmp_path_factory.mktemp("served")
    (folder / "aigw.toml").write_text("[server]\nworkers = 2\n")
    with Command(folder, ["--quiet"]) as running:
        yield running.started()


@pytest.fixture(scope="session")
def upstream_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a provider is."""
    folder = tmp_path_factory.mktemp("upstream")
    with Command(folder, name="sandbox") as running:
        eventually(lambda: "http://" in running.stdout)
        found = re.search(r"http://[\w.:]+\d", running.stdout)
        assert found
        yield f"{found[0]}/v1"


@pytest.fixture
def clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own, and an environment that says nothing."""
    for name in [name for name in os.environ if name.startswith("AIGW_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def unasked(clean: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Runs a command of which `stdin` is the standard input, with no gateway to ask."""

    def run(*arguments: str, stdin: str = "") -> Heard:
        monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(stdin.encode()), isatty=lambda: False))
        try:
            code = cli.main(arguments)
        except SystemExit as end:
            code = int(end.code or 0)
        heard = capsys.readouterr()
        return Heard(code, heard.out, heard.err)

    return run


@pytest.fixture
def operate(served: Command, unasked: Ask, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """Runs a command with the operator's key of the gateway."""
    monkeypatch.setenv("AIGW_CONTROL_URL", f"http://127.0.0.1:{served.control_port}")
    monkeypatch.setenv("AIGW_API_KEY", (served.cwd / "aigw-data" / "operator-key").read_text().strip())
    return unasked


@pytest.fixture
def ask(operate: Ask, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """The same, in an account of its own."""
    name = f"team-{next(_NUMBERS)}"
    assert operate("accounts", "create", "--name", name, "-q").code == 0
    monkeypatch.setenv("AIGW_ACCOUNT", name)
    return operate
