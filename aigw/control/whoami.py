"""Whose API key is this? `/whoami`."""

from __future__ import annotations

from aigw.control.api_keys import PATH as API_KEYS
from aigw.control.routes import Call, Reply, Route
from aigw.control.shapes import NamedRef, Ref, Role, Shown, account_ref
from aigw.store.records import OPERATOR_ACCOUNT, OPERATOR_ROLE


class WhoAmI(Shown, kw_only=True):
    """The API key of this call, what it may administer, and the account that the call is about."""

    api_key: Ref
    role: Role
    account: NamedRef


async def _get(call: Call) -> Reply:
    name = (
        OPERATOR_ROLE if call.account == OPERATOR_ACCOUNT else (await call.store.accounts.get(call.account)).spec.name
    )
    key = Ref(id=call.caller.id, uri=f"{API_KEYS}/{call.caller.id}")
    return Reply(WhoAmI(api_key=key, role=call.caller.role, account=account_ref(call.account, name)))


ROUTES = (
    Route(
        method="GET",
        path="/whoami",
        handle=_get,
        summary="Whose API key this is",
        answer=WhoAmI,
        in_operator_account=True,
    ),
)
