"""The examples in deploy/ are good for what they are examples of."""

from __future__ import annotations

import configparser
import re
import textwrap
import tomllib
from pathlib import Path

import pytest

import aigw
from aigw.registry import load_builtin, load_presets
from aigw.settings import load

KUBERNETES = ("sidecar", "deployment", "postgresql")


@pytest.fixture
def deploy(root: Path) -> Path:
    """The folder of examples."""
    return root / "deploy"


def unit(path: Path) -> configparser.ConfigParser:
    """A systemd unit; keys that stand several times keep their last value."""
    read = configparser.ConfigParser(strict=False, interpolation=None)
    read.optionxform = str  # type: ignore[method-assign,assignment]
    read.read(path, encoding="utf-8")
    return read


def secrets_for(text: str, folder: Path) -> str:
    """The configuration with its secrets at hand: each file or credential it names is made."""
    for name in re.findall(r"file:/run/secrets/aigw/([\w-]+)", text) + re.findall(r"credential:(\w+)", text):
        (folder / name).write_text(f"a-secret-for-{name}-in-the-test")
        (folder / name).chmod(0o440)
    return text.replace("/run/secrets/aigw", str(folder))


def loaded(text: str, tmp_path: Path) -> object:
    """The settings of an example. Raises ConfigError."""
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    file = tmp_path / "aigw.toml"
    file.write_text(secrets_for(text, secrets), encoding="utf-8")
    presets = {name: preset.base_url or None for name, preset in load_presets().items()}
    return load(file, {"CREDENTIALS_DIRECTORY": str(secrets)}, builtin=load_builtin(), presets=presets)


@pytest.mark.parametrize(("file", "name"), [("aigw.socket", "data"), ("aigw-control.socket", "control")])
def test_sockets_have_the_names_that_the_gateway_knows(deploy: Path, file: str, name: str) -> None:
    """Which listener a socket is for is told by its name, and both lead to the one service."""
    assert unit(deploy / file)["Socket"]["FileDescriptorName"] == name
    assert unit(deploy / file)["Socket"]["Service"] == "aigw.service"
    assert file in unit(deploy / "aigw.service")["Service"]["Sockets"]


def test_the_units_configuration_loads(deploy: Path, tmp_path: Path) -> None:
    """The configuration of the unit is good, and the unit hands over each credential it names."""
    text = (deploy / "aigw.toml").read_text(encoding="utf-8")
    service = (deploy / "aigw.service").read_text(encoding="utf-8")
    assert loaded(text, tmp_path)
    assert set(re.findall(r"credential:(\w+)", text)) == set(
        re.findall(r"^LoadCredential=(\w+):", service, re.MULTILINE)
    )


@pytest.mark.parametrize("name", KUBERNETES)
def test_kubernetes_configurations_load(deploy: Path, tmp_path: Path, name: str) -> None:
    """The configuration within the manifest is good, and its secret files are not for everybody."""
    manifest = (deploy / "kubernetes" / f"{name}.yaml").read_text(encoding="utf-8")
    embedded = re.search(r"^  aigw\.toml: \|\n((?:    .*\n|\n)+)", manifest, re.MULTILINE)
    assert embedded
    text = textwrap.dedent(embedded[1])
    assert tomllib.loads(text)["server"]["control"] == "0.0.0.0:8081"
    assert loaded(text, tmp_path)
    assert "defaultMode: 0440" in manifest


def test_the_examples_name_this_version(deploy: Path) -> None:
    """The image that manifests ask for is the one of this version."""
    for name in KUBERNETES:
        manifest = (deploy / "kubernetes" / f"{name}.yaml").read_text(encoding="utf-8")
        assert f"image: aigw:{aigw.__version__}" in manifest


def test_the_image_is_built_from_the_lock(deploy: Path, root: Path) -> None:
    """Every dependency is in the lock file, with hashes and without a source."""
    assert "--require-hashes" in (deploy / "Dockerfile").read_text(encoding="utf-8")
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lock = (root / "requirements.lock").read_text(encoding="utf-8")
    locked = dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock, re.MULTILINE))
    for needed in project["dependencies"]:
        found = re.match(r"([\w.-]+)>=([\d.]+)", needed)
        assert found
        version = locked[found[1].replace(".", "-")]
        assert tuple(map(int, version.split("."))) >= tuple(map(int, found[2].split(".")))
    assert lock.count("--hash=sha256:") > len(locked)
    assert "//" not in lock
