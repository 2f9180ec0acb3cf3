"""Runs a driver's scenarios: every public coroutine function of a driver is one, and returns facts as JSON.

`play.py DRIVER ACCESS_KEY BASE_URL CROSSING_URL SCENARIO,SCENARIO… PROVIDER…` plays all of them at the first gateway,
and those named with each provider's models at the second, several at a time. It prints the facts by provider (empty for
the first gateway) and scenario. `PROVIDER/MODEL` names the model that thinks. It is a script so that two majors of an
SDK, which cannot live in the same process, can tell the same story.
"""

import asyncio
import importlib.util
import inspect
import json
import sys
import traceback
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

Facts = Any
Scenario = Callable[[Any], Awaitable[Facts]]
AT_ONCE = 8


def load(name: str, provider: str = "") -> ModuleType:
    """The driver of that name, from this folder, asking a provider's models."""
    spec = importlib.util.spec_from_file_location(f"sdk_driver_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if provider:
        names = vars(module)
        provider, _, thinker = provider.partition("/")
        names["SMALL"], names["THINK"] = f"{provider}:{names['SMALL']}", f"{provider}:{thinker or names['THINK']}"
    return module


def scenarios(driver: ModuleType) -> dict[str, Scenario]:
    """The scenarios of a driver by name."""
    found = inspect.getmembers(driver, inspect.iscoroutinefunction)
    return {name: each for name, each in found if not name.startswith("_") and each.__module__ == driver.__name__}


async def play_all(driver: ModuleType, names: Sequence[str], base_url: str, access_key: str) -> dict[str, Facts]:
    """These scenarios; one that fails has its traceback for facts."""
    gate = asyncio.Semaphore(AT_ONCE)
    async with driver.open_client(base_url, access_key) as client:

        async def guarded(name: str) -> Facts:
            async with gate:
                try:
                    return await scenarios(driver)[name](client)
                except Exception:
                    return traceback.format_exc()

        return dict(zip(names, await asyncio.gather(*map(guarded, names)), strict=True))


async def tell(name: str, key: str, own: str, crossing: str, across: str, *providers: str) -> dict[str, Any]:
    """The facts of a driver by provider and scenario."""
    driver = load(name)
    told = {"": await play_all(driver, list(scenarios(driver)), own, key)}
    for provider in providers:
        told[provider] = await play_all(load(name, provider), across.split(","), crossing, key)
    return told


if __name__ == "__main__":
    print(json.dumps(asyncio.run(tell(*sys.argv[1:]))))
