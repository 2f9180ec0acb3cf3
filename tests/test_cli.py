"""The commands: what they take, what they print where, and their exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aigw import __version__, arguments, cli
from aigw.settings import Settings

from .support.command import PATIENCE, aigw, environment

COMMANDS = ("serve", "check", "explain", "models", "sandbox", "version")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without a file, and an environment without a key."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.endswith("_API_KEY") or name.startswith("AIGW_")]:
        monkeypatch.delenv(name)


def wrong_usage(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """What stderr says to arguments that are refused with exit code 2; stdout stays empty."""
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == cli.USAGE
    heard = capsys.readouterr()
    assert heard.out == ""
    return heard.err


# -- usage --------------------------------------------------------------------------------------------------------


def test_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    """The help goes to stderr: nothing was asked for."""
    assert cli.main([]) == cli.USAGE
    heard = capsys.readouterr()
    assert heard.out == ""
    assert all(f"  {command} " in heard.err for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(capsys: pytest.CaptureFixture[str], command: str) -> None:
    """Help goes to stdout, ends with an example of this very command, and is good."""
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == cli.GOOD
    assert f"example: aigw {command}" in capsys.readouterr().out


def test_worker_is_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    """How the gateway starts its own processes is nobody's business."""
    with pytest.raises(SystemExit):
        cli.main(["--help"])
    assert "worker " not in capsys.readouterr().out
    assert cli.main(["worker", "9999"]) == cli.FAILED
    assert "never by hand" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nothing"], "invalid choice"),
        (["serve", "--nothing"], "unrecognized arguments"),
        (["serve", "--list", ":1"], "unrecognized arguments"),
        (["check", "--set", "limits.total_timeout"], "write KEY=VALUE"),
        (["explain"], "required: model"),
        (["sandbox", "--listen", "9000"], "needs a host before the port"),
        (["sandbox", "--listen", "unix:/x"], "the sandbox listens on TCP alone"),
        (["models", "a", "b"], "unrecognized arguments"),
    ],
)
def test_wrong_usage(capsys: pytest.CaptureFixture[str], arguments: list[str], said: str) -> None:
    """Exit code 2 and how to do it right; flags are never guessed from their beginning."""
    told = wrong_usage(capsys, *arguments)
    assert told.startswith("usage: aigw")
    assert said in told


def test_overrides() -> None:
    """--set by dotted key, the value up to its end; a flag of its own wins."""
    options = cli._parser().parse_args(
        ["serve", "--set", "server.workers=2", "--set", "providers.a.base_url=http://x?y=z", "--workers", "3"]
    )
    assert arguments.overrides(options) == {"server.workers": "3", "providers.a.base_url": "http://x?y=z"}
    assert arguments.overrides(cli._parser().parse_args(["check"])) == {}


def test_flags_reach_the_gateway(monkeypatch: pytest.MonkeyPatch) -> None:
    """`serve` runs with the settings of file, environment and flags, and hands on what the command line set."""
    heard: list[tuple[Settings, object, bool]] = []

    def serve(settings: Settings, overrides: object, *, quiet: bool) -> int:
        heard.append((settings, overrides, quiet))
        return 0

    monkeypatch.setattr("aigw.serve.serve", serve)
    Path("my.toml").write_text("[limits]\nmax_body_bytes = 9\n")
    given = ["--listen", "127.0.0.1:1", "--control", "off", "--workers", "3"]
    assert cli.main(["serve", "-c", "my.toml", *given, "-q"]) == 0
    ((settings, overrides, quiet),) = heard
    assert overrides == {"server.listen": "127.0.0.1:1", "server.control": "off", "server.workers": "3"}
    assert quiet
    assert (str(settings.server.listen), settings.server.control, settings.server.workers) == ("127.0.0.1:1", None, 3)
    assert (settings.source, settings.limits.max_body_bytes) == ("my.toml", 9)


def test_a_mistake_in_the_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1, and the place on stderr."""
    assert cli.main(["serve", "--config", "none.toml"]) == cli.FAILED
    assert capsys.readouterr().err.startswith("aigw: none.toml: cannot read the configuration file")
    assert cli.main(["serve", "--workers", "many"]) == cli.FAILED
    assert "server.workers" in capsys.readouterr().err


def test_an_interrupt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C ends a command without a traceback."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("aigw.catalog.Catalog.load", interrupted)
    assert cli.main(["models"]) == cli.FAILED


# -- what is printed ----------------------------------------------------------------------------------------------


def test_explain(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A table of candidates, the rest below; JSON instead; exit code 1 without a candidate."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789abcdefghijklmn")
    assert cli.main(["explain", "gpt-4o", "nothing-like-it"]) == cli.GOOD
    table = capsys.readouterr().out.splitlines()
    assert table[0].split() == ["PROVIDER", "MODEL", "KEY", "URL", "WHY"]
    assert table[1].startswith("openai    gpt-4o  sk-0123456***klmn  https://api.openai.com/v1/chat/completions  ")
    assert any(line.startswith("passed over nothing-like-it: unknown_model") for line in table)
    assert cli.main(["explain", "gpt-4o", "--json", "--surface", "responses"]) == cli.GOOD
    assert json.loads(capsys.readouterr().out)["surface"] == "responses"
    assert cli.main(["explain", "groq:x", "--json"]) == cli.FAILED
    assert json.loads(capsys.readouterr().out)["refusal"]["code"] == "no_credentials"
    assert cli.main(["explain", "groq:x"]) == cli.FAILED
    assert capsys.readouterr().out.startswith("no candidate: no_credentials")


def test_models(capsys: pytest.CaptureFixture[str]) -> None:
    """All, of one provider, by a part of the id; unknown limits and prices are not made up."""
    assert cli.main(["models", "--json"]) == cli.GOOD
    every = json.loads(capsys.readouterr().out)
    assert len({each["provider"] for each in every}) > 3
    assert cli.main(["models", "--provider", "openai", "GPT-4O", "--json"]) == cli.GOOD
    some = json.loads(capsys.readouterr().out)
    assert {each["provider"] for each in some} == {"openai"}
    assert all("gpt-4o" in each["id"] for each in some)
    assert all(isinstance(each["inputPrice"], str | None) for each in some)
    assert cli.main(["models", "--provider", "openai"]) == cli.GOOD
    table = capsys.readouterr().out.splitlines()
    assert table[0].split() == ["PROVIDER", "MODEL", "CONTEXT", "OUTPUT", "$/M", "IN", "$/M", "OUT", "SURFACES"]
    assert any("?" in line for line in table)


def test_models_that_are_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    """A search without a result and an unknown provider fail, and say so."""
    assert cli.main(["models", "no-such-model"]) == cli.FAILED
    assert "no model of the catalog has 'no-such-model'" in capsys.readouterr().err
    assert cli.main(["models", "no-such-model", "--json"]) == cli.FAILED
    assert json.loads(capsys.readouterr().out) == []
    assert cli.main(["models", "--provider", "nobody"]) == cli.FAILED
    assert "--provider nobody: not in the catalog; there are " in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """For people and for programs."""
    assert cli.main(["version"]) == cli.GOOD
    assert capsys.readouterr().out == f"aigw {__version__}\n"
    assert cli.main(["version", "--json"]) == cli.GOOD
    assert json.loads(capsys.readouterr().out) == {"version": __version__, "python": sys.version.split()[0]}


# -- as a process -------------------------------------------------------------------------------------------------


def test_a_reader_that_has_seen_enough() -> None:
    """`aigw models | head -1` ends well and without a complaint."""
    process = subprocess.Popen(
        [sys.executable, "-m", "aigw", "models", "--json"],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(PATIENCE) == 0


def test_exit_codes(tmp_path: Path) -> None:
    """0 good, 1 failed, 2 wrong usage, seen from outside."""
    assert aigw("version", cwd=tmp_path).returncode == 0
    assert aigw("check", "--set", "limits.total_timeout=3", cwd=tmp_path).returncode == 1
    assert aigw("check", "--nothing", cwd=tmp_path).returncode == 2
    assert aigw(cwd=tmp_path).returncode == 2
