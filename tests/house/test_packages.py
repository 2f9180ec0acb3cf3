"""What setup.cfg lists is what there is: a package that is not listed vanishes from the wheel without a word."""

from __future__ import annotations

import configparser
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def config(root: Path) -> configparser.ConfigParser:
    """setup.cfg, read."""
    read = configparser.ConfigParser()
    read.read(root / "setup.cfg", encoding="utf-8")
    return read


def packages_in(folder: Path) -> list[str]:
    """Every package below a folder, also those that are links, with dots."""
    found = [folder.name]
    for entry in sorted(folder.iterdir()):
        if entry.is_dir() and (entry / "__init__.py").exists():
            found += [f"{folder.name}.{name}" for name in packages_in(entry)]
    return found


def test_packages_are_the_folders(root: Path, config: configparser.ConfigParser) -> None:
    """The list of packages is the tree of folders."""
    assert config["options"]["packages"].split() == packages_in(root / "aigw")


def test_every_folder_with_modules_is_a_package(root: Path) -> None:
    """No folder of modules lacks its __init__, which would hide it from the list."""
    folders = {path.parent for path in (root / "aigw").rglob("*.py")} | {root / "providers"}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_every_package_says_what_it_is(root: Path) -> None:
    """The first line of a room's docstring answers what the room is for."""
    for init in (root / "aigw").rglob("__init__.py"):
        assert init.read_text(encoding="utf-8").startswith('"""'), init


def test_data_files_are_there(root: Path, config: configparser.ConfigParser) -> None:
    """Every file that is packed besides modules exists, and none beside the modules is forgotten."""
    listed = config["options.package_data"]["aigw"].split()
    beside = [path.name for path in (root / "aigw").iterdir() if path.is_file() and path.suffix not in (".py", ".so")]
    assert sorted(listed) == sorted(beside)


@pytest.mark.parametrize(("link", "target"), [("providers", "../providers"), ("catalog.json", "../catalog.json")])
def test_links_are_relative(root: Path, link: str, target: str) -> None:
    """What lies at the top is reached from the package by a relative link, or is a copy where links are not kept."""
    path = root / "aigw" / link
    assert path.exists()
    assert not path.is_symlink() or str(path.readlink()) == target
