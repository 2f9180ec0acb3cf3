"""The live API against its own document: whatever is sent, it answers as it says it does."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import threading
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
import attrs
import hypothesis
import jsonschema
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from aigw import compose
from aigw.control.api import Api
from aigw.control.listener import Listener
from aigw.control.openapi import document
from aigw.control.table import routes
from aigw.explain import dry_run
from aigw.settings import Settings
from aigw.store.opening import Location, opened

from .conftest import SECRET_KEY

# Of each kind (as the document says, and otherwise) for each operation.
EXAMPLES = 10
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
ROUTES = tuple(routes())
DOCUMENT: dict[str, Any] = document(ROUTES)
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
# What a query says as text, for the types that are no texts.
READ: dict[str, dict[str, object]] = {
    "boolean": {"true": True, "false": False, "1": True, "0": False},
    "integer": {str(at): at for at in range(101)},
}
OPERATIONS = {each.ok().label: each.ok() for each in SCHEMA.get_all_operations() if isinstance(each, Ok)}


@attrs.frozen
class Running:
    """An API in a thread of its own, which may be called from tests that do not run in a loop."""

    url: str
    token: str
    ids: Mapping[str, str]


async def _explain(asked: Mapping[str, Any]) -> Mapping[str, Any]:
    return dry_run(compose.snapshot_of(Settings()), {**asked, "account": ""})


async def _reload() -> Mapping[str, Any]:
    return {"changed": False, "difference": []}


async def _run(folder: Path, told: list[Running], ready: threading.Event, end: asyncio.Event) -> None:
    store = await opened(Location("sqlite", folder, SECRET_KEY))
    operator = await store.first_operator()
    assert operator is not None
    assert operator.token is not None
    sock = socket.create_server(("127.0.0.1", 0))

    async def open_store() -> Any:
        return store

    listener = Listener(Api(open_store, Settings(), _explain, _reload).answer)
    await listener.listen(sock)
    url, token = f"http://127.0.0.1:{sock.getsockname()[1]}", operator.token.reveal()
    told.append(Running(url, token, await _made(url, token)))
    ready.set()
    await end.wait()
    await listener.close()
    await store.close()


async def _made(url: str, token: str) -> Mapping[str, str]:
    """One thing of each kind: its id by the path of the kind."""
    ids = {}
    async with aiohttp.ClientSession(headers={"authorization": f"Bearer {token}"}) as session:
        for route in ROUTES:
            if route.method == "POST" and route.status == 201:
                async with session.post(url + route.path, json=route.example) as heard:
                    ids[route.path] = (await heard.json())["id"]
    return ids


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One for all of them: each finds what the others left."""
    loop = asyncio.new_event_loop()
    told: list[Running] = []
    ready, end = threading.Event(), asyncio.Event()
    work = _run(tmp_path_factory.mktemp("conformance") / "data", told, ready, end)
    thread = threading.Thread(target=lambda: loop.run_until_complete(work))
    thread.start()
    assert ready.wait(30)
    yield told[0]
    loop.call_soon_threadsafe(end.set)
    thread.join(30)
    loop.close()


def _is_wrong(case: schemathesis.Case[Any]) -> bool:
    """Whether the document allows no such body or query. Not all that is meant to be wrong is: an empty list in a query
    is not sent, and what is not null may be a text.
    """
    told: Any = DOCUMENT["paths"][case.path][case.method.lower()]
    known = {each["name"]: each["schema"] for each in told.get("parameters", ()) if each["in"] == "query"}
    for name, value in (case.query or {}).items():
        if isinstance(value, str | int | float) and (
            name not in known or not _fits(_read(value, known[name]), known[name])
        ):
            return True
    schema = told.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    return schema is not None and case.media_type == "application/json" and not _fits(case.body, schema)


def _read(value: object, schema: Mapping[str, Any]) -> object:
    return READ.get(schema.get("type", ""), {}).get(str(value).lower(), value)


def _fits(value: object, schema: Mapping[str, Any]) -> bool:
    whole = {**schema, "components": DOCUMENT["components"]}
    return bool(jsonschema.Draft202012Validator(whole).is_valid(value))


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE], ids=["as told", "otherwise"])
@pytest.mark.parametrize("label", OPERATIONS)
def test_it_does_what_it_says(running: Running, label: str, mode: GenerationMode) -> None:
    """No request brings the API down, and every answer has a status and a shape that the document names."""
    headers = {"authorization": f"Bearer {running.token}"}

    id = running.ids.get("/" + label.split("/")[1]) if "{id}" in label else None
    # What the others need is not deleted, and no provider is called.
    known = {"id": id} if id and not re.search("^DELETE|discover", label) else None
    cases = OPERATIONS[label].as_strategy(generation_mode=mode, path_parameters=known)

    @hypothesis.settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=cases)
    def each(case: schemathesis.Case[Any]) -> None:
        heard = case.call(base_url=running.url, headers=headers)
        # That a body may be too large is nothing that this check knows of.
        decided = heard.status_code != HTTPStatus.REQUEST_ENTITY_TOO_LARGE
        checks = [*CHECKS, negative_data_rejection] if decided and _is_wrong(case) else CHECKS
        case.validate_response(heard, checks=checks)

    with contextlib.suppress(hypothesis.errors.Unsatisfiable):
        # An operation of which nothing can be sent otherwise than it is told.
        each()
