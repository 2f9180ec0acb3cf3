"""`aigw conformance`, before anything that is no gateway: the sandbox itself."""

from __future__ import annotations

import json
import socket

import pytest

from aigw.cli import main
from aigw.conformance.command import Misuse, address_of, faults_of, models_of


@pytest.fixture
def url() -> str:
    """An address that is free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


def test_lies_are_shown(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a gateway a stream without its end is a lie: exit code 1, and a table that says so."""
    code = main(["conformance", url, "--upstream", url, "--format", "chat", "--fault", "no-terminal", "--timeout", "5"])
    assert code == 1
    told = capsys.readouterr().out
    assert "no-terminal  LIE     LIE   " in told
    assert "4 lie" not in told.splitlines()[0]


def test_truth_is_good(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nobody is lied to the exit code is 0; --json has every case."""
    code = main(["conformance", f"{url}/", "--upstream", url, "--format", "messages", "--fault", "crlf", "--json"])
    assert code == 0
    told = json.loads(capsys.readouterr().out)
    assert [case["fault"] for case in told["cases"]] == ["none"] * 4 + ["crlf"] * 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["http://127.0.0.1:9", "--upstream", "URL", "--format", "chat"], "did not go well"),
        (["URL", "--upstream", "https://127.0.0.1:9"], "write http://HOST:PORT"),
        (["URL", "--upstream", "http://127.0.0.1"], "write http://HOST:PORT"),
        (["URL", "--upstream", "http://127.0.0.1:70000"], "write http://HOST:PORT"),
        (["URL", "--upstream", "URL", "--fault", "typo"], "--fault typo: there are none, "),
        (["URL", "--upstream", "URL", "--format", "xml"], "--format xml: there are chat, "),
        (["URL", "--upstream", "URL", "--model", "chat="], "--model: write"),
        (["URL", "--upstream", "http://192.0.2.1:9000", "--format", "chat"], "cannot listen on 192.0.2.1:9000"),
    ],
)
def test_misuse_is_told(arguments: list[str], words: str, url: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A set-up that cannot work is no verdict on a gateway: exit code 2, and what is wrong."""
    assert main(["conformance", *(url if each == "URL" else each for each in arguments), "--timeout", "3"]) == 2
    assert words in capsys.readouterr().err


def test_models_by_format() -> None:
    """One name for all formats, and other ones for some, in any order; a model's own `=` is its own."""
    assert models_of(["gemini=g", "m"], ["chat", "gemini"]) == [("chat", "m"), ("gemini", "g")]
    assert models_of(["a=b"], ["chat"]) == [("chat", "a=b")]
    assert models_of(["messages=x"], ["chat"]) == [("chat", "sandbox-small")]
    with pytest.raises(Misuse):
        models_of(["chat="], ["chat"])


def test_faults_by_name() -> None:
    """The case without a fault is always played, first."""
    assert [each.name for each in faults_of(["cut"])] == ["none", "cut"]
    assert len(faults_of([])) > 20


def test_the_address_is_in_the_url() -> None:
    """What the gateway calls is where the sandbox listens, whatever path stands behind."""
    assert address_of("http://127.0.0.1:9000/v1") == ("127.0.0.1", 9000)
