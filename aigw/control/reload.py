"""Read the configuration again: `/reload`, for operators."""

from __future__ import annotations

from typing import Any

import msgspec

from aigw.control.problems import ApiError
from aigw.control.routes import OPERATOR, Call, Reply, Route
from aigw.control.shapes import Shown
from aigw.errors import AigwError


class Changed(Shown, kw_only=True):
    """A key of the configuration that differs, as an operator would write it; secrets are redacted."""

    key: str
    before: Any
    after: Any


class Reloaded(Shown, kw_only=True):
    """What was read differently, and is in force in every worker now."""

    changed: bool
    difference: list[Changed]


async def _reload(call: Call) -> Reply:
    if call.gateway.reload is None:
        raise ApiError("unavailable", "This gateway cannot read its configuration again.")
    try:
        told = await call.gateway.reload()
    except AigwError as error:
        raise ApiError("invalidConfiguration", str(error)) from None
    return Reply(msgspec.convert(told, Reloaded))


ROUTES = (
    Route(
        method="POST",
        path="/reload",
        handle=_reload,
        summary="Read the configuration again, for all workers or none",
        answer=Reloaded,
        role=OPERATOR,
        in_operator_account=True,
        statuses=(422,),
    ),
)
