"""The table of commands: it fits together."""

from __future__ import annotations

import subprocess
import sys

import pytest

from aigw.client.reading import READERS
from aigw.client.resources import PURPOSES, RESOURCES, Resource

# Libraries that cost a command more time than asking the gateway does.
HEAVY = ("aiohttp", "asyncio", "cryptography", "msgspec", "sqlalchemy", "uvloop", "aigw.catalog", "aigw.registry")


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda each: each.command)
def test_a_row(resource: Resource) -> None:
    """A command has a purpose; its flags are told apart, and there is a way to read each."""
    assert PURPOSES[resource.command]
    assert len({each.flag for each in resource.flags}) == len(resource.flags)
    kinds = {each.kind for each in resource.flags}
    assert kinds <= {*READERS, "surface", "configuration", "rule"}
    assert {verb for verb, _ in resource.examples} <= set(resource.verbs)


def test_ids_are_told_apart() -> None:
    """No two things have ids with the same beginning."""
    prefixes = [each.prefix for each in RESOURCES if each.prefix]
    assert len(set(prefixes)) == len(prefixes)


def test_a_command_starts_fast() -> None:
    """A command that asks a gateway loads nothing of what a gateway is made of."""
    code = "import sys, aigw.cli, aigw.client.run; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()).isdisjoint(HEAVY)
