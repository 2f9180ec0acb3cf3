"""A gateway with its sandbox as a real process, and what other majors of the SDKs tell about it."""

import importlib.util
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from attrs import frozen

_HERE = Path(__file__).parent
_ROOT = _HERE.parents[1]
_PLAY = _HERE / "drivers" / "play.py"
_OLD_SDKS = _ROOT / ".venv" / "old-sdks"
_KEY = "aigw-sdk-tests-0123456789"
_STOP_SECONDS = 10
_PLAY_SECONDS = 60

PlayOld = Callable[[str], dict[str, Any]]


@frozen
class Served:
    """Where a gateway listens, and an access key for it."""

    base_url: str
    key: str


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """`aigw serve` without any provider: it brings its sandbox."""
    data = tmp_path_factory.mktemp("gateway")
    command = [sys.executable, "-m", "aigw", "serve", "--listen", "127.0.0.1:0", "--control", "off"]
    command += ["--set", f"server.data_dir={data}"]
    # No provider's key variable may leak in: with one, the gateway would call that provider.
    environ = {"PATH": os.environ["PATH"], "AIGW_ACCESS_KEY": _KEY}
    with (data / "stderr").open("wb") as errors:
        process = subprocess.Popen(command, cwd=_ROOT, env=environ, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert process.stdout is not None
    started = json.loads(process.stdout.readline() or "{}")
    try:
        assert started.get("event") == "started", (data / "stderr").read_text()
        yield Served(started["listen"], _KEY)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=_STOP_SECONDS)
    assert process.returncode == 0


@pytest.fixture(scope="session")
def play() -> ModuleType:
    """The player of the drivers' scenarios."""
    spec = importlib.util.spec_from_file_location("sdk_play", _PLAY)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def play_old(served: Served) -> PlayOld:
    """The facts that the old major of a driver's SDK tells, by scenario; skips where it is not installed."""
    if not _OLD_SDKS.is_dir():
        pytest.skip(
            f"the SDKs' old majors are not in {_OLD_SDKS.relative_to(_ROOT)}: .venv/bin/pip install"
            f" --target {_OLD_SDKS.relative_to(_ROOT)} openai==1.109.1 anthropic==0.125.0"
        )

    @cache
    def play_all(driver: str) -> dict[str, Any]:
        environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(_OLD_SDKS)}
        command = [sys.executable, str(_PLAY), driver, served.base_url, served.key]
        told = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=_PLAY_SECONDS, check=False)
        assert told.returncode == 0, told.stderr
        facts: dict[str, Any] = json.loads(told.stdout)
        return facts

    return play_all
