"""A running sandbox, clients for it, and the published API descriptions to hold its answers against."""

import json
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any, TypeAlias

import aiohttp
import jsonschema
import pytest

from aigw.sandbox.server import Running, start

_ROOT = Path(__file__).parents[2]
_SHARED = Path(os.environ.get("AIGW_SHARED", _ROOT.parent / "shared"))

Schema: TypeAlias = Callable[[str], Callable[[Any], None]]


@pytest.fixture
async def sandbox() -> AsyncIterator[Running]:
    """A sandbox on a free port."""
    async with await start() as running:
        yield running


@pytest.fixture
async def client(sandbox: Running) -> AsyncIterator[aiohttp.ClientSession]:
    """A plain HTTP client whose relative URLs go to the sandbox."""
    headers = {"authorization": "Bearer sk-test"}
    async with aiohttp.ClientSession(sandbox.base_url, headers=headers) as session:
        yield session


@pytest.fixture
def schema() -> Schema:
    """Validators by the name of an API description; the test is skipped where there are no descriptions."""

    def load(name: str) -> Callable[[Any], None]:
        path = _SHARED / "corpus" / "specs" / f"{name}.schema.json"
        if not path.exists():
            pytest.skip(f"no API description {path.name}: set AIGW_SHARED to the folder that has corpus/specs")
        return jsonschema.Draft202012Validator(json.loads(path.read_text())).validate

    return load
