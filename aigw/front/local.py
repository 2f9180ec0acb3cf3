"""What the data plane answers by itself, through an ordinary aiohttp handler: the models lists, in three shapes.

Only what the access key may call is listed: providers in its scope that have a credential, on surfaces of the
shape's own format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from time import monotonic, time
from typing import TYPE_CHECKING, Any

import attrs
import orjson
from aiohttp import web

from aigw import adapter, operations
from aigw.adapter import Provider
from aigw.errors import NoCredentials, NotFound, Refusal
from aigw.front import answers
from aigw.front.identify import identify
from aigw.front.routes import ModelsRoute, format_of, route
from aigw.observe import record as recorded
from aigw.observe.record import Record
from aigw.records import AccessKey
from aigw.routing.plan import credentials
from aigw.routing.resolve import Target, resolve
from aigw.snapshot import Account
from aigw.wire.head import Head

if TYPE_CHECKING:
    from aigw.front.gateway import Gateway

# What metrics and the log call these requests; providers are asked for no models.
SURFACE = "models"
MAX_PAGE = 1000
# Lists are made from hundreds of entries; a page is kept per key, shape and query until the snapshot changes.
MAX_KEPT = 256
# Models in all of these lists together, some 10 MB: one account may have ten thousand, and many configurations.
MOST_MODELS = 100_000

_GEMINI_METHODS = ["generateContent", "streamGenerateContent", "countTokens"]
# The Models APIs have a date for each model; the catalog does not know them all, and epoch 0 says so.
_NO_DATE = "1970-01-01T00:00:00Z"


@attrs.frozen
class Listed:
    """One model as it is listed: the id a caller writes, who serves it, and its limits in tokens."""

    id: str
    name: str
    provider: str
    context_window: int | None
    max_output: int | None


_OPENAI_SHAPE = adapter.SURFACES - {adapter.MESSAGES, adapter.COUNT_TOKENS, adapter.GEMINI}
# Conversations reach a model on any surface that has them, embeddings likewise: the rest is translated.
_CONVERSATIONS = frozenset(operations.surfaces(adapter.CONVERSE))
_SHAPES = {
    "chat": _OPENAI_SHAPE | _CONVERSATIONS | frozenset(operations.surfaces(adapter.EMBED)),
    "messages": _CONVERSATIONS,
    "gemini": _CONVERSATIONS | frozenset(operations.surfaces(adapter.EMBED)),
}


def listed(account: Account, key: AccessKey, surfaces: frozenset[str]) -> list[Listed]:
    """The models a key may call on any of these surfaces; an id that means another provider's gets its prefix."""
    found = [
        each
        for provider in account.providers.values()
        if provider.surfaces & surfaces and (account.keys_of(provider.id) or not provider.needs_key)
        for each in _of_provider(account, provider, surfaces)
        if key.scope.allows(provider.id, _model(each)) and _has_credentials(provider, _model(each), key, account)
    ]
    found += _aliased(account, key, surfaces, found)
    return sorted(found, key=lambda each: (each.provider, each.id))


def _model(listed: Listed) -> str:
    return listed.id.removeprefix(f"{listed.provider}:")


def _has_credentials(provider: Provider, model: str, key: AccessKey, account: Account) -> bool:
    """Whether the rules of the key's configuration, if there are any, leave a credential for this model."""
    if key.configuration is None or not key.configuration.rules:
        return True
    try:
        return bool(credentials(Target(provider, model, True), key, account))
    except NoCredentials:
        return False


def _aliased(account: Account, key: AccessKey, surfaces: frozenset[str], found: list[Listed]) -> Iterator[Listed]:
    """The account's own names of models that are listed, and of those that a prefix reaches without a list."""
    by_name = {(each.provider, _model(each).casefold()): each for each in found}
    for alias, name in account.aliases.items():
        try:
            target = resolve(name, account, aliases=False)
            usable = not target.known and bool(credentials(target, key, account))
        except Refusal:
            continue
        provider = target.provider
        known = by_name.get((provider.id, target.model.casefold()))
        if known is not None:
            yield attrs.evolve(known, id=alias)
        elif usable and provider.surfaces & surfaces and key.scope.allows(provider.id, target.model):
            yield Listed(alias, alias, provider.id, None, None)


def _of_provider(account: Account, provider: Provider, surfaces: frozenset[str]) -> Iterator[Listed]:
    names: set[str] = set()
    today = date.today().isoformat()
    for model in account.catalog.models(provider.id):
        if not model.is_shut_down(today) and model.surfaces & surfaces & provider.surfaces:
            default = account.catalog.find(model.id)
            folded = model.id.casefold()
            bare = default is not None and default.provider == provider.id and folded not in account.declared
            bare = bare and folded not in account.aliases
            shown = model.id if bare else f"{provider.id}:{model.id}"
            names.add(folded)
            yield Listed(shown, model.name, provider.id, model.context_window, model.max_output)
    for declared in provider.models:
        if declared.casefold() not in names:
            folded = declared.casefold()
            bare = account.declared.get(folded, ("",))[0] == provider.id and folded not in account.aliases
            yield Listed(declared if bare else f"{provider.id}:{declared}", declared, provider.id, None, None)


class Local:
    """The aiohttp side of the data plane."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._kept: dict[tuple[int, str, str], list[Listed]] = {}
        self._size = 0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a models request; `front.connection` hands nothing else over."""
        gateway = self._gateway
        anthropic = "anthropic-version" in request.headers
        # Google's SDK lists models at /v1/models too (its default version since 3.0): its header tells it apart.
        google = "x-goog-api-key" in request.headers and not (anthropic or "Authorization" in request.headers)
        head = Head(request.raw_headers)
        record = Record(gateway.request_id(head), SURFACE, monotonic(), time())
        try:
            key = identify(head, gateway.snapshot)
            record.account_id = key.account
            record.access_key_id, record.access_key_name = key.id, key.name
            found = route(request.method, request.rel_url.raw_path)
            if not isinstance(found, ModelsRoute):
                raise NotFound("There is nothing here.")
            shape = "gemini" if found.gemini or google else "messages" if anthropic else "chat"
            body = orjson.dumps(self._answer(found, key, shape, request))
            record.status, record.outcome = 200, recorded.OK
            extra = {"content-type": "application/json"}
        except Refusal as refusal:
            format = gateway.formats["gemini" if google else format_of(request.rel_url.raw_path, anthropic)]
            record.status, record.outcome, record.error = refusal.http_status, recorded.REFUSED, refusal.error_code
            lines, body = answers.refusal_parts(refusal, format, record.request_id)
            extra = dict(line.split(": ", 1) for line in b"".join(lines).decode("latin-1").splitlines())
        record.bytes_out = 0 if request.method == "HEAD" else len(body)
        gateway.served(record)
        # aiohttp would otherwise tell its version and Python's.
        extra |= {"x-request-id": record.request_id, "request-id": record.request_id, "server": "aigw"}
        return web.Response(status=record.status, body=body, headers=extra)

    def _answer(self, found: ModelsRoute, key: AccessKey, shape: str, request: web.BaseRequest) -> Any:
        models = self._models(shape, key)
        if found.model is None:
            return _LISTS[shape](models, request.rel_url.query)
        wanted = found.model.casefold()
        for model in models:
            if wanted in (model.id.casefold(), f"{model.provider}:{model.id}".casefold()):
                return _ENTRIES[shape](model)
        raise NotFound(
            f"There is no model `{found.model[:256]}` that this access key may call in this format.",
            code="unknown_model",
            param="model",
        )

    def _models(self, shape: str, key: AccessKey) -> list[Listed]:
        account = self._gateway.snapshot.account(key.account)
        wanted = (account.epoch, key.grant or key.id, shape)
        kept = self._kept.get(wanted)
        if kept is None:
            kept = listed(account, key, _SHAPES[shape])
            if len(self._kept) >= MAX_KEPT or self._size + len(kept) > MOST_MODELS:
                self._kept.clear()
                self._size = 0
            self._kept[wanted] = kept
            self._size += len(kept)
        return kept


def _openai(model: Listed) -> dict[str, Any]:
    return {"id": model.id, "object": "model", "created": 0, "owned_by": model.provider}


def _openai_list(models: list[Listed], query: Any) -> dict[str, Any]:
    return {"object": "list", "data": [_openai(model) for model in models]}


def _anthropic(model: Listed) -> dict[str, Any]:
    return {"type": "model", "id": model.id, "display_name": model.name, "created_at": _NO_DATE}


def _anthropic_list(models: list[Listed], query: Any) -> dict[str, Any]:
    ids = [model.id for model in models]
    first, last = 0, len(models)
    if query.get("after_id") in ids:
        first = ids.index(query["after_id"]) + 1
    if query.get("before_id") in ids:
        last = ids.index(query["before_id"])
    limit = min(_number(query.get("limit")) or 20, MAX_PAGE)
    page = models[first:last][:limit] if "before_id" not in query else models[first:last][-limit:]
    data = [_anthropic(model) for model in page]
    more = len(models[first:last]) > len(page)
    ends = {"first_id": data[0]["id"] if data else None, "last_id": data[-1]["id"] if data else None}
    return {"data": data, "has_more": more, **ends}


def _gemini(model: Listed) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": f"models/{model.id}", "displayName": model.name}
    if model.context_window is not None:
        entry["inputTokenLimit"] = model.context_window
    if model.max_output is not None:
        entry["outputTokenLimit"] = model.max_output
    return entry | {"supportedGenerationMethods": _GEMINI_METHODS}


def _gemini_list(models: list[Listed], query: Any) -> dict[str, Any]:
    start = _number(query.get("pageToken"))
    size = min(_number(query.get("pageSize")) or 50, MAX_PAGE)
    answer: dict[str, Any] = {"models": [_gemini(model) for model in models[start : start + size]]}
    if start + size < len(models):
        answer["nextPageToken"] = str(start + size)
    return answer


def _number(text: str | None) -> int:
    """A number in a query, 0 for what is none."""
    return int(text[:9]) if text and text.isascii() and text.isdigit() else 0


_LISTS: dict[str, Callable[[list[Listed], Any], dict[str, Any]]] = {
    "chat": _openai_list,
    "messages": _anthropic_list,
    "gemini": _gemini_list,
}
_ENTRIES: dict[str, Callable[[Listed], dict[str, Any]]] = {
    "chat": _openai,
    "messages": _anthropic,
    "gemini": _gemini,
}
