"""Who changed what: `/audit`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta

from aigw.control.paging import page
from aigw.control.problems import ApiError, camel_keys
from aigw.control.routes import Call, Reply, Route
from aigw.control.shapes import Paging, Shown, page_type
from aigw.store.records import AuditRecord

PATH = "/audit"


class AuditQuery(Paging, kw_only=True):
    """Parameters of a list of changes."""

    resource_id: Annotated[str, Meta(max_length=255, description="only changes of the thing of this id")] | None = None
    everywhere: Annotated[bool, Meta(description="changes of all accounts; for operators")] = False


class AuditEntry(Shown, kw_only=True):
    """A change: `actor` is the id of an API key or a word for the gateway itself, `before` and `after` hold no secrets.

    `epoch` is the number of the change; what a later number shows holds it.
    """

    id: str
    account_id: str
    at: datetime
    actor: str
    request_id: str
    action: str
    resource: str
    resource_id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    epoch: int


async def _list(call: Call) -> Reply:
    query = call.query
    if query.everywhere and not call.operator:
        raise ApiError("forbidden", "Changes of all accounts are shown to operators.")
    if query.everywhere and query.resource_id is not None:
        raise ApiError("invalidQuery", "resourceId is looked for in one account.", {"field": "resourceId"})

    async def fetch(limit: int, before_id: str | None) -> Sequence[AuditEntry]:
        audit = call.store.audit
        if query.everywhere:
            return [_shown(each) for each in await audit.everywhere(limit=limit, before_id=before_id)]
        found = await audit.list(call.account, limit=limit, before_id=before_id, resource_id=query.resource_id)
        return [_shown(each) for each in found]

    return await page(call, _PAGE, fetch)


def _shown(record: AuditRecord) -> AuditEntry:
    return AuditEntry(
        id=record.id,
        account_id=record.account_id,
        at=record.at,
        actor=record.actor,
        request_id=record.request_id,
        action=record.action,
        resource=record.resource,
        resource_id=record.resource_id,
        before=camel_keys(record.before),
        after=camel_keys(record.after),
        epoch=record.epoch,
    )


_PAGE = page_type("audit", AuditEntry)
ROUTES = (
    Route(
        method="GET",
        path=PATH,
        handle=_list,
        summary="List changes, newest first",
        query=AuditQuery,
        answer=_PAGE,
        in_operator_account=True,
        statuses=(403,),
    ),
)
