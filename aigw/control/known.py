"""Which providers can an account name? The built-in ones, its own, and those that the configuration declares for it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping

import attrs

from aigw.control.routes import Call
from aigw.registry import load_builtin
from aigw.store.contract import LONGEST_PAGE
from aigw.store.errors import Invalid
from aigw.store.records import OPERATOR_ACCOUNT, ProviderRecord

# An account may have many; they are compared on the loop.
MOST_COMPARED = 200


@attrs.frozen
class Known:
    """The ids of providers: those that have the operator's keys or might (`shared`), and the account's `own`."""

    shared: frozenset[str]
    own: Mapping[str, ProviderRecord]

    def check(self, field: str, id: str) -> None:
        """Raises Invalid for a provider that is none."""
        if id in self.shared or id in self.own:
            return
        near = difflib.get_close_matches(id, sorted({*self.shared, *self.own})[:MOST_COMPARED], 1)
        hint = f"did you mean {near[0]}?" if near else "GET /catalog/providers and GET /providers list those there are"
        raise Invalid(field, f"names a provider that does not exist; {hint}")


async def known(call: Call) -> Known:
    """The providers of the account of a call. Raises StoreUnavailable."""
    shared = {*load_builtin()}
    if call.account in (call.gateway.default, OPERATOR_ACCOUNT):
        shared.update(each.id for each in call.gateway.settings.providers)
    own: dict[str, ProviderRecord] = {}
    before: str | None = None
    while call.account != OPERATOR_ACCOUNT:
        page = await call.store.providers.list(call.account, before_id=before)
        own.update((each.spec.provider_id, each) for each in page)
        if len(page) < LONGEST_PAGE:
            break
        before = page[-1].id
    return Known(frozenset(shared), own)
