"""The control API: finds the route of a request, lets its caller in, reads what it says, and answers.

Errors become answers here and nowhere else. What is not foreseen is told with the id of the request alone; the log has
the rest under the same id.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from itertools import count
from secrets import token_hex
from typing import Any

import msgspec
import structlog

from aigw.control import documents
from aigw.control.authentication import Authentication, default_account
from aigw.control.concurrency import Calls
from aigw.control.decoding import body_of, query_of, revision_of
from aigw.control.gateway import Explain, Gateway, MadeKey, Reload
from aigw.control.message import JSON, Answer, Request, refusal
from aigw.control.problems import ApiError, told
from aigw.control.routes import Call, Reply, Route, Table
from aigw.control.table import routes
from aigw.errors import AigwError
from aigw.settings import Settings
from aigw.store.contract import Store
from aigw.store.errors import StoreUnavailable
from aigw.store.records import Actor, ApiKeyRecord

OpenStore = Callable[[], Awaitable[Store]]

# How long a change waits for workers that do not say that they have taken it over.
WAIT_SECONDS = 10.0
# Stands for workers that cannot be told, because the store went away after the change.
UNKNOWN_WORKERS = "*"
ACCEPTED = 202
_GET, _HEAD = "GET", "HEAD"
# As the data plane takes them over: it goes into headers, logs and the audit.
_REQUEST_ID = re.compile(r"[A-Za-z0-9_.:-]{1,128}")


class Api:
    """The control API of a gateway. `store` opens the store when it is first needed.

    `explain` tries a request without making it; `reload` reads the configuration again; `made_key` tells the access
    key that the gateway made for itself.
    """

    def __init__(
        self,
        store: OpenStore,
        settings: Settings,
        explain: Explain | None = None,
        reload: Reload | None = None,
        made_key: MadeKey = lambda: None,
    ) -> None:
        self._open = store
        self._gateway = Gateway(settings, explain, reload, made_key)
        self._table = Table(routes())
        self._authentication = Authentication()
        self._calls = Calls()
        self._documents = documents.Documents(self._table.routes)
        self._ids = (f"req_{process}{number:08x}" for process in [token_hex(8)] for number in count(1))

    async def answer(self, request: Request) -> Answer:
        """The answer to one request. Does not raise."""
        id = self._request_id(request)
        route: Route | None = None
        try:
            answer = await self._documents.answer(request)
            if answer is None:
                route, thing = self._find(request)
                answer = await self._served(request, route, thing, id)
        except AigwError as error:
            answer = told(error, route.names if route is not None else {})
        except Exception:
            structlog.get_logger().exception("control_failed", request_id=id)
            answer = refusal(500, "internal", "The answer could not be made; the log says why.", {"requestId": id})
        return answer.extended(("x-request-id", id))

    def _request_id(self, request: Request) -> str:
        """The caller's own if it is a plain token, else a new one."""
        sent = request.headers.get("x-request-id", "")
        return sent if _REQUEST_ID.fullmatch(sent) else next(self._ids)

    def _find(self, request: Request) -> tuple[Route, str]:
        """The route, and the id that stands in the path. Raises ApiError."""
        found = self._table.find(request.path)
        if found is None:
            raise ApiError("notFound", f"There is nothing here; {documents.PAGE} lists what there is.")
        methods, id = found
        route = methods.get(_GET if request.method == _HEAD else request.method)
        if route is None:
            raise _not_allowed(request.path, [*methods, *([_HEAD] if _GET in methods else [])])
        return route, id

    async def _served(self, request: Request, route: Route, id: str, request_id: str) -> Answer:
        token = self._authentication.token(request)
        store = await self._open()
        caller = await self._authentication.caller(store, token, request.peer)
        with self._calls.one_more(caller.account_id):
            call = await self._call(store, caller, request, route, id, request_id)
            reply = await route.handle(call)
            late = await _late(store, reply) if route.changes and call.query.wait else []
        return _answer(route, reply, late)

    async def _call(
        self, store: Store, caller: ApiKeyRecord, request: Request, route: Route, id: str, request_id: str
    ) -> Call:
        """What a caller asks for, in the types of its route. Raises ApiError, StoreError."""
        if not self._gateway.default:
            self._gateway.default = await default_account(store)
        account = await self._authentication.account(store, caller, request, route, self._gateway.default)
        return Call(
            store=store,
            gateway=self._gateway,
            caller=caller,
            account=account,
            actor=Actor(caller.id, request_id),
            uri=request.path,
            id=id,
            query=query_of(request, route),
            body=body_of(request, route),
            revision=revision_of(request.headers, route),
        )


async def _late(store: Store, reply: Reply) -> list[str]:
    """The workers that have not taken a change over in time."""
    if reply.epoch is None:
        return []
    try:
        return list(await store.epochs.confirmed(reply.epoch, WAIT_SECONDS))
    except StoreUnavailable:
        # The change is kept, and a new token is told once: it is not lost for this.
        return [UNKNOWN_WORKERS]


def _answer(route: Route, reply: Reply, late: list[str]) -> Answer:
    if late:
        value = {} if reply.value is None else msgspec.to_builtins(reply.value)
        return Answer(ACCEPTED, msgspec.json.encode({**value, "lateWorkers": late}), JSON, _tag(reply.value))
    if reply.value is None:
        return Answer(204, b"", JSON)
    return Answer(route.status, msgspec.json.encode(reply.value), JSON, _tag(reply.value))


def _tag(value: Any) -> tuple[tuple[str, str], ...]:
    """The revision of what is shown, for `if-match`."""
    revision = getattr(value, "revision", 0)
    return (("etag", f'"{revision}"'),) if revision else ()


def _not_allowed(path: str, methods: list[str]) -> ApiError:
    allowed = ", ".join(sorted(methods))
    return ApiError("methodNotAllowed", f"{path} takes {allowed}.", headers=(("allow", allowed),))
