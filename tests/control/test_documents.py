"""What anybody may read: the OpenAPI document and its page."""

from __future__ import annotations

import pytest

from .conftest import Live


@pytest.mark.parametrize(
    ("path", "kind"), [("/openapi.json", "application/json"), ("/docs", "text/html; charset=utf-8")]
)
async def test_both_are_public(live: Live, path: str, kind: str) -> None:
    """No API key is asked for; nothing else is taken but GET and HEAD."""
    heard = await live.ask("GET", path, token="")
    assert (heard.status, heard.headers["content-type"]) == (200, kind)
    assert heard.headers["x-content-type-options"] == "nosniff"
    assert (await live.ask("GET", path, token="")).body == heard.body
    refused = await live.ask("POST", path, token="")
    assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")


async def test_the_document_is_that_of_the_routes(live: Live) -> None:
    """It says which version of OpenAPI it is, and has the routes."""
    told = (await live.ask("GET", "/openapi.json", token="")).told
    assert told["openapi"] == "3.1.0"
    assert "/access-keys/{id}" in told["paths"]


async def test_the_page_runs_nothing(live: Live) -> None:
    """No script, no other site, no frame: the browser is told so, and the page needs none."""
    heard = await live.ask("GET", "/docs", token="")
    policy = heard.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "script" not in policy
