"""The verbs that all resources have alike: list, create, get, patch, delete."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

import attrs

from aigw.control.paging import merged, page
from aigw.control.problems import ApiError
from aigw.control.routes import ACCOUNT, ID, Call, Reply, Route
from aigw.control.shapes import ChangeQuery, Finding, given, page_type
from aigw.store.contract import Store


def _none(call: Call) -> Sequence[Any]:
    return ()


@attrs.frozen(kw_only=True, eq=False)
class Kind:
    """One kind of things of an account.

    `keeps` is where the store keeps them; `spec` and `patch` make what the store takes of the members that a caller
    sent; `show` makes what is shown of records; `declared` are those of the configuration, as they are shown.
    `example` and `patch_example` are bodies as a caller may send them.
    """

    path: str
    what: str
    plural: str
    item: Any
    create_body: Any
    patch_body: Any
    keeps: Callable[[Store], Any]
    spec: Callable[[Call, dict[str, Any]], Any]
    patch: Callable[[Call, dict[str, Any]], Any]
    show: Callable[[Call, Sequence[Any]], Awaitable[list[Any]]]
    declared: Callable[[Call], Sequence[Any]] = _none
    names: Mapping[str, str] = attrs.field(factory=dict)
    in_operator_account: bool = False
    role: str = ACCOUNT
    query: type[Finding] = Finding
    example: Any = None
    patch_example: Any = None

    def routes(self) -> tuple[Route, ...]:
        """Its five routes."""
        return (*self.collection(), *self.members())

    def collection(self) -> tuple[Route, ...]:
        """What can be done with all of them: list, create."""
        kind = page_type(self.plural, self.item)
        route = partial(Route, path=self.path, **self._every())
        return (
            route(
                method="GET",
                handle=partial(self.listed, kind=kind),
                summary=f"List {self._many}, newest first",
                query=self.query,
                answer=kind,
            ),
            route(
                method="POST",
                handle=self.create,
                summary=f"Create {self._one}",
                query=ChangeQuery,
                body=self.create_body,
                answer=self.item,
                status=201,
                example=self.example,
            ),
        )

    def members(self) -> tuple[Route, ...]:
        """What can be done with one of them: get, patch, delete."""
        route = partial(Route, path=f"{self.path}/{ID}", **self._every())
        return (
            route(method="GET", handle=self.get, summary=f"Get {self._one}", answer=self.item),
            route(
                method="PATCH",
                handle=self.change,
                summary=f"Change {self._one}",
                query=ChangeQuery,
                body=self.patch_body,
                answer=self.item,
                conditional=True,
                example=self.patch_example,
            ),
            route(
                method="DELETE",
                handle=self.delete,
                summary=f"Delete {self._one}",
                query=ChangeQuery,
                status=204,
                conditional=True,
            ),
        )

    def _every(self) -> dict[str, Any]:
        return {"names": self.names, "in_operator_account": self.in_operator_account, "role": self.role}

    @property
    def _one(self) -> str:
        return f"{'an' if self.what[0] in 'aeiouAEIOU' else 'a'} {self.what}"

    @property
    def _many(self) -> str:
        return f"{self.what}{'es' if self.what.endswith('s') else 's'}"

    async def listed(self, call: Call, kind: Any) -> Reply:
        """A page, of those that are looked for."""
        where = call.query.where
        own = [each for each in self.declared(call) if all(getattr(each, name) == where[name] for name in where)]

        async def fetch(limit: int, before_id: str | None) -> list[Any]:
            kept = await self.keeps(call.store).list(call.account, limit=limit, before_id=before_id, where=where)
            return merged(own, limit, before_id, await self.show(call, kept))

        return await page(call, kind, fetch)

    async def create(self, call: Call) -> Reply:
        """Make one; a new token is told this once."""
        spec = self.spec(call, given(call.body))
        change = await self.keeps(call.store).create(call.account, spec, call.actor)
        [item] = await self.show(call, [change.record])
        if change.token is not None:
            item = with_token(item, change.token.reveal())
        return Reply(item, change.epoch)

    async def get(self, call: Call) -> Reply:
        """One of them."""
        if (found := self.of_file(call)) is not None:
            return Reply(found)
        [item] = await self.show(call, [await self.keeps(call.store).get(call.account, call.id)])
        return Reply(item)

    async def change(self, call: Call) -> Reply:
        """Change one."""
        self.refuse_declared(call)
        patch = self.patch(call, given(call.body))
        keeps = self.keeps(call.store)
        change = await keeps.patch(call.account, call.id, patch, call.actor, revision=call.revision)
        [item] = await self.show(call, [change.record])
        return Reply(item, change.epoch)

    async def delete(self, call: Call) -> Reply:
        """Delete one."""
        self.refuse_declared(call)
        change = await self.keeps(call.store).delete(call.account, call.id, call.actor, revision=call.revision)
        return Reply(None, change.epoch)

    def of_file(self, call: Call) -> Any:
        """The one that the configuration declares under this id, if any."""
        return next((each for each in self.declared(call) if each.id == call.id), None)

    def refuse_declared(self, call: Call) -> None:
        """Raises ApiError for what the configuration declares."""
        if (found := self.of_file(call)) is not None:
            raise ApiError("declaredInFile", self.why_fixed(call, found))

    def why_fixed(self, call: Call, found: Any) -> str:
        """Where one that the API does not change is changed, in words."""
        return f"This {self.what} is declared in {call.gateway.settings.source}: change it there."


def with_token(item: Any, token: str) -> Any:
    """What is shown of a new key, with its token."""
    values = {name: getattr(item, name) for name in item.__struct_fields__}
    return type(item)(**{**values, "token": token})
