"""The table of routes, which requests are dispatched by and the OpenAPI document is made from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import attrs

from aigw.control.shapes import Query
from aigw.store.records import OPERATOR_ROLE, Actor, ApiKeyRecord

if TYPE_CHECKING:
    from aigw.control.gateway import Gateway
    from aigw.store.contract import Store

# Who may call a route: everybody with an API key, or operators alone.
ACCOUNT, OPERATOR = "account", OPERATOR_ROLE
ID = "{id}"


@attrs.define(eq=False)
class Call:
    """One call of a route: by whom, in which account, with what.

    `id` is the segment of the path that names a thing; `query` and `body` are of the types of the route; `revision`
    is the one that the caller expects the thing to have.
    """

    store: Store
    gateway: Gateway
    caller: ApiKeyRecord
    account: str
    actor: Actor
    uri: str
    id: str
    query: Any
    # It may hold a key.
    body: Any = attrs.field(repr=False)
    revision: int | None = None

    @property
    def operator(self) -> bool:
        """Whether the caller administers everything."""
        return self.caller.role == OPERATOR


@attrs.frozen
class Reply:
    """What a route answers: a value of its type, and for a change the epoch from which on it is in force."""

    value: Any = None
    epoch: int | None = None


Handler = Callable[[Call], Awaitable[Reply]]


@attrs.frozen(kw_only=True, eq=False)
class Route:
    """One method of one path. `names` are fields of specs that the API names otherwise; `example` is a body as a
    caller may send it.
    """

    method: str
    path: str
    handle: Handler
    summary: str
    query: type[Query] = Query
    body: Any = None
    answer: Any = None
    status: int = 200
    role: str = ACCOUNT
    # Whether it makes sense in the operators' own account, which has API keys and provider keys alone.
    in_operator_account: bool = False
    # Whether `if-match` makes it conditional.
    conditional: bool = False
    names: Mapping[str, str] = attrs.field(factory=dict)
    example: Any = None
    # Statuses of errors that it alone may answer.
    statuses: tuple[int, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether it is a change, after which one can wait for all workers."""
        return "wait" in self.query.__struct_fields__


class Table:
    """Finds the route of a request."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        self._paths: dict[tuple[str, ...], dict[str, Route]] = {}
        for route in self.routes:
            methods = self._paths.setdefault(_parts(route.path), {})
            if route.method in methods:
                raise ValueError(f"{route.method} {route.path} is there twice")
            methods[route.method] = route

    def find(self, path: str) -> tuple[Mapping[str, Route], str] | None:
        """The methods of a path, and the id that stands in it. A literal segment wins over an id."""
        parts = _parts(path)
        for at in (None, *range(len(parts))):
            pattern = parts if at is None else (*parts[:at], ID, *parts[at + 1 :])
            if (methods := self._paths.get(pattern)) is not None and ID not in parts:
                return methods, "" if at is None else unquote(parts[at])
        return None


def _parts(path: str) -> tuple[str, ...]:
    return tuple(path.split("/")[1:])
