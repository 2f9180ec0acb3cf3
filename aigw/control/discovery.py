"""Which models does a custom provider have? Asked of its own list, and added to the provider where that is wanted."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

import attrs
import orjson
from msgspec import Meta

from aigw import registry
from aigw.accounts import provider_of
from aigw.adapter import Ask, Outgoing, Provider
from aigw.control import asking, declared, model_lists
from aigw.control.asking import Said
from aigw.control.model_lists import BadList
from aigw.control.problems import ApiError
from aigw.control.resource import Kind
from aigw.control.routes import Call, Reply
from aigw.control.shapes import ChangeQuery, Shown
from aigw.errors import AttemptFailed
from aigw.observe.scrub import Scrubber
from aigw.records import ProviderKey
from aigw.relay.upstream.connect import Connector
from aigw.secret import Secret
from aigw.store.patches import ProviderPatch
from aigw.store.records import ProviderRecord
from aigw.store.specs import Model

# All pages together.
TIME_LIMIT = 10.0
SIZE_LIMIT = 4 * 2**20
MOST_PAGES = 20
# Of an upstream's own words so many characters are passed on.
LONGEST_WORDS = 300


class Discovery(ChangeQuery):
    """Parameters of a discovery."""

    apply: Annotated[bool, Meta(description="add the models that the provider does not have yet")] = False


class ModelFound(Shown):
    """A model, as its provider calls it."""

    model_id: str


@attrs.frozen
class Upstream:
    """Whom to ask, and with which key."""

    provider: Provider
    key: ProviderKey | None

    @property
    def scrubber(self) -> Scrubber:
        """Takes what is secret here out of what the upstream says."""
        secrets: list[Secret | str] = [value for _, value in self.provider.headers]
        return Scrubber([*secrets, self.key.secret] if self.key is not None else secrets)


async def discover(call: Call, kind: Kind, answer: type[Any]) -> Reply:
    """Ask a provider of a call for its models. Raises ApiError, StoreError."""
    if kind.of_file(call) is not None:
        if call.query.apply:
            kind.refuse_declared(call)
        upstream, record = _of_file(call), None
    else:
        record = await call.store.providers.get(call.account, call.id)
        upstream = await _of_store(call, record)
    models = await _listed(call, upstream)
    found = [ModelFound(model_id=each) for each in models]
    if record is None or not call.query.apply:
        return Reply(answer(models=found, applied=False, provider=None))
    after, epoch = await _apply(call, record, models)
    [shown] = await kind.show(call, [after])
    return Reply(answer(models=found, applied=epoch is not None, provider=shown), epoch)


async def _of_store(call: Call, record: ProviderRecord) -> Upstream:
    """A provider of the account, with the newest of its keys."""
    id = record.spec.provider_id
    keys = await call.store.provider_keys.list(call.account, limit=1, where={"provider_id": id})
    provider = provider_of(record, needs_key=bool(keys))
    if not keys:
        return Upstream(provider, None)
    value = await call.store.provider_keys.open(call.account, keys[0].id)
    return Upstream(provider, ProviderKey(keys[0].id, id, value))


def _of_file(call: Call) -> Upstream:
    """A provider that the configuration declares, with the first of its keys."""
    settings = next(each for each in declared.providers(call) if f"aigp_{each.id}" == call.id)
    keys = [ProviderKey(f"aigpk_{settings.id}_1", settings.id, each) for each in settings.keys[:1]]
    return Upstream(registry.build(settings), keys[0] if keys else None)


async def _apply(call: Call, record: ProviderRecord, models: tuple[str, ...]) -> tuple[ProviderRecord, int | None]:
    """The provider with the models that it did not have; the epoch of the change, None where there was none."""
    known = [each.model_id for each in record.spec.models]
    after = model_lists.unique([*known, *models])
    if len(after) == len(known):
        return record, None
    patch = ProviderPatch(models=tuple(Model(each) for each in after))
    change = await call.store.providers.patch(call.account, record.id, patch, call.actor, revision=record.revision)
    return change.record, change.epoch


async def _listed(call: Call, upstream: Upstream) -> tuple[str, ...]:
    """All pages of an upstream's list. Raises ApiError, in words without secrets."""
    try:
        async with asyncio.timeout(TIME_LIMIT):
            return await _pages(call, upstream)
    except TimeoutError:
        why = f"it did not answer within {TIME_LIMIT:g} s"
    except (AttemptFailed, BadList) as failed:
        why = f"the answer {failed}" if isinstance(failed, BadList) else str(failed)
    words = upstream.scrubber.scrub(why)[:LONGEST_WORDS]
    raise ApiError("upstreamFailed", f"The provider's models cannot be listed: {words}.")


async def _pages(call: Call, upstream: Upstream) -> tuple[str, ...]:
    settings = call.gateway.settings
    connector = Connector.of(settings.upstream)
    operation, query = model_lists.operation(upstream.provider)
    models: tuple[str, ...] = ()
    left = SIZE_LIMIT
    for _ in range(MOST_PAGES):
        outgoing = await _outgoing(upstream, Ask(operation, "", upstream.key, {}, query=query))
        said = await asking.ask(connector, outgoing, most=left, connect_timeout=settings.limits.connect_timeout)
        left -= len(said.body)
        _check(said)
        # Megabytes of JSON are no work for the loop.
        page = await asyncio.to_thread(model_lists.read, said.body, operation.format)
        before, models = len(models), model_lists.unique([*models, *page.models])
        if not page.following or len(models) == before:
            break
        query = page.following
    if len(models) > model_lists.MOST:
        raise BadList(f"names more than {model_lists.MOST} models")
    return models


async def _outgoing(upstream: Upstream, wanted: Ask) -> Outgoing:
    """How the question goes out. Raises AttemptFailed."""
    try:
        return await upstream.provider.adapt(wanted)
    except AttemptFailed:
        # Where every path has a model in it.
        raise AttemptFailed("no_list", "an API at such an address has no list of models") from None


def _check(said: Said) -> None:
    """Raises BadList for an answer that is none, with the upstream's own words where it has some."""
    if said.status == 200:
        return
    if 300 <= said.status < 400:
        raise BadList(f"has status {said.status}, a redirect, which is not followed: give the address it leads to")
    words = _words(said.body)
    raise BadList(f"has status {said.status}: {words}" if words else f"has status {said.status}")


def _words(body: bytes) -> str:
    """The message in an error of any of the formats; nothing of what is none."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    for name in ("error", "message"):
        if isinstance(value, dict):
            value = value.get(name, value)
    text = value if isinstance(value, str) else ""
    return "".join(char if char.isprintable() else " " for char in text).strip().rstrip(".")
