"""The list of models."""

from collections.abc import Mapping

import aiohttp
import pytest

from .conftest import Schema


@pytest.mark.parametrize(
    ("path", "headers", "first"),
    [
        ("/v1/models", {}, ("data", "id", "sandbox-small")),
        ("/v1/models", {"anthropic-version": "2023-06-01"}, ("data", "display_name", "Sandbox Small")),
        ("/v1beta/models", {}, ("models", "name", "models/sandbox-small")),
        ("/v1/models", {"x-goog-api-key": "k"}, ("models", "name", "models/sandbox-small")),
        ("/v1beta/openai/models", {}, ("data", "id", "sandbox-small")),
    ],
)
async def test_each_api_lists_in_its_own_shape(
    client: aiohttp.ClientSession, path: str, headers: Mapping[str, str], first: tuple[str, str, str]
) -> None:
    """Path and headers decide whose shape the list has."""
    members, key, value = first
    async with client.get(path, headers=headers) as answer:
        models = (await answer.json())[members]
    assert (len(models), models[0][key]) == (8, value)


async def test_one_model(client: aiohttp.ClientSession, schema: Schema) -> None:
    """A listed model can be looked at by itself."""
    async with client.get("/v1/models/sandbox-think") as answer:
        schema("sdk.openai.Model")(await answer.json())
    async with client.get("/v1beta/models/sandbox-embed") as answer:
        assert (await answer.json())["supportedGenerationMethods"] == ["embedContent"]


@pytest.mark.parametrize(
    ("path", "name"), [("/v1/models/gpt-x", "model_not_found"), ("/v1beta/models/gpt-x", "NOT_FOUND")]
)
async def test_an_unknown_model_is_not_found(client: aiohttp.ClientSession, path: str, name: str) -> None:
    """What is not listed is a 404 in the API's shape."""
    async with client.get(path) as answer:
        error = (await answer.json())["error"]
    assert (answer.status, name) == (404, error["code"] if "type" in error else error["status"])
