"""The table of routes."""

from __future__ import annotations

import pytest

from aigw.control.routes import Call, Reply, Route, Table
from aigw.control.table import routes


async def nothing(call: Call) -> Reply:
    """Answers nothing."""
    return Reply()


def route(method: str, path: str) -> Route:
    """One that does nothing."""
    return Route(method=method, path=path, handle=nothing, summary="x")


TABLE = Table(
    [route("GET", "/a"), route("POST", "/a"), route("GET", "/a/{id}"), route("GET", "/a/b"), route("POST", "/a/{id}/c")]
)


@pytest.mark.parametrize(
    ("path", "methods", "id"),
    [
        ("/a", {"GET", "POST"}, ""),
        ("/a/x", {"GET"}, "x"),
        ("/a/b", {"GET"}, ""),
        ("/a/x%2Fy", {"GET"}, "x/y"),
        ("/a/", {"GET"}, ""),
        ("/a/x/c", {"POST"}, "x"),
    ],
)
def test_what_is_found(path: str, methods: set[str], id: str) -> None:
    """A path has its methods and the id that stands in it; a literal segment wins."""
    found = TABLE.find(path)
    assert found is not None
    assert (set(found[0]), found[1]) == (methods, id)


@pytest.mark.parametrize("path", ["/", "//a", "/A", "/a//c/", "/a/x/d", "/{id}", "/a/{id}", "/a/x/c/d", "/a;x", "/%61"])
def test_what_is_not(path: str) -> None:
    """A path is compared as it was written, segment by segment."""
    assert TABLE.find(path) is None


def test_no_route_is_there_twice() -> None:
    """Two for the same method and path are a mistake."""
    with pytest.raises(ValueError, match="twice"):
        Table([route("GET", "/a"), route("GET", "/a")])


def test_the_whole_table() -> None:
    """All modules' routes stand together; changes can be waited for."""
    table = Table(routes())
    assert len(table.routes) > 40
    writing = [each for each in table.routes if each.method in ("PATCH", "DELETE") or each.status == 201]
    assert all(each.changes for each in writing)
    assert all(each.conditional for each in table.routes if each.method in ("PATCH", "DELETE"))
