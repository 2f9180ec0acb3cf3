"""The OpenAPI document: valid, complete, and true."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import msgspec
import pytest
from openapi_spec_validator import validate

from aigw.control.openapi import document
from aigw.control.table import routes

ROUTES = tuple(routes())
DOCUMENT = json.loads(json.dumps(document(ROUTES)))


def test_it_is_valid() -> None:
    """A validator of OpenAPI 3.1 finds nothing wrong with it."""
    validate(DOCUMENT)


def test_routes_and_document_are_the_same() -> None:
    """What can be called is in the document, and nothing else is."""
    told = {(method.upper(), path) for path, each in DOCUMENT["paths"].items() for method in each}
    assert told == {(each.method, each.path) for each in ROUTES}


def test_everything_is_described() -> None:
    """Schemas, operations and answers say in words what they are; operations have names of their own."""
    operations = [each for methods in DOCUMENT["paths"].values() for each in methods.values()]
    assert [name for name, each in DOCUMENT["components"]["schemas"].items() if not each.get("description")] == []
    assert all(each["summary"] for each in operations)
    assert all(said["description"] for each in operations for said in each["responses"].values())
    names = [each["operationId"] for each in operations]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z][A-Za-z]+", name) for name in names)


def examples() -> Iterator[tuple[str, Any, Any]]:
    """Every body shown: where, its schema, and the example."""
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                yield f"{method} {path}", content["schema"], content["example"]


@pytest.mark.parametrize(("schema", "example"), [pytest.param(*rest, id=name) for name, *rest in examples()])
def test_examples_are_valid(schema: Any, example: Any) -> None:
    """A body that is shown is one that its schema allows."""
    whole = {**schema, "components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(whole).validate(example)


@pytest.mark.parametrize("route", [each for each in ROUTES if each.body is not None], ids=lambda r: r.summary)
def test_examples_are_read(route: Any) -> None:
    """A body that is shown is one that the API reads."""
    msgspec.convert(route.example, route.body)


def test_no_secret_is_shown() -> None:
    """An example teaches nobody to write a token where none belongs."""
    assert not re.search(r"aigw-(api-)?[0-9A-Za-z]{20,}|sk-[0-9A-Za-z]{8,}", json.dumps(DOCUMENT))
