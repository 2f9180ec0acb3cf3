"""Gateways as real processes, one with its sandbox and one that crosses formats, and what SDKs tell about them."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from .targets import ACROSS, PROVIDERS, TARGETS

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]
_PLAY = _HERE / "drivers" / "play.py"
_OLD_SDKS = _ROOT / ".venv" / "old-sdks"
_NPM_SDKS = _ROOT / ".venv" / "npm-sdks"
_KEY = "aigw-sdk-tests-0123456789"
_STOP_SECONDS = 10
_PLAY_SECONDS = 30

Play = Callable[[str, str], dict[str, Any]]


@frozen
class Served:
    """Where a gateway listens."""

    base_url: str


@contextlib.contextmanager
def _running(folder: Path, *arguments: str) -> Iterator[dict[str, Any]]:
    """A command of `aigw` that tells where it listens, until it is asked to stop."""
    # No provider's key variable may leak in: with one, the gateway would call that provider.
    environ = {"PATH": os.environ["PATH"], "AIGW_ACCESS_KEY": _KEY}
    command = [sys.executable, "-m", "aigw", *arguments]
    with (folder / f"{arguments[0]}.stderr").open("wb") as errors:
        process = subprocess.Popen(command, cwd=_ROOT, env=environ, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert process.stdout is not None
    told = process.stdout.readline()
    try:
        assert told, (folder / f"{arguments[0]}.stderr").read_text()
        yield json.loads(told)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=_STOP_SECONDS)
    assert process.returncode == 0


def _serving(folder: Path, *arguments: str) -> contextlib.AbstractContextManager[dict[str, Any]]:
    own = ("--listen", "127.0.0.1:0", "--control", "off", "--set", f"server.data_dir={folder}")
    return _running(folder, "serve", *own, *arguments)


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`aigw serve` without any provider: it brings its sandbox."""
    with _serving(tmp_path_factory.mktemp("gateway")) as started:
        yield Served(started["listen"])


@pytest.fixture(scope="session")
def crossing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`aigw serve` with providers that have one surface each, all of them at one sandbox."""
    folder = tmp_path_factory.mktemp("crossing")
    with _running(folder, "sandbox", "--json") as sandbox:
        sections = [
            f'[providers.{name}]\nsurfaces = ["{surface}"]\nkeys = ["sk-{name}-0123456789"]\n'
            f'base_url = "{sandbox["url"]}/{"v1beta" if surface == "gemini" else "v1"}"\n'
            for name, surface in PROVIDERS.items()
        ]
        (folder / "aigw.toml").write_text("\n".join(sections))
        with _serving(folder, "--config", str(folder / "aigw.toml")) as started:
            yield Served(started["listen"])


def _told(command: Sequence[str | Path], **environ: str) -> dict[str, Any] | str:
    """The facts that a player prints, or why there are none: a player that hangs is not waited for in every test."""
    environ = {"PATH": os.environ["PATH"], **environ}
    try:
        told = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=_PLAY_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return f"not done after {_PLAY_SECONDS} s"
    return json.loads(told.stdout) if told.returncode == 0 else told.stderr


def _facts(told: dict[str, Any] | str) -> dict[str, Any]:
    assert not isinstance(told, str), told
    return told


@pytest.fixture(scope="session")
def play(served: Served, crossing: Served) -> Play:
    """The facts that a major of a driver's SDK tells, by provider and scenario; skips where it is not installed."""

    @cache
    def told(driver: str, major: str) -> dict[str, Any] | str:
        if major == "old" and not _OLD_SDKS.is_dir():
            pytest.skip(
                f"the SDKs' old majors are not in {_OLD_SDKS.relative_to(_ROOT)}: .venv/bin/pip install"
                f" --target {_OLD_SDKS.relative_to(_ROOT)} openai==1.109.1 anthropic==0.125.0"
            )
        path = {"PYTHONPATH": str(_OLD_SDKS)} if major == "old" else {}
        urls = [served.base_url, crossing.base_url]
        return _told([sys.executable, _PLAY, driver, _KEY, *urls, ",".join(ACROSS), *TARGETS], **path)

    return lambda driver, major: _facts(told(driver, major))


@pytest.fixture(scope="session")
def play_npm(crossing: Served) -> dict[str, Any]:
    """The facts that the SDKs of JavaScript tell, by driver, provider and scenario; skips without them."""
    node = shutil.which("node")
    if node is None or not (_NPM_SDKS / "installed").is_file():
        pytest.skip(
            f"node, or the SDKs in {_NPM_SDKS.relative_to(_ROOT)}, are not there: scripts/install --dev with npm"
        )
    drivers = _NPM_SDKS / "drivers" / "play.mjs"
    linked = ["--preserve-symlinks", "--preserve-symlinks-main"]
    told = _told([node, *linked, drivers, _KEY, crossing.base_url, ",".join(ACROSS), *TARGETS])
    return _facts(told)
