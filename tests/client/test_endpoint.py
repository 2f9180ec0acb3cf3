"""Where the control API is, and whose key it is sent."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import pytest

from aigw import cli
from aigw.client.endpoint import Endpoint, of_server, parse_endpoint, target_of
from aigw.errors import ConfigError
from aigw.settings import Server, Tcp, Unix

Options = Callable[..., argparse.Namespace]


@pytest.fixture
def options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Options:
    """The options of `aigw whoami`, in a folder of its own with an empty environment."""
    monkeypatch.chdir(tmp_path)
    for name in ("AIGW_CONTROL_URL", "AIGW_API_KEY", "AIGW_API_KEY_FILE", "AIGW_ACCOUNT", "AIGW_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    return lambda *arguments: cli._parser().parse_args(["whoami", *arguments])


def operator_key(text: str = "aigw-api-operator\n", folder: str = "aigw-data") -> None:
    """A first start has left the operator's key here."""
    Path(folder).mkdir()
    Path(folder, "operator-key").write_text(text)


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("http://127.0.0.1:8081", Endpoint("127.0.0.1", 8081)),
        ("http://gateway.internal/", Endpoint("gateway.internal", 80)),
        ("https://gateway.internal/control/", Endpoint("gateway.internal", 443, tls=True, below="/control")),
        ("http://[::1]:9", Endpoint("::1", 9)),
        ("127.0.0.1:8081", Endpoint("127.0.0.1", 8081)),
        ("unix:/run/aigw.sock", Endpoint("localhost", socket="/run/aigw.sock")),
    ],
)
def test_endpoints(text: str, endpoint: Endpoint) -> None:
    """A URL, an address or a socket's path."""
    assert parse_endpoint(text) == endpoint


@pytest.mark.parametrize(
    "text",
    [
        "ftp://x",
        "http://",
        "http://u:p@x",
        "http://x?a=b",
        "http://x#a",
        "http://x:99999",
        "http://x:y",
        "http://x/a b",
        "8081",
        "unix:",
    ],
)
def test_no_places(text: str) -> None:
    """Anything else is refused; a password in it is not repeated."""
    with pytest.raises(ConfigError, match="--url") as refused:
        parse_endpoint(text)
    assert "u:p" not in str(refused.value)


@pytest.mark.parametrize(
    ("control", "shown"),
    [
        (Tcp("0.0.0.0", 8081), "http://127.0.0.1:8081"),
        (Tcp("::", 8081), "http://[::1]:8081"),
        (Tcp("10.0.0.1", 8081), "http://10.0.0.1:8081"),
        (Unix("/run/x"), "unix:/run/x"),
    ],
)
def test_the_gateway_of_a_configuration(control: Tcp | Unix, shown: str) -> None:
    """One that listens everywhere is asked on this machine."""
    assert str(of_server(Server(control=control))) == shown


@pytest.mark.parametrize(("control", "said"), [(None, "off"), (Tcp("127.0.0.1", 0), "port 0")])
def test_no_gateway_of_a_configuration(control: Tcp | None, said: str) -> None:
    """Where the configuration cannot tell, --url can."""
    with pytest.raises(ConfigError, match=said):
        of_server(Server(control=control))


def test_the_key_of_the_operator(options: Options) -> None:
    """Without any other key the one of the first start is taken, from the data_dir of the configuration."""
    operator_key()
    found = target_of(options())
    assert (found.key.reveal(), found.source, found.account) == ("aigw-api-operator", "aigw-data/operator-key", "")
    operator_key("another", "elsewhere")
    assert target_of(options("--set", "server.data_dir=elsewhere")).key.reveal() == "another"


def test_the_key_of_the_operator_stays_here(options: Options) -> None:
    """Whoever names a URL elsewhere is not sent the key of this machine's operator."""
    operator_key()
    assert target_of(options("--url", "http://localhost:1")).key.reveal() == "aigw-api-operator"
    for url in ("http://10.0.0.1:1", "https://gateway.example.com"):
        with pytest.raises(ConfigError, match="no API key for"):
            target_of(options("--url", url))


@pytest.mark.parametrize("text", ["", "\n", "\u00e4"])
def test_a_file_without_a_key(options: Options, text: str) -> None:
    """A file that holds no key is named, with the other ways."""
    operator_key(text)
    with pytest.raises(ConfigError, match="operator-key does not hold one"):
        target_of(options())


def test_no_key(options: Options) -> None:
    """The message tells every way to give one."""
    with pytest.raises(ConfigError, match="set AIGW_API_KEY, or give --api-key-file FILE"):
        target_of(options())


def test_which_key_wins(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    """The flag wins over the environment, the environment over the operator's key."""
    operator_key()
    Path("file").write_text("of-file")
    Path("file").chmod(0o600)
    monkeypatch.setenv("AIGW_API_KEY_FILE", "file")
    assert target_of(options()).source == "file"
    monkeypatch.delenv("AIGW_API_KEY_FILE")
    monkeypatch.setenv("AIGW_API_KEY", "of-environment")
    assert target_of(options()).key.reveal() == "of-environment"
    assert target_of(options("--api-key-file", "file")).key.reveal() == "of-file"


def test_standard_input_is_named_by_a_flag_alone(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable cannot say whose standard input it would be."""
    monkeypatch.setenv("AIGW_API_KEY_FILE", "-")
    with pytest.raises(ConfigError, match="--api-key-file -"):
        target_of(options())


def test_the_environment(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    """It names endpoint and account; flags win."""
    monkeypatch.setenv("AIGW_API_KEY", "k")
    monkeypatch.setenv("AIGW_CONTROL_URL", "unix:/run/a")
    monkeypatch.setenv("AIGW_ACCOUNT", "blue")
    assert (str(target_of(options()).endpoint), target_of(options()).account) == ("unix:/run/a", "blue")
    flags = target_of(options("--url", "http://127.0.0.1:1", "--account", "red"))
    assert (str(flags.endpoint), flags.account) == ("http://127.0.0.1:1", "red")


def test_a_key_in_the_clear(
    options: Options, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A key that goes over a network without TLS is remarked on."""
    monkeypatch.setenv("AIGW_API_KEY", "k")
    target_of(options("--url", "http://127.0.0.1:1"))
    target_of(options("--url", "https://gateway.example.com"))
    assert capsys.readouterr().err == ""
    target_of(options("--url", "http://gateway.example.com"))
    assert "in the clear" in capsys.readouterr().err


def test_a_key_that_fits_in_no_header(options: Options, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused before anything is sent, and not repeated."""
    monkeypatch.setenv("AIGW_API_KEY", "aigw-\u00e4")
    with pytest.raises(ConfigError, match="characters that no key has") as refused:
        target_of(options())
    assert "\u00e4" not in str(refused.value)
