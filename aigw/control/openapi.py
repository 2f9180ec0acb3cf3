"""The OpenAPI 3.1 document of the control API, made of the table of routes and the types that requests are read by."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from aigw import __version__
from aigw.control.authentication import ACCOUNT_HEADER
from aigw.control.message import JSON
from aigw.control.problems import CODES, camel
from aigw.control.routes import ID, OPERATOR, Route
from aigw.control.shapes import Problem, Shown

Json = dict[str, Any]

_REF = "#/components/schemas/{name}"
_ABOUT = """The control API of aigw: accounts, keys, configurations, providers and settings.

Every call carries an API key: `Authorization: Bearer aigw-api-…`. An operator's key is for the default account unless
`aigw-account` names another one, by its id or name. What belongs to another account is not there (404).

Lists are newest first: `limit` things, then `nextPageUri`. In a PATCH what is left out stays, and `null` clears. With
`?wait=true` a change is answered when every worker has taken it over, or with 202 and `lateWorkers` when some did not
in time. `if-match: "<revision>"` makes a change conditional. Errors are `{"errorCode","statusCode","msg","details"}`.
"""


class LateWorkers(Shown, kw_only=True):
    """A change that is kept, and the workers that had not taken it over in time; `*` when that is not known."""

    late_workers: list[str]


def document(routes: Sequence[Route]) -> Json:
    """The whole document."""
    kinds = [Problem, LateWorkers]
    for route in routes:
        kinds += [each for each in (route.body, route.answer) if each is not None and each not in kinds]
    shown, components = msgspec.json.schema_components(kinds, ref_template=_REF)
    schemas = dict(zip(map(id, kinds), shown, strict=True))
    paths: dict[str, Json] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "aigw control API",
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "the control listener"}],
        "security": [{"apiKey": []}],
        "tags": [{"name": name} for name in dict.fromkeys(map(_tag, routes))],
        "paths": paths,
        "components": {
            "securitySchemes": {"apiKey": {"type": "http", "scheme": "bearer", "description": "an API key"}},
            "schemas": {name: _plain(each) for name, each in components.items()},
        },
    }


def _operation(route: Route, schemas: Mapping[int, Json]) -> Json:
    told: Json = {
        "operationId": _name(route),
        "summary": route.summary,
        "tags": [_tag(route)],
        "parameters": list(_parameters(route)),
        "responses": dict(_responses(route, schemas)),
    }
    if route.role == OPERATOR:
        told["description"] = "For operators."
    if route.body is not None:
        content: Json = {"schema": schemas[id(route.body)]}
        if route.example is not None:
            content["example"] = route.example
        told["requestBody"] = {"required": True, "content": {JSON: content}}
    return told


def _parameters(route: Route) -> Iterator[Json]:
    if ID in route.path:
        yield {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    schema = msgspec.json.schema_components([route.query], ref_template=_REF)[1][route.query.__name__]
    for name, each in schema["properties"].items():
        yield {"name": name, "in": "query", "description": _said(each), "schema": _nullless(each)}
    yield {
        "name": ACCOUNT_HEADER,
        "in": "header",
        "description": "the account that an operator's call is about, by id or name",
        "schema": {"type": "string"},
    }
    if route.conditional:
        yield {
            "name": "if-match",
            "in": "header",
            "description": "the revision that the thing is expected to have",
            "schema": {"type": "string"},
            "example": '"3"',
        }


def _responses(route: Route, schemas: Mapping[int, Json]) -> Iterator[tuple[str, Json]]:
    if route.answer is None:
        yield str(route.status), {"description": "done"}
    else:
        yield str(route.status), _json("done" if route.method != "GET" else "it", schemas[id(route.answer)])
    if route.changes:
        late = schemas[id(LateWorkers)]
        both = late if route.answer is None else {"allOf": [schemas[id(route.answer)], late]}
        yield "202", _json("done, and not yet taken over by every worker", both)
    problem = schemas[id(Problem)]
    for status in sorted(_statuses(route)):
        said = "; ".join(f"`{code}`: {what}" for code, (number, what) in CODES.items() if number == status)
        yield str(status), _json(said, problem)


def _statuses(route: Route) -> Iterator[int]:
    """The errors that a call of a route may meet."""
    yield from (400, 401, 404, 405, 413, 429, 431, 500, 503)
    if route.body is not None:
        yield from (411, 415)
    if route.role == OPERATOR:
        yield 403
    if route.changes:
        yield 409
    if route.conditional:
        yield 412
    yield from route.statuses


def _json(description: str, schema: Json) -> Json:
    return {"description": description, "content": {JSON: {"schema": schema}}}


def _name(route: Route) -> str:
    """`DELETE /access-keys/{id}` → `deleteAccessKeysById`."""
    words = re.findall("[a-z]+", route.path.replace(ID, "by-id"))
    return camel("_".join([route.method.lower(), *words]))


def _tag(route: Route) -> str:
    return route.path.split("/")[1]


def _said(schema: Json) -> str:
    """What a schema says of itself, also within the choice between it and null."""
    said = [schema.get("description"), *(each.get("description") for each in schema.get("anyOf", ()))]
    return next(filter(None, said), "how many" if schema.get("type") == "integer" else "")


def _nullless(schema: Json) -> Json:
    """A parameter's schema: what may be left out is not null."""
    choices = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    return choices[0] if len(choices) == 1 else {name: each for name, each in schema.items() if each is not None}


def _plain(schema: Json) -> Json:
    """A schema without the title that only repeats its name."""
    return {name: each for name, each in schema.items() if name != "title"}
