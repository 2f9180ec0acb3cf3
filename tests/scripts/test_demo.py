"""The demo, as a newcomer would run it."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_DEMO = _ROOT / "scripts" / "demo.py"
_SECONDS = 90

pytestmark = pytest.mark.slow


def test_the_demo_shows_everything_and_ends_well() -> None:
    """Four formats streamed and translated, a failover, errors in each caller's format; then all stops, exit code 0."""
    shown = subprocess.run([sys.executable, _DEMO], capture_output=True, text=True, timeout=_SECONDS, check=False)
    assert (shown.returncode, shown.stderr) == (0, "")
    for name in ("OpenAI chat", "OpenAI responses", "Anthropic messages", "Google Gemini"):
        line = next(line for line in shown.stdout.splitlines() if name in line)
        assert "You· said:· streams· should·" in line
    assert "/seed;dropped" in shown.stdout
    assert "x-aigw-attempts" in shown.stdout
    assert [line.split()[-1] for line in shown.stdout.splitlines() if "log: attempt" in line] == [
        "status_429",
        "status_503",
        "answered",
    ]
    for error in ("openai.NotFoundError", "anthropic.NotFoundError", "google.ClientError", "openai.APIError"):
        assert error in shown.stdout
    assert "All went well" in shown.stdout


def test_a_demo_that_goes_wrong_says_so(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    """A gateway that does not start ends the demo with exit code 1, and its own message can be read."""
    spec = importlib.util.spec_from_file_location("scripts_demo", _DEMO)
    assert spec is not None
    assert spec.loader is not None
    demo = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, demo)
    spec.loader.exec_module(demo)
    monkeypatch.setattr(demo, "CONFIG", "[server]\nlisten = 'nowhere'\n")
    assert demo.main() == 1
    told = capfd.readouterr().err
    assert "server.listen" in told
    assert "demo: " in told
