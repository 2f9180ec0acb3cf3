"""The matrix of scripts/faults, for tests that play a part of it."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"
# Beyond what the gateway of the matrix takes to give up, so that only a call without an end hangs.
TIMEOUT = 10.0
# The generation of SDKs that is asked.
CURRENT = "current"


@pytest.fixture(scope="session")
def faulting() -> Iterator[ModuleType]:
    """The module that plays cases against a gateway of their own."""
    sys.path.insert(0, str(SCRIPTS))
    yield importlib.import_module("faulting.cli")
    sys.path.remove(str(SCRIPTS))


@pytest.fixture(scope="session")
def matrix(faulting: ModuleType) -> Iterator[Callable[..., list[Any]]]:
    """Plays cases, with the SDKs in a process that stays; takes what `run` of that module takes."""
    with asyncio.Runner() as runner:
        seat = faulting.player(CURRENT, TIMEOUT)
        players = {CURRENT: runner.run(seat.__aenter__())}
        yield lambda wanted, **more: runner.run(faulting.run(wanted, players, **more))
        runner.run(seat.__aexit__(None, None, None))
