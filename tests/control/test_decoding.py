"""What requests say, and what is said of those that cannot be read."""

from __future__ import annotations

import pytest

from .conftest import Live

KEYS = "/access-keys"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"", None),
        (b"{", None),
        (b"\xff", None),
        (b"[" * 100_000, None),
        (b'{"name":"\\ud800"}', None),
        (b"[]", None),
        (b"null", None),
        ({"name": 1}, "name"),
        ({"name": "x" * 256}, "name"),
        ({"description": "x" * 256}, "description"),
        ({"metadata": "x" * 4097}, "metadata"),
        ({"requests_per_minute": 1}, "requests_per_minute"),
        ({"requestsPerMinute": 0}, "requestsPerMinute"),
        ({"requestsPerMinute": True}, "requestsPerMinute"),
        ({"requestsPerMinute": 1.5}, "requestsPerMinute"),
        ({"requestsPerMinute": 10**400}, "requestsPerMinute"),
        ({"budget": {"amount": "1"}}, "budget.period"),
        ({"budget": {"amount": "1", "period": "day", "extra": 1}}, "budget.extra"),
        ({"budget": {"amount": 1, "period": "day"}}, "budget.amount"),
        ({"expiresAt": "2030-01-01T00:00:00"}, "expiresAt"),
        ({"role": "operator"}, "role"),
        ({"id": "aigk_x"}, "id"),
    ],
)
async def test_bodies_that_cannot_be_read(live: Live, body: object, field: str | None) -> None:
    """The refusal names the member, in the API's spelling; nothing was made."""
    heard = await live.ask("POST", KEYS, body)
    assert (heard.status, heard.code) == (400, "invalidBody")
    assert heard.told["details"].get("field") == field
    assert (await live.ask("GET", KEYS)).told["accessKeys"] == []


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("limit=", "limit"),
        ("limit=1&limit=2", "limit"),
        ("page=2", "page"),
        ("before_id=x", "before_id"),
        (f"beforeId={'x' * 256}", "beforeId"),
        ("beforeId=%00", "beforeId"),
        ("wait=true", "wait"),
    ],
)
async def test_queries_that_cannot_be_read(live: Live, query: str, field: str) -> None:
    """A parameter that is unknown, doubled or out of bounds is named."""
    heard = await live.ask("GET", f"{KEYS}?{query}")
    assert heard.status == 400
    assert heard.told["details"] == {"field": field}


@pytest.mark.parametrize("query", ["%ff=1", "beforeId=%ff", "&".join(f"x{each}=1" for each in range(30))])
async def test_queries_that_are_none(live: Live, query: str) -> None:
    """What is no UTF-8, or is endless, is refused as a whole."""
    assert (await live.ask("GET", f"{KEYS}?{query}")).code == "invalidQuery"


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 201),
        ("Application/JSON; charset=utf-8", 201),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/merge-patch+json", 415),
        ("application/json-seq", 415),
    ],
)
async def test_the_kind_of_a_body(live: Live, kind: str, status: int) -> None:
    """Bodies are JSON and say so: a form of another site's page is none."""
    assert (await live.ask("POST", KEYS, b"{}", content_type=kind)).status == status
