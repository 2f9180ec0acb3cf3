"""Reads the tools of a request. Source: https://ai.google.dev/api/caching#Tool"""

from __future__ import annotations

from typing import Any

from aigw.wire.formats.gemini.members import Members, wrong
from aigw.wire.formats.gemini.part_reader import FORMAT
from aigw.wire.losses import Ledger, child
from aigw.wire.neutral import AnyTool, ForeignTool, Tool, WebSearch
from aigw.wire.schema_back import from_openapi


def tools_of(request: Members, ledger: Ledger) -> list[AnyTool]:
    """Every function and every other tool, in order; one element of `tools` may hold several of them."""
    tools: list[AnyTool] = []
    for value, at in request.items("tools") or ():
        element = Members(value, at)
        for declaration, place in element.items("functionDeclarations") or ():
            tools.append(_function(Members(declaration, place), ledger))
        search = element.inner("googleSearch")
        if search is not None:
            tools.append(_search(search))
        for name, other in (element.rest() or {}).items():
            tools.append(ForeignTool(format=FORMAT, value={name: other}, at=child(at, name)))
    return tools


def _search(search: Members) -> WebSearch:
    blocked = search.texts("excludeDomains")
    return WebSearch(blocked_domains=blocked, at=search.at, own=search.rest())


def _function(declaration: Members, ledger: Ledger) -> Tool:
    name = declaration.text("name")
    if not name:
        raise wrong(declaration.place("name"), "must be a name")
    return Tool(
        name=name,
        description=declaration.text("description"),
        parameters=_parameters(declaration, ledger),
        at=declaration.at,
        own=declaration.rest(),
    )


def _parameters(declaration: Members, ledger: Ledger) -> dict[str, Any] | None:
    full = declaration.object("parametersJsonSchema")
    subset = declaration.object("parameters")
    if full is None:
        return None if subset is None else from_openapi(subset)
    if subset is not None:
        ledger.drop(declaration.place("parameters"), "parametersJsonSchema is said too, and says more")
    return full
