"""Runs a driver's scenarios: every public coroutine function of a driver is one, and returns facts as JSON.

As a script, `play.py DRIVER BASE_URL ACCESS_KEY` plays all of them, several at a time, and prints the facts by
scenario; that is how another major of an SDK, which cannot live in the same process, tells the same story.
"""

import asyncio
import importlib.util
import inspect
import json
import sys
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import ModuleType
from typing import Any

Facts = Any
Scenario = Callable[[Any], Awaitable[Facts]]
AT_ONCE = 8


def load(name: str) -> ModuleType:
    """The driver of that name, from this folder."""
    spec = importlib.util.spec_from_file_location(f"sdk_driver_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def scenarios(driver: ModuleType) -> dict[str, Scenario]:
    """The scenarios of a driver by name."""
    found = inspect.getmembers(driver, inspect.iscoroutinefunction)
    return {name: each for name, each in found if not name.startswith("_") and each.__module__ == driver.__name__}


async def play(driver: ModuleType, name: str, base_url: str, access_key: str) -> Facts:
    """One scenario with a client of its own."""
    async with driver.open_client(base_url, access_key) as client:
        return await scenarios(driver)[name](client)


async def play_all(driver: ModuleType, base_url: str, access_key: str) -> dict[str, Facts]:
    """All scenarios; one that fails has its traceback for facts."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def guarded(name: str) -> Facts:
        async with gate:
            try:
                return await play(driver, name, base_url, access_key)
            except Exception:
                return traceback.format_exc()

    names = list(scenarios(driver))
    return dict(zip(names, await asyncio.gather(*map(guarded, names)), strict=True))


if __name__ == "__main__":
    print(json.dumps(asyncio.run(play_all(load(sys.argv[1]), sys.argv[2], sys.argv[3]))))
