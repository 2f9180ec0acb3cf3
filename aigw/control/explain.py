"""What would a request meet? `/explain`, a dry run that calls no provider."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from aigw.control.problems import ApiError, camel_keys
from aigw.control.routes import Call, Reply, Route
from aigw.control.shapes import Body, ModelName, Shown
from aigw.errors import ConfigError
from aigw.settings.nouns import SURFACES
from aigw.store import checks

MOST_MODELS = 100

Surface = Annotated[
    str, Meta(max_length=64, description="where it is sent", extra_json_schema={"enum": list(SURFACES)})
]


class ExplainBody(Body, kw_only=True):
    """A request as an app would send it: `model`, then `models` as fallbacks; one of the two is needed.

    `accessKeyId` is the id or the name of the access key it comes with; without it, one that may call everything.
    """

    model: ModelName | None = None
    models: Annotated[list[ModelName], Meta(max_length=MOST_MODELS)] = msgspec.field(default_factory=list)
    surface: Surface = "chat-completions"
    access_key_id: Annotated[str, Meta(max_length=255)] | None = None


class Refused(Shown, kw_only=True):
    """An error as the data plane would answer it; `model` is the name that it is about, where it is about one."""

    status: int
    code: str
    message: str
    model: str | UnsetType = UNSET


class Candidate(Shown, kw_only=True):
    """What would be asked: provider, model and key, where, and why it is one.

    `translatedTo` are the surfaces that it may be translated to, none where the caller's own format is spoken; `limits`
    are those that differ from every request's.
    """

    provider: str
    model: str
    key: str
    key_id: str | None
    key_source: str | None
    key_why: str
    url: str
    translated_to: list[str]
    why: str
    strategy: str
    hedge: bool
    limits: dict[str, Any]


class Explanation(Shown, kw_only=True):
    """What a request would meet: candidates in their order, the names that gave none, the limits that hold.

    `refusal` is there when there are no candidates at all.
    """

    models: list[str]
    surface: str
    access_key: str | None
    access_key_id: str | None
    configuration: str | None
    strategy: str
    limits: dict[str, Any]
    key_limits: dict[str, Any]
    candidates: list[Candidate]
    passed_over: list[Refused]
    refusal: Refused | UnsetType = UNSET


async def _explain(call: Call) -> Reply:
    body = call.body
    checks.one_of("surface", body.surface, SURFACES)
    models = [*([] if body.model is None else [body.model]), *body.models]
    if not models:
        raise ApiError("invalidValue", "model: name a model, or several as models", {"field": "model"})
    if call.gateway.explain is None:
        raise ApiError("unavailable", "This gateway cannot try requests.")
    asked = {"account": call.account, "models": models, "surface": body.surface, "accessKey": body.access_key_id}
    try:
        told = await call.gateway.explain(asked)
    except ConfigError as error:
        named = {"field": "accessKeyId"} if body.access_key_id is not None else {}
        raise ApiError("invalidValue", str(error), named) from None
    return Reply(msgspec.convert(camel_keys(dict(told)), Explanation))


ROUTES = (
    Route(
        method="POST",
        path="/explain",
        handle=_explain,
        summary="Tell which candidates, keys and limits a request would meet",
        body=ExplainBody,
        answer=Explanation,
        example={"model": "gpt-4o-mini", "models": ["my-vllm:llama-3"], "surface": "chat-completions"},
    ),
)
