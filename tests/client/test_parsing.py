"""The commands that ask a gateway, as they are written and as the reference tells them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aigw import cli
from aigw.client import parsing
from aigw.client.resources import CREATE, DELETE, LIST, RESOURCES, SHOW, Resource

from .conftest import Ask

VERBS = [(resource, verb) for resource in RESOURCES for verb in resource.verbs]
NAMES = [f"{resource.command} {verb}" for resource, verb in VERBS]


@pytest.fixture(scope="module")
def page() -> str:
    """The reference of the command line."""
    return (Path(__file__).parents[2] / "docs/reference/cli.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("resource", "verb"), VERBS, ids=NAMES)
def test_help_has_an_example(unasked: Ask, resource: Resource, verb: str) -> None:
    """Help is good, and ends with an example that the command line takes."""
    heard = unasked(resource.command, verb, "--help")
    assert heard.code == 0
    written = parsing.example(resource, verb)
    assert f"example: {written}" in " ".join(heard.out.split())
    assert cli._parser().parse_args(written.split()[1:]).verb == verb


@pytest.mark.parametrize(("resource", "verb"), VERBS, ids=NAMES)
def test_every_flag_is_documented(unasked: Ask, page: str, resource: Resource, verb: str) -> None:
    """The section of a command, or that of all, has each verb and each flag."""
    section = re.search(rf"^## `aigw {resource.command}`.*?(?=^## )", page, re.MULTILINE | re.DOTALL)
    common = re.search(r"^## Commands that ask.*?(?=^## )", page, re.MULTILINE | re.DOTALL)
    assert section
    assert common
    assert re.search(rf"`{verb}[ `]", section[0])
    flags = set(re.findall(r"--[a-z-]+", unasked(resource.command, verb, "--help").out.partition("\n\n")[0]))
    told = set(re.findall(r"--[a-z-]+", section[0] + common[0]))
    assert flags <= told


def test_one_command_is_made_whole() -> None:
    """A start makes the verbs of the command that was written, and only those: it is a third faster."""
    assert cli._parser("keys").parse_args(["keys", LIST]).verb == LIST
    with pytest.raises(SystemExit):
        cli._parser("keys").parse_args(["aliases", LIST])


@pytest.mark.parametrize(
    "arguments",
    [
        ["keys"],
        ["keys", "none"],
        ["keys", SHOW],
        ["keys", DELETE],
        ["keys", LIST, "--limit", "0"],
        ["keys", LIST, "--limit", "x"],
        ["keys", CREATE, "--api-key", "aigw-api-secret"],
        ["provider-keys", CREATE, "--value", "sk-secret"],
        ["provider-keys", "update", "x", "--provider", "y"],
        ["gateway-config", LIST],
        ["keys", "update", "x", "--clear", "everything"],
    ],
)
def test_wrong_usage(unasked: Ask, arguments: list[str]) -> None:
    """What is no command ends with 2; no flag takes a secret."""
    heard = unasked(*arguments)
    assert (heard.code, heard.out) == (2, "")
    assert heard.err.startswith("usage: aigw")
