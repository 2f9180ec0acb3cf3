"""Which models the sandbox offers, and how each API lists them."""

import orjson
from attrs import frozen

from .errors import Refused
from .reply import Call, Json, Reply

CONTEXT_TOKENS = 200_000
OUTPUT_TOKENS = 32_000
_CREATED = 1_767_225_600
_CREATED_TEXT = "2026-01-01T00:00:00Z"


@frozen
class Model:
    """A model on offer; any other name is served as well, it is only not listed."""

    ident: str
    name: str
    embeds: bool = False


MODELS = (
    Model("sandbox-small", "Sandbox Small"),
    Model("sandbox-large", "Sandbox Large"),
    Model("sandbox-think", "Sandbox Think"),
    Model("sandbox-embed", "Sandbox Embed", embeds=True),
    Model("sandbox-image", "Sandbox Image"),
    Model("sandbox-audio", "Sandbox Audio"),
    Model("sandbox-moderation", "Sandbox Moderation"),
    Model("sandbox-rerank", "Sandbox Rerank"),
)


def find(ident: str) -> Model | None:
    """The listed model of that id."""
    return next((model for model in MODELS if model.ident == ident), None)


def listing(call: Call) -> Reply:
    """The models, or the one the path names: in Anthropic's shape with `anthropic-version`, else in OpenAI's.

    Raises Refused (404) when there is no such model.
    """
    show = _anthropic if "anthropic-version" in call.headers else _openai
    if call.target:
        found = find(call.target)
        if found is None:
            raise Refused(
                404,
                f"The model '{call.target}' does not exist or you do not have access to it.",
                "model_not_found",
            )
        return Reply(body=orjson.dumps(show(found)))
    body: Json = {"data": [show(model) for model in MODELS]}
    if show is _anthropic:
        body |= {"has_more": False, "first_id": MODELS[0].ident, "last_id": MODELS[-1].ident}
    else:
        body["object"] = "list"
    return Reply(body=orjson.dumps(body))


def _openai(model: Model) -> Json:
    return {"id": model.ident, "object": "model", "created": _CREATED, "owned_by": "sandbox"}


def _anthropic(model: Model) -> Json:
    limits = {"max_input_tokens": CONTEXT_TOKENS, "max_tokens": OUTPUT_TOKENS}
    return {
        "type": "model",
        "id": model.ident,
        "display_name": model.name,
        "created_at": _CREATED_TEXT,
        **limits,
    }
